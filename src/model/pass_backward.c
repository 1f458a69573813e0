/* The training pass, backward. The gradient of the residual stream stays in
 * float32 and is added to on its way down; operands of products are converted
 * to the compute dtype. */
#include <assert.h>
#include <masa/rows.h>
#include "activations_internal.h"
#include "pass_internal.h"

/* residual [tokens, hidden] = gradient of the last layer's output. */
static void backward_head(masa_pass *pass, const float *dlogprob)
{
    const masa_model *m = pass->model;
    pass_buffers *b = &pass->buffers;
    size_t n = pass->n_targets, hidden = m->config.hidden_size;
    masa_slot head = m->config.tied_embeddings ? MASA_SLOT_EMBEDDING : MASA_SLOT_HEAD;
    masa_head_backward(pass->head, m->head, b->d_last_norm, model_grads(m, &m->offsets, head),
                       dlogprob, b->lse, b->last_norm, b->target_tokens, n,
                       pass->inv_temperature);
    masa_device_zero(b->d_last, n * hidden * sizeof(float));
    masa_rmsnorm_backward(
        b->d_last, model_grads(m, &m->offsets, MASA_SLOT_FINAL_NORM), b->d_last_norm, b->last,
        model_values(m, &m->offsets, MASA_SLOT_FINAL_NORM), b->last_rstd, n, hidden);
    masa_device_zero(b->residual, pass->n_tokens * hidden * sizeof(float));
    /* Rows that several targets share sum up, in a fixed order. */
    masa_add_rows(b->residual, b->d_last, b->target_rows, n, hidden);
}

/* The residual's gradient as an operand of products. */
static const void DEVICE *operand(masa_pass *pass)
{
    pass_buffers *b = &pass->buffers;
    if (b->d_out != (void DEVICE *)b->residual)
        masa_convert(b->d_out, pass->model->compute, b->residual, MASA_F32,
                     pass->n_tokens * pass->model->config.hidden_size);
    return b->d_out;
}

static void backward_mlp(masa_pass *pass, size_t l)
{
    const masa_model *m = pass->model;
    const masa_model_config *c = &m->config;
    const model_layer *layer = &m->layers[l];
    const model_offsets *o = &layer->offsets;
    pass_layer *a = &pass->layers[l];
    pass_buffers *b = &pass->buffers;
    size_t rows = pass->n_tokens, hidden = c->hidden_size;
    const float DEVICE *gain = model_values(m, o, MASA_SLOT_MLP_NORM);

    masa_swiglu_forward(b->act, a->gate_up, m->compute, rows, c->intermediate_size);
    const void DEVICE *dy = operand(pass);
    masa_linear_backward_weight(layer->down, model_grads(m, o, MASA_SLOT_DOWN), NULL, dy,
                                b->act, rows);
    masa_linear_backward_input(layer->down, b->d_act, m->compute, dy, rows, false);
    masa_swiglu_backward(a->gate_up, b->d_act, a->gate_up, m->compute, rows,
                         c->intermediate_size);
    masa_rmsnorm_forward(b->norm, m->compute, b->rstd, a->middle, gain, rows, hidden,
                         c->rms_norm_eps);
    masa_linear_backward_weight(layer->gate_up, model_grads(m, o, MASA_SLOT_GATE), NULL,
                                a->gate_up, b->norm, rows);
    masa_linear_backward_input(layer->gate_up, b->d_norm, MASA_F32, a->gate_up, rows, false);
    masa_rmsnorm_backward(b->residual, model_grads(m, o, MASA_SLOT_MLP_NORM), b->d_norm,
                          a->middle, gain, b->rstd, rows, hidden);
}

