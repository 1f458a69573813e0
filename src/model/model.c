/* A model's life: made, loaded, refreshed, saved, destroyed. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <masa/adamw.h>
#include <masa/memory.h>
#include <masa/random.h>
#include <masa/text.h>
#include "model_internal.h"

static masa_status create_products(masa_model *m, bool trainable, masa_error *err)
{
    model_dims d = model_dims_of(&m->config);
    masa_status st = MASA_OK;
    for (size_t l = 0; l < m->config.n_layers && !st; l++) {
        model_layer *layer = &m->layers[l];
        const struct {
            masa_linear **linear;
            size_t out, in;
        } products[] = {{&layer->qkv, d.qkv, d.hidden},
                        {&layer->out, d.hidden, d.q},
                        {&layer->gate_up, 2 * d.intermediate, d.hidden},
                        {&layer->down, d.hidden, d.intermediate}};
        for (size_t i = 0; i < 4 && !st; i++)
            st = masa_linear_create(products[i].linear, products[i].out, products[i].in,
                                    m->compute, trainable, err);
    }
    if (!st) st = masa_linear_create(&m->head, d.vocab, d.hidden, m->compute, trainable, err);
    return st;
}

static void clear(model_offsets *offsets)
{
    for (size_t i = 0; i < MASA_SLOTS; i++) offsets->at[i] = MODEL_ABSENT;
}

/* Where each parameter lies; of a frozen model's, vectors one behind the other. */
static void place_parameters(masa_model *m)
{
    size_t vectors = 0;
    m->parameters = masa_parameters_make(&m->config, &m->n_parameters);
    m->count = masa_parameters_total(m->parameters, m->n_parameters);
    clear(&m->offsets);
    for (size_t l = 0; l < m->config.n_layers; l++) clear(&m->layers[l].offsets);
    for (size_t i = 0; i < m->n_parameters; i++) {
        const masa_parameter *p = &m->parameters[i];
        model_offsets *offsets =
            p->layer == MASA_NO_LAYER ? &m->offsets : &m->layers[p->layer].offsets;
        if (!m->frozen) offsets->at[p->slot] = p->offset;
        else if (p->vector) offsets->at[p->slot] = vectors;
        vectors += p->vector ? p->cols : 0;
    }
    m->resident = m->frozen ? vectors : m->count;
}

masa_status model_allocate(masa_model **out, const masa_model_config *config,
                           const masa_model_options *options, bool frozen, masa_error *err)
{
    masa_status st = masa_model_config_check(config, err);
    if (st) return st;
    masa_model *m = masa_alloc(1, sizeof *m);
    void DEVICE *memory = NULL;
    m->config = *config;
    m->compute = options->compute;
    m->trainable = options->trainable;
    m->frozen = frozen;
    m->layers = masa_alloc(config->n_layers, sizeof *m->layers);
    place_parameters(m);
    st = masa_device_alloc(&memory, m->resident, sizeof(float), "the model's weights", err);
    if (st) goto out;
    m->values = memory;
    if (frozen) {
        st = masa_device_alloc(&m->embedding, config->vocab_size * config->hidden_size,
                               masa_dtype_size(m->compute), "the embedding", err);
        if (st) goto out;
    } else if (options->trainable) {
        st = masa_device_alloc(&memory, m->count, sizeof(float), "the gradients", err);
        if (st) goto out;
        m->grads = memory;
    }
    st = model_rope_create(m, err);
    if (!st) st = create_products(m, options->trainable, err);
out:
    if (st) masa_model_destroy(m);
    else *out = m;
    return st;
}

/* Host memory for a parameter's values, to be written; and its end, w NULL if it failed. */
static masa_status map_parameter(masa_model *m, const masa_parameter *p, float **w,
                                 masa_error *err)
{
    void *host = NULL;
    masa_status st = masa_device_map(&host, m->values + p->offset,
                                     p->rows * p->cols * sizeof(float), true, p->name, err);
    *w = host;
    return st;
}

static void unmap_parameter(masa_model *m, const masa_parameter *p, float *w)
{
    masa_device_unmap(w, m->values + p->offset, p->rows * p->cols * sizeof(float), true);
}

/* Hands out a model whose values were written, or destroys it. */
static masa_status finish(masa_model **out, masa_model *m, masa_status st)
{
    if (st) {
        masa_model_destroy(m);
        return st;
    }
    masa_model_refresh(m);
    *out = m;
    return MASA_OK;
}

