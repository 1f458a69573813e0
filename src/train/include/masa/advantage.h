/** Advantages: how much better a rollout did than its group. */
#ifndef MASA_ADVANTAGE_H
#define MASA_ADVANTAGE_H

#include <stddef.h>

typedef enum masa_advantage_kind {
    MASA_ADVANTAGE_GROUP_NORM,    /* (r - mean) / std            GRPO, arXiv:2402.03300 */
    MASA_ADVANTAGE_GROUP_MEAN,    /* r - mean                    Dr.GRPO, arXiv:2503.20783 */
    MASA_ADVANTAGE_LEAVE_ONE_OUT, /* r - mean of the others      RLOO, arXiv:2402.14740 */
    MASA_ADVANTAGE_BATCH_NORM,    /* (r - group mean) / batch std  REINFORCE++ baseline,
                                     arXiv:2501.03262 */
} masa_advantage_kind;

/**
 * advantage[i] of n rollouts whose group is groups[i]; rollouts of a group are
 * adjacent. The standard deviation is the population's over the group (for
 * BATCH_NORM: of r - group mean over the batch), plus 1e-6. A group whose
 * rewards are all equal gets exactly 0. advantage may not alias reward.
 */
void masa_advantages(float *advantage, const float *reward, const size_t *groups, size_t n,
                     masa_advantage_kind kind);

#endif
