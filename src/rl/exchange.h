/* What processes tell one another of the draws they have sampled (shares.h), so that all
 * go on from the same groups. In a process by itself nothing here does anything. All are
 * votes on `status`. */
#ifndef RL_EXCHANGE_H
#define RL_EXCHANGE_H

#include "rollout.h"

/* The completions of n groups one after the other, counts[i] of group i, from those who sampled
 * them; *prefilled is summed. */
masa_status rl_exchange_completions(masa_completion *all, rl_group *const *groups,
                                    const size_t *counts, size_t n, size_t *prefilled,
                                    const rl_session *session, masa_status status,
                                    masa_error *err);

/* What the solutions of the draws from number `first` on earned that were not `scored` before, from
 * those who judged them. */
masa_status rl_exchange_rewards(rl_draws *draws, size_t first, const rl_session *session,
                                masa_status status, masa_error *err);

/* What rank 0 has computed in place of what every rank has for itself. */
masa_status rl_exchange_first(void *data, size_t bytes, masa_status status, masa_error *err);

/* The trainer's log-probabilities of rollouts; those of others come to be, as with those who
 * trained on them. */
masa_status rl_exchange_logprobs(rl_draws *draws, const rl_session *session, masa_error *err);

#endif