/* Deviation of a matrix in a model that is to be trained: products keep the size of what they
 * multiply, and the sum of what all layers add to the residual stream keeps its own. */
static float fresh_deviation(const masa_model *m, const masa_parameter *p)
{
    if (p->layer == MASA_NO_LAYER) return 0.02f;
    double deviation = 1 / sqrt((double)p->cols);
    if (p->slot == MASA_SLOT_OUT || p->slot == MASA_SLOT_DOWN)
        deviation /= sqrt(2 * (double)m->config.n_layers);
    return (float)deviation;
}

static masa_status create(masa_model **out, const masa_model_config *config,
                          const masa_model_options *options, uint64_t seed, bool fresh,
                          masa_error *err)
{
    masa_model *m = NULL;
    masa_status st = model_allocate(&m, config, options, false, err);
    if (st) return st;
    for (size_t i = 0; !st && i < m->n_parameters; i++) {
        const masa_parameter *p = &m->parameters[i];
        masa_random random = masa_random_init(masa_key(seed, i), MASA_STREAM_INIT);
        bool bias = p->slot >= MASA_SLOT_Q_BIAS && p->slot <= MASA_SLOT_V_BIAS;
        float deviation = fresh ? fresh_deviation(m, p) : 0.02f;
        float *w;
        st = map_parameter(m, p, &w, err);
        for (size_t j = 0; !st && j < p->rows * p->cols; j++)
            w[j] = !p->vector ? deviation * (float)masa_random_normal(&random)
                   : bias     ? 0.0f
                              : 1.0f;
        unmap_parameter(m, p, w);
    }
    return finish(out, m, st);
}

masa_status masa_model_create(masa_model **out, const masa_model_config *config,
                              const masa_model_options *options, uint64_t seed, masa_error *err)
{
    return create(out, config, options, seed, false, err);
}

masa_status masa_model_create_fresh(masa_model **out, const masa_model_config *config,
                                    const masa_model_options *options, uint64_t seed,
                                    masa_error *err)
{
    return create(out, config, options, seed, true, err);
}

static masa_status read_values(masa_model *m, masa_model_file *file, masa_error *err)
{
    masa_status st = MASA_OK;
    for (size_t i = 0; !st && i < m->n_parameters; i++) {
        const masa_parameter *p = &m->parameters[i];
        float *w;
        st = map_parameter(m, p, &w, err);
        if (!st) st = masa_model_file_read(file, p->name, w, p->rows, p->cols, err);
        unmap_parameter(m, p, w);
    }
    return st;
}

masa_status masa_model_load(masa_model **out, const char *path,
                            const masa_model_options *options, masa_error *err)
{
    masa_model_file *file = NULL;
    masa_model *m = NULL;
    masa_status st = masa_model_file_open(&file, path, err);
    if (!st) st = model_allocate(&m, masa_model_file_config(file), options, false, err);
    if (!st) st = read_values(m, file, err);
    masa_model_file_close(file);
    return finish(out, m, st);
}

/* All that makes weights compute the same; the tokens that end a text and the longest one are
 * other people's business. */
static bool same_shape(const masa_model_config *a, const masa_model_config *b)
{
    return a->architecture == b->architecture && a->vocab_size == b->vocab_size &&
           a->hidden_size == b->hidden_size && a->intermediate_size == b->intermediate_size &&
           a->n_layers == b->n_layers && a->n_heads == b->n_heads &&
           a->n_kv_heads == b->n_kv_heads && a->head_dim == b->head_dim &&
           a->rms_norm_eps == b->rms_norm_eps && a->rope_theta == b->rope_theta &&
           a->tied_embeddings == b->tied_embeddings && a->rope_scaled == b->rope_scaled;
}

masa_status masa_model_reload(masa_model *m, const char *path, bool *spoiled, masa_error *err)
{
    assert(!m->frozen);
    masa_model_file *file = NULL;
    *spoiled = false;
    masa_status st = masa_model_file_load(&file, path, err);
    if (!st && !same_shape(masa_model_file_config(file), &m->config))
        st = MASA_FAIL(err, MASA_ERR_CONFIG, "%s has a model of another shape", path);
    if (!st) {
        st = read_values(m, file, err);
        *spoiled = st != MASA_OK;
    }
    if (!st) masa_model_refresh(m);
    masa_model_file_close(file);
    return st;
}

