/**
 * Runs of several presets (or other arms) and seeds compared with a baseline: accuracy at
 * equal cost, the cost of shares of the baseline's gain, and differences between runs of the
 * same seed.
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
    const char *arm; /* borrowed, like all of it */
    long seed;
    const masa_curve *curve;
    bool finished; /* false: stopped early */
} masa_compared_run;

/* One number from each seed. */
typedef struct masa_seed_values {
    double *values;         /* [seeds], in the order of masa_comparison.seeds; NaN: none */
    size_t n;               /* how many are not NaN */
    double mean, low, high; /* with Student's interval of 95 %, which takes n >= 2; else NaN */
    double deviation;       /* of the sample; NaN when n < 2 */
    double p;               /* of a difference: sign-flip test that it is none; else NaN */
} masa_seed_values;

/* Where accuracies are compared: at equal cost, at the end of each run, and as the mean of its
 * last evaluations, which is less noisy. */
enum { MASA_AT_END = MASA_COSTS, MASA_AT_LAST, MASA_PLACES, MASA_LAST_EVALUATIONS = 3 };

/* Goals are shares of what the baseline gains. */
enum { MASA_GOALS = 3 };
extern const double masa_goal_shares[MASA_GOALS]; /* 0.8, 0.9, 1 */

/* What a number is, where runs ended before the goal and their cost is known to be more than
 * all that they spent: it itself, or its bound. */
typedef enum masa_bound {
    MASA_EXACTLY,
    MASA_AT_MOST,
    MASA_AT_LEAST,
    MASA_UNKNOWN, /* bounds of both kinds are in it */
} masa_bound;

/* What a goal cost. */
typedef struct masa_reach {
    /* Of each seed; where the goal was not reached, all that was spent. The mean is
     * geometric, without an interval. */
    masa_seed_values spent;
    bool *reached; /* [seeds] */
    size_t n_reached;
    /* The baseline's cost divided by this, of the same seed: above 1 this is cheaper. Mean
     * and interval are geometric; the interval is left out where a bound is in it, p where
     * the bound is on the side of what the mean says. */
    masa_seed_values ratio;
    masa_bound bound; /* what ratio's mean is */
    size_t unknown;   /* seeds with which neither got there; they are not in ratio */
} masa_reach;

typedef struct masa_comparison_row {
    const char *arm;
    size_t runs, unfinished;
    /* Of the tokens that were trained on, the share whose activations were not kept from their
     * sampling (rollout.kept_memory), so that the update ran them once more; NaN: none was. */
    double run_again;
    masa_seed_values accuracy[MASA_PLACES];   /* by masa_cost, and MASA_AT_END */
    masa_seed_values difference[MASA_PLACES]; /* to the baseline with the same seed */
    masa_reach reach[MASA_GOALS][MASA_COSTS];
    /* What a rollout that had a gradient cost over the first budget[MASA_COST_STEPS] steps, and
     * how many times less that is than the baseline's with the same seed; geometric. */
    masa_seed_values per_trained[MASA_COSTS], per_trained_ratio[MASA_COSTS];
    /* [n_strata] Means of the last evaluations, and their differences to the baseline. */
    masa_seed_values *stratum, *stratum_difference;
} masa_comparison_row;

typedef struct masa_comparison {
    masa_comparison_row *rows; /* [n] the baseline first, the others as they came */
    size_t n;
    long *seeds; /* [n_seeds] ascending */
    size_t n_seeds;
    bool baseline; /* whether rows[0] is it; false: no differences */
    /* The most that all runs spent: what "equal" means. */
    double budget[MASA_COSTS];
    /* Accuracies to be reached: the baseline's first and last, means over its seeds of its
     * monotone curves, and between them its gain. NaN where it gained nothing. */
    double goals[MASA_GOALS];
    const char **strata; /* [n_strata] that any of the runs has; borrowed names */
    size_t n_strata, strata_capacity;
    size_t left_out; /* runs with fewer than two evaluations */
    /* The first seed whose runs do not all begin with one accuracy, as those of one model do on
     * one machine, and how far they are apart; 0: none. */
    long uneven_seed;
    double uneven;
} masa_comparison;

/**
 * Compares runs[0..n). At most one run may have the same arm and seed. Runs with fewer
 * than two evaluations are left out and counted. Arms and curves are borrowed: they
 * must outlive the comparison.
 */
masa_comparison *masa_comparison_create(const masa_compared_run *runs, size_t n,
                                        const char *baseline);
/** NULL is fine. */
void masa_comparison_destroy(masa_comparison *comparison);

/** Appends the tables for people, and as JSON Lines: one line for every arm and place
 * or cost, with the values of all seeds. */
void masa_comparison_markdown(const masa_comparison *comparison, masa_text *out);
void masa_comparison_json(const masa_comparison *comparison, masa_text *out);

#endif
