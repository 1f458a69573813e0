#include "hf_config.h"

#include "config_check.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

/* A value that is absent or null counts as not given, as in transformers. */
static const json_t *member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

/* Required when fallback is 0. */
static masa_status read_size(const json_t *object, const char *key, size_t fallback,
                             size_t *out, masa_error *err)
{
    const json_t *value = member(object, key);
    *out = fallback;
    if (!value && fallback) return MASA_OK;
    if (!value) return MASA_FAIL(err, MASA_ERR_FORMAT, "'%s' is missing", key);
    json_int_t v = json_is_integer(value) ? json_integer_value(value) : -1;
    if (v < 1 || v > INT32_MAX)
        return MASA_FAIL(err, MASA_ERR_FORMAT, "'%s' must be a positive integer", key);
    *out = (size_t)v;
    return MASA_OK;
}

static masa_status read_float(const json_t *object, const char *key, double fallback,
                              float *out, masa_error *err)
{
    const json_t *value = member(object, key);
    if (value && !json_is_number(value))
        return MASA_FAIL(err, MASA_ERR_FORMAT, "'%s' must be a number", key);
    *out = (float)(value ? json_number_value(value) : fallback);
    return MASA_OK;
}

/* An id, or nothing. Lenient: what is outside the vocabulary is none. */
static masa_status read_token(const json_t *object, const char *key, bool lenient, size_t vocab,
                              int32_t *out, masa_error *err)
{
    const json_t *value = member(object, key);
    if (!value) return MASA_OK;
    json_int_t v = json_is_integer(value) ? json_integer_value(value) : -2;
    bool inside = v >= 0 && (uint64_t)v < vocab;
    if (!inside && v != -1 && !lenient)
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "'%s' must be an id below the vocabulary size %zu", key, vocab);
    if (inside) *out = (int32_t)v;
    return MASA_OK;
}

/* eos_token_id: an id, or a list of ids that each end a text. */
static masa_status read_eos(const json_t *object, masa_model_config *c, masa_error *err)
{
    const json_t *value = member(object, "eos_token_id");
    size_t n = json_is_array(value) ? json_array_size(value) : value ? 1 : 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        json_int_t v = json_is_integer(item) ? json_integer_value(item) : -2;
        if (v < -1 || (v >= 0 && (uint64_t)v >= c->vocab_size))
            return MASA_FAIL(err, MASA_ERR_FORMAT,
                             "'eos_token_id' must be an id below the vocabulary size %zu, or "
                             "a list of them",
                             c->vocab_size);
        if (v >= 0 && !formats_add_eos(c, (int32_t)v))
            return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                             "'eos_token_id' has more than %d different ids",
                             MASA_MORE_EOS + 1);
    }
    return MASA_OK;
}

static bool is_true(const json_t *object, const char *key)
{
    return json_is_true(member(object, key));
}

/* Qwen's sliding window acts only if it is switched on and some layer is above
 * max_window_layers; transformers 5 lists each layer's type instead. */
static bool slides(const json_t *root, const masa_model_config *c)
{
    const json_t *types = member(root, "layer_types");
    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *type = json_string_value(json_array_get(types, i));
        if (type && strcmp(type, "full_attention") != 0) return true;
    }
    if (types || !is_true(root, "use_sliding_window") || !member(root, "sliding_window"))
        return false;
    const json_t *full = member(root, "max_window_layers");
    return !full || json_integer_value(full) < (json_int_t)c->n_layers;
}

static masa_status refuse_features(const json_t *root, const masa_model_config *c,
                                   masa_error *err)
{
    const masa_traits *traits = masa_architecture_traits(c->architecture);
    const char *act = json_string_value(member(root, "hidden_act"));
    const json_t *partial = member(root, "partial_rotary_factor");
    if (act && strcmp(act, "silu") != 0)
        return formats_refuse("an activation other than silu", err);
    if (is_true(root, "mlp_bias"))
        return formats_refuse("biases in the feed-forward layers", err);
    if (!traits->attention_bias && is_true(root, "attention_bias"))
        return formats_refuse("attention biases", err);
    if (partial && json_number_value(partial) != 1)
        return formats_refuse("rotary embedding on a part of each head", err);
    if (slides(root, c)) return formats_refuse("sliding-window attention", err);
    if (member(root, "quantization_config"))
        return formats_refuse("quantised safetensors", err);
    return MASA_OK;
}

