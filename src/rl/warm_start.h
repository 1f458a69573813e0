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

/* One under way: what it teaches, and how far it is. */
typedef struct rl_lessons {
    rl_draws draws;     /* number 0 to n - 1, with the model's own solutions */
    rl_experts answers; /* to their meta prompts, in the order of the pass under way */
    size_t updates;     /* done */
    rl_warm_start_stats stats;
} rl_lessons;
void rl_lessons_deinit(rl_lessons *lessons);

/* As a JSON object (caller frees) with what learning on takes, and back into zeroes; the prompts
 * are drawn again. A damaged one is MASA_ERR_FORMAT. */
char *rl_lessons_save(const rl_lessons *lessons, const masa_config *config);
masa_status rl_lessons_load(rl_lessons *lessons, const char *json, rl_loop *loop,
                            masa_error *err);

/* Begins, or goes on with loop->method.warm_start. MASA_ERR_INTERRUPTED when a stop was asked
 * for: the weights are those after the last update, and loop->method.warm_start is how far it
 * came; NULL: no update was made. */
masa_status rl_warm_start(rl_loop *loop, rl_warm_start_stats *stats, masa_error *err);

#endif
