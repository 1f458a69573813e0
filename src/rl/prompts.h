/* The problems of a run: loaded, over-long ones left out, drawn in a fixed order. */
#ifndef RL_PROMPTS_H
#define RL_PROMPTS_H

#include "rollout.h"

typedef struct rl_prompts {
    masa_problems train, test;
    masa_problem_order order;
} rl_prompts;

/* Loads data.train and data.test; leaves out prompts above data.max_prompt_tokens and
 * says so; MASA_ERR_DATA when that is more than half of them. */
masa_status rl_prompts_open(rl_prompts *prompts, const rl_session *session, masa_error *err);
void rl_prompts_close(rl_prompts *prompts);

/* Adds the solution group of draw number `draw`, its prompt filled in. */
masa_status rl_prompts_draw(rl_prompts *prompts, rl_groups *groups,
                            const rl_session *session, uint64_t draw, masa_error *err);

#endif
