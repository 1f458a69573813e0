/**
 * The output head fused with log-probabilities: logits exist only chunk by
 * chunk of rows, never for a whole batch. Products in the linear map's compute
 * dtype with float32 accumulation; logits, softmax and loss in float32.
 */
#ifndef MASA_HEAD_H
#define MASA_HEAD_H

#include <stddef.h>
#include <stdint.h>
#include <masa/error.h>
#include <masa/linear.h>

/* Scratch for chunks of logits; one per thread of control. */
typedef struct masa_head masa_head;
/** For weights that compute in `compute`. With kept_rows > 0 it keeps the probabilities
 *  of the last forward call, of at most so many rows, which spares the backward pass
 *  making the logits again: a fifth of its work for vocab elements a row. */
masa_status masa_head_create(masa_head **out, size_t vocab, size_t hidden, masa_dtype compute,
                             size_t kept_rows, masa_error *err);
void masa_head_destroy(masa_head *head);
/** Bytes that masa_head_create takes, for the memory plan; SIZE_MAX on overflow. */
size_t masa_head_bytes(size_t vocab, size_t hidden, masa_dtype compute, size_t kept_rows);

/**
 *   z = x W^T * inv_temperature;  lse = log sum_v exp z_v
 *   logprob[i] = z[targets[i]] - lse;  entropy[i] = lse - sum_v p_v z_v
 * x [rows, hidden] in W's compute dtype; W [vocab, hidden].
 * logprob, lse [rows]; entropy [rows] or NULL. float32.
 */
void masa_head_forward(masa_head *head, masa_linear *weight, float DEVICE *logprob,
                       float DEVICE *lse, float DEVICE *entropy, const void DEVICE *x,
                       const int32_t DEVICE *targets, size_t rows, float inv_temperature);

/**
 * Gradient of sum_i dlogprob[i] * logprob[i]:
 *   dz[i,v] = dlogprob[i] (1{v = targets[i]} - p[i,v]) inv_temperature
 * dx [rows, hidden] float32 OVERWRITTEN; dw [vocab, hidden] float32 ACCUMULATED, or
 * NULL.
 * dlogprob [rows] is a host array; rows where it is 0 cost nothing. Everything else as in the
 * last forward call, which lse is from.
 */
void masa_head_backward(masa_head *head, masa_linear *weight, float DEVICE *dx,
                        float DEVICE *dw, const float *dlogprob, const float DEVICE *lse,
                        const void DEVICE *x, const int32_t DEVICE *targets, size_t rows,
                        float inv_temperature);

#endif
