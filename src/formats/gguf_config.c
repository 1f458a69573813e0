#include "gguf_config.h"

#include "config_check.h"
#include "rotary.h"

#include <masa/memory.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct reader {
    const masa_gguf *gguf;
    const char *architecture;
    char key[96]; /* the last key looked up */
} reader;

static const char *key_of(reader *r, const char *name)
{
    snprintf(r->key, sizeof r->key, "%s.%s", r->architecture, name);
    return r->key;
}

/* Reads ARCH.name; when absent, fallback (0: an error). */
static masa_status read_size(reader *r, const char *name, size_t fallback, size_t *out,
                             masa_error *err)
{
    int64_t value = (int64_t)fallback;
    bool found = masa_gguf_get_integer(r->gguf, key_of(r, name), &value);
    if (!found && fallback == 0)
        return MASA_FAIL(err, MASA_ERR_FORMAT, "metadata '%s' is missing or not an integer",
                         r->key);
    if (value < 1 || value > INT32_MAX)
        return MASA_FAIL(err, MASA_ERR_FORMAT, "metadata '%s' is %" PRId64, r->key, value);
    *out = (size_t)value;
    return MASA_OK;
}

static masa_status refuse_features(reader *r, const masa_model_config *c, masa_error *err)
{
    int64_t n = 0;
    double scale = 1;
    masa_gguf_string text;
    if (masa_gguf_get_integer(r->gguf, key_of(r, "expert_count"), &n) && n > 0)
        return formats_refuse("a mixture of experts", err);
    if (masa_gguf_get_integer(r->gguf, key_of(r, "attention.sliding_window"), &n) && n > 0 &&
        (uint64_t)n < c->max_positions)
        return formats_refuse("sliding-window attention", err);
    if (masa_gguf_get_integer(r->gguf, key_of(r, "attention.value_length"), &n) &&
        n != (int64_t)c->head_dim)
        return formats_refuse("values of another size than keys", err);
    if (masa_gguf_get_integer(r->gguf, key_of(r, "rope.dimension_count"), &n) &&
        n != (int64_t)c->head_dim)
        return formats_refuse("rotary embedding on a part of each head", err);
    if (masa_gguf_get_string(r->gguf, key_of(r, "rope.scaling.type"), &text) &&
        !masa_gguf_string_is(text, "none"))
        return formats_refuse("rope scaling other than Llama 3.1's", err);
    if (masa_gguf_get_float(r->gguf, key_of(r, "rope.scale_linear"), &scale) && scale != 1)
        return formats_refuse("linear rope scaling", err);
    return MASA_OK;
}

/* A token id, or -1 when it is absent or (for padding, often a placeholder) outside
 * the vocabulary. */
static masa_status read_token(reader *r, const char *key, bool lenient,
                              const masa_model_config *c, int32_t *out, masa_error *err)
{
    int64_t id = -1;
    *out = -1;
    if (!masa_gguf_get_integer(r->gguf, key, &id) || id == -1 || id == UINT32_MAX)
        return MASA_OK;
    bool inside = id >= 0 && (uint64_t)id < c->vocab_size;
    if (!inside && !lenient)
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "metadata '%s' is %" PRId64 ", outside the vocabulary of %zu", key, id,
                         c->vocab_size);
    if (inside) *out = (int32_t)id;
    return MASA_OK;
}

/* The end of a text, and the end of a turn or message where they are told apart. */
static masa_status read_eos(reader *r, masa_model_config *c, masa_error *err)
{
    int32_t turn = -1, message = -1;
    masa_status st = read_token(r, "tokenizer.ggml.eos_token_id", false, c, &c->eos_token, err);
    if (st == MASA_OK) st = read_token(r, "tokenizer.ggml.eot_token_id", true, c, &turn, err);
    if (st == MASA_OK)
        st = read_token(r, "tokenizer.ggml.eom_token_id", true, c, &message, err);
    if (turn >= 0) formats_add_eos(c, turn);
    if (message >= 0) formats_add_eos(c, message);
    return st;
}

