#include "block.h"

#include <math.h>
#include <masa/rows.h>

masa_attention_shape model_attention_shape(const masa_model *m)
{
    const masa_model_config *c = &m->config;
    return (masa_attention_shape){.q_heads = c->n_heads,
                                  .kv_heads = c->n_kv_heads,
                                  .head_dim = c->head_dim,
                                  .stride = model_dims_of(c).qkv,
                                  .scale = 1.0f / sqrtf((float)c->head_dim),
                                  .dtype = m->compute};
}

void model_embed(const masa_model *m, float DEVICE *x, void DEVICE *scratch,
                 const int32_t DEVICE *tokens, size_t rows)
{
    size_t hidden = m->config.hidden_size;
    if (!m->frozen) {
        masa_gather_rows(x, model_values(m, &m->offsets, MASA_SLOT_EMBEDDING), MASA_F32, tokens,
                         rows, hidden);
        return;
    }
    masa_gather_rows(scratch, m->embedding, m->compute, tokens, rows, hidden);
    masa_convert(x, MASA_F32, scratch, m->compute, rows * hidden);
}

void model_project_qkv(const masa_model *m, const model_layer *layer, void DEVICE *qkv,
                       void DEVICE *norm, const float DEVICE *x, size_t rows)
{
    const model_offsets *o = &layer->offsets;
    masa_rmsnorm_forward(norm, m->compute, NULL, x, model_values(m, o, MASA_SLOT_INPUT_NORM),
                         rows, m->config.hidden_size, m->config.rms_norm_eps);
    masa_linear_forward(layer->qkv, qkv, m->compute, norm, model_values(m, o, MASA_SLOT_Q_BIAS),
                        rows, false);
}

block_heads model_heads(const masa_model *m, void DEVICE *qkv, void DEVICE *rotated)
{
    model_dims d = model_dims_of(&m->config);
    void DEVICE *qk = model_has_qk_norm(&m->config) ? rotated : qkv;
    return (block_heads){.q = qk,
                         .k = model_at(qk, d.q, m->compute),
                         .v = model_at(qkv, d.q + d.kv, m->compute)};
}

block_heads model_rotate_heads(const masa_model *m, const model_layer *layer, void DEVICE *qkv,
                               void DEVICE *rotated, float DEVICE *rstd,
                               const int32_t DEVICE *positions, const masa_kv_layer *cache,
                               const int32_t DEVICE *slots, size_t rows)
{
    masa_attention_shape shape = model_attention_shape(m);
    block_heads heads = model_heads(m, qkv, rotated);
    masa_heads all = {.qkv = qkv,
                      .rotated = heads.q,
                      .positions = positions,
                      .cos_table = m->rope_cos,
                      .sin_table = m->rope_sin,
                      .rstd = rstd,
                      .eps = m->config.rms_norm_eps};
    if (model_has_qk_norm(&m->config)) {
        all.q_gain = model_values(m, &layer->offsets, MASA_SLOT_Q_NORM);
        all.k_gain = model_values(m, &layer->offsets, MASA_SLOT_K_NORM);
    }
    masa_heads_rotate(&all, &shape, cache, slots, rows);
    return heads;
}

void model_project_gate_up(const masa_model *m, const model_layer *layer, void DEVICE *gate_up,
                           void DEVICE *norm, const float DEVICE *x, size_t rows)
{
    masa_rmsnorm_forward(norm, m->compute, NULL, x,
                         model_values(m, &layer->offsets, MASA_SLOT_MLP_NORM), rows,
                         m->config.hidden_size, m->config.rms_norm_eps);
    masa_linear_forward(layer->gate_up, gate_up, m->compute, norm, NULL, rows, false);
}
