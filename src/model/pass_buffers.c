/* Where the training pass's buffers lie. */
#include "pass_internal.h"
#include "placer.h"

static void place_layer(placer *p, pass_layer *layer, const masa_model_config *config,
                        size_t element, size_t tokens, bool in_place)
{
    model_dims d = model_dims_of(config);
    layer->qkv = placer_take(p, tokens * d.qkv, element);
    layer->attn = placer_take(p, tokens * d.q, element);
    layer->lse = placer_take(p, tokens * config->n_heads, sizeof(float));
    layer->middle = in_place ? layer->input : placer_take(p, tokens * d.hidden, sizeof(float));
    layer->gate_up = placer_take(p, tokens * 2 * d.intermediate, element);
}

static void place_layers(placer *p, pass_layer *layers, const masa_model_config *config,
                         size_t element, size_t tokens, pass_keep keep)
{
    size_t n = config->n_layers, hidden = config->hidden_size;
    pass_layer shared = {0}, unused;
    if (keep == KEEP_NOTHING) shared.input = placer_take(p, tokens * hidden, sizeof(float));
    if (keep != KEEP_ALL)
        place_layer(p, &shared, config, element, tokens, keep == KEEP_NOTHING);
    for (size_t l = 0; l <= n; l++) {
        pass_layer *layer = layers ? &layers[l] : &unused;
        *layer = shared;
        if (keep == KEEP_NOTHING) continue;
        layer->input = placer_take(p, tokens * hidden, sizeof(float));
        if (keep == KEEP_ALL && l < n) place_layer(p, layer, config, element, tokens, false);
    }
}

static void place_scratch(placer *p, pass_buffers *b, const masa_model_config *config,
                          masa_dtype compute, size_t tokens, bool backward)
{
    model_dims d = model_dims_of(config);
    size_t element = masa_dtype_size(compute);
    b->norm = placer_take(p, tokens * d.hidden, element);
    if (model_has_qk_norm(config))
        b->head_rstd =
            placer_take(p, tokens * (config->n_heads + config->n_kv_heads), sizeof(float));
    placer mlp = *p, attention = *p;
    b->act = placer_take(&mlp, tokens * d.intermediate, element);
    if (backward) b->d_act = placer_take(&mlp, tokens * d.intermediate, element);
    if (model_has_qk_norm(config))
        b->rotated = placer_take(&attention, tokens * d.qkv, element);
    if (backward) b->d_attn = placer_take(&attention, tokens * d.q, element);
    if (backward) b->d_qkv = placer_take(&attention, tokens * d.qkv, element);
    if (backward)
        b->d_kv_parts = placer_take(
            &attention, masa_attention_backward_floats(tokens, config->n_heads, d.head),
            sizeof(float));
    p->used = mlp.used > attention.used ? mlp.used : attention.used;
    if (!backward) return;
    b->rstd = placer_take(p, tokens, sizeof(float));
    b->residual = placer_take(p, tokens * d.hidden, sizeof(float));
    b->d_out = compute == MASA_F32 ? b->residual : placer_take(p, tokens * d.hidden, element);
    b->d_norm = placer_take(p, tokens * d.hidden, sizeof(float));
}

static void place_head(placer *p, pass_buffers *b, const masa_model_config *config,
                       size_t element, size_t targets, bool backward)
{
    size_t hidden = config->hidden_size;
    b->last = placer_take(p, targets * hidden, sizeof(float));
    b->last_norm = placer_take(p, targets * hidden, element);
    b->lse = placer_take(p, targets, sizeof(float));
    b->last_rstd = placer_take(p, targets, sizeof(float));
    b->logprob = placer_take(p, targets, sizeof(float));
    b->entropy = placer_take(p, targets, sizeof(float));
    if (!backward) return;
    b->d_last = placer_take(p, targets * hidden, sizeof(float));
    b->d_last_norm = placer_take(p, targets * hidden, sizeof(float));
}

static void place_batch(placer *p, pass_buffers *b, size_t tokens, size_t targets)
{
    b->tokens = placer_take(p, tokens, sizeof(int32_t));
    b->positions = placer_take(p, tokens, sizeof(int32_t));
    b->kept_rows = placer_take(p, tokens, sizeof(int32_t));
    b->target_rows = placer_take(p, targets, sizeof(int32_t));
    b->target_tokens = placer_take(p, targets, sizeof(int32_t));
}

size_t pass_plan(pass_buffers *buffers, pass_layer *layers, void DEVICE *memory,
                 const masa_model_config *config, masa_dtype compute, size_t max_tokens,
                 size_t max_targets, pass_keep keep)
{
    /* Above this a row count times a layer's width could wrap. */
    if (max_tokens > UINT32_MAX || max_targets > UINT32_MAX) return SIZE_MAX;
    placer p = {.base = memory};
    size_t element = masa_dtype_size(compute);
    *buffers = (pass_buffers){0};
    place_layers(&p, layers, config, element, max_tokens, keep);
    place_scratch(&p, buffers, config, compute, max_tokens, keep != KEEP_NOTHING);
    place_head(&p, buffers, config, element, max_targets, keep != KEEP_NOTHING);
    place_batch(&p, buffers, max_tokens, max_targets);
    return p.used;
}
