/**
 * Measures of meta-awareness: how predictions compare with what happened, how well the
 * gate decided, how far the length cutoff was off, and how much of an accuracy gain each
 * component explains. Functions of numbers.
 *
 * A measure that the numbers do not determine is NAN, never a guess.
 *
 * Threads: every function may run in any number of threads at once.
 */
#ifndef MASA_MEASURES_H
#define MASA_MEASURES_H

#include <stdbool.h>
#include <stddef.h>

/** Pearson's correlation of x[n] and y[n]; NAN when one of them does not vary. */
double masa_pearson(const double *x, const double *y, size_t n);
/** Spearman's: Pearson's of the ranks, equal values sharing their mean rank. */
double masa_spearman(const double *x, const double *y, size_t n);
/** Mean of |x - y|; NAN when n is 0. */
double masa_mean_absolute_error(const double *x, const double *y, size_t n);

/* The predictions that fall into one part of [0, 1]. */
typedef struct masa_calibration_bin {
    size_t n;
    double predicted, truth; /* means; 0 while the bin is empty */
} masa_calibration_bin;

/**
 * Sorts n predictions in [0, 1] with what came true into n_bins parts of equal width,
 * [k, k+1) / n_bins, the last with its upper end. Returns the expected calibration error
 * sum_k n_k / n |predicted_k - truth_k|; NAN when n is 0. bins [n_bins] is overwritten.
 */
double masa_calibration_bins(masa_calibration_bin *bins, size_t n_bins, const double *predicted,
                             const double *truth, size_t n);

/* Prompts by what the gate said (closed: no variance expected) and by what was true. No whole
 * numbers where audits stand for others. */
typedef struct masa_gate_counts {
    double closed_rightly, closed_wrongly, open_wrongly, open_rightly;
} masa_gate_counts;

/** Counts a prompt that n rollouts, n_correct of them correct, have shown the truth of.
 */
void masa_gate_count(masa_gate_counts *counts, bool closed, size_t n_correct, size_t n);
/** Of the prompts closed, the share without variance; of those without variance, the
 * share closed; the harmonic mean of both. NAN when there is no such prompt. */
double masa_gate_precision(const masa_gate_counts *counts);
double masa_gate_recall(const masa_gate_counts *counts);
double masa_gate_f1(const masa_gate_counts *counts);
/** Share of all prompts without variance: the precision of a gate that closes blindly. And
 *  how many times better precision is than that. */
double masa_gate_base_rate(const masa_gate_counts *counts);
double masa_gate_lift(const masa_gate_counts *counts);

/* A gate at work: of what it closed on only the audited prompts show whether it was right. */
typedef struct masa_gate_audit {
    double closed;                /* audited ones too */
    double audited, audited_flat; /* rolled out all the same; without variance */
    double open, open_flat;       /* rolled out; without variance */
} masa_gate_audit;

/** Each audited prompt counts for closed / audited prompts, the inverse of the share that was
 *  audited (Horvitz & Thompson 1952). All NAN where the gate closed and none was audited. */
masa_gate_counts masa_gate_audited(const masa_gate_audit *audit);

/* Standardised errors of the length cutoff, gathered over rollouts. */
typedef struct masa_length_errors {
    size_t n;
    double sum, square;
} masa_length_errors;

/**
 * Adds (true length - mean prediction) / deviation of the predictions, a rollout's error
 * in units of how much its predictions differ. Keep correct and incorrect rollouts apart.
 * A deviation of 0 gives no unit: false, and nothing is added.
 */
bool masa_length_errors_add(masa_length_errors *errors, double length, double predicted_mean,
                            double predicted_deviation);
/** Mean and standard deviation (of the population); NAN when n is 0. */
double masa_length_errors_mean(const masa_length_errors *errors);
double masa_length_errors_deviation(const masa_length_errors *errors);

/* More features would need more than 2^16 regressions. */
enum { MASA_SHAPLEY_MOST = 16 };

/**
 * Splits the R^2 of a linear regression (with intercept) over its features.
 *
 *   share[j] = mean over all orders of R^2(features up to and with j)
 *                                    - R^2(features before j)
 *            = sum over S without j of |S|! (k-1-|S|)! / k! (R^2(S + j) - R^2(S))
 *
 * The shares sum to the R^2 of all features, which is returned. Features that are
 * linear combinations of others are fine: they share what they explain together.
 * Features that never vary get 0. NAN, and NAN shares, when the target does not vary.
 *
 * share    [k]     out
 * features [n, k]  in, row-major: paired differences of the k features, one row a pair
 * target   [n]     in: paired differences of the accuracy
 * k <= MASA_SHAPLEY_MOST. All numbers finite: leave a pair out where a measure is NAN.
 *
 * Of several checkpoints evaluated on the same problems the pairs are, for each problem, each
 * two checkpoints: (later less earlier) of the problem's mean rewards and of the step number,
 * against that of its accuracy. What is particular to a problem cancels; time and memory are
 * linear in the number of pairs.
 *
 * Source: Lipovetsky & Conklin 2001, Analysis of regression in game theory approach.
 */
double masa_shapley_r2(double *share, const double *features, const double *target, size_t n,
                       size_t k);

#endif
