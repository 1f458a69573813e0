/* The one table of what parameters the architectures have, their Hugging Face
 * names and shapes. Everything else (loading, saving, offsets) walks it. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <masa/attention.h>
#include <masa/memory.h>
#include "model_internal.h"

typedef enum width { W_ONE, W_HIDDEN, W_Q, W_KV, W_INTERMEDIATE, W_VOCAB, W_HEAD } width;
typedef enum presence { ALWAYS, WITH_BIAS, WITH_QK_NORM, UNTIED } presence;

typedef struct spec {
    model_slot slot;
    const char *name; /* of a layer's parameter: what follows "model.layers.N." */
    width rows, cols; /* W_ONE rows: a vector */
    presence when;
    bool norm_or_bias; /* no weight decay */
} spec;

static const spec BEFORE_LAYERS[] = {
    {SLOT_EMBEDDING, "model.embed_tokens.weight", W_VOCAB, W_HIDDEN, ALWAYS, false},
};

static const spec LAYER[] = {
    {SLOT_INPUT_NORM, "input_layernorm.weight", W_ONE, W_HIDDEN, ALWAYS, true},
    {SLOT_Q, "self_attn.q_proj.weight", W_Q, W_HIDDEN, ALWAYS, false},
    {SLOT_K, "self_attn.k_proj.weight", W_KV, W_HIDDEN, ALWAYS, false},
    {SLOT_V, "self_attn.v_proj.weight", W_KV, W_HIDDEN, ALWAYS, false},
    {SLOT_Q_BIAS, "self_attn.q_proj.bias", W_ONE, W_Q, WITH_BIAS, true},
    {SLOT_K_BIAS, "self_attn.k_proj.bias", W_ONE, W_KV, WITH_BIAS, true},
    {SLOT_V_BIAS, "self_attn.v_proj.bias", W_ONE, W_KV, WITH_BIAS, true},
    {SLOT_Q_NORM, "self_attn.q_norm.weight", W_ONE, W_HEAD, WITH_QK_NORM, true},
    {SLOT_K_NORM, "self_attn.k_norm.weight", W_ONE, W_HEAD, WITH_QK_NORM, true},
    {SLOT_OUT, "self_attn.o_proj.weight", W_HIDDEN, W_Q, ALWAYS, false},
    {SLOT_MLP_NORM, "post_attention_layernorm.weight", W_ONE, W_HIDDEN, ALWAYS, true},
    {SLOT_GATE, "mlp.gate_proj.weight", W_INTERMEDIATE, W_HIDDEN, ALWAYS, false},
    {SLOT_UP, "mlp.up_proj.weight", W_INTERMEDIATE, W_HIDDEN, ALWAYS, false},
    {SLOT_DOWN, "mlp.down_proj.weight", W_HIDDEN, W_INTERMEDIATE, ALWAYS, false},
};

