/* The decoding pass: rows of many sequences over a block KV cache. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <masa/decode.h>
#include <masa/memory.h>
#include <masa/rows.h>
#include "activations_internal.h"
#include "block.h"
#include "placer.h"

struct masa_decoder {
    masa_model *model;
    masa_decoder_sizes sizes;
    void DEVICE *memory;     /* one block that all below lie in, but for `host` */
    float DEVICE *x;         /* [rows, hidden] residual stream */
    float DEVICE *last;      /* [rows, hidden] its rows whose logits are wanted */
    void DEVICE *norm;       /* [rows, hidden] compute dtype, as all below */
    void DEVICE *qkv;        /* [rows, qkv] */
    void DEVICE *rotated;    /* [rows, qkv], with q/k norm */
    void DEVICE *attn;       /* [rows, q] */
    float DEVICE *lse;       /* [rows, heads] */
    void DEVICE *gate_up;    /* [rows, 2 intermediate] */
    void DEVICE *act;        /* [rows, intermediate] */
    float DEVICE *head_rstd; /* [rows, heads + kv_heads], with q/k norm */
    int32_t DEVICE *inputs;  /* a step's integers, one after the other */
    int32_t *host;           /* the same on the host, where they are written */
};

/* Where a step's integers are on the device. */
typedef struct inputs {
    const int32_t DEVICE *tokens, *positions, *kept_rows; /* [rows] */
    const int32_t DEVICE *slots;                          /* [rows] where key and value go */
    const int32_t DEVICE *logit_rows;                     /* [n_logits] */
    masa_cached_rows cached;
} inputs;

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
    if (!model_has_qk_norm(c)) return p.used;
    to->rotated = placer_take(&p, rows * d.qkv, element);
    to->head_rstd = placer_take(&p, rows * (c->n_heads + c->n_kv_heads), sizeof(float));
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
    masa_device_free(decoder->memory);
    free(decoder->host);
    free(decoder);
}

/* The next n of a step's integers, written to the host's array; *used are before them. */
static int32_t *take(const masa_decoder *d, size_t *used, size_t n, const int32_t *from,
                     const int32_t DEVICE **to)
{
    int32_t *host = d->host + *used;
    *to = d->inputs + *used;
    *used += n;
    if (from && n) memcpy(host, from, n * sizeof *host);
    return host;
}

/* Where each row's key and value are stored, and how far it sees. */
static void locate_rows(const masa_decoder *d, const masa_kv_store *store,
                        const masa_decode_batch *batch, size_t *used, inputs *in)
{
    size_t rows = batch->rows, size = store->block_tokens;
    int32_t *slots = take(d, used, rows, NULL, &in->slots);
    int32_t *lengths = take(d, used, rows, NULL, &in->cached.lengths);
    for (size_t r = 0; r < rows; r++) {
        size_t position = (size_t)batch->positions[r];
        const int32_t *table =
            batch->block_tables + (size_t)batch->sequences[r] * batch->max_blocks;
        size_t block = (size_t)table[position / size];
        assert(position < d->model->config.max_positions && block < store->n_blocks);
        slots[r] = (int32_t)(block * size + position % size);
        lengths[r] = batch->positions[r] + 1;
        if (position >= in->cached.longest_context) in->cached.longest_context = position + 1;
    }
}

/* Runs of rows of one sequence, which number the sequences of the step. */
static void find_runs(const masa_decoder *d, const masa_decode_batch *batch, size_t *used,
                      inputs *in)
{
    size_t rows = batch->rows, n = 0;
    int32_t *sequences = take(d, used, rows, NULL, &in->cached.sequences);
    int32_t *runs = take(d, used, d->sizes.sequences + 1, NULL, &in->cached.runs);
    for (size_t r = 0; r < rows; r++) {
        if (r == 0 || batch->sequences[r] != batch->sequences[r - 1]) {
            assert(n < d->sizes.sequences);
            runs[n++] = (int32_t)r;
        }
        sequences[r] = (int32_t)n - 1;
        size_t length = r + 1 - (size_t)runs[n - 1];
        if (length > in->cached.longest_run) in->cached.longest_run = length;
    }
    runs[n] = (int32_t)rows;
    in->cached.rows = rows;
    in->cached.n_runs = n;
}

/* The runs' block tables, as long as the longest of them needs. */
static void gather_tables(const masa_decoder *d, const masa_kv_store *store,
                          const masa_decode_batch *batch, size_t *used, inputs *in)
{
    const int32_t *runs = d->host + (in->cached.runs - d->inputs);
    size_t blocks =
        (in->cached.longest_context + store->block_tokens - 1) / store->block_tokens;
    assert(blocks <= d->sizes.blocks);
    in->cached.max_blocks = blocks;
    int32_t *tables = take(d, used, in->cached.n_runs * blocks, NULL, &in->cached.block_tables);
    for (size_t i = 0; i < in->cached.n_runs; i++) {
        size_t from = (size_t)batch->sequences[runs[i]] * batch->max_blocks;
        size_t n = blocks < batch->max_blocks ? blocks : batch->max_blocks;
        memcpy(tables + i * blocks, batch->block_tables + from, n * sizeof *tables);
    }
}

/* All that a step's kernels read beside weights and activations, put to the device at once. */
static inputs put_inputs(const masa_decoder *d, const masa_kv_store *store,
                         const masa_decode_batch *batch)
{
    inputs in = {0};
    size_t used = 0, rows = batch->rows;
    take(d, &used, rows, batch->tokens, &in.tokens);
    take(d, &used, rows, batch->positions, &in.positions);
    if (batch->kept) take(d, &used, rows, batch->kept_rows, &in.kept_rows);
    take(d, &used, batch->n_logits, batch->logit_rows, &in.logit_rows);
    locate_rows(d, store, batch, &used, &in);
    find_runs(d, batch, &used, &in);
    gather_tables(d, store, batch, &used, &in);
    masa_device_put(d->inputs, d->host, used * sizeof *d->host);
    return in;
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
    block_heads heads =
        model_rotate_heads(m, layer, d->qkv, d->rotated, d->head_rstd, in->positions, rows);
    masa_kv_write(&cache, heads.k, heads.v, shape.stride, in->slots, rows);
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

void masa_decoder_run(masa_decoder *decoder, masa_kv_store *store,
                      const masa_decode_batch *batch, float DEVICE *logits)
{
    const masa_model *m = decoder->model;
    const masa_model_config *c = &m->config;
    size_t n = batch->n_logits;
    assert(batch->rows <= decoder->sizes.rows && n <= decoder->sizes.rows);
    inputs in = put_inputs(decoder, store, batch);
    model_embed(m, decoder->x, decoder->norm, in.tokens, batch->rows);
    for (size_t l = 0; l < c->n_layers; l++) run_layer(decoder, store, &in, batch->kept, l);
    if (batch->kept)
        activations_keep_input(batch->kept, in.kept_rows, batch->rows, c->n_layers, decoder->x);
    if (n == 0) return;
    masa_gather_rows(decoder->last, decoder->x, MASA_F32, in.logit_rows, n, c->hidden_size);
    masa_rmsnorm_forward(decoder->norm, m->compute, NULL, decoder->last,
                         model_values(m, &m->offsets, MASA_SLOT_FINAL_NORM), n, c->hidden_size,
                         c->rms_norm_eps);
    masa_linear_forward(m->head, logits, MASA_F32, decoder->norm, NULL, n, false);
}
