/* Multiple choice: a text is never found equal to two different options. */
#include <masa/verify.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const choices[] = {"A) True", "B) False", "C) x + 1", "D) the red one"};
    static const char *const golds[] = {"A", "B", "C", "D"};
    char *text = malloc(size ? size : 1);
    memcpy(text, data, size);
    for (int bare = 0; bare < 2; bare++) {
        masa_verify_options options = MASA_VERIFY_DEFAULTS;
        options.kind = MASA_ANSWER_CHOICE;
        options.rules = MASA_EXTRACT_ANY | MASA_EXTRACT_WHOLE;
        options.choices = bare ? NULL : choices;
        options.n_choices = bare ? 0 : 4;
        int equal = 0;
        for (int k = 0; k < 4; k++) {
            masa_verify_result result;
            masa_verify_span(text, size, golds[k], &options, &result);
            if (result.verdict == MASA_VERDICT_BAD_GOLD) abort();
            if (result.verdict == MASA_VERDICT_EQUAL) equal++;
            if (result.verdict == MASA_VERDICT_EQUAL && !result.extracted) abort();
        }
        if (equal > 1) abort();
    }
    free(text);
    return 0;
}
