/* The periodic evaluation on unseen problems. */
#ifndef RL_EVALUATE_H
#define RL_EVALUATE_H

#include "prompts.h"

typedef struct rl_evaluation {
    size_t problems, correct, truncated, no_answer;
    double mean_length; /* tokens */
} rl_evaluation;

/* One response to each test problem; the rows go into the store's open transaction under
 * `step`. */
masa_status rl_evaluate(rl_evaluation *out, rl_session *session, masa_generator *generator,
                        const rl_prompts *prompts, unsigned answer_rules, long step,
                        masa_error *err);

#endif
