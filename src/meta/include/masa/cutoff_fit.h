/**
 * How long a right solution may run beyond its predicted length, fitted to past ones: the margin
 * of a cutoff that leaves a given share of the right solutions whole.
 *
 * Predicted lengths are not their own quantiles: a model that always says 100 where right
 * solutions take 60 to 300 tokens needs a margin of 3, one that knows its lengths to a tenth a
 * margin of 1.1. What it needs is the quantile of
 *
 *   length / predicted length
 *
 * over past right solutions (split conformal prediction, Lei et al. 2018, on a relative score).
 * Counted in bins of 1/8 octave, so that a margin is at most 9 % too wide.
 *
 * Threads: every function may run in any number of threads on different objects; all are
 * deterministic.
 */
#ifndef MASA_CUTOFF_FIT_H
#define MASA_CUTOFF_FIT_H

#include <masa/gate.h>

enum { MASA_CUTOFF_FIT_BINS = 64 }; /* ratios from 1/16 to 16; the ends take what is beyond */

/* Starts as all 0; a checkpoint keeps the numbers. */
typedef struct masa_cutoff_fit {
    double counts[MASA_CUTOFF_FIT_BINS]; /* right solutions by their ratio, rising */
} masa_cutoff_fit;

/**
 * Learns from the right solutions of a prompt.
 *
 * forecast  nullable; nothing is learned without a predicted length
 * truth     of its solutions
 * weight    1 / the probability that such a group is seen whole (masa_statistics_weight); 0: a
 *           cutoff hid what it is like
 * window    prompts for which an observation counts (divided by e after as many)
 */
void masa_cutoff_fit_observe(masa_cutoff_fit *fit, const masa_forecast *forecast,
                             const masa_statistics *truth, double weight, double window);

/**
 * The least margin that leaves the share `keep` of right solutions whole, 0 < keep < 1: 0, no
 * cutoff, until there are 4 / (1 - keep) of them (so that four are beyond it), and where it
 * would be above 16.
 */
double masa_cutoff_fit_margin(const masa_cutoff_fit *fit, double keep);

#endif
