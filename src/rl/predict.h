/* The meta rollouts of a prompt: what they predicted, and how it agrees with what its
 * solution rollouts did. */
#ifndef RL_PREDICT_H
#define RL_PREDICT_H

#include <masa/gate.h>
#include <masa/meta.h>
#include <masa/store.h>

#include "rollout.h"

typedef struct rl_predictions {
    masa_prediction *items; /* [n] one for each meta rollout; none of a single pass */
    size_t n;
    masa_forecast forecast;    /* all of them together */
    masa_statistics *truth;    /* of the solutions; NULL while there are none */
    masa_meta_reward *rewards; /* [n]; NULL while truth is */
} rl_predictions;

void rl_predictions_destroy(rl_predictions *predictions);

/* The method's options as the configuration gives them. */
masa_meta_options rl_meta_options(const masa_config *config);

/* What scored solutions were like; destroy with masa_statistics_destroy. */
masa_statistics *rl_statistics(const rl_draw *draw, const masa_config *config);

/* Parses the meta rollouts that were sampled. */
void rl_predict(rl_draw *draw, const masa_config *config);

/*
 * Rewards the predictions by the scored solutions of their prompt. Without solutions (gated) nothing
 * is known: the meta rollouts are left out of training.
 */
void rl_reward_predictions(rl_draw *draw, const masa_config *config);

/* Prediction i as the store has it, and what became of it when that is known; `notions`, empty
 * before, holds its text. */
void rl_prediction_row(masa_store_prediction *out, masa_text *notions,
                       const rl_predictions *predictions, size_t i);

/* The pass rate and the mean length of right solutions; NaN where there is none, or where a
 * cutoff hides it. */
double rl_true_pass_rate(const masa_statistics *truth);
double rl_true_length(const masa_statistics *truth);

/* The control meta.reward_shuffle: permutes the rewards among all trained meta rollouts of a
 * step. Their distribution, tokens and updates stay; what they say is gone. */
void rl_shuffle_rewards(rl_draws *draws, uint64_t key);

#endif
