/**
 * Sequences in, gradients out: packs prompts and responses into batches of
 * bounded size without padding, computes a group's prompt once for all of its
 * responses and what neighbouring groups' prompts begin with once for them, and runs the
 * model over them.
 */
#ifndef MASA_TRAINER_H
#define MASA_TRAINER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/activations.h>
#include <masa/error.h>
#include <masa/model.h>
#include <masa/objective.h>

/* A prompt and one response to it. Sequences with the same group must be
 * adjacent and have the same prompt. Pointers are borrowed during the calls. */
typedef struct masa_sequence {
    const int32_t *prompt, *response;
    size_t prompt_size, response_size; /* prompt_size >= 1 */
    size_t group;
    float advantage;           /* policy gradient; ignored by the supervised loss */
    float weight;              /* of each token: the aggregation's share (objective.h) */
    float *logprobs;           /* [response_size] out: under the current policy; or NULL */
    const float *old_logprobs; /* [response_size] or NULL: same as current */
    const float *ref_logprobs; /* [response_size] or NULL */
    const float *importance;   /* [response_size] or NULL: 1 (objective.h) */
    /* [prompt_size + response_size - 1] where the trainer's store has the activations under
     * the current weights; or NULL: they are computed */
    const int32_t *kept_rows;
} masa_sequence;

typedef struct masa_trainer masa_trainer;

typedef struct masa_trainer_options {
    size_t tokens_per_pass;            /* most tokens in one packed batch */
    bool recompute;                    /* recompute activations (pass.h) */
    float temperature;                 /* of the policy: logits are divided by it */
    const masa_activations *kept;      /* the store that kept_rows mean, borrowed; or NULL */
    const volatile sig_atomic_t *stop; /* not 0: masa_trainer_logprobs gives up; may be NULL */
} masa_trainer_options;

masa_status masa_trainer_create(masa_trainer **out, masa_model *model,
                                const masa_trainer_options *options, masa_error *err);
void masa_trainer_destroy(masa_trainer *trainer);
/** Bytes that masa_trainer_create takes, for the memory plan. A model that is not
 *  trainable needs less: it gives log-probabilities alone. */
size_t masa_trainer_bytes(const masa_model_config *config, masa_dtype compute,
                          const masa_trainer_options *options, bool trainable);
/** The longest prompt + response that fits one pass and the model's context. */
size_t masa_trainer_longest(const masa_trainer *trainer);

/** Floating-point operations of all passes so far, estimated (masa_model_flops): a backward
 *  pass costs two forward passes, and the head only where a token is predicted. Activations
 *  that were kept or recomputed count as computed once, so that runs compare whatever memory
 *  they had. */
double masa_trainer_flops(const masa_trainer *trainer);

/** Fills logprobs of every sequence without a gradient. mean_entropy (nats a
 *  token) may be NULL. MASA_ERR_DATA when a sequence is too long or has a token that
 *  the model does not know, MASA_ERR_NUMERIC when a log-probability is not finite,
 *  MASA_ERR_INTERRUPTED when a stop is seen between two passes. */
masa_status masa_trainer_logprobs(masa_trainer *trainer, const masa_sequence *sequences,
                                  size_t n, double *mean_entropy, masa_error *err);

/**
 * What the model makes of prompts before anything is answered: of the residual stream behind its
 * first n_layers layers (0: the embedding) the mean over each prompt's tokens, then its last
 * token's. out [n, 2, hidden]. Each sequence has a group of its own and a response of one token,
 * any of the vocabulary, which is not run. Errors as for masa_trainer_logprobs.
 */
masa_status masa_trainer_prompt_states(masa_trainer *trainer, const masa_sequence *sequences,
                                       size_t n, size_t n_layers, float *out, masa_error *err);

typedef struct masa_trainer_stats {
    masa_objective_stats objective;
    double entropy_sum; /* nats, over the same tokens */
    size_t passes, packed_tokens;
    size_t recalled_tokens; /* of these, tokens whose activations were kept */
} masa_trainer_stats;

/**
 * Adds the gradient of the objective over all sequences to the model's
 * gradients; fills logprobs. With objective NULL the loss is supervised:
 * -weight * sum_t logprob. stats ADDED to; may be NULL.
 * MASA_ERR_DATA is as above and changes nothing. Log-probabilities or a
 * loss that are not finite are MASA_ERR_NUMERIC; the gradients are then incomplete.
 */
masa_status masa_trainer_accumulate(masa_trainer *trainer, const masa_sequence *sequences,
                                    size_t n, const masa_objective *objective,
                                    masa_trainer_stats *stats, masa_error *err);

#endif
