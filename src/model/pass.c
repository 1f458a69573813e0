/* The training pass, forward: embedding, layers, log-probabilities of targets. */
#include <assert.h>
#include <stdlib.h>
#include <masa/memory.h>
#include <masa/rows.h>
#include "activations_internal.h"
#include "pass_internal.h"

static pass_keep keep_of(bool trainable, bool recompute)
{
    return !trainable ? KEEP_NOTHING : recompute ? KEEP_INPUTS : KEEP_ALL;
}

static size_t bytes_of(const masa_model_config *config, masa_dtype compute, size_t max_tokens,
                       size_t max_targets, pass_keep keep)
{
    pass_buffers unused;
    size_t buffers =
        pass_plan(&unused, NULL, NULL, config, compute, max_tokens, max_targets, keep);
    size_t plan = masa_attention_plan_bytes(max_tokens);
    return buffers > SIZE_MAX - plan ? SIZE_MAX : buffers + plan;
}

size_t masa_pass_bytes(const masa_model_config *config, masa_dtype compute, size_t max_tokens,
                       size_t max_targets, bool recompute)
{
    return bytes_of(config, compute, max_tokens, max_targets, keep_of(true, recompute));
}

size_t masa_pass_bytes_untrainable(const masa_model_config *config, masa_dtype compute,
                                   size_t max_tokens, size_t max_targets)
{
    return bytes_of(config, compute, max_tokens, max_targets, KEEP_NOTHING);
}

masa_status masa_pass_create(masa_pass **out, masa_model *model, size_t max_tokens,
                             size_t max_targets, bool recompute, masa_error *err)
{
    const masa_model_config *c = &model->config;
    masa_pass *pass = masa_alloc(1, sizeof *pass);
    pass->model = model;
    pass->max_tokens = max_tokens;
    pass->max_targets = max_targets;
    pass->keep = keep_of(model->trainable, recompute);
    pass->layers = masa_alloc(c->n_layers + 1, sizeof *pass->layers);
    size_t bytes = pass_plan(&pass->buffers, NULL, NULL, c, model->compute, max_tokens,
                             max_targets, pass->keep);
    masa_status st =
        masa_device_alloc(&pass->memory, bytes, 1, "the training pass's activations", err);
    if (!st) st = masa_attention_plan_create(&pass->plan, max_tokens, err);
    if (!st) {
        pass_plan(&pass->buffers, pass->layers, pass->memory, c, model->compute, max_tokens,
                  max_targets, pass->keep);
        st = masa_head_create(&pass->head, c->vocab_size, c->hidden_size, model->compute,
                              pass->keep == KEEP_ALL ? max_targets : 0, err);
    }
    if (st) masa_pass_destroy(pass);
    else *out = pass;
    return st;
}

void masa_pass_destroy(masa_pass *pass)
{
    if (!pass) return;
    masa_head_destroy(pass->head);
    masa_attention_plan_destroy(pass->plan);
    masa_device_free(pass->memory);
    free(pass->layers);
    free(pass);
}

/* to = from [n floats], unless they are the same buffer. */
static void copy(float DEVICE *to, const float DEVICE *from, size_t n)
{
    if (to != from) masa_convert(to, MASA_F32, from, MASA_F32, n);
}

void pass_layer_activations(masa_pass *pass, size_t l)
{
    const masa_model *m = pass->model;
    const pass_buffers *b = &pass->buffers;
    const model_layer *layer = &m->layers[l];
    const pass_layer *a = &pass->layers[l];
    size_t rows = pass->n_tokens;
    masa_attention_shape shape = model_attention_shape(m);

    model_project_qkv(m, layer, a->qkv, b->norm, a->input, rows);
    block_heads heads = model_rotate_heads(m, layer, a->qkv, b->rotated, b->head_rstd,
                                           b->positions, NULL, NULL, rows);
    masa_attention_forward(a->attn, a->lse, heads.q, heads.k, heads.v, pass->plan, &shape);
    copy(a->middle, a->input, rows * m->config.hidden_size);
    masa_linear_forward(layer->out, a->middle, MASA_F32, a->attn, NULL, rows, true);
    model_project_gate_up(m, layer, a->gate_up, b->norm, a->middle, rows);
}