static masa_status read_rope(const json_t *root, masa_model_config *c, masa_error *err)
{
    const json_t *scaling = member(root, "rope_parameters");
    const json_t *theta = member(scaling, "rope_theta") ? scaling : root;
    if (!scaling) scaling = member(root, "rope_scaling");
    masa_status st = read_float(theta, "rope_theta", 10000, &c->rope_theta, err);
    if (st != MASA_OK || !scaling) return st;
    const char *type = json_string_value(member(scaling, "rope_type"));
    if (!type) type = json_string_value(member(scaling, "type"));
    if (!type || strcmp(type, "default") == 0) return MASA_OK;
    if (strcmp(type, "llama3") != 0)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "rope scaling of type '%.40s' is not supported; 'llama3' and "
                         "'default' are",
                         type);
    c->rope_scaled = true;
    st = read_float(scaling, "factor", 0, &c->rope_factor, err);
    if (st == MASA_OK)
        st = read_float(scaling, "low_freq_factor", 0, &c->rope_low_freq_factor, err);
    if (st == MASA_OK)
        st = read_float(scaling, "high_freq_factor", 0, &c->rope_high_freq_factor, err);
    if (st == MASA_OK)
        st = read_size(scaling, "original_max_position_embeddings", c->max_positions,
                       &c->rope_original_positions, err);
    return st;
}

static masa_status read_sizes(const json_t *root, masa_model_config *c, masa_error *err)
{
    const masa_traits *traits = masa_architecture_traits(c->architecture);
    masa_status st = read_size(root, "vocab_size", 0, &c->vocab_size, err);
    if (st == MASA_OK) st = read_size(root, "hidden_size", 0, &c->hidden_size, err);
    if (st == MASA_OK) st = read_size(root, "intermediate_size", 0, &c->intermediate_size, err);
    if (st == MASA_OK) st = read_size(root, "num_hidden_layers", 0, &c->n_layers, err);
    if (st == MASA_OK) st = read_size(root, "num_attention_heads", 0, &c->n_heads, err);
    if (st == MASA_OK)
        st = read_size(root, "num_key_value_heads",
                       traits->kv_heads ? traits->kv_heads : c->n_heads, &c->n_kv_heads, err);
    if (st == MASA_OK)
        st = read_size(root, "max_position_embeddings", traits->positions, &c->max_positions,
                       err);
    if (st != MASA_OK) return st;
    size_t head = traits->head_dim ? traits->head_dim : c->hidden_size / c->n_heads;
    return read_size(root, "head_dim", head ? head : 1, &c->head_dim, err);
}

static masa_status read_config(const json_t *root, masa_model_config *c, masa_error *err)
{
    const char *type = json_string_value(member(root, "model_type"));
    if (!type) return MASA_FAIL(err, MASA_ERR_FORMAT, "'model_type' is missing");
    masa_status st = masa_architecture_find(&c->architecture, type, strlen(type), err);
    if (st != MASA_OK) return st;
    c->tied_embeddings = is_true(root, "tie_word_embeddings");
    st = read_sizes(root, c, err);
    if (st == MASA_OK) st = refuse_features(root, c, err);
    if (st == MASA_OK) st = read_float(root, "rms_norm_eps", 1e-6, &c->rms_norm_eps, err);
    if (st == MASA_OK) st = read_rope(root, c, err);
    if (st == MASA_OK)
        st = read_token(root, "bos_token_id", false, c->vocab_size, &c->bos_token, err);
    if (st == MASA_OK) st = read_eos(root, c, err);
    if (st == MASA_OK)
        st = read_token(root, "pad_token_id", true, c->vocab_size, &c->pad_token, err);
    return st == MASA_OK ? masa_model_config_check(c, err) : st;
}

static masa_status load_object(json_t **out, const char *json, size_t n, masa_error *err)
{
    json_error_t where;
    json_t *root = json_loadb(n ? json : "", n, 0, &where);
    if (json_is_object(root)) {
        *out = root;
        return MASA_OK;
    }
    masa_status st =
        MASA_FAIL(err, MASA_ERR_FORMAT, "%.200s", root ? "not a JSON object" : where.text);
    masa_error_at(err, "", root || where.line < 0 ? 0 : (size_t)where.line);
    json_decref(root);
    return st;
}

masa_status formats_hf_config_parse(masa_model_config *out, const char *json, size_t n,
                                    masa_error *err)
{
    json_t *root = NULL;
    masa_model_config c = {.bos_token = -1, .eos_token = -1, .pad_token = -1};
    masa_status st = load_object(&root, json, n, err);
    if (st == MASA_OK) st = read_config(root, &c, err);
    if (st == MASA_OK) *out = c;
    json_decref(root);
    return st;
}

masa_status formats_hf_generation_parse(masa_model_config *config, const char *json, size_t n,
                                        masa_error *err)
{
    json_t *root = NULL;
    masa_model_config c = *config;
    masa_status st = load_object(&root, json, n, err);
    if (st == MASA_OK && c.bos_token < 0)
        st = read_token(root, "bos_token_id", false, c.vocab_size, &c.bos_token, err);
    if (st == MASA_OK) st = read_eos(root, &c, err);
    if (st == MASA_OK && c.pad_token < 0)
        st = read_token(root, "pad_token_id", true, c.vocab_size, &c.pad_token, err);
    json_decref(root);
    if (st == MASA_OK) *config = c;
    return st;
}
