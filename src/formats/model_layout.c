#include "model_layout.h"

#include <masa/memory.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const architecture_names[] = {
    [MASA_LLAMA] = "llama", [MASA_QWEN2] = "qwen2", [MASA_QWEN3] = "qwen3"};
enum { N_ARCHITECTURES = sizeof architecture_names / sizeof *architecture_names };

const char *masa_architecture_name(masa_architecture architecture)
{
    return architecture_names[architecture];
}

masa_status formats__architecture_parse(masa_architecture *out, const char *name,
                                        size_t n, masa_error *err)
{
    for (int i = 0; i < N_ARCHITECTURES; i++)
        if (strlen(architecture_names[i]) == n &&
            memcmp(architecture_names[i], name, n) == 0) {
            *out = (masa_architecture)i;
            return MASA_OK;
        }
    return MASA_FAIL(
        err, MASA_ERR_UNSUPPORTED,
        "the architecture '%.*s' is not supported; llama, qwen2 and qwen3 are",
        (int)(n < 60 ? n : 60), name);
}

/* The sizes of tensors, as they depend on the description. */
typedef enum size_kind {
    ONE,
    VOCAB,
    HIDDEN,
    INTERMEDIATE,
    QUERIES,
    KEYS,
    HEAD
} size_kind;

/* When a tensor is there. */
typedef enum condition { ALWAYS, UNTIED, BIAS, QK_NORM } condition;

typedef struct layout_row {
    const char *name, *gguf_name; /* within a layer without its prefix */
    size_kind rows, cols;
    condition when;
    bool rotary; /* the rotary embedding acts on its rows */
} layout_row;

static const layout_row before[] = {
    {"model.embed_tokens.weight", "token_embd.weight", VOCAB, HIDDEN, ALWAYS, false}};

static const layout_row layer[] = {
    {"input_layernorm.weight", "attn_norm.weight", ONE, HIDDEN, ALWAYS, false},
    {"self_attn.q_proj.weight", "attn_q.weight", QUERIES, HIDDEN, ALWAYS, true},
    {"self_attn.q_proj.bias", "attn_q.bias", ONE, QUERIES, BIAS, false},
    {"self_attn.k_proj.weight", "attn_k.weight", KEYS, HIDDEN, ALWAYS, true},
    {"self_attn.k_proj.bias", "attn_k.bias", ONE, KEYS, BIAS, false},
    {"self_attn.v_proj.weight", "attn_v.weight", KEYS, HIDDEN, ALWAYS, false},
    {"self_attn.v_proj.bias", "attn_v.bias", ONE, KEYS, BIAS, false},
    {"self_attn.q_norm.weight", "attn_q_norm.weight", ONE, HEAD, QK_NORM, false},
    {"self_attn.k_norm.weight", "attn_k_norm.weight", ONE, HEAD, QK_NORM, false},
    {"self_attn.o_proj.weight", "attn_output.weight", HIDDEN, QUERIES, ALWAYS, false},
    {"post_attention_layernorm.weight", "ffn_norm.weight", ONE, HIDDEN, ALWAYS, false},
    {"mlp.gate_proj.weight", "ffn_gate.weight", INTERMEDIATE, HIDDEN, ALWAYS, false},
    {"mlp.up_proj.weight", "ffn_up.weight", INTERMEDIATE, HIDDEN, ALWAYS, false},
    {"mlp.down_proj.weight", "ffn_down.weight", HIDDEN, INTERMEDIATE, ALWAYS, false}};

static const layout_row after[] = {
    {"model.norm.weight", "output_norm.weight", ONE, HIDDEN, ALWAYS, false},
    {"lm_head.weight", "output.weight", VOCAB, HIDDEN, UNTIED, false}};

static size_t size_of(size_kind kind, const masa_model_config *c)
{
    switch (kind) {
    case ONE:
        return 1;
    case VOCAB:
        return c->vocab_size;
    case HIDDEN:
        return c->hidden_size;
    case INTERMEDIATE:
        return c->intermediate_size;
    case QUERIES:
        return c->n_heads * c->head_dim;
    case KEYS:
        return c->n_kv_heads * c->head_dim;
    case HEAD:
        return c->head_dim;
    }
    return 0;
}

static bool is_there(condition when, const masa_model_config *c)
{
    switch (when) {
    case ALWAYS:
        return true;
    case UNTIED:
        return !c->tied_embeddings;
    case BIAS:
        return c->attention_bias;
    case QK_NORM:
        return c->qk_norm;
    }
    return false;
}

static size_t add_rows(formats__tensor_spec *out, const layout_row *rows, size_t n,
                       const masa_model_config *c, const char *prefix,
                       const char *gguf_prefix)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_there(rows[i].when, c)) continue;
        formats__tensor_spec *s = &out[used++];
        int a = snprintf(s->name, sizeof s->name, "%s%s", prefix, rows[i].name);
        int b = snprintf(s->gguf_name, sizeof s->gguf_name, "%s%s", gguf_prefix,
                         rows[i].gguf_name);
        assert(a < (int)sizeof s->name && b < (int)sizeof s->gguf_name);
        (void)a, (void)b;
        s->rows = size_of(rows[i].rows, c);
        s->cols = size_of(rows[i].cols, c);
        s->vector = rows[i].rows == ONE;
        /* Only GGUF's llama is permuted; its qwen models are stored as they are. */
        s->rotary_dim = rows[i].rotary && c->architecture == MASA_LLAMA ? c->head_dim : 0;
    }
    return used;
}

#define COUNT(a) (sizeof(a) / sizeof *(a))