static void put(int32_t DEVICE *to, const int32_t *from, size_t n)
{
    masa_device_put(to, from, n * sizeof *from);
}

static void put_batch(masa_pass *pass, const masa_batch *batch)
{
    const pass_buffers *b = &pass->buffers;
    size_t rows = batch->n_tokens, targets = batch->n_targets;
    assert(rows <= pass->max_tokens && targets <= pass->max_targets);
    for (size_t i = 0; i < targets; i++)
        assert(batch->target_rows[i] >= 0 && (size_t)batch->target_rows[i] < rows &&
               batch->target_tokens[i] >= 0 &&
               (size_t)batch->target_tokens[i] < pass->model->config.vocab_size);
    pass->n_tokens = rows;
    pass->n_targets = targets;
    pass->inv_temperature = 1.0f / batch->temperature;
    pass->kept = batch->kept;
    put(b->tokens, batch->tokens, rows);
    put(b->positions, batch->positions, rows);
    if (batch->kept) put(b->kept_rows, batch->kept_rows, rows);
    put(b->target_rows, batch->target_rows, targets);
    put(b->target_tokens, batch->target_tokens, targets);
    masa_attention_plan_set(pass->plan, batch->segments, batch->n_segments);
}

/* The embedding and the first n layers, of the batch that was put. */
static void run_layers(masa_pass *pass, size_t n)
{
    const masa_model *m = pass->model;
    const masa_model_config *c = &m->config;
    const pass_buffers *b = &pass->buffers;
    size_t rows = pass->n_tokens;
    model_embed(m, pass->layers[0].input, b->norm, b->tokens, rows);
    for (size_t l = 0; l < n; l++) {
        const pass_layer *a = &pass->layers[l];
        float DEVICE *next = pass->layers[l + 1].input;
        pass_layer_activations(pass, l);
        masa_swiglu_forward(b->act, a->gate_up, m->compute, rows, c->intermediate_size);
        copy(next, a->middle, rows * c->hidden_size);
        masa_linear_forward(m->layers[l].down, next, MASA_F32, b->act, NULL, rows, true);
    }
}

void masa_pass_forward(masa_pass *pass, const masa_batch *batch)
{
    const masa_model_config *c = &pass->model->config;
    put_batch(pass, batch);
    pass->stage = PASS_FORWARD;
    if (batch->kept) {
        activations_recall(batch->kept, pass->buffers.kept_rows, batch->n_tokens, c->n_layers,
                           &pass->layers[c->n_layers]);
        return;
    }
    run_layers(pass, c->n_layers);
}

void masa_pass_residual(masa_pass *pass, const masa_batch *batch, size_t n_layers, float *out)
{
    const masa_model_config *c = &pass->model->config;
    assert(n_layers <= c->n_layers);
    put_batch(pass, batch);
    pass->stage = PASS_EMPTY;
    run_layers(pass, n_layers);
    masa_device_get(out, pass->layers[n_layers].input,
                    batch->n_tokens * c->hidden_size * sizeof *out);
}

void masa_pass_logprobs(masa_pass *pass, float *logprob, float *entropy)
{
    const masa_model *m = pass->model;
    const masa_model_config *c = &m->config;
    const pass_buffers *b = &pass->buffers;
    size_t n = pass->n_targets;
    assert(pass->stage != PASS_EMPTY);
    masa_gather_rows(b->last, pass->layers[c->n_layers].input, MASA_F32, b->target_rows, n,
                     c->hidden_size);
    masa_rmsnorm_forward(b->last_norm, m->compute, b->last_rstd, b->last,
                         model_values(m, &m->offsets, MASA_SLOT_FINAL_NORM), n, c->hidden_size,
                         c->rms_norm_eps);
    masa_head_forward(pass->head, m->head, b->logprob, b->lse, entropy ? b->entropy : NULL,
                      b->last_norm, b->target_tokens, n, pass->inv_temperature);
    masa_device_get(logprob, b->logprob, n * sizeof *logprob);
    if (entropy) masa_device_get(entropy, b->entropy, n * sizeof *entropy);
    pass->stage = PASS_LOGPROBS;
}
