/**
 * Rollouts by worth: how many of each prompt a budget of tokens should buy, and whether a
 * prompt is worth a whole group, a few rollouts to look first, or none.
 *
 * What is expected of a prompt comes from masa_gate_fit: E[p (1-p)], and the probability of
 * no variance in so many rollouts.
 *
 * Threads: every function may run in any number of threads on different objects; all are
 * deterministic.
 */
#ifndef MASA_WORTH_H
#define MASA_WORTH_H

#include <stddef.h>

/**
 * Divides a budget of tokens over n prompts.
 *
 * The gradient of prompt q is a mean over its G_q rollouts; its noise is V_q / G_q, with V_q
 * the variance of a rollout's reward, E[p (1-p)]. A rollout costs c_q tokens. To minimise
 * sum_q V_q / G_q under sum_q c_q G_q <= budget, every further token must gain the same
 * everywhere (Neyman 1934): V_q / (c_q G_q^2) = a constant, hence
 *
 *   G_q  proportional to  sqrt(V_q / c_q)
 *
 * In whole numbers: the rollout from G to G+1 gains V_q / (G (G+1)), so prompt q gets all that
 * gain more than a price x per token,
 *
 *   G_q(x) = floor((1 + sqrt(1 + 4 V_q / (c_q x))) / 2)     held within least..most
 *
 * at the lowest price that the budget allows; what is left buys one more, of the greatest gain
 * per token first (of equals the first prompt), where it fits. No division of what is spent on
 * those bought before the first that does not fit is better. Unspent is less than a rollout of
 * some prompt that has not got `most`. Sizes change how noisy a prompt's gradient is and not
 * its expectation, as long as it is averaged within the prompt.
 *
 * size    [n] out
 * spread  [n] V_q, not negative; 0 gets `least`
 * tokens  [n] c_q > 0, the predicted length (and what else a rollout costs)
 * least, most  1 <= least <= most. Where the budget does not buy `least` of each, they get it
 *         all the same: leave prompts out first.
 */
void masa_worth_allocate(size_t *size, const double *spread, const double *tokens, size_t n,
                         double budget, size_t least, size_t most);

typedef enum masa_worth_plan {
    MASA_WORTH_SKIP,  /* no rollout */
    MASA_WORTH_PILOT, /* a few; the others only if these differ */
    MASA_WORTH_FULL,  /* the whole group at once */
} masa_worth_plan;

/**
 * What to do with a prompt. A group is worth 1 if its rewards differ, else 0; a rollout costs
 * `price`. With P(k) the probability that k rollouts agree:
 *
 *   skip    0
 *   full    1 - P(G)  -  price G
 *   pilot   1 - P(k)  -  price (k + (1 - P(k)) (G - k))
 *
 * (groups whose pilot agrees are given up, the others completed; the pilot is part of the
 * group). The greatest is chosen; of equals the one that rolls out more.
 *
 * price: what a rollout earns elsewhere. (1 - z) / G, with z the probability of no variance for
 * a prompt of which nothing is known, where another prompt takes a skipped one's place: then
 * full breaks even for such a prompt. Less where it only saves time; at 0 everything is full.
 */
masa_worth_plan masa_worth_choose(double agree_pilot, double agree_full, size_t pilot,
                                  size_t group_size, double price);

#endif
