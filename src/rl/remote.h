/*
 * Rollouts from servers (rollout.servers): masa serve, or vLLM's interface to the same end.
 *
 *     rl_remote_sync(s)       the servers have the weights as they are now, or are left out
 *     rl_remote_generate(...) what masa_generate would do, by those that are there
 *
 * Keys travel with the requests and weights bit for bit, so that masa's own servers sample what
 * this process would. vLLM draws otherwise, and computes a little otherwise.
 */
#ifndef RL_REMOTE_H
#define RL_REMOTE_H

#include "session.h"

/* The session's servers; none when rollout.servers is empty. */
masa_status rl_remote_open(rl_session *session, masa_error *err);
void rl_remote_close(rl_session *session);

/*
 * Before sampling, by all processes: unless the servers have these weights, rank 0 writes them
 * into the folder that is shared, has every server read them, and compares what a canary
 * sequence's log-probabilities are there and here. A server that cannot be reached is left out,
 * with a warning, until the weights change again; MASA_ERR_IO when none is left. MASA_ERR_DATA when
 * one computes with other weights.
 */
masa_status rl_remote_sync(rl_session *session, masa_error *err);

/*
 * As masa_generate, with servers that rl_remote_sync has found. The work of one that fails is
 * done again by others, with the same keys; MASA_ERR_IO when none is left. MASA_ERR_DATA when one
 * samples with other weights, or answers nonsense; MASA_ERR_INTERRUPTED after a stop. The
 * callback is called for finished completions alone.
 */
masa_status rl_remote_generate(rl_session *session, const masa_request *requests, size_t n,
                               masa_completion *completions, masa_generate_callback *callback,
                               void *context, masa_error *err);

/* Whether a server is not masa's: the old policy's log-probabilities are then the trainer's, and
 * what was sampled is weighed by the ratio of the two (algorithm.importance_cap). */
bool rl_remote_foreign(const rl_session *session);

#endif
