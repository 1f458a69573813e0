/**
 * Rollouts by worth: how many of each prompt a budget of tokens should buy. What is expected of
 * a prompt, E[p (1-p)], comes from masa_gate_fit.
 *
 * Threads: may run in any number of threads on different objects; deterministic.
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
 * its expectation, as long as it is averaged within the prompt and the size does not follow from
 * the very rollouts that it is averaged over.
 *
 * size    [n] out
 * spread  [n] V_q, not negative; 0 gets `least`
 * tokens  [n] c_q > 0, the predicted length (and what else a rollout costs)
 * least, most  1 <= least <= most. Where the budget does not buy `least` of each, they get it
 *         all the same: leave prompts out first.
 */
void masa_worth_allocate(size_t *size, const double *spread, const double *tokens, size_t n,
                         double budget, size_t least, size_t most);

#endif
