/* Problem files, looked at without a model. */
#include "doctor_internal.h"

#include <masa/memory.h>
#include <masa/verify.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- golds ---- */

/* A gold that is not even equal to itself can never be met. */
static bool is_readable(const masa_problem *p)
{
    masa_verify_options options = MASA_VERIFY_DEFAULTS;
    if (p->kind == MASA_PROBLEM_CODE) return true; /* its tests judge */
    options.kind = (masa_answer_kind)p->kind;
    return masa_answers_equal(p->answer, p->answer, &options) == MASA_VERDICT_EQUAL;
}

static void look_at_golds(masa_findings *f, const masa_problems *train)
{
    size_t bad = 0;
    const masa_problem *first = NULL;
    for (size_t i = 0; i < train->n; i++) {
        if (is_readable(&train->items[i])) continue;
        if (!bad++) first = &train->items[i];
    }
    if (!bad) {
        doctor_add(f, "golds", MASA_FINDING_FINE, NULL, "all %zu gold answers can be read",
                   train->n);
        return;
    }
    doctor_add(f, "golds", bad * 20 > train->n ? MASA_FINDING_SPOILS : MASA_FINDING_NOTE,
               "no response can be right there: mend or leave out these lines (masa verify "
               "shows why)",
               "%zu of %zu gold answers can be read by no rule, the first in %.80s: \"%.60s\"",
               bad, train->n, first->id, first->answer);
}

/* ---- duplicates ---- */

/* A problem as a text without case and spare white space, to be sorted. */
typedef struct entry {
    char *text;
    const masa_problem *problem;
    bool test;
} entry;

static char *normal_text(const masa_problem *p)
{
    masa_text out = {0};
    const char *const parts[] = {p->context ? p->context : "", p->problem};
    for (int k = 0; k < 2; k++)
        for (const char *s = parts[k]; *s; s++) {
            char c = (char)tolower((unsigned char)*s);
            bool space = isspace((unsigned char)c);
            if (space && (out.size == 0 || out.data[out.size - 1] == ' ')) continue;
            masa_text_append(&out, space ? " " : &c, 1);
        }
    while (out.size && out.data[out.size - 1] == ' ') out.data[--out.size] = '\0';
    return masa_text_take(&out);
}

static int by_text(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order ? order : x->test - y->test;
}

static void look_for_duplicates(masa_findings *f, const masa_problems *train,
                                const masa_problems *test)
{
    size_t n = train->n + test->n, twice = 0, both = 0;
    const char *in_train = "", *in_test = "";
    entry *entries = masa_alloc(n, sizeof *entries);
    for (size_t i = 0; i < n; i++) {
        const masa_problem *p = i < train->n ? &train->items[i] : &test->items[i - train->n];
        entries[i] = (entry){normal_text(p), p, i >= train->n};
    }
    qsort(entries, n, sizeof *entries, by_text);
    for (size_t i = 0, end; i < n; i = end) {
        size_t of_train = 0;
        for (end = i; end < n && strcmp(entries[end].text, entries[i].text) == 0; end++)
            of_train += !entries[end].test;
        if (of_train > 1) twice += of_train - 1;
        if (of_train == 0 || of_train == end - i) continue;
        if (both == 0)
            in_train = entries[i].problem->id, in_test = entries[end - 1].problem->id;
        both += end - i - of_train;
    }
    if (both)
        doctor_add(f, "contamination", MASA_FINDING_SPOILS,
                   "take them out of one of the files: accuracy on them says nothing",
                   "%zu of %zu test problems are in the training file too, the first as "
                   "%.80s and %.80s",
                   both, test->n, in_train, in_test);
    else if (test->n)
        doctor_add(f, "contamination", MASA_FINDING_FINE, NULL,
                   "no test problem is in the training file");
    if (twice)
        doctor_add(f, "duplicates", MASA_FINDING_NOTE, "they are drawn more often than others",
                   "%zu of %zu training problems repeat another", twice, train->n);
    for (size_t i = 0; i < n; i++) free(entries[i].text);
    free(entries);
}

void doctor_look_at_data(masa_findings *f, const masa_problems *train,
                         const masa_problems *test)
{
    look_at_golds(f, train);
    look_for_duplicates(f, train, test);
}
