/* A problem of a family with its solution taken apart, for the checks of the families. A step
 * counts as wrong when its right side does not follow from its left side; that what follows
 * goes on from what is written is asserted. */
#ifndef FAMILY_SAMPLE_H
#define FAMILY_SAMPLE_H

#include "masa_test.h"
#include <masa/tasks.h>

#include <ctype.h>

/* Steps that were read, those of them that could have been wrong, and those that were. */
typedef struct tally {
    size_t steps, able, wrong;
} tally;

/* A problem with its solution cut into the work and the final answer. */
typedef struct sample {
    const masa_problem *p;
    const char *task; /* behind the letter and the level */
    char work[8192];  /* a method's word is taken off */
    const char *final;
    bool second; /* the second method */
} sample;

static void count(tally *t, bool able, bool wrong)
{
    assert_true(able || !wrong);
    t->steps++;
    t->able += able;
    t->wrong += wrong;
}

static void read_sample(sample *s, const masa_problem *p, const char *const *methods)
{
    const char *hashes = strstr(p->solution, " #### "), *start = p->solution;
    assert_non_null(hashes);
    *s = (sample){.p = p, .final = hashes + 6};
    assert_int_equal(strtol(p->problem + 1, (char **)&s->task, 10), p->level);
    assert_int_equal(*s->task++, ' ');
    for (int i = 0; methods && i < 2; i++) {
        size_t n = strlen(methods[i]);
        if (strncmp(start, methods[i], n) != 0 || start[n] != ' ') continue;
        start += n + 1;
        s->second = i == 1;
    }
    if (methods) assert_true(start > p->solution);
    size_t n = (size_t)(hashes - start);
    assert_true(n < sizeof s->work);
    memcpy(s->work, start, n);
}

/* The next part of the work, parts being separated by ";"; NULL after the last. */
static char *next_part(sample *s, char **at)
{
    char *part = *at ? *at : s->work;
    if (*at && !**at) return NULL;
    char *end = strchr(part, ';');
    *at = end ? end + 1 : part + strlen(part);
    if (end) *end = '\0';
    return part;
}

#endif
