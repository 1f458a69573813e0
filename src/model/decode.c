/* The decoding pass: rows of many sequences over a block KV cache. */
#include <assert.h>
#include <stdlib.h>
#include <masa/decode.h>
#include <masa/memory.h>
#include <masa/rows.h>
#include "activations.h"
#include "block.h"
#include "placer.h"

struct masa_decoder {
    masa_model *model;
    size_t max_rows;
    void *memory;     /* one block that all below lie in */
    float *x;         /* [rows, hidden] residual stream */
    float *last;      /* [rows, hidden] its rows whose logits are wanted */
    void *norm;       /* [rows, hidden] compute dtype, as all below */
    void *qkv;        /* [rows, qkv] */
    void *rotated;    /* [rows, qkv], with q/k norm */
    void *attn;       /* [rows, q] */
    float *lse;       /* [rows, heads] */
    void *gate_up;    /* [rows, 2 intermediate] */
    void *act;        /* [rows, intermediate] */
    float *head_rstd; /* [rows, heads + kv_heads], with q/k norm */
    int32_t *slots;   /* [rows] where the row's key and value go */
    int32_t *lengths; /* [rows] tokens that the row attends to */
};

/* Elements of one layer's keys (or values). */
static size_t plane(const masa_model_config *c, size_t n_blocks, size_t block_tokens)
{
    return n_blocks * block_tokens * c->n_kv_heads * c->head_dim;
}

size_t masa_kv_store_bytes(const masa_model_config *config, masa_dtype dtype,
                           size_t n_blocks, size_t block_tokens)
{
    size_t tokens, bytes;
    size_t token = plane(config, 1, 1) * 2 * config->n_layers * masa_dtype_size(dtype);
    bool fits = masa_size_mul(n_blocks, block_tokens, &tokens) &&
                masa_size_mul(tokens, token, &bytes);
    return fits ? bytes : SIZE_MAX; /* what no allocation can give */
}

masa_status masa_kv_store_init(masa_kv_store *store, const masa_model *model,
                               size_t n_blocks, size_t block_tokens, masa_error *err)
{
    void *memory = NULL;
    masa_status st = masa_alloc_large(
        &memory,
        masa_kv_store_bytes(&model->config, model->compute, n_blocks, block_tokens), 1,
        "the key/value cache", err);
    if (!st) *store = (masa_kv_store){memory, n_blocks, block_tokens};
    return st;
}

void masa_kv_store_deinit(masa_kv_store *store)
{
    free(store->memory);
    *store = (masa_kv_store){0};
}

static size_t plan(masa_decoder *to, void *memory, const masa_model_config *c,
                   masa_dtype compute, size_t rows)
{
    model_dims d = model__dims(c);
    size_t element = masa_dtype_size(compute);
    placer p = {.base = memory};
    to->x = placer_take(&p, rows * d.hidden, sizeof(float));
    to->last = placer_take(&p, rows * d.hidden, sizeof(float));
    to->norm = placer_take(&p, rows * d.hidden, element);
    to->qkv = placer_take(&p, rows * d.qkv, element);
    to->attn = placer_take(&p, rows * d.q, element);
    to->lse = placer_take(&p, rows * c->n_heads, sizeof(float));
    to->gate_up = placer_take(&p, rows * 2 * d.intermediate, element);
    to->act = placer_take(&p, rows * d.intermediate, element);
    to->slots = placer_take(&p, rows, sizeof(int32_t));
    to->lengths = placer_take(&p, rows, sizeof(int32_t));
    if (!c->qk_norm) return p.used;
    to->rotated = placer_take(&p, rows * d.qkv, element);
    to->head_rstd = placer_take(&p, rows * (c->n_heads + c->n_kv_heads), sizeof(float));
    return p.used;
}

size_t masa_decoder_bytes(const masa_model_config *config, masa_dtype compute,
                          size_t max_rows)
{
    masa_decoder unused;
    /* Above this a row count times a row's width could wrap. */
    return max_rows > UINT32_MAX ? SIZE_MAX
                                 : plan(&unused, NULL, config, compute, max_rows);
}

masa_status masa_decoder_create(masa_decoder **out, masa_model *model, size_t max_rows,
                                masa_error *err)
{
    const masa_model_config *c = &model->config;
    void *memory = NULL;
    masa_status st = masa_alloc_large(
        &memory, masa_decoder_bytes(c, model->compute, max_rows), 1, "the decoder", err);
    if (st) return st;
    masa_decoder *decoder = masa_alloc(1, sizeof *decoder);
    *decoder = (masa_decoder){.model = model, .max_rows = max_rows, .memory = memory};
    plan(decoder, memory, c, model->compute, max_rows);
    *out = decoder;
    return MASA_OK;
}

