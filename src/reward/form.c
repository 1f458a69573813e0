#include "form.h"

#include <masa/code.h>
#include <masa/memory.h>
#include <masa/random.h>
#include <masa/verify.h>

#include <ctype.h>
#include <stdlib.h>

bool form_has_answer(const masa_response *r)
{
    size_t start, length;
    masa_extraction where;
    if (r->truncated) return false;
    return r->problem->kind == MASA_PROBLEM_CODE
               ? masa_code_extract(r->text, r->size, &start, &length)
               : masa_extract_answer(r->text, r->size, r->problem->rules, &where);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A number for each word; two words share one as good as never. */
static uint64_t *hash_words(const char *text, size_t size, size_t *n)
{
    uint64_t *words = NULL;
    size_t capacity = 0;
    for (size_t i = 0; i < size;) {
        uint64_t hash = 0;
        while (i < size && isspace((unsigned char)text[i])) i++;
        if (i == size) break;
        for (; i < size && !isspace((unsigned char)text[i]); i++)
            hash = masa_key(hash, (unsigned char)text[i]);
        MASA_PUSH(words, *n, capacity, hash);
    }
    return words;
}

double form_repetition(const char *text, size_t size)
{
    enum { WORDS = 4 };
    size_t n = 0, repeated = 0;
    uint64_t *words = hash_words(text, size, &n);
    size_t sequences = n > WORDS ? n - WORDS + 1 : 0;
    for (size_t i = 0; i < sequences; i++) {
        uint64_t hash = 0;
        for (size_t k = 0; k < WORDS; k++) hash = masa_key(hash, words[i + k]);
        words[i] = hash; /* the word is not needed by later sequences */
    }
    if (sequences) qsort(words, sequences, sizeof *words, by_value);
    for (size_t i = 1; i < sequences; i++) repeated += words[i] == words[i - 1];
    free(words);
    return sequences ? (double)repeated / (double)sequences : 0;
}
