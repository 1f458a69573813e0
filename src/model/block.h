/* What the training and the decoding pass do alike inside one layer. */
#ifndef MODEL_BLOCK_H
#define MODEL_BLOCK_H

#include <masa/attention.h>
#include "model_internal.h"

/* q, k and v ready for attention: row 0 of each, rows of `qkv` elements apart. */
typedef struct block_heads {
    void DEVICE *q, *k, *v;
} block_heads;

/* x [rows, hidden] float32 = the tokens' embeddings; scratch [rows, hidden], compute dtype. */
void model_embed(const masa_model *model, float DEVICE *x, void DEVICE *scratch,
                 const int32_t DEVICE *tokens, size_t rows);

/* Shape that both attention kernels want for this model. */
masa_attention_shape model_attention_shape(const masa_model *model);

/*
 * qkv [rows, qkv] = RMSNorm(x) W_qkv^T + bias, x [rows, hidden] float32;
 * norm [rows, hidden] is scratch in the compute dtype.
 */
void model_project_qkv(const masa_model *model, const model_layer *layer, void DEVICE *qkv,
                       void DEVICE *norm, const float DEVICE *x, size_t rows);

/*
 * Normalises (Qwen3) and rotates the heads of q and k. Without q/k norm this
 * happens in qkv itself. With it the result goes to rotated [rows, qkv] (its v
 * part stays unused: v is taken from qkv), qkv keeps what the backward pass
 * needs, and rstd [rows, heads + kv_heads] is written. Into the cache, where there
 * is one, go k and v of each row at its slot, and no rstd is wanted.
 */
block_heads model_rotate_heads(const masa_model *model, const model_layer *layer,
                               void DEVICE *qkv, void DEVICE *rotated, float DEVICE *rstd,
                               const int32_t DEVICE *positions, const masa_kv_layer *cache,
                               const int32_t DEVICE *slots, size_t rows);

/* Views of an already rotated buffer, without computing. */
block_heads model_heads(const masa_model *model, void DEVICE *qkv, void DEVICE *rotated);

/* gate_up [rows, 2 intermediate] = RMSNorm(x) W^T; norm is scratch as above. */
void model_project_gate_up(const masa_model *model, const model_layer *layer,
                           void DEVICE *gate_up, void DEVICE *norm, const float DEVICE *x,
                           size_t rows);

#endif
