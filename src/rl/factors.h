/* Low-rank factors of a run, the policy's (lora.rank) and the predictions' (meta.adapter): how
 * they come from a checkpoint and go into one, in PEFT's format. */
#ifndef RL_FACTORS_H
#define RL_FACTORS_H

#include "session.h"

/* The policy's folder in a checkpoint; the predictions' is MASA_PREDICTOR_FOLDER. Beside merged
 * weights, transformers would apply an adapter to them once more. */
#define RL_ADAPTER "adapter"

/* On the loaded model; from the checkpoint if the session has one, and then merged into the
 * model's values, which the caller refreshes. */
masa_status rl_factors_open(masa_lora **out, const rl_session *session,
                            const masa_lora_options *options, const char *name,
                            masa_error *err);
/* factors NULL: there are none to save. */
masa_status rl_factors_save(const masa_lora *factors, const rl_session *session,
                            const char *folder, const char *name, masa_error *err);

/* The policy's weights in float32, its factors merged into them. A model that is kept compact is
 * read once more for that (model.path). */
masa_status rl_weights_save(const rl_session *session, const char *folder, masa_error *err);

/*
 * The adapter that predictions may have to themselves (meta.adapter): factors that are merged into
 * the weights, or multiplied beside them, only while predictions are sampled, forecast or
 * learned. What is learned about predicting then cannot disturb solving, and solving learns
 * nothing from it. Without an adapter all of this does nothing.
 */
masa_lora_options rl_predictor_options(const masa_config *config);
/* Of the loaded model; from the checkpoint if there is one. */
masa_status rl_predictor_open(rl_session *session, masa_error *err);

/* Between the two the model predicts; outside it solves, with the very same bits as before.
 * They do not nest. */
void rl_predictor_begin(rl_session *session);
void rl_predictor_end(rl_session *session);

#endif
