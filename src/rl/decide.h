/* MASA-efficient: acting on the predictions for a prompt before its solutions are sampled. */
#ifndef RL_DECIDE_H
#define RL_DECIDE_H

#include "method.h"
#include "predict.h"
#include "prompts.h"

/*
 * Decides by the parsed meta group whether the solution group is sampled (gate), to which
 * length (cutoff) and with which prompt (hint), and sets it up so. Draws are keyed by the
 * seed and the group's draw.
 */
masa_status rl_decide(rl_group *solutions, const rl_group *meta, const rl_method *method,
                      rl_prompts *prompts, const rl_session *session, long step,
                      masa_error *err);

/* Once the solutions are scored: weights of a soft cutoff (1, 0 or 1/s). */
void rl_weigh_survivors(rl_group *solutions, const masa_config *config);

/* Whether a rollout was stopped by the cutoff and not by the response limit. */
bool rl_cut_off(const rl_group *solutions, size_t rollout, const masa_config *config);

/* The decisions of a step into the store, inside its open transaction. */
masa_status rl_record_decisions(rl_session *session, long step, const rl_groups *groups,
                                masa_error *err);

#endif
