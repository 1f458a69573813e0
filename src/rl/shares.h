/*
 * The shares into which a step's work is cut (train.shares), so that processes may divide it among
 * themselves and still compute what one does: a draw belongs to a share by its number, each
 * share's gradient begins at zero, and shares are added by a fixed tree, whoever has them.
 *
 * Rank r of N has shares S r/N to S (r+1)/N - 1. It samples, scores and trains on their draws
 * alone; all that these come to is known everywhere (exchange.h).
 */
#ifndef RL_SHARES_H
#define RL_SHARES_H

#include "session.h"

/* The session's shares for this number of processes; MASA_ERR_CONFIG when they cannot be divided
 * so that the tree is the same for one process. */
masa_status rl_shares_open(rl_session *session, masa_error *err);
void rl_shares_close(rl_session *session);

static inline size_t rl_share_of(const rl_session *session, uint64_t number)
{
    return (size_t)(number % session->shares.n);
}

static inline bool rl_is_mine(const rl_session *session, uint64_t number)
{
    if (session->shares.n <= 1) return true;
    size_t share = rl_share_of(session, number);
    return share >= session->shares.first && share < session->shares.last;
}

/* Adds the gradient of one share to the model's gradients. */
typedef masa_status rl_share_work(void *context, size_t share, masa_error *err);

/* The gradient of all shares, on every rank: what the next step of the optimiser takes. The
 * status is a vote's; on failure gradients are incomplete. */
masa_status rl_shares_accumulate(rl_session *session, masa_optimizer *optimizer,
                                 rl_share_work *work, void *context, masa_error *err);

/* What training on a share came to. */
typedef struct rl_share_stats {
    masa_trainer_stats trainer;
    double flops; /* of all passes, the reference model's too */
} rl_share_stats;

/* *total OVERWRITTEN with the sum over all shares, of which by_share [shares.n] has this
 * process's; the other processes' operations are counted as the session's (flops.h). */
masa_status rl_shares_sum(masa_trainer_stats *total, const rl_share_stats *by_share,
                          rl_session *session, masa_error *err);

/* One supervised update on the sequences, number k of share k mod shares.n; *total is
 * OVERWRITTEN, *made as of rl_session_update. */
masa_status rl_shares_learn(rl_session *session, masa_optimizer *optimizer,
                            const masa_sequence *sequences, size_t n, double lr, double *norm,
                            masa_trainer_stats *total, bool *made, masa_error *err);

#endif
