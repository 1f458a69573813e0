/* The program in a response: where it is said to stand lies within the text. */
#include <masa/code.h>

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t start = 0, length = 0;
    if (!masa_code_extract((const char *)data, size, &start, &length)) return 0;
    if (start > size || length > size - start) abort();
    return 0;
}
