/* The training pass, forward: embedding, layers, log-probabilities of targets. */
#include <assert.h>
#include <stdlib.h>
#include <masa/memory.h>
#include <masa/rows.h>
#include "activations.h"
#include "pass_internal.h"

static pass_keep keep_of(bool trainable, bool checkpoint)
{
    return !trainable ? KEEP_NOTHING : checkpoint ? KEEP_INPUTS : KEEP_ALL;
}

size_t masa_pass_bytes(const masa_model_config *config, masa_dtype compute,
                       size_t max_tokens, size_t max_targets, bool checkpoint)
{
    pass_buffers unused;
    return pass__plan(&unused, NULL, NULL, config, compute, max_tokens, max_targets,
                      keep_of(true, checkpoint));
}

size_t masa_pass_bytes_untrainable(const masa_model_config *config, masa_dtype compute,
                                   size_t max_tokens, size_t max_targets)
{
    pass_buffers unused;
    return pass__plan(&unused, NULL, NULL, config, compute, max_tokens, max_targets,
                      KEEP_NOTHING);
}

masa_status masa_pass_create(masa_pass **out, masa_model *model, size_t max_tokens,
                             size_t max_targets, bool checkpoint, masa_error *err)
{
    const masa_model_config *c = &model->config;
    masa_pass *pass = masa_alloc(1, sizeof *pass);
    pass->model = model;
    pass->max_tokens = max_tokens;
    pass->max_targets = max_targets;
    pass->keep = keep_of(model->grads != NULL, checkpoint);
    pass->layers = masa_alloc(c->n_layers + 1, sizeof *pass->layers);
    pass->bytes = pass__plan(&pass->buffers, NULL, NULL, c, model->compute, max_tokens,
                             max_targets, pass->keep);
    masa_status st = masa_alloc_large(&pass->memory, pass->bytes, 1,
                                      "the training pass's activations", err);
    if (!st) {
        pass__plan(&pass->buffers, pass->layers, pass->memory, c, model->compute,
                   max_tokens, max_targets, pass->keep);
        st = masa_head_create(&pass->head, c->vocab_size, c->hidden_size, model->compute,
                              pass->keep == KEEP_ALL ? max_targets : 0, err);
    }
    if (st)
        masa_pass_destroy(pass);
    else
        *out = pass;
    return st;
}

void masa_pass_destroy(masa_pass *pass)
{
    if (!pass) return;
    masa_head_destroy(pass->head);
    free(pass->layers);
    free(pass->memory);
    free(pass);
}

/* to = from [n floats], unless they are the same buffer. */
static void copy(float *to, const float *from, size_t n)
{
    if (to != from) masa_convert(to, MASA_F32, from, MASA_F32, n);
}

void pass__layer_activations(masa_pass *pass, size_t l)
{
    const masa_model *m = pass->model;
    const masa_batch *batch = &pass->batch;
    const pass_buffers *b = &pass->buffers;
    const model_layer *layer = &m->layers[l];
    const pass_layer *a = &pass->layers[l];
    size_t rows = batch->n_tokens;
    masa_attention_shape shape = model__attention_shape(m);

    model__project_qkv(m, layer, a->qkv, b->norm, a->input, rows);
    block_heads heads = model__rotate_heads(m, layer, a->qkv, b->rotated, b->head_rstd,
                                            batch->positions, rows);
    masa_attention_forward(a->attn, a->lse, heads.q, heads.k, heads.v, batch->segments,
                           batch->n_segments, &shape);
    copy(a->middle, a->input, rows * m->config.hidden_size);
    masa_linear_forward(layer->out, a->middle, MASA_F32, a->attn, NULL, rows, true);
    model__project_gate_up(m, layer, a->gate_up, b->norm, a->middle, rows);
}

void masa_pass_forward(masa_pass *pass, const masa_batch *batch)
{
    const masa_model *m = pass->model;
    const masa_model_config *c = &m->config;
    size_t rows = batch->n_tokens;
    assert(rows <= pass->max_tokens && batch->n_targets <= pass->max_targets);
    pass->batch = *batch;
    pass->stage = PASS_FORWARD;
    if (batch->kept) {
        activations__recall(batch->kept, batch->kept_rows, rows, c->n_layers,
                            &pass->layers[c->n_layers]);
        return;
    }
    masa_embedding_forward(pass->layers[0].input,
                           model__values(m, &m->offsets, SLOT_EMBEDDING), batch->tokens,
                           rows, c->hidden_size);
    for (size_t l = 0; l < c->n_layers; l++) {
        const pass_layer *a = &pass->layers[l];
        float *next = pass->layers[l + 1].input;
        pass__layer_activations(pass, l);
        masa_swiglu_forward(pass->buffers.act, a->gate_up, m->compute, rows,
                            c->intermediate_size);
        copy(next, a->middle, rows * c->hidden_size);
        masa_linear_forward(m->layers[l].down, next, MASA_F32, pass->buffers.act, NULL,
                            rows, true);
    }
}

void masa_pass_logprobs(masa_pass *pass, float *logprob, float *entropy)
{
    const masa_model *m = pass->model;
    const masa_model_config *c = &m->config;
    const masa_batch *batch = &pass->batch;
    pass_buffers *b = &pass->buffers;
    size_t n = batch->n_targets;
    assert(pass->stage != PASS_EMPTY);
    /* A gather of rows is what an embedding does. */
    masa_embedding_forward(b->last, pass->layers[c->n_layers].input, batch->target_rows,
                           n, c->hidden_size);
    masa_rmsnorm_forward(b->last_norm, m->compute, b->last_rstd, b->last,
                         model__values(m, &m->offsets, SLOT_FINAL_NORM), n,
                         c->hidden_size, c->rms_norm_eps);
    masa_head_forward(pass->head, m->head, logprob, b->lse, entropy, b->last_norm,
                      batch->target_tokens, n, 1.0f / batch->temperature);
    pass->stage = PASS_LOGPROBS;
}
