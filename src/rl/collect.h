/* A step's batch: prompts drawn, meta and solution rollouts sampled and scored. */
#ifndef RL_COLLECT_H
#define RL_COLLECT_H

#include "loop.h"

/*
 * Fills groups with the batch of step number `step`; *draws counts the prompts it took.
 * With meta rollouts each solution group is followed by its prompt's meta group.
 */
masa_status rl_collect(rl_loop *loop, rl_groups *groups, long step, long *draws,
                       masa_error *err);

/* How solutions (and meta rollouts) are drawn; `key` tells draws for other purposes apart. */
void rl_training_sampling(rl_sampling by_kind[2], const masa_config *config, uint64_t key);

#endif