static const spec AFTER_LAYERS[] = {
    {SLOT_FINAL_NORM, "model.norm.weight", W_ONE, W_HIDDEN, ALWAYS, true},
    {SLOT_HEAD, "lm_head.weight", W_VOCAB, W_HIDDEN, UNTIED, false},
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static size_t width_of(const model_dims *d, width w)
{
    switch (w) {
    case W_ONE:
        return 1;
    case W_HIDDEN:
        return d->hidden;
    case W_Q:
        return d->q;
    case W_KV:
        return d->kv;
    case W_INTERMEDIATE:
        return d->intermediate;
    case W_VOCAB:
        return d->vocab;
    case W_HEAD:
        return d->head;
    }
    return 0;
}

static bool is_present(const masa_model_config *c, presence when)
{
    switch (when) {
    case ALWAYS:
        return true;
    case WITH_BIAS:
        return c->attention_bias;
    case WITH_QK_NORM:
        return c->qk_norm;
    case UNTIED:
        return !c->tied_embeddings;
    }
    return false;
}

/* Adds the parameters of a table at the end of the model's list and buffer. */
static void add(masa_model *m, const spec *table, size_t n, const char *prefix,
                model_offsets *offsets)
{
    model_dims d = model__dims(&m->config);
    for (size_t i = 0; i < n; i++) {
        const spec *s = &table[i];
        if (!is_present(&m->config, s->when)) continue;
        size_t length = strlen(prefix) + strlen(s->name) + 1;
        char *name = masa_alloc(length, 1);
        snprintf(name, length, "%s%s", prefix, s->name);
        masa_parameter p = {.name = name,
                            .offset = m->count,
                            .rows = width_of(&d, s->rows),
                            .cols = width_of(&d, s->cols),
                            .vector = s->rows == W_ONE,
                            .decay = !s->norm_or_bias};
        offsets->at[s->slot] = p.offset;
        m->count += p.rows * p.cols;
        m->parameters[m->n_parameters++] = p;
    }
}

static void clear(model_offsets *offsets)
{
    for (size_t i = 0; i < SLOT_COUNT; i++)
        offsets->at[i] = MODEL_ABSENT;
}

void model__describe(masa_model *m)
{
    size_t layers = m->config.n_layers;
    size_t most = COUNT(BEFORE_LAYERS) + layers * COUNT(LAYER) + COUNT(AFTER_LAYERS);
    m->parameters = masa_alloc(most, sizeof *m->parameters);
    clear(&m->offsets);
    add(m, BEFORE_LAYERS, COUNT(BEFORE_LAYERS), "", &m->offsets);
    for (size_t l = 0; l < layers; l++) {
        char prefix[48];
        snprintf(prefix, sizeof prefix, "model.layers.%zu.", l);
        clear(&m->layers[l].offsets);
        add(m, LAYER, COUNT(LAYER), prefix, &m->layers[l].offsets);
    }
    add(m, AFTER_LAYERS, COUNT(AFTER_LAYERS), "", &m->offsets);
}

/* What can be computed: the bounds of attention's kernels, and such that every product of two
 * widths and the layers stays inside size_t; what is too large for the machine fails later,
 * when memory is asked for. Keys are those of config.json and, behind the architecture's name,
 * of GGUF. */
static masa_status check_sizes(const masa_model_config *c, masa_error *err)
{
    const struct {
        const char *name, *key, *gguf_key;
        size_t value, most;
    } sizes[] = {
        {"vocabulary size", "vocab_size", "vocab_size", c->vocab_size, 1 << 24},
        {"hidden size", "hidden_size", "embedding_length", c->hidden_size, 1 << 20},
        {"intermediate size", "intermediate_size", "feed_forward_length",
         c->intermediate_size, 1 << 22},
        {"number of layers", "num_hidden_layers", "block_count", c->n_layers, 1 << 12},
        {"number of attention heads", "num_attention_heads", "attention.head_count",
         c->n_heads, 1 << 12},
        {"number of key/value heads", "num_key_value_heads", "attention.head_count_kv",
         c->n_kv_heads, c->n_heads},
        {"number of attention heads that share a key/value head", "num_attention_heads",
         "attention.head_count", c->n_kv_heads ? c->n_heads / c->n_kv_heads : 0,
         MASA_ATTENTION_MOST_GROUP},
        {"head size", "head_dim", "attention.key_length", c->head_dim,
         MASA_ATTENTION_MOST_DIM},
        {"maximum position", "max_position_embeddings", "context_length", c->max_positions,
         1 << 26},
    };
    for (size_t i = 0; i < COUNT(sizes); i++)
        if (sizes[i].value == 0 || sizes[i].value > sizes[i].most)
            return MASA_FAIL(err, MASA_ERR_CONFIG,
                             "the model's %s is %zu; it must be 1 to %zu (%s in config.json, "
                             "%s.%s in GGUF)", sizes[i].name, sizes[i].value, sizes[i].most,
                             sizes[i].key, masa_architecture_name(c->architecture),
                             sizes[i].gguf_key);
    return MASA_OK;
}

masa_status model__check_config(const masa_model_config *c, masa_error *err)
{
    masa_status st = check_sizes(c, err);
    if (st != MASA_OK) return st;
    if (c->n_heads % c->n_kv_heads != 0)
        return MASA_FAIL(
            err, MASA_ERR_CONFIG,
            "the model's %zu attention heads cannot share %zu key/value heads",
            c->n_heads, c->n_kv_heads);
    if (c->head_dim % 2 != 0)
        return MASA_FAIL(err, MASA_ERR_CONFIG, "the model's head size %zu is odd",
                         c->head_dim);
    if (!(c->rope_theta > 0) || !(c->rms_norm_eps >= 0))
        return MASA_FAIL(
            err, MASA_ERR_CONFIG,
            "the model's rope theta (%g) must be positive and its norm epsilon "
            "(%g) not negative",
            (double)c->rope_theta, (double)c->rms_norm_eps);
    if (c->rope_scaled && (!(c->rope_factor > 0) || c->rope_original_positions == 0 ||
                           !(c->rope_low_freq_factor > 0) ||
                           !(c->rope_high_freq_factor > c->rope_low_freq_factor)))
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "the model's rope scaling is malformed: it needs factor > 0, "
                         "0 < low_freq_factor < high_freq_factor and "
                         "original_max_position_embeddings > 0");
    return MASA_OK;
}
