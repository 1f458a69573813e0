/* The decoding pass: rows of many sequences over a block KV cache. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <masa/memory.h>
#include <masa/rows.h>
#include "activations_internal.h"
#include "block.h"
#include "decode_internal.h"
#include "placer.h"

/* Elements of one layer's keys (or values). */
static size_t plane(const masa_model_config *c, size_t n_blocks, size_t block_tokens)
{
    return n_blocks * block_tokens * c->n_kv_heads * c->head_dim;
}

size_t masa_kv_store_bytes(const masa_model_config *config, masa_dtype dtype, size_t n_blocks,
                           size_t block_tokens)
{
    size_t tokens, bytes;
    size_t token = plane(config, 1, 1) * 2 * config->n_layers * masa_dtype_size(dtype);
    bool fits =
        masa_size_mul(n_blocks, block_tokens, &tokens) && masa_size_mul(tokens, token, &bytes);
    return fits ? bytes : SIZE_MAX; /* what no allocation can give */
}

masa_status masa_kv_store_init(masa_kv_store *store, const masa_model *model, size_t n_blocks,
                               size_t block_tokens, masa_error *err)
{
    const masa_model_config *c = &model->config;
    void DEVICE *memory = NULL;
    masa_status st = masa_device_alloc(
        &memory, masa_kv_store_bytes(c, model->compute, n_blocks, block_tokens), 1,
        "the key/value cache", err);
    if (st) return st;
    *store = (masa_kv_store){.memory = memory,
                             .n_blocks = n_blocks,
                             .block_tokens = block_tokens,
                             .planes = 2 * c->n_layers,
                             .block_bytes =
                                 plane(c, 1, block_tokens) * masa_dtype_size(model->compute)};
    return MASA_OK;
}

void masa_kv_store_deinit(masa_kv_store *store)
{
    masa_device_free(store->memory);
    *store = (masa_kv_store){0};
}

void masa_kv_store_copy(masa_kv_store *store, int32_t to, int32_t from)
{
    char DEVICE *blocks = store->memory;
    masa_device_copy_planes(
        blocks + (size_t)to * store->block_bytes, blocks + (size_t)from * store->block_bytes,
        store->n_blocks * store->block_bytes, store->block_bytes, store->planes);
}

/* tokens, positions, kept_rows, slots, sequences, lengths and logit_rows; runs; tables. */
static size_t input_count(const masa_decoder_sizes *s)
{
    size_t tables;
    if (!masa_size_mul(s->sequences, s->blocks, &tables) || tables > UINT32_MAX)
        return SIZE_MAX;
    return 7 * s->rows + s->sequences + 1 + tables;
}

static size_t plan(masa_decoder *to, void DEVICE *memory, const masa_model_config *c,
                   masa_dtype compute, const masa_decoder_sizes *sizes)
{
    model_dims d = model_dims_of(c);
    size_t element = masa_dtype_size(compute), rows = sizes->rows;
    placer p = {.base = memory};
    to->x = placer_take(&p, rows * d.hidden, sizeof(float));
    to->last = placer_take(&p, rows * d.hidden, sizeof(float));
    to->norm = placer_take(&p, rows * d.hidden, element);
    to->qkv = placer_take(&p, rows * d.qkv, element);
    to->attn = placer_take(&p, rows * d.q, element);
    to->lse = placer_take(&p, rows * c->n_heads, sizeof(float));
    to->gate_up = placer_take(&p, rows * 2 * d.intermediate, element);
    to->act = placer_take(&p, rows * d.intermediate, element);
    to->inputs = placer_take(&p, input_count(sizes), sizeof(int32_t));
    if (model_has_qk_norm(c)) to->rotated = placer_take(&p, rows * d.qkv, element);
    return p.used;
}

size_t masa_decoder_bytes(const masa_model_config *config, masa_dtype compute,
                          const masa_decoder_sizes *sizes)
{
    masa_decoder unused;
    /* Above this a row count times a row's width could wrap. */
    return sizes->rows > UINT32_MAX ? SIZE_MAX : plan(&unused, NULL, config, compute, sizes);
}

masa_status masa_decoder_create(masa_decoder **out, masa_model *model,
                                const masa_decoder_sizes *sizes, masa_error *err)
{
    const masa_model_config *c = &model->config;
    void DEVICE *memory = NULL;
    void *host = NULL;
    size_t bytes = masa_decoder_bytes(c, model->compute, sizes);
    masa_status st = masa_device_alloc(&memory, bytes, 1, "the decoder", err);
    if (!st)
        st = masa_alloc_large(&host, input_count(sizes), sizeof(int32_t), "the decoder", err);
    if (st) {
        masa_device_free(memory);
        return st;
    }
    masa_decoder *decoder = masa_alloc(1, sizeof *decoder);
    *decoder = (masa_decoder){.model = model, .sizes = *sizes, .memory = memory, .host = host};
    plan(decoder, memory, c, model->compute, sizes);
    *out = decoder;
    return MASA_OK;
}

void masa_decoder_destroy(masa_decoder *decoder)
{
    if (!decoder) return;
    for (size_t i = 0; i < decoder->n_steps; i++)
        masa_recording_destroy(decoder->steps[i].recording);
    free(decoder->steps);
    masa_device_free(decoder->memory);
    free(decoder->host);
    free(decoder);
}

static masa_kv_layer cache_of(const masa_model *m, const masa_kv_store *store, size_t l)
{
    size_t n = plane(&m->config, store->n_blocks, store->block_tokens);
    return (masa_kv_layer){.k = model_at(store->memory, 2 * l * n, m->compute),
                           .v = model_at(store->memory, (2 * l + 1) * n, m->compute),
                           .block_tokens = store->block_tokens,
                           .kv_heads = m->config.n_kv_heads,
                           .head_dim = m->config.head_dim,
                           .dtype = m->compute};
}