static masa_status read_sizes(reader *r, masa_model_config *c, masa_error *err)
{
    masa_status st = read_size(r, "embedding_length", 0, &c->hidden_size, err);
    if (st == MASA_OK) st = read_size(r, "feed_forward_length", 0, &c->intermediate_size, err);
    if (st == MASA_OK) st = read_size(r, "block_count", 0, &c->n_layers, err);
    if (st == MASA_OK) st = read_size(r, "attention.head_count", 0, &c->n_heads, err);
    if (st == MASA_OK)
        st = read_size(r, "attention.head_count_kv", c->n_heads, &c->n_kv_heads, err);
    if (st == MASA_OK) st = read_size(r, "context_length", 0, &c->max_positions, err);
    size_t even = st == MASA_OK ? c->hidden_size / c->n_heads : 1;
    if (st == MASA_OK)
        st = read_size(r, "attention.key_length", even ? even : 1, &c->head_dim, err);
    return st;
}

static masa_status read_rope(reader *r, masa_model_config *c, masa_error *err)
{
    double theta = 10000;
    masa_gguf_get_float(r->gguf, key_of(r, "rope.freq_base"), &theta);
    c->rope_theta = (float)theta;
    masa_status st = masa_model_config_check(c, err);
    const masa_gguf_tensor *t = masa_gguf_find_tensor(r->gguf, "rope_freqs.weight");
    if (st != MASA_OK || !t) return st;
    if (t->n != c->head_dim / 2)
        return MASA_FAIL(err, MASA_ERR_FORMAT, "rope_freqs.weight has %zu values, not %zu",
                         t->n, c->head_dim / 2);
    float *divisors = masa_alloc(t->n, sizeof *divisors);
    masa_tensor_dequantize(divisors, t->type, t->data, t->n);
    st = formats_rope_recover(c, divisors, err);
    free(divisors);
    return st == MASA_OK ? masa_model_config_check(c, err) : st;
}

masa_status formats_gguf_config(masa_model_config *out, const masa_gguf *gguf, masa_error *err)
{
    masa_model_config c = {.bos_token = -1, .eos_token = -1, .pad_token = -1};
    masa_gguf_string name = {"(none)", 6};
    masa_gguf_get_string(gguf, "general.architecture", &name);
    masa_status st = masa_architecture_find(&c.architecture, name.data, name.size, err);
    if (st != MASA_OK) return st;
    reader r = {.gguf = gguf, .architecture = masa_architecture_name(c.architecture)};
    const masa_gguf_tensor *embedding = masa_gguf_find_tensor(gguf, "token_embd.weight");
    if (!embedding)
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "no tensor 'token_embd.weight'; this is not a whole model");
    c.vocab_size = embedding->dims[1];
    c.tied_embeddings = !masa_gguf_find_tensor(gguf, "output.weight");
    double eps = 0;
    if (!masa_gguf_get_float(gguf, key_of(&r, "attention.layer_norm_rms_epsilon"), &eps))
        return MASA_FAIL(err, MASA_ERR_FORMAT, "metadata '%s' is missing", r.key);
    c.rms_norm_eps = (float)eps;
    st = read_sizes(&r, &c, err);
    if (st == MASA_OK) st = refuse_features(&r, &c, err);
    if (st == MASA_OK)
        st = read_token(&r, "tokenizer.ggml.bos_token_id", false, &c, &c.bos_token, err);
    if (st == MASA_OK) st = read_eos(&r, &c, err);
    if (st == MASA_OK)
        st = read_token(&r, "tokenizer.ggml.padding_token_id", true, &c, &c.pad_token, err);
    if (st == MASA_OK) st = read_rope(&r, &c, err);
    if (st == MASA_OK) *out = c;
    return st;
}