void masa_decoder_destroy(masa_decoder *decoder)
{
    if (!decoder) return;
    free(decoder->memory);
    free(decoder);
}

/* Where each row's key and value are stored, and how far it sees. */
static void locate_rows(masa_decoder *decoder, const masa_kv_store *store,
                        const masa_decode_batch *batch)
{
    for (size_t r = 0; r < batch->rows; r++) {
        size_t position = (size_t)batch->positions[r];
        const int32_t *table =
            batch->block_tables + (size_t)batch->sequences[r] * batch->max_blocks;
        size_t block = (size_t)table[position / store->block_tokens];
        assert(position < decoder->model->config.max_positions &&
               block < store->n_blocks);
        decoder->slots[r] =
            (int32_t)(block * store->block_tokens + position % store->block_tokens);
        decoder->lengths[r] = batch->positions[r] + 1;
    }
}

static masa_kv_layer cache_of(const masa_model *m, const masa_kv_store *store, size_t l)
{
    size_t n = plane(&m->config, store->n_blocks, store->block_tokens);
    return (masa_kv_layer){.k = model__at(store->memory, 2 * l * n, m->compute),
                           .v = model__at(store->memory, (2 * l + 1) * n, m->compute),
                           .block_tokens = store->block_tokens,
                           .kv_heads = m->config.n_kv_heads,
                           .head_dim = m->config.head_dim,
                           .dtype = m->compute};
}

static void run_layer(masa_decoder *d, const masa_kv_store *store,
                      const masa_decode_batch *batch, size_t l)
{
    const masa_model *m = d->model;
    const model_layer *layer = &m->layers[l];
    masa_attention_shape shape = model__attention_shape(m);
    masa_kv_layer cache = cache_of(m, store, l);
    size_t rows = batch->rows;

    if (batch->kept)
        activations__keep_input(batch->kept, batch->kept_rows, rows, l, d->x);
    model__project_qkv(m, layer, d->qkv, d->norm, d->x, rows);
    block_heads heads = model__rotate_heads(m, layer, d->qkv, d->rotated, d->head_rstd,
                                            batch->positions, rows);
    masa_kv_write(&cache, heads.k, heads.v, shape.stride, d->slots, rows);
    masa_attention_cached(d->attn, d->lse, heads.q, &cache, batch->block_tables,
                          batch->max_blocks, batch->sequences, d->lengths, rows, &shape);
    masa_linear_forward(layer->out, d->x, MASA_F32, d->attn, NULL, rows, true);
    model__project_gate_up(m, layer, d->gate_up, d->norm, d->x, rows);
    if (batch->kept)
        activations__keep_rest(batch->kept, batch->kept_rows, rows, l,
                               &(pass_layer){.qkv = d->qkv,
                                             .attn = d->attn,
                                             .lse = d->lse,
                                             .middle = d->x,
                                             .gate_up = d->gate_up});
    masa_swiglu_forward(d->act, d->gate_up, m->compute, rows,
                        m->config.intermediate_size);
    masa_linear_forward(layer->down, d->x, MASA_F32, d->act, NULL, rows, true);
}

void masa_decoder_run(masa_decoder *decoder, masa_kv_store *store,
                      const masa_decode_batch *batch, float *logits)
{
    const masa_model *m = decoder->model;
    const masa_model_config *c = &m->config;
    size_t n = batch->n_logits;
    assert(batch->rows <= decoder->max_rows && n <= decoder->max_rows);
    locate_rows(decoder, store, batch);
    masa_embedding_forward(decoder->x, model__values(m, &m->offsets, SLOT_EMBEDDING),
                           batch->tokens, batch->rows, c->hidden_size);
    for (size_t l = 0; l < c->n_layers; l++)
        run_layer(decoder, store, batch, l);
    if (batch->kept)
        activations__keep_input(batch->kept, batch->kept_rows, batch->rows, c->n_layers,
                                decoder->x);
    if (n == 0) return;
    masa_embedding_forward(decoder->last, decoder->x, batch->logit_rows, n,
                           c->hidden_size);
    masa_rmsnorm_forward(decoder->norm, m->compute, NULL, decoder->last,
                         model__values(m, &m->offsets, SLOT_FINAL_NORM), n,
                         c->hidden_size, c->rms_norm_eps);
    masa_linear_forward(m->head, logits, MASA_F32, decoder->norm, NULL, n, false);
}
