/**
 * Statistics of results: what a number of right and wrong answers says, and how sure.
 *
 * Pure functions of numbers. Whatever is drawn is keyed by a seed (Philox), so equal
 * arguments give equal results on every machine.
 *
 *     double per_problem[] = {1, 0, 0.5, 1};             // share of right samples
 *     masa_interval i = masa_bootstrap_mean(per_problem, 4, &MASA_BOOTSTRAP_DEFAULTS);
 *
 * Intervals are over problems: they tell how far a result would move on other problems of
 * the same kind, with the samples' own spread inside.
 *
 * Threads: every function may run in any number of threads at once.
 */
#ifndef MASA_STATISTICS_H
#define MASA_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Mean of x [n]; NAN when n is 0. */
double masa_mean(const double *x, size_t n);
/** Sample standard deviation of x [n], divided by n - 1; NAN when n < 2. */
double masa_deviation(const double *x, size_t n);

/**
 * Unbiased estimate of the probability that k samples hold a right one, from n samples of
 * which c were right: 1 - C(n-c, k) / C(n, k) = 1 - prod_{i=n-c+1..n} (1 - k/i).
 * c <= n and 1 <= k <= n are asserted.
 * Source: Chen et al. 2021 (arXiv:2107.03374), eq. 1.
 */
double masa_pass_at_k(size_t n, size_t c, size_t k);

/* The class of a sample without an answer: it has no vote. */
#define MASA_NO_VOTE SIZE_MAX

/**
 * Probability that a vote among k of the n samples gives the right answer.
 *
 * classes [n]  equal answers have equal numbers (any), no answer MASA_NO_VOTE
 * right   [n]  whether the sample's answer is right
 *
 * Among classes with equally many votes one is taken at random; without any vote the
 * result is 0. k = n is exact; k < n is the mean over 1000 subsets drawn with `seed`.
 * 1 <= k <= n is asserted.
 */
double masa_majority_at_k(const size_t *classes, const bool *right, size_t n, size_t k,
                          uint64_t seed);

typedef struct masa_interval {
    double low, high;
} masa_interval;

typedef struct masa_bootstrap_options {
    double level;     /* of confidence, in (0, 1) */
    size_t resamples; /* at least 1 */
    uint64_t seed;
} masa_bootstrap_options;

#define MASA_BOOTSTRAP_DEFAULTS                                                                \
    ((masa_bootstrap_options){.level = 0.95, .resamples = 10000, .seed = 1})

/** A statistic of a resample: items [n] are indices of the data, with repetitions. May
 *  return NAN where it is undefined. */
typedef double masa_statistic(void *context, const size_t *items, size_t n);

/**
 * Percentile bootstrap interval of a statistic over n data: the quantiles (1 - level)/2
 * and (1 + level)/2 of its values on resamples of size n, by linear interpolation.
 * Resamples where it is NAN are left out; {NAN, NAN} when n is 0 or all are. Source:
 * Efron 1979; Efron & Tibshirani 1993, ch. 13.
 */
masa_interval masa_bootstrap(masa_statistic *statistic, void *context, size_t n,
                             const masa_bootstrap_options *options);
/** The same for the mean of x [n]. */
masa_interval masa_bootstrap_mean(const double *x, size_t n,
                                  const masa_bootstrap_options *options);

/** Quantile of Student's t with df degrees of freedom: P(T <= result) = share, in (0, 1);
 *  df >= 1. To a relative 1e-9. */
double masa_student_quantile(double share, size_t df);
/** Interval of `level` for the mean of a normal population, from few x [n]: mean
 *  -+ t deviation / sqrt(n). {NAN, NAN} when n < 2. Source: Student 1908. */
masa_interval masa_student_mean(const double *x, size_t n, double level);
/** Interval of `level` for a probability of which `share` of n independent trials came true; not
 *  a point where all or none did. {NAN, NAN} when n is 0. Source: Wilson 1927. */
masa_interval masa_wilson(double share, size_t n, double level);

/**
 * Two-sided p-value of "no difference" for paired differences d [n]: the share of sign changes
 * whose sum is at least as far from 0 as the one observed, over all 2^m of them when m <= 20
 * differ from 0, else over options->resamples drawn ones and the observed one ((1 + hits) /
 * (1 + draws), which is never 0). 1 when nothing differs; NAN when n is 0.
 * Source: Fisher 1935; Phipson & Smyth 2010 for the drawn form.
 */
double masa_sign_flip(const double *d, size_t n, const masa_bootstrap_options *options);

/* Two results on the same problems. */
typedef struct masa_paired {
    size_t n;
    double mean_a, mean_b;
    double difference;      /* mean of b - a */
    masa_interval interval; /* bootstrap over problems, of the difference */
    double p_value;         /* two-sided, of "no difference" */
    bool exact;             /* p_value is over all sign changes, not drawn ones */
    size_t better, worse;   /* problems where b > a, b < a */
} masa_paired;

/** Compares b with a, problem by problem: a [n], b [n]. The p-value is masa_sign_flip's. */
masa_paired masa_paired_compare(const double *a, const double *b, size_t n,
                                const masa_bootstrap_options *options);

#endif
