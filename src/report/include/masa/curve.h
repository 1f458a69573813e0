/**
 * A learning curve: accuracy on unseen problems against what was spent.
 *
 * Between two evaluations accuracy is taken to change linearly. What a step costs is
 * known after it, and an evaluation costs nothing: it is no part of training.
 */
#ifndef MASA_CURVE_H
#define MASA_CURVE_H

#include <stddef.h>
#include <masa/error.h>
#include <masa/store.h>

typedef enum masa_cost {
    MASA_COST_STEPS,
    MASA_COST_TOKENS,  /* generated in training, meta rollouts too */
    MASA_COST_SECONDS, /* of rollouts and updates: no evaluation, no saving */
    MASA_COST_CPU,     /* the same, of all processors together */
    MASA_COST_FLOPS,   /* floating-point operations, estimated */
    MASA_COSTS,
} masa_cost;

/** "steps", "tokens", "seconds", "cpu_seconds", "flops". */
const char *masa_cost_name(masa_cost cost);

typedef struct masa_curve_point {
    double spent[MASA_COSTS]; /* up to this evaluation */
    double accuracy;          /* share of the problems that are right, 0..1 */
    double trained;           /* rollouts that had a gradient up to it; 0: not known */
    /* Their tokens, and of these the ones that the update took from sampling. */
    double trained_tokens, recalled_tokens;
} masa_curve_point;

/* Accuracy on a part of the problems, such as "level=3". */
typedef struct masa_stratum {
    char *name;
    double *accuracy; /* [n] of the curve's first points; NaN where it is not known */
    size_t n;
} masa_stratum;

typedef struct masa_curve {
    masa_curve_point *points; /* [n] by step */
    size_t n, capacity;
    masa_stratum *strata; /* in the order in which they were recorded */
    size_t n_strata, strata_capacity;
} masa_curve;

void masa_curve_add(masa_curve *curve, const masa_curve_point *point);
/** Accuracy of a stratum at the last point that was added. */
void masa_curve_add_stratum(masa_curve *curve, const char *name, double accuracy);
/** The curve of one stratum alone, points without it left out; no points where there is none
 *  of that name. The caller deinits it. */
masa_curve masa_curve_of_stratum(const masa_curve *curve, const char *name);
/** Makes it that of one of its strata; name NULL: leaves it. */
void masa_curve_keep_stratum(masa_curve *curve, const char *name);
void masa_curve_deinit(masa_curve *curve);

/* Metrics that begin with this are accuracies of strata. */
#define MASA_STRATUM_PREFIX "eval_accuracy/"

/**
 * The evaluations in a run's store, with their strata, into *curve, which is empty. The
 * costs are those of the metrics total_tokens, seconds_rollouts + seconds_update, cpu_seconds
 * and flops, from step 0 (a warm start) on; NaN where a run has no cpu_seconds. What was
 * trained is rollouts_trained, of which tokens are trained_tokens and recalled_tokens.
 */
masa_status masa_curve_read(masa_curve *curve, masa_store *store, masa_error *err);

/**
 * The curve that never falls and is nearest to this one in its squares (isotonic
 * regression, every point counting alike): evaluations are noisy, and the first that
 * happens to be high is no sign that a goal was reached. The caller deinits it.
 * Source: Ayer et al. 1955 (pool adjacent violators).
 */
masa_curve masa_curve_monotone(const masa_curve *curve);

/** Accuracy once `amount` was spent; NaN outside of the curve. */
double masa_curve_at(const masa_curve *curve, masa_cost cost, double amount);
/** What was spent when accuracy first was `goal`; NaN when it never was. */
double masa_curve_reach(const masa_curve *curve, masa_cost cost, double goal);
/** What a rollout that had a gradient cost, all else that was made included, over the first
 *  `steps`; NaN where the curve is shorter or does not know. */
double masa_curve_per_trained(const masa_curve *curve, masa_cost cost, double steps);
/** What was spent up to the last evaluation, and its accuracy; NaN without any. */
double masa_curve_spent(const masa_curve *curve, masa_cost cost);
double masa_curve_final(const masa_curve *curve);
/** Mean accuracy of the last n evaluations, the first one left out (it is of the start); NaN
 *  with fewer than two. */
double masa_curve_late(const masa_curve *curve, size_t n);

#endif