void masa_model_destroy(masa_model *m)
{
    if (!m) return;
    for (size_t l = 0; l < m->config.n_layers; l++) {
        masa_linear_destroy(m->layers[l].qkv);
        masa_linear_destroy(m->layers[l].out);
        masa_linear_destroy(m->layers[l].gate_up);
        masa_linear_destroy(m->layers[l].down);
    }
    masa_linear_destroy(m->head);
    free(m->parameters);
    free(m->layers);
    masa_device_free(m->values);
    masa_device_free(m->grads);
    masa_device_free(m->embedding);
    masa_device_free(m->rope_cos);
    masa_device_free(m->rope_sin);
    free(m);
}

const masa_model_config *masa_model_get_config(const masa_model *m)
{
    return &m->config;
}

masa_dtype masa_model_dtype(const masa_model *m)
{
    return m->compute;
}

size_t masa_model_parameter_count(const masa_model *m)
{
    return m->count;
}

float DEVICE *masa_model_values(masa_model *m)
{
    return m->frozen ? NULL : m->values;
}

bool masa_model_is_frozen(const masa_model *m)
{
    return m->frozen;
}

bool masa_model_is_finite(const masa_model *m)
{
    return m->frozen ? m->finite : isfinite(masa_sum_squares(m->values, m->count));
}

float DEVICE *masa_model_grads(masa_model *m)
{
    return m->grads;
}

bool masa_model_rows_agree(masa_model *m)
{
    const model_layer *l = &m->layers[0]; /* the others have its shapes */
    return masa_device_rows_agree(m->compute) && masa_linear_rows_agree(l->qkv) &&
           masa_linear_rows_agree(l->out) && masa_linear_rows_agree(l->gate_up) &&
           masa_linear_rows_agree(l->down);
}

const masa_parameter *masa_model_parameters(const masa_model *m, size_t *n)
{
    *n = m->n_parameters;
    return m->parameters;
}

masa_linear *masa_model_map(masa_model *m, const masa_parameter *p, size_t *first)
{
    model_dims d = model_dims_of(&m->config);
    const model_layer *layer = &m->layers[p->layer];
    *first = 0;
    switch (p->slot) {
    case MASA_SLOT_Q: return layer->qkv;
    case MASA_SLOT_K: *first = d.q; return layer->qkv;
    case MASA_SLOT_V: *first = d.q + d.kv; return layer->qkv;
    case MASA_SLOT_OUT: return layer->out;
    case MASA_SLOT_GATE: return layer->gate_up;
    case MASA_SLOT_UP: *first = d.intermediate; return layer->gate_up;
    default: assert(p->slot == MASA_SLOT_DOWN); return layer->down;
    }
}

void masa_model_refresh(masa_model *m)
{
    if (m->frozen) return;
    for (size_t l = 0; l < m->config.n_layers; l++) {
        model_layer *layer = &m->layers[l];
        masa_linear_pack(layer->qkv, model_values(m, &layer->offsets, MASA_SLOT_Q));
        masa_linear_pack(layer->out, model_values(m, &layer->offsets, MASA_SLOT_OUT));
        masa_linear_pack(layer->gate_up, model_values(m, &layer->offsets, MASA_SLOT_GATE));
        masa_linear_pack(layer->down, model_values(m, &layer->offsets, MASA_SLOT_DOWN));
    }
    masa_slot head = m->config.tied_embeddings ? MASA_SLOT_EMBEDDING : MASA_SLOT_HEAD;
    masa_linear_pack(m->head, model_values(m, &m->offsets, head));
}

uint64_t model_hash(uint64_t hash, const float *weights, size_t first, size_t n)
{
    /* FNV-1a */
    enum { STEP = 997 };
    for (size_t i = (STEP - first % STEP) % STEP; i < n; i += STEP) {
        uint32_t bits;
        memcpy(&bits, weights + i, sizeof bits);
        hash = (hash ^ bits) * 0x100000001b3u;
    }
    return hash;
}

