/**
 * Runs of several presets and seeds compared with a baseline: accuracy at equal cost, the
 * cost of the baseline's accuracy, and differences between runs of the same seed.
 *
 *     masa_comparison *c = masa_comparison_create(runs, n, "grpo");
 *     masa_comparison_markdown(c, &text);
 *     masa_comparison_destroy(c);
 *
 * Pure functions over curves (masa/curve.h).
 */
#ifndef MASA_COMPARISON_H
#define MASA_COMPARISON_H

#include <stdbool.h>
#include <masa/curve.h>
#include <masa/text.h>

typedef struct masa_compared_run {
    const char *preset; /* borrowed, like all of it */
    long seed;
    const masa_curve *curve;
    bool finished; /* false: stopped early */
} masa_compared_run;

/* One number from each seed. */
typedef struct masa_seed_values {
    double *values; /* [seeds], in the order of masa_comparison.seeds; NaN: none */
    size_t n;       /* how many are not NaN */
    double mean, low, high; /* with a bootstrap interval of 95 %; NaN when n is 0 */
    double deviation;       /* of the sample; NaN when n < 2 */
    double p; /* of a difference: sign-flip test that it is none; else NaN */
} masa_seed_values;

/* Where accuracies are compared: at the end of each run, or at equal cost. */
enum { MASA_AT_END = MASA_COSTS, MASA_PLACES };

typedef struct masa_comparison_row {
    const char *preset;
    size_t runs, unfinished;
    masa_seed_values accuracy[MASA_PLACES];   /* by masa_cost, and MASA_AT_END */
    masa_seed_values difference[MASA_PLACES]; /* to the baseline with the same seed */
    masa_seed_values reach[MASA_COSTS];       /* cost of the goal */
    /* Baseline's cost of the goal divided by this preset's, both of the same seed; mean
     * and interval are geometric. */
    masa_seed_values speedup[MASA_COSTS];
    size_t goals; /* seeds of this preset with a goal: see below */
} masa_comparison_row;

typedef struct masa_comparison {
    masa_comparison_row *rows; /* [n] the baseline first, the others as they came */
    size_t n;
    long *seeds; /* [n_seeds] ascending */
    size_t n_seeds;
    bool baseline; /* whether rows[0] is it; false: no differences */
    /* The most that all runs spent: what "equal" means. */
    double budget[MASA_COSTS];
    /* [n_seeds] The baseline's accuracy at its end; NaN where it has no run or ended no
     * better than it began: then there is nothing to reach. */
    double *goals;
    size_t left_out; /* runs with fewer than two evaluations */
} masa_comparison;

/**
 * Compares runs[0..n). At most one run may have the same preset and seed. Runs with fewer
 * than two evaluations are left out and counted. Presets and curves are borrowed: they
 * must outlive the comparison.
 */
masa_comparison *masa_comparison_create(const masa_compared_run *runs, size_t n,
                                        const char *baseline);
/** NULL is fine. */
void masa_comparison_destroy(masa_comparison *comparison);

/** Appends the tables for people, and as JSON Lines: one line for every preset and place
 * or cost, with the values of all seeds. */
void masa_comparison_markdown(const masa_comparison *comparison, masa_text *out);
void masa_comparison_json(const masa_comparison *comparison, masa_text *out);

#endif
