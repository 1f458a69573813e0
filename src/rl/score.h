/* What solutions earn. */
#ifndef RL_SCORE_H
#define RL_SCORE_H

#include <masa/reward.h>

#include "rollout.h"

/* The section reward as options; borrows the configuration's texts. */
masa_reward_options rl_reward_options(const masa_config *config);

/* Whether rewards have several parts, which then are recorded each by itself. */
bool rl_rewards_are_summed(const masa_config *config);

/* Opens session->rewards, which rl_session_close closes. Standard error of a program goes into
 * the run folder, from all processes; where there is none, nowhere. */
masa_status rl_rewards_open(rl_session *session, masa_error *err);

/* Rewards the solutions of the draws from number `first` on, as evaluations do: correct, answer,
 * reward. Programs of all of them run together; each process judges what it sampled. */
masa_status rl_score_solutions(rl_draws *draws, size_t first, rl_session *session,
                               masa_error *err);

/* data.answer_rules as bits of masa_extract_rule. */
masa_status rl_answer_rules(unsigned *out, const char *names, masa_error *err);

#endif
