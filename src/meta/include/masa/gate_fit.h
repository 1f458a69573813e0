/**
 * The probability that a prompt's rollouts would all be right or all be wrong, fitted to
 * what past forecasts came to.
 *
 * A forecast is not its own probability: of prompts predicted "8 of 8" some are right
 * always, many 19 times of 20, and then a group of 16 still has variance in 56 % of
 * cases. Predicted "0 of 8" may well be hopeless without exception. So the two ends are
 * unlike, and what a forecast stands for is learned from the groups that were rolled out.
 *
 * The model. A prompt's pass rate p takes one of the values
 *
 *   p_x:  1/4096, 1/32, 1/16, 1/8, 1/4, 3/8, 1/2, 5/8, 3/4, 7/8, 15/16, 31/32, 1 - 1/4096
 *
 * with probabilities c(x | f) that depend on the mean forecast f, a piecewise linear
 * function of it between the knots
 *
 *   f_k:  0, 1/64, 1/32, 1/16, 1/8, 1/4, 1/2, 3/4, 7/8, 15/16, 31/32, 63/64, 1
 *
 * (dense where decisions are made; the forecast's spread is left out, since near an end
 * the mean m bounds it: the variance is at most m (1-m)). What the prompt itself showed,
 * r right and w wrong rollouts (aged), is independent of the forecast given p, hence
 *
 *   c(x | f, r, w)  is proportional to  c(x | f) p_x^r (1-p_x)^w
 *   P(no variance in G) = sum_x c(x | f, r, w) (p_x^G + (1-p_x)^G)
 *
 * Points of mass and not a Beta density: pass rates of real prompts have a heap at 0,
 * beside a broad middle. A Beta with the mean and variance of "70 % hopeless, the others
 * .3" gives groups of 16 no variance with .57 where .70 is true. The outermost values are
 * not 0 and 1 so that a single success of long ago, aged to a hundredth, does not forbid
 * an end.
 *
 * The fit is expectation-maximisation over the groups that were rolled out, r right and w wrong
 * at the forecast f with the weight v (of all groups together the weight among all, of a knot that
 * among its like): of knot k next to f, with the share t_k of the interpolation,
 *
 *   n_k(x)  <-  sum over groups  kept v t_k c_k(x) p_x^r (1-p_x)^w / sum_y c_k(y) p_y^r (1-p_y)^w
 *
 * with kept = exp(-v' / window), v' the weight of the groups seen since, so that the fit follows a
 * policy that improves: a group counts for as long as `window` more prompts are seen. The number of
 * rollouts r + w may differ from group to group. (A round for each group as it comes, instead of
 * all rounds over all groups, moves mass slowly: after 100 groups of 8 without a right rollout .08
 * of it is above 1/4096 where this leaves .03, and what is said is off by half as much again.)
 *
 * Few data. c_k is the average of n_k and of a prior worth 4 observations: half of it
 * what the knots below say, half what those above say, each of them with such a prior in
 * turn; at both ends of the chain stands the distribution over all groups, with or
 * without forecast, and behind this one, before anything is seen, a quarter at either end
 * and the rest spread equally: U-shaped, as real prompts are. (Equal probabilities
 * throughout cost hundreds of groups.) Then neighbours whose E[p] falls as the forecast
 * rises are pooled (isotonic regression). Forecasts that say nothing thus become one pool, which
 * says what all groups say.
 *
 * The level. What a model foretells is sooner right about which of two prompts is harder than about
 * how hard both are: every update moves all forecasts together. So forecasts of a step are moved, all by
 * as many logits, to where their mean is what the prompts' pass rates are known to be on average
 * (masa_gate_fit_level), as far as that is more than the step's choice of prompts explains.
 *
 * Threads: every function may run in any number of threads on different objects; all are
 * deterministic.
 * Tests: tests/meta/test_gate_fit.c, on planted populations.
 */
#ifndef MASA_GATE_FIT_H
#define MASA_GATE_FIT_H

#include <masa/gate.h>

enum {
    MASA_GATE_FIT_POINTS = 13,
    MASA_GATE_FIT_KNOTS = 13,
    MASA_GATE_FIT_MOST = 2048, /* groups that are kept, the newest */
    MASA_GATE_FIT_NUMBERS = 5, /* that make up a group in a checkpoint */
};

/* One that was rolled out; forecast: the mean at its level, -1: none that can be read. */
typedef struct masa_gate_group {
    double forecast, right, wrong;
    double weight, among_alike; /* masa_gate_fit_observe */
} masa_gate_group;

/* What past groups came to. Starts as all 0. */
typedef struct masa_gate_fit {
    masa_gate_group groups[MASA_GATE_FIT_MOST]; /* the newest last */
    size_t n;
    /* What masa_gate_fit_learn made of them; the last row is of all groups whatever their forecast. */
    double at[MASA_GATE_FIT_KNOTS + 1][MASA_GATE_FIT_POINTS];
    bool learned;
} masa_gate_fit;