uint64_t masa_model_fingerprint(const masa_model *m)
{
    enum { CHUNK = 1 << 20 };
    uint64_t hash = MODEL_HASH;
    if (m->frozen) return m->fingerprint;
    float *weights = masa_alloc(CHUNK, sizeof *weights);
    for (size_t done = 0; done < m->count; done += CHUNK) {
        size_t n = m->count - done < CHUNK ? m->count - done : CHUNK;
        masa_device_get(weights, m->values + done, n * sizeof *weights);
        hash = model_hash(hash, weights, done, n);
    }
    free(weights);
    return hash;
}

masa_status masa_model_save(const masa_model *m, const char *folder, masa_save_dtype dtype,
                            masa_error *err)
{
    void *host = NULL;
    size_t bytes = m->count * sizeof(float);
    assert(!m->frozen);
    masa_status st =
        masa_device_map(&host, m->values, bytes, false, "the weights to be saved", err);
    if (st) return st;
    const float *values = host;
    masa_named_tensor *tensors = masa_alloc(m->n_parameters, sizeof *tensors);
    for (size_t i = 0; i < m->n_parameters; i++) {
        const masa_parameter *p = &m->parameters[i];
        tensors[i] = (masa_named_tensor){.name = p->name,
                                         .data = values + p->offset,
                                         .rows = p->rows,
                                         .cols = p->cols,
                                         .vector = p->vector};
    }
    st = masa_model_folder_write(folder, &m->config, tensors, m->n_parameters, dtype, err);
    free(tensors);
    masa_device_unmap(host, m->values, bytes, false);
    return st;
}

size_t masa_model_bytes(const masa_model *m)
{
    size_t table = m->config.max_positions * (m->config.head_dim / 2);
    size_t bytes = (m->resident * (m->grads ? 2 : 1) + 2 * table) * sizeof(float);
    if (m->frozen)
        bytes += m->config.vocab_size * m->config.hidden_size * masa_dtype_size(m->compute);
    for (size_t l = 0; l < m->config.n_layers; l++) {
        const model_layer *layer = &m->layers[l];
        bytes += masa_linear_bytes(layer->qkv) + masa_linear_bytes(layer->out) +
                 masa_linear_bytes(layer->gate_up) + masa_linear_bytes(layer->down);
    }
    return bytes + masa_linear_bytes(m->head);
}

/* What a model of the config comes to: elements of vectors, of all, of packed matrices. */
typedef struct model_size {
    size_t vectors, count, packed;
} model_size;

static model_size size_of(const masa_model_config *config)
{
    size_t n;
    masa_parameter *parameters = masa_parameters_make(config, &n);
    model_size size = {.count = masa_parameters_total(parameters, n)};
    for (size_t i = 0; i < n; i++) {
        const masa_parameter *p = &parameters[i];
        bool looked_up = p->slot == MASA_SLOT_EMBEDDING && !config->tied_embeddings;
        if (p->vector) size.vectors += p->cols;
        else if (!looked_up) size.packed += p->rows * p->cols;
    }
    free(parameters);
    return size;
}

/* Rotary tables, and packed weights: of trainable maps as often as the device has them. */
static size_t derived_bytes(const masa_model_config *config, const masa_model_options *options,
                            const model_size *size)
{
    size_t table = config->max_positions * (config->head_dim / 2);
    size_t copies = options->trainable ? masa_device_sizes_get().trainable_copies : 1;
    return 2 * table * sizeof(float) +
           size->packed * masa_dtype_size(options->compute) * copies;
}

size_t masa_model_bytes_needed(const masa_model_config *config,
                               const masa_model_options *options)
{
    model_size size = size_of(config);
    return size.count * (options->trainable ? 2 : 1) * sizeof(float) +
           derived_bytes(config, options, &size);
}

size_t masa_model_frozen_bytes_needed(const masa_model_config *config,
                                      const masa_model_options *options)
{
    model_size size = size_of(config);
    size_t embedding = config->vocab_size * config->hidden_size;
    return size.vectors * sizeof(float) + embedding * masa_dtype_size(options->compute) +
           derived_bytes(config, options, &size);
}

double masa_model_flops(const masa_model_config *config, double context, bool with_head)
{
    model_dims d = model_dims_of(config);
    double hidden = (double)d.hidden;
    double weights =
        hidden * (double)d.qkv + hidden * (double)d.q + 3 * hidden * (double)d.intermediate;
    double attention = 2 * context * (double)d.q; /* scores, then the weighted sum */
    double layers = (double)config->n_layers * (weights + attention);
    return 2 * (layers + (with_head ? hidden * (double)d.vocab : 0));
}
