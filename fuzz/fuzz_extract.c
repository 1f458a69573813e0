/* Extraction: whatever the text, an answer lies inside it and has no space around it. */
#include <masa/verify.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of exactly this size: the sanitizer sees a byte read too far. */
    char *text = malloc(size ? size : 1);
    memcpy(text, data, size);
    for (unsigned rules = 1; rules <= 512; rules <<= 1) {
        masa_extraction out;
        bool found =
            masa_extract_answer(text, size, rules == 512 ? MASA_EXTRACT_ANY : rules, &out);
        if (found != (out.rule != MASA_EXTRACT_NONE)) abort();
        if (!found) continue;
        if (rules < 512 && out.rule != (masa_extract_rule)rules) abort();
        if (out.size == 0 || out.start > size || out.size > size - out.start) abort();
        if (text[out.start] == ' ' || text[out.start + out.size - 1] == ' ') abort();
    }
    free(text);
    return 0;
}
