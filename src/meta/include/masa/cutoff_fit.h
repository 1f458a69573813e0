/**
 * How long a right solution may run beyond its predicted length, fitted to past ones: the margin
 * of a cutoff that leaves a given share of the right solutions whole.
 *
 * Predicted lengths are not their own quantiles: a model that always says 100 where right
 * solutions take 60 to 300 tokens needs a margin of 3, one that knows its lengths to a tenth a
 * margin of 1.1. And one model may do both, the one where it says little and the other where it
 * says much: a margin fitted to all then cuts too many of the former and hardly stops the latter.
 * So the margin of a band of predicted lengths, an octave, is the quantile of
 *
 *   length / predicted length
 *
 * over the right solutions that were foretold in it (split conformal prediction by category, Vovk
 * et al. 2003; Lei et al. 2018; on a relative score). Counted in bins of 1/8 octave, so that a
 * margin is at most 9 % too wide.
 *
 * The cutoff rises with the predicted length l, as the lengths that are foretold should: it is the
 * greatest of what the bands j up to l's own would give,
 *
 *   cutoff(l) = max_j margin_j min(l, upper end of j),
 *
 * so that it is never below what l's own band asks for, and its share of the right solutions stays
 * whole.
 *
 * Threads: every function may run in any number of threads on different objects; all are
 * deterministic.
 */
#ifndef MASA_CUTOFF_FIT_H
#define MASA_CUTOFF_FIT_H

#include <masa/gate.h>

enum {
    MASA_CUTOFF_FIT_BANDS = 21, /* predicted lengths from 1, 2, 4, ... tokens on */
    MASA_CUTOFF_FIT_BINS = 64,  /* ratios from 1/16 to 16; the ends take what is beyond */
};

/* Starts as all 0; a checkpoint keeps the numbers. */
typedef struct masa_cutoff_fit {
    /* right solutions by their ratio, rising; as many as they stand for */
    double counts[MASA_CUTOFF_FIT_BANDS][MASA_CUTOFF_FIT_BINS];
    double squares[MASA_CUTOFF_FIT_BANDS]; /* sum of squared weights: how many stand behind */
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
 * The least margin that leaves the share `keep` of right solutions whole where `predicted` tokens
 * are foretold, 0 < keep < 1: 0, no cutoff, until its band has seen 4 / (1 - keep) of them (so that
 * four are beyond it; one that stands for ten is one), where the band's margin would be above 16,
 * and where nothing is predicted.
 */
double masa_cutoff_fit_margin(const masa_cutoff_fit *fit, double predicted, double keep);

#endif