static void run_layer(masa_decoder *d, const masa_kv_store *store, const inputs *in,
                      masa_activations *kept, size_t l)
{
    const masa_model *m = d->model;
    const model_layer *layer = &m->layers[l];
    masa_attention_shape shape = model_attention_shape(m);
    masa_kv_layer cache = cache_of(m, store, l);
    size_t rows = in->cached.rows;

    if (kept) activations_keep_input(kept, in->kept_rows, rows, l, d->x);
    model_project_qkv(m, layer, d->qkv, d->norm, d->x, rows);
    block_heads heads = model_rotate_heads(m, layer, d->qkv, d->rotated, NULL, in->positions,
                                           &cache, in->slots, rows);
    masa_attention_cached(d->attn, d->lse, heads.q, &cache, &in->cached, &shape);
    masa_linear_forward(layer->out, d->x, MASA_F32, d->attn, NULL, rows, true);
    model_project_gate_up(m, layer, d->gate_up, d->norm, d->x, rows);
    if (kept)
        activations_keep_rest(kept, in->kept_rows, rows, l,
                              &(pass_layer){.qkv = d->qkv,
                                            .attn = d->attn,
                                            .lse = d->lse,
                                            .middle = d->x,
                                            .gate_up = d->gate_up});
    masa_swiglu_forward(d->act, d->gate_up, m->compute, rows, m->config.intermediate_size);
    masa_linear_forward(layer->down, d->x, MASA_F32, d->act, NULL, rows, true);
}

static void run(masa_decoder *decoder, const masa_kv_store *store, const inputs *in,
                masa_activations *kept, float DEVICE *logits)
{
    const masa_model *m = decoder->model;
    const masa_model_config *c = &m->config;
    size_t n = in->n_logits, rows = in->cached.rows;
    model_embed(m, decoder->x, decoder->norm, in->tokens, rows);
    for (size_t l = 0; l < c->n_layers; l++) run_layer(decoder, store, in, kept, l);
    if (kept) activations_keep_input(kept, in->kept_rows, rows, c->n_layers, decoder->x);
    if (n == 0) return;
    const float DEVICE *last = decoder->x;
    if (in->logit_rows) {
        masa_gather_rows(decoder->last, last, MASA_F32, in->logit_rows, n, c->hidden_size);
        last = decoder->last;
    }
    masa_rmsnorm_forward(decoder->norm, m->compute, NULL, last,
                         model_values(m, &m->offsets, MASA_SLOT_FINAL_NORM), n, c->hidden_size,
                         c->rms_norm_eps);
    masa_linear_forward(m->head, logits, MASA_F32, decoder->norm, NULL, n, false);
}

/* ---- steps that are recorded ---- */

/* One new token of each of its sequences, and nothing to be kept. */
static bool is_plain_step(const masa_decode_batch *batch)
{
    if (!masa_device_records() || batch->kept || batch->n_logits != batch->rows) return false;
    for (size_t r = 0; r < batch->rows; r++)
        if (batch->logit_rows[r] != (int32_t)r ||
            (r > 0 && batch->sequences[r] == batch->sequences[r - 1]))
            return false;
    return true;
}

/* The next power of two, or the most. */
static size_t rounded(size_t n, size_t most)
{
    size_t up = 1;
    while (up < n) up *= 2;
    return up < most ? up : most;
}

static decode_step *find_step(masa_decoder *d, const decode_step *like)
{
    for (size_t i = 0; i < d->n_steps; i++) {
        const decode_step *s = &d->steps[i];
        if (s->rows == like->rows && s->blocks == like->blocks && s->logits == like->logits &&
            s->store.memory == like->store.memory && s->store.n_blocks == like->store.n_blocks)
            return &d->steps[i];
    }
    return NULL;
}

/* A kind of step is computed as it comes the first time, which makes its scratch, then recorded
 * and replayed. */
static void run_plain_step(masa_decoder *d, const masa_kv_store *store,
                           const masa_decode_batch *batch, float DEVICE *logits)
{
    const masa_decoder_sizes *most = &d->sizes;
    size_t longest = 0, rows = most->rows < most->sequences ? most->rows : most->sequences;
    for (size_t r = 0; r < batch->rows; r++)
        if ((size_t)batch->positions[r] >= longest) longest = (size_t)batch->positions[r] + 1;
    size_t blocks = (longest + store->block_tokens - 1) / store->block_tokens;
    decode_step like = {.rows = rounded(batch->rows, rows),
                        .blocks = rounded(blocks, most->blocks),
                        .store = *store,
                        .logits = logits};
    inputs in = decode_put_inputs(d, store, batch, like.rows, like.blocks);
    decode_step *step = find_step(d, &like);
    if (step && !step->recording) {
        masa_device_record();
        run(d, store, &in, NULL, logits);
        step->recording = masa_device_record_end();
    }
    if (step && masa_device_replay(step->recording)) return;
    run(d, store, &in, NULL, logits);
    if (!step) {
        MASA_PUSH(d->steps, d->n_steps, d->steps_capacity, like);
        return;
    }
    masa_recording_destroy(step->recording);
    step->recording = NULL;
}

void masa_decoder_run(masa_decoder *decoder, masa_kv_store *store,
                      const masa_decode_batch *batch, float DEVICE *logits)
{
    assert(batch->rows <= decoder->sizes.rows && batch->n_logits <= decoder->sizes.rows);
    if (is_plain_step(batch)) {
        run_plain_step(decoder, store, batch, logits);
        return;
    }
    inputs in = decode_put_inputs(decoder, store, batch, 0, 0);
    run(decoder, store, &in, batch->kept, logits);
}
