/** A subset of a group's rollouts for the backward pass: those that tell most. */
#ifndef MASA_SUBSET_H
#define MASA_SUBSET_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Chooses m of n rollouts whose rewards have the largest variance (PODS, arXiv:2504.13818).
 *
 * Such a subset is the i lowest and the m - i highest rewards for some i: were a reward in
 * between chosen and one further out on its side of the mean left, exchanging them would raise
 * the variance, which is convex in each reward. So sorting and trying all i is enough:
 * O(n log n). Of rewards 0 and 1 it is m/2 of each, or as near as there are.
 *
 * Equal variances: the i nearest to m/2. Equal rewards: the low end takes those of low index,
 * the high end those of high index.
 *
 * The advantages are then those of the chosen alone, as groups of m. What that changes, on
 * average: of rewards 0 and 1, with h the share of right ones among the chosen and g the share
 * in the group, the expected gradient of mean-centred advantages (a mean over m, over n) is
 *
 *   E[h (1-h)] (E[grad | right] - E[grad | wrong])   instead of   E[g (1-g)] (the same)
 *
 * since rollouts of equal reward are exchangeable and the choice sees rewards only. So each
 * prompt's direction is unbiased and its length is not: multiplied by E[h(1-h)] / E[g(1-g)] >=
 * 1, most where right or wrong ones are rare. Of rewards with more values the middle ones are
 * left out, and the direction is biased towards telling the ends apart.
 *
 * chosen [n] out; reward [n] in, finite. m >= n chooses all.
 */
void masa_subset_choose(bool *chosen, const float *reward, size_t n, size_t m);

#endif
