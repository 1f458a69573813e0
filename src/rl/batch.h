/* A step's rollouts as sequences to train on, cut into optimiser updates. */
#ifndef RL_BATCH_H
#define RL_BATCH_H

#include "rollout.h"

/* One optimiser step: these sequences, at `rate` times the policy's learning rate. */
typedef struct rl_batch_update {
    size_t first, n; /* in rl_batch.sequences */
    size_t all;      /* sequences of it in all shares */
    rl_kind kind;    /* whose optimiser state; of joint updates RL_SOLUTION */
    double rate;
} rl_batch_update;

/* The sequences of a share that have a gradient, update after update. */
typedef struct rl_batch {
    masa_sequence *sequences; /* [n] */
    const float **sampled;    /* [n] their log-probabilities, as who sampled them has them */
    size_t n;
    rl_batch_update *updates; /* [n_updates] of a pass over the batch */
    size_t n_updates;
} rl_batch;

/*
 * All trained rollouts of share number `share` of `shares` that have a gradient; advantages are
 * filled in. The updates are those of the whole step, however it is cut. With M = 0, or with
 * meta.update separate, solutions make the updates that they make alone; meta rollouts then
 * have as many of their own after them (the authors' code), else they share them (joint).
 * Each token's weight is its share of the mean over its kind in its update, which counts
 * rollouts without a gradient too (algorithm.aggregation: 1/tokens, 1/(rollouts * length) or
 * 1/(rollouts * longest response)), times meta.weight for meta rollouts of a joint update.
 * Allocates the rollouts' logprobs. Free with rl_batch_deinit.
 */
void rl_batch_init(rl_batch *batch, rl_draws *draws, const masa_config *config, size_t share,
                   size_t shares);
void rl_batch_deinit(rl_batch *batch);

#endif
