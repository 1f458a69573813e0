/* The policy update of a step: advantages, then optimiser steps on mini-batches. */
#ifndef RL_UPDATE_H
#define RL_UPDATE_H

#include "rollout.h"

typedef struct rl_update_stats {
    masa_trainer_stats trainer;
    double grad_norm; /* mean over optimiser steps, before clipping */
    size_t optimizer_steps;
    double lr;                 /* the policy's, in its last update */
    size_t trained;            /* rollouts with a gradient */
    double logprob_difference; /* mean |rollout - trainer| log-probability of a token,
                                  under the policy that sampled */
    double compared_tokens;
} rl_update_stats;

/* Fills the advantage of every rollout, normalised within its group. */
void rl_advantages(rl_draws *draws, const masa_config *config);

/*
 * Trains on all groups but those left out: config's mini-batches and epochs over them.
 * Rollouts with advantage 0 are left out where nothing but the advantage has a gradient;
 * they still count in the averages. Fills rollouts' logprobs. stats are overwritten.
 */
masa_status rl_update(rl_session *session, rl_draws *draws, rl_update_stats *stats,
                      masa_error *err);

#endif