formats__tensor_spec *formats__model_layout(const masa_model_config *config, size_t *n)
{
    size_t most = COUNT(before) + COUNT(after) + config->n_layers * COUNT(layer);
    formats__tensor_spec *specs = masa_alloc(most, sizeof *specs);
    size_t used = add_rows(specs, before, COUNT(before), config, "", "");
    for (size_t i = 0; i < config->n_layers; i++) {
        char prefix[32], gguf_prefix[16];
        snprintf(prefix, sizeof prefix, "model.layers.%u.", (unsigned)i);
        snprintf(gguf_prefix, sizeof gguf_prefix, "blk.%u.", (unsigned)i & 0xFFFFu);
        used += add_rows(specs + used, layer, COUNT(layer), config, prefix, gguf_prefix);
    }
    used += add_rows(specs + used, after, COUNT(after), config, "", "");
    *n = used;
    return specs;
}

size_t formats__rotary_row(size_t row, size_t rotary_dim)
{
    size_t head = row / rotary_dim, in_head = row % rotary_dim, half = rotary_dim / 2;
    return head * rotary_dim + in_head % half * 2 + in_head / half;
}

size_t formats__plain_row(size_t row, size_t rotary_dim)
{
    size_t head = row / rotary_dim, in_head = row % rotary_dim, half = rotary_dim / 2;
    return head * rotary_dim + in_head % 2 * half + in_head / 2;
}

/* Bounds far above any real model; below them no product of sizes overflows. */
#define MOST_LAYERS 4096u
#define MOST_SIZE   (1u << 30)

static masa_status check_size(const char *name, size_t value, size_t most,
                              masa_error *err)
{
    if (value >= 1 && value <= most) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_FORMAT, "%s is %zu; expected 1 to %zu", name, value,
                     most);
}

static masa_status check_token(const char *name, int32_t token, size_t vocab,
                               masa_error *err)
{
    if (token >= -1 && (token < 0 || (size_t)token < vocab)) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_FORMAT, "%s is %d, outside the vocabulary of %zu",
                     name, (int)token, vocab);
}

bool formats__add_eos(masa_model_config *config, int32_t id)
{
    if (config->eos_token < 0) config->eos_token = id;
    if (config->eos_token == id) return true;
    for (size_t i = 0; i < config->n_more_eos; i++)
        if (config->more_eos[i] == id) return true;
    if (config->n_more_eos == MASA_MORE_EOS) return false;
    config->more_eos[config->n_more_eos++] = id;
    return true;
}

static masa_status check_rope(const masa_model_config *c, masa_error *err)
{
    if (!(c->rope_theta > 0 && c->rope_theta < 1e30f))
        return MASA_FAIL(err, MASA_ERR_FORMAT, "rope_theta is %g; expected above 0",
                         (double)c->rope_theta);
    if (!c->rope_scaled) return MASA_OK;
    if (!(c->rope_factor >= 1 && c->rope_factor < 1e6f && c->rope_low_freq_factor > 0 &&
          c->rope_high_freq_factor > c->rope_low_freq_factor &&
          c->rope_high_freq_factor < 1e6f && c->rope_original_positions >= 1 &&
          c->rope_original_positions <= MOST_SIZE))
        return MASA_FAIL(
            err, MASA_ERR_FORMAT,
            "rope scaling: factor %g, low_freq_factor %g, high_freq_factor %g, "
            "original positions %zu make no sense",
            (double)c->rope_factor, (double)c->rope_low_freq_factor,
            (double)c->rope_high_freq_factor, c->rope_original_positions);
    return MASA_OK;
}

masa_status formats__config_check(const masa_model_config *c, masa_error *err)
{
    masa_status st = check_size("the vocabulary size", c->vocab_size, MOST_SIZE, err);
    if (st == MASA_OK) st = check_size("the hidden size", c->hidden_size, MOST_SIZE, err);
    if (st == MASA_OK)
        st = check_size("the intermediate size", c->intermediate_size, MOST_SIZE, err);
    if (st == MASA_OK)
        st = check_size("the number of layers", c->n_layers, MOST_LAYERS, err);
    if (st == MASA_OK) st = check_size("the number of heads", c->n_heads, 1 << 15, err);
    if (st == MASA_OK)
        st = check_size("the number of key/value heads", c->n_kv_heads, c->n_heads, err);
    if (st == MASA_OK) st = check_size("the head size", c->head_dim, 1 << 15, err);
    if (st == MASA_OK)
        st = check_size("the context length", c->max_positions, MOST_SIZE, err);
    if (st == MASA_OK) st = check_token("bos_token_id", c->bos_token, c->vocab_size, err);
    if (st == MASA_OK) st = check_token("eos_token_id", c->eos_token, c->vocab_size, err);
    if (st == MASA_OK) st = check_token("pad_token_id", c->pad_token, c->vocab_size, err);
    if (st == MASA_OK) st = check_rope(c, err);
    if (st != MASA_OK) return st;
    if (c->n_heads % c->n_kv_heads != 0)
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "%zu heads are not a multiple of %zu key/value heads",
                         c->n_heads, c->n_kv_heads);
    if (c->head_dim % 2 != 0)
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "the head size %zu is odd; rotary embedding "
                         "needs pairs",
                         c->head_dim);
    if (!(c->rms_norm_eps > 0 && c->rms_norm_eps < 1))
        return MASA_FAIL(err, MASA_ERR_FORMAT, "rms_norm_eps is %g; expected in (0, 1)",
                         (double)c->rms_norm_eps);
    return MASA_OK;
}
