/**
 * The training pass over a packed batch of variable-length sequences, without
 * padding: forward, log-probabilities of chosen tokens, backward.
 *
 *     masa_pass_forward(pass, &batch);
 *     masa_pass_logprobs(pass, logprob, NULL);
 *     ... objective: dlogprob[i] = d loss / d logprob[i] ...
 *     masa_pass_backward(pass, dlogprob);     // adds to masa_model_grads
 */
#ifndef MASA_PASS_H
#define MASA_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/activations.h>
#include <masa/attention.h>
#include <masa/model.h>

/**
 * A packed batch. Segments cover rows 0..n_tokens in order; one with a parent
 * continues it (masa/attention.h) and its positions go on where the parent ends.
 * A target asks for log p(target_tokens[i] | context up to row target_rows[i]).
 * Several targets may share a row: the first response token of every child of
 * a prompt is predicted by the prompt's last row. Host arrays, borrowed during
 * masa_pass_forward.
 */
typedef struct masa_batch {
    size_t n_tokens, n_segments, n_targets;
    const int32_t *tokens;    /* [n_tokens] */
    const int32_t *positions; /* [n_tokens] */
    const masa_segment *segments;
    const int32_t *target_rows;   /* [n_targets] */
    const int32_t *target_tokens; /* [n_targets] */
    float temperature;            /* logits are divided by it: part of the policy */
    /* The activations of all tokens as the decoding pass kept them with these weights,
     * which are then not computed again; or NULL. */
    const masa_activations *kept;
    const int32_t *kept_rows; /* [n_tokens] */
} masa_batch;

typedef struct masa_pass masa_pass;

/**
 * Buffers for batches of up to max_tokens tokens and max_targets targets.
 * recompute: keep only each layer's input and recompute the rest in the
 * backward pass (about a third more compute, several times less memory).
 */
masa_status masa_pass_create(masa_pass **out, masa_model *model, size_t max_tokens,
                             size_t max_targets, bool recompute, masa_error *err);
void masa_pass_destroy(masa_pass *pass);

/** Bytes of activations that masa_pass_create takes for a trainable model. */
size_t masa_pass_bytes(const masa_model_config *config, masa_dtype compute, size_t max_tokens,
                       size_t max_targets, bool recompute);
/** The same for a model that is not trainable (log-probabilities only): one layer's
 *  activations, whatever `recompute` says. */
size_t masa_pass_bytes_untrainable(const masa_model_config *config, masa_dtype compute,
                                   size_t max_tokens, size_t max_targets);

void masa_pass_forward(masa_pass *pass, const masa_batch *batch);
/** The residual stream behind the first n_layers layers (0: the embedding), to the host array out
 *  [n_tokens, hidden]. Only these are run; of the targets nothing is computed, nor can be. */
void masa_pass_residual(masa_pass *pass, const masa_batch *batch, size_t n_layers, float *out);
/** Host arrays: logprob [n_targets]; entropy [n_targets] in nats or NULL. After forward. */
void masa_pass_logprobs(masa_pass *pass, float *logprob, float *entropy);
/** Adds d(sum_i dlogprob[i]*logprob[i])/d(parameter) to the model's gradients; dlogprob
 *  [n_targets] is a host array. After masa_pass_logprobs on the same batch, once per forward
 *  (gradients take the activations' place). The model must be trainable. */
void masa_pass_backward(masa_pass *pass, const float *dlogprob);

#endif
