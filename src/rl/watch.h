/* Looks at every step for the signs of a run that only seems to train, and says so. */
#ifndef RL_WATCH_H
#define RL_WATCH_H

#include "record.h"

/* Steps in a row that a sign was seen. */
typedef struct rl_watch {
    int no_reward, truncated, no_variance, drift, flat;
} rl_watch;

void rl_watch_step(rl_watch *watch, const rl_summary *summary, const rl_update_stats *update);

#endif
