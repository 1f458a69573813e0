/* The periodic evaluation on unseen problems. */
#ifndef RL_EVALUATE_H
#define RL_EVALUATE_H

#include "prompts.h"

/* The problems that have a value of a key in common (data.strata). */
typedef struct rl_stratum {
    const char *name; /* "level=3", borrowed from a problem */
    size_t responses, correct;
} rl_stratum;

typedef struct rl_evaluation {
    size_t problems, responses, correct, truncated, no_answer; /* the last three of responses */
    double mean_length;                                        /* tokens */
    rl_stratum *strata; /* [n_strata] as they first came */
    size_t n_strata, strata_capacity;
} rl_evaluation;
void rl_evaluation_deinit(rl_evaluation *evaluation);

/* train.eval_rollouts responses to each test problem; the rows go into the store's open
 * transaction under `step`. Whatever comes back, *out is the caller's to deinit. */
masa_status rl_evaluate(rl_evaluation *out, rl_session *session, masa_generator *generator,
                        const rl_prompts *prompts, long step, masa_error *err);

#endif
