/* Answers as mathematics: any two byte strings get a verdict; equal text is never
 * different, and what is equal once is equal when asked again. */
#include <masa/verify.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Answer and gold are the parts before and after the first line end. */
    const uint8_t *cut = memchr(data, '\n', size);
    size_t n = cut ? (size_t)(cut - data) : size;
    char *answer = calloc(size + 2, 1), *gold = calloc(size + 2, 1);
    memcpy(answer, data, n);
    if (cut) memcpy(gold, cut + 1, size - n - 1);
    masa_verify_options options = MASA_VERIFY_DEFAULTS;
    options.steps = 100000;
    options.tolerance = size % 3 == 0 ? 0.01 : 0;
    options.kind = size % 5 == 0 ? MASA_ANSWER_NUMERIC : MASA_ANSWER_MATH;
    masa_verdict first = masa_answers_equal(answer, cut ? gold : answer, &options);
    masa_verdict second = masa_answers_equal(answer, cut ? gold : answer, &options);
    if (first != second) abort();
    if (!cut && first == MASA_VERDICT_DIFFERENT) abort();
    /* A space more changes no meaning of an answer that is compared with itself. */
    answer[n] = ' ';
    memcpy(gold, answer, n);
    gold[n] = '\0';
    if (masa_answers_equal(answer, gold, &options) == MASA_VERDICT_DIFFERENT) abort();
    free(answer);
    free(gold);
    return 0;
}
