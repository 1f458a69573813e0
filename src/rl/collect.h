/* A step's batch: prompts drawn, meta and solution rollouts sampled and scored. */
#ifndef RL_COLLECT_H
#define RL_COLLECT_H

#include "loop.h"

/* Fills draws, empty before, with the batch of step number `step`. */
masa_status rl_collect(rl_loop *loop, rl_draws *draws, long step, masa_error *err);

/* How solutions (and meta rollouts) are drawn; `key` tells draws for other purposes apart. */
void rl_training_sampling(rl_sampling by_kind[2], const masa_config *config, uint64_t key);

#endif
