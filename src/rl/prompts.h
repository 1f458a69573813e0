/* The problems of a run: loaded, over-long ones left out, drawn in a fixed order. */
#ifndef RL_PROMPTS_H
#define RL_PROMPTS_H

#include <masa/meta.h>

#include "rollout.h"

typedef struct rl_prompts {
    masa_problems train, test;
    masa_problem_order order;
    char *meta_template; /* text of meta.template; NULL: the built-in one */
} rl_prompts;

/* How the configuration says that problems are read; borrows its texts. */
masa_problem_reader rl_problem_reader(const masa_config *config);

/* Loads data.train, data.test and meta.template, answers by these rules, and checks what can be
 * checked without a model. rl_prompts_close is the caller's, also after an error. */
masa_status rl_prompts_load(rl_prompts *prompts, const masa_config *config,
                            unsigned answer_rules, masa_error *err);
/* Then, with the model's tokenizer: leaves out prompts above data.max_prompt_tokens and says so;
 * MASA_ERR_DATA when that is more than half of them. */
masa_status rl_prompts_fit(rl_prompts *prompts, const rl_session *session, masa_error *err);
void rl_prompts_close(rl_prompts *prompts);

/* Index in `train` of the problem of a draw. */
size_t rl_prompts_index(rl_prompts *prompts, uint64_t draw);

/* How often all problems were drawn before this draw. */
long rl_prompts_epoch(const rl_prompts *prompts, uint64_t draw);

/* Adds draw number `number` of the run, with the prompts of its solutions and of its meta
 * rollouts if there are any. */
masa_status rl_prompts_draw(rl_prompts *prompts, rl_draws *draws, const rl_session *session,
                            uint64_t number, masa_error *err);

/* The method's options, with the form of answers that the meta prompt asks for. */
masa_meta_options rl_prompts_options(const rl_prompts *prompts, const masa_config *config);
/* The system turn of the meta prompt; borrowed. */
const char *rl_meta_system(const masa_config *config);
/* Appends the user's turn that asks for the predictions. */
masa_status rl_meta_request(masa_text *out, const rl_prompts *prompts,
                            const masa_config *config, const masa_problem *problem,
                            masa_error *err);

#endif
