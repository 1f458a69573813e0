/* Python literals and programs in Markdown: what reads, equals itself; places are inside. */
#include <masa/code.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size ? size : 1);
    memcpy(text, data, size);
    size_t start, length, cut = size / 2;
    if (masa_code_extract(text, size, &start, &length) &&
        (start > size || length > size - start))
        abort();
    bool reads = masa_code_literals_equal(text, size, text, size);
    /* A literal in brackets of a list is itself an item. */
    char *listed = malloc(size + 3);
    listed[0] = '[';
    memcpy(listed + 1, text, size);
    memcpy(listed + 1 + size, ",]", 2);
    bool both = masa_code_literals_equal(listed, size + 3, text, size);
    if (reads && both) abort(); /* x is never [x] */
    masa_code_literals_equal(text, cut, text + cut, size - cut);
    free(listed);
    free(text);
    return 0;
}
