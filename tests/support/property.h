/*
 * Property tests: what must hold for whatever is drawn.
 *
 *     static bool comes_back(property_draws *d, void *context)
 *     {
 *         size_t n = property_below(d, 100);
 *         ...
 *         property_note(d, "n %zu", n);
 *         return holds;
 *     }
 *     property_check(comes_back, context, 200);
 *
 * A case is nothing but the numbers that it draws. When it fails, some are left out or made
 * smaller for as long as it goes on failing (as Hypothesis does), and what the smallest one
 * noted is printed, with the seed. Every run draws the same cases, so that a check says the same
 * everywhere; MASA_PROPERTY_SEED=... draws others.
 */
#ifndef PROPERTY_H
#define PROPERTY_H

#include "masa_test.h"

#include <masa/random.h>

enum { PROPERTY_DRAWS = 1024 };

typedef struct property_draws {
    uint64_t numbers[PROPERTY_DRAWS];
    size_t n, at;        /* known; drawn by this case so far */
    masa_random *random; /* draws what is not known; NULL: that is 0 */
    char notes[1024];
} property_draws;

typedef bool property(property_draws *draws, void *context);

/* One of 0 .. n-1. A case that draws more than PROPERTY_DRAWS gets 0 from then on. */
static inline uint64_t property_below(property_draws *d, uint64_t n)
{
    if (d->at >= PROPERTY_DRAWS) return 0;
    if (d->at >= d->n) {
        d->numbers[d->at] = d->random ? masa_random_below(d->random, n) : 0;
        d->n = d->at + 1;
    }
    uint64_t *number = &d->numbers[d->at++];
    if (*number >= n) *number = n - 1;
    return *number;
}

/* In [-1, 1], in steps of 1/1000 that shrink towards -1. */
static inline double property_real(property_draws *d)
{
    return (double)property_below(d, 2001) / 1000 - 1;
}

__attribute__((format(printf, 2, 3))) static inline void property_note(property_draws *d,
                                                                       const char *format, ...)
{
    va_list arguments;
    size_t used = strlen(d->notes);
    va_start(arguments, format);
    vsnprintf(d->notes + used, sizeof d->notes - used, format, arguments);
    va_end(arguments);
}

static inline bool property_holds(property *p, void *context, property_draws *d)
{
    d->at = 0;
    d->notes[0] = '\0';
    bool holds = p(d, context);
    d->n = d->at; /* what it did not ask for is no part of it */
    return holds;
}

/* Whether the case goes on failing as `smaller`, which then takes its place. */
static inline bool property_shrinks_to(property *p, void *context, property_draws *d,
                                       property_draws *smaller)
{
    if (property_holds(p, context, smaller)) return false;
    *d = *smaller;
    return true;
}

static inline void property_shrink(property *p, void *context, property_draws *d)
{
    static property_draws smaller;
    for (bool better = true; better;) {
        better = false;
        for (size_t k = 8; k > 0; k /= 2) /* without k of them */
            for (size_t i = 0; i + k <= d->n;) {
                smaller = *d;
                memmove(smaller.numbers + i, smaller.numbers + i + k,
                        (d->n - i - k) * sizeof *smaller.numbers);
                smaller.n -= k;
                size_t before = d->n;
                if (property_shrinks_to(p, context, d, &smaller) && d->n < before)
                    better = true;
                else i++;
            }
        for (size_t i = 0; i < d->n; i++) /* the least of each, by halves */
            for (uint64_t least = 0; i < d->n && least < d->numbers[i];) {
                smaller = *d;
                smaller.numbers[i] = least + (d->numbers[i] - least) / 2;
                uint64_t tried = smaller.numbers[i];
                if (property_shrinks_to(p, context, d, &smaller)) better = true;
                else least = tried + 1;
            }
    }
}

/* The first case that fails, made small, in *d; false: all hold. */
static inline bool property_find(property_draws *d, property *p, void *context, int cases,
                                 uint64_t seed)
{
    for (int k = 0; k < cases; k++) {
        masa_random random = masa_random_init(masa_key(seed, (uint64_t)k), MASA_STREAM_TEST);
        d->n = 0;
        d->random = &random;
        if (property_holds(p, context, d)) continue;
        d->random = NULL;
        property_shrink(p, context, d);
        property_holds(p, context, d); /* for its notes */
        return true;
    }
    return false;
}

static inline void property_check(property *p, void *context, int cases)
{
    static property_draws d;
    const char *given = getenv("MASA_PROPERTY_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 1;
    if (property_find(&d, p, context, cases, seed))
        fail_msg("MASA_PROPERTY_SEED=%llu: %s", (unsigned long long)seed, d.notes);
}

#endif