/**
 * Adds a prompt that was rolled out, from which masa_gate_fit_learn learns.
 *
 * forecast      nullable; one that cannot be read (masa_forecast_readable) counts as none
 * right, wrong  of its rollouts; both 0: nothing is added
 * weight        1 / the probability with which this prompt was rolled out: 1 where the
 *               gate was open, 1 / audit share for an audited one, 1 / (1 - skip
 *               probability) with a soft gate. So the audited stand for all that were
 *               closed. Times masa_statistics_weight where cutoffs hide some groups. Not
 *               negative.
 * among_alike   the same among prompts with the same forecast, for what is learned of it: 1 /
 *               the probability given the forecast, up to a factor that depends on the forecast
 *               alone. Where the gate went by nothing but the forecast this is 1 for an audited
 *               prompt too: of those with its forecast it is one like the others, and 33 for
 *               it would let a lucky guess on one hopeless prompt speak for 33.
 */
void masa_gate_fit_observe(masa_gate_fit *fit, const masa_forecast *forecast, double right,
                           double wrong, double weight, double among_alike);

/**
 * Fits to the groups, from nothing: the same groups give the same fit. Before the first time what
 * is asked below is answered by the start.
 *
 * window        prompts for which a group counts (divided by e after as many)
 */
void masa_gate_fit_learn(masa_gate_fit *fit, double window);

/* What is known of a prompt's pass rate. */
typedef struct masa_pass_rate_moments {
    double mean;   /* E[p] */
    double spread; /* E[p (1-p)]: the variance of a rollout's reward that is expected */
} masa_pass_rate_moments;

/**
 * The level of n forecasts of one step: how many logits move each of them so that their mean is
 * that of known[i].mean, which is known of the same prompts without them (masa_gate_fit_moments with
 * forecast NULL). Of the level b that does it the part is returned that is more than noise,
 *
 *   b max(0, 1 - v / b^2),  v = sum_i Var(p_i) / n^2 / (d mean / d b)^2,  Var(p) = E[p] - E[p (1-p)] - E[p]^2
 *
 * (of b^2 the share v is noise: empirical Bayes), so that it is 0 for a few prompts, and for
 * forecasts that are off by no more than the prompts happen to be. Those that cannot be read are left out; 0
 * if none can.
 */
double masa_gate_fit_level(const masa_forecast *const *forecasts,
                           const masa_pass_rate_moments *known, size_t n);

/**
 * P(no variance in group_size rollouts | forecast, history), as above. Either may be
 * NULL: without a forecast (or with one that cannot be read) the distribution over all
 * groups stands in its place, as in a gate by history alone.
 *
 * belief: the prompt's own counts, as aged by masa_belief_at.
 */
double masa_gate_fit_zero_variance(const masa_gate_fit *fit, const masa_forecast *forecast,
                                   const masa_belief *belief, size_t group_size);

/**
 * The same for a group of which some rollouts are known: right and wrong of them. 0 if both
 * occurred; else, of the G - r - w that are missing,
 *
 *   P(all as those) = sum_x c(x | f, r0 + r, w0 + w) p_x^(G - r - w)    all right; (1-p_x) all wrong
 *
 * with r0, w0 of the prompt's history. right + wrong <= group_size.
 */
double masa_gate_fit_agreement(const masa_gate_fit *fit, const masa_forecast *forecast,
                               const masa_belief *belief, size_t right, size_t wrong,
                               size_t group_size);

/** What is known of its pass rate; arguments as above. */
masa_pass_rate_moments masa_gate_fit_moments(const masa_gate_fit *fit,
                                             const masa_forecast *forecast,
                                             const masa_belief *belief);

/**
 * The threshold above which a prompt may be closed: the one asked for, and at least
 * 2 z / (1 + z) with z the probability for a prompt of which nothing is known (which
 * doubles z's odds). Where most groups have no variance a plain threshold would close on
 * every prompt, for no reason of its own; this one asks for evidence about the prompt.
 */
double masa_gate_fit_threshold(const masa_gate_fit *fit, double threshold, size_t group_size);

/**
 * The threshold once `seen` rollouts of a group are known. That threshold t says what a
 * rollout may cost: a whole group is worth sampling while 1 - P >= 1 - t, so one rollout costs
 * (1 - t) / G of a group with variance, and the missing ones are worth it while
 *
 *   P <= 1 - (1 - t) (G - seen) / G
 */
double masa_gate_fit_threshold_after(double threshold, size_t seen, size_t group_size);

/** The groups to and from numbers [n, MASA_GATE_FIT_NUMBERS] of a checkpoint; what was learned of
 * them is not kept. Import: false, and the fit as it was, when they are not what is exported or are too many. */
void masa_gate_fit_export(double *numbers, const masa_gate_fit *fit);
bool masa_gate_fit_import(masa_gate_fit *fit, const double *numbers, size_t n);

#endif
