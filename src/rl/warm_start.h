/* The start of a model that cannot write a meta answer yet, without outside labels:
 * solutions to some prompts, then supervised steps on meta answers made of what these
 * solutions were like. */
#ifndef RL_WARM_START_H
#define RL_WARM_START_H

#include "loop.h"

typedef struct rl_warm_start_stats {
    size_t prompts, answers, generated_tokens;
    rl_cloning cloning;
    double first_loss; /* nats a token, of the first update */
    double flops;      /* estimated */
    double cpu_seconds;
} rl_warm_start_stats;

/* MASA_ERR_INTERRUPTED when a stop was asked for; the weights are then of no use. */
masa_status rl_warm_start(rl_loop *loop, rl_warm_start_stats *stats, masa_error *err);

#endif