/* From the gradients of rotated q and k to those of the product's output, in place. */
static void backward_heads(masa_pass *pass, size_t l)
{
    const masa_model *m = pass->model;
    const masa_model_config *c = &m->config;
    const model_offsets *o = &m->layers[l].offsets;
    const pass_layer *a = &pass->layers[l];
    pass_buffers *b = &pass->buffers;
    model_dims d = model_dims_of(c);
    size_t rows = pass->n_tokens;
    masa_rope_apply(b->d_qkv, m->compute, d.qkv, b->positions, m->rope_cos, m->rope_sin, rows,
                    c->n_heads + c->n_kv_heads, d.head, true);
    if (!model_has_qk_norm(c)) return;
    void DEVICE *dk = model_at(b->d_qkv, d.q, m->compute);
    masa_headnorm_backward(b->d_qkv, d.qkv, model_grads(m, o, MASA_SLOT_Q_NORM), b->d_qkv,
                           d.qkv, a->qkv, d.qkv, m->compute,
                           model_values(m, o, MASA_SLOT_Q_NORM), b->head_rstd, rows, c->n_heads,
                           d.head);
    masa_headnorm_backward(dk, d.qkv, model_grads(m, o, MASA_SLOT_K_NORM), dk, d.qkv,
                           model_at(a->qkv, d.q, m->compute), d.qkv, m->compute,
                           model_values(m, o, MASA_SLOT_K_NORM),
                           b->head_rstd + rows * c->n_heads, rows, c->n_kv_heads, d.head);
}

static void backward_attention(masa_pass *pass, size_t l)
{
    const masa_model *m = pass->model;
    const masa_model_config *c = &m->config;
    const model_layer *layer = &m->layers[l];
    const model_offsets *o = &layer->offsets;
    pass_layer *a = &pass->layers[l];
    pass_buffers *b = &pass->buffers;
    model_dims d = model_dims_of(c);
    masa_attention_shape shape = model_attention_shape(m);
    size_t rows = pass->n_tokens;
    const float DEVICE *gain = model_values(m, o, MASA_SLOT_INPUT_NORM);

    const void DEVICE *dy = operand(pass);
    masa_linear_backward_weight(layer->out, model_grads(m, o, MASA_SLOT_OUT), NULL, dy, a->attn,
                                rows);
    masa_linear_backward_input(layer->out, b->d_attn, m->compute, dy, rows, false);
    block_heads heads = model_heads(m, a->qkv, b->rotated);
    if (model_has_qk_norm(c))
        heads = model_rotate_heads(m, layer, a->qkv, b->rotated, b->head_rstd, b->positions,
                                   NULL, NULL, rows);
    masa_attention_backward(b->d_qkv, model_at(b->d_qkv, d.q, m->compute),
                            model_at(b->d_qkv, d.q + d.kv, m->compute), b->d_kv_parts,
                            b->d_attn, a->attn, a->lse, heads.q, heads.k, heads.v, pass->plan,
                            &shape);
    backward_heads(pass, l);
    masa_rmsnorm_forward(b->norm, m->compute, b->rstd, a->input, gain, rows, d.hidden,
                         c->rms_norm_eps);
    masa_linear_backward_weight(layer->qkv, model_grads(m, o, MASA_SLOT_Q),
                                model_grads(m, o, MASA_SLOT_Q_BIAS), b->d_qkv, b->norm, rows);
    masa_linear_backward_input(layer->qkv, b->d_norm, MASA_F32, b->d_qkv, rows, false);
    masa_rmsnorm_backward(b->residual, model_grads(m, o, MASA_SLOT_INPUT_NORM), b->d_norm,
                          a->input, gain, b->rstd, rows, d.hidden);
}

void masa_pass_backward(masa_pass *pass, const float *dlogprob)
{
    const masa_model *m = pass->model;
    const pass_buffers *b = &pass->buffers;
    size_t n_layers = m->config.n_layers;
    assert(pass->keep != KEEP_NOTHING && pass->stage == PASS_LOGPROBS);
    backward_head(pass, dlogprob);
    for (size_t l = n_layers; l-- > 0;) {
        /* The shared buffers still hold the last layer's activations. */
        if (pass->kept)
            activations_recall(pass->kept, b->kept_rows, pass->n_tokens, l, &pass->layers[l]);
        else if (pass->keep == KEEP_INPUTS && l + 1 < n_layers) pass_layer_activations(pass, l);
        backward_mlp(pass, l);
        backward_attention(pass, l);
    }
    if (!m->frozen)
        masa_add_rows(model_grads(m, &m->offsets, MASA_SLOT_EMBEDDING), b->residual, b->tokens,
                      pass->n_tokens, m->config.hidden_size);
    pass->stage = PASS_EMPTY; /* gradients took the activations' place */
}
