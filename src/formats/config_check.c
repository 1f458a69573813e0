/* What every description must satisfy, whatever it was read from. */
#include "config_check.h"

#include <masa/attention.h>

bool formats_add_eos(masa_model_config *config, int32_t id)
{
    if (config->eos_token < 0) config->eos_token = id;
    if (config->eos_token == id) return true;
    for (size_t i = 0; i < config->n_more_eos; i++)
        if (config->more_eos[i] == id) return true;
    if (config->n_more_eos == MASA_MORE_EOS) return false;
    config->more_eos[config->n_more_eos++] = id;
    return true;
}

masa_status formats_refuse(const char *feature, masa_error *err)
{
    return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                     "the model uses %s, which is not supported; dense models with full "
                     "attention are",
                     feature);
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
        {"intermediate size", "intermediate_size", "feed_forward_length", c->intermediate_size,
         1 << 22},
        {"number of layers", "num_hidden_layers", "block_count", c->n_layers, 1 << 12},
        {"number of attention heads", "num_attention_heads", "attention.head_count", c->n_heads,
         1 << 12},
        {"number of key/value heads", "num_key_value_heads", "attention.head_count_kv",
         c->n_kv_heads, c->n_heads},
        {"number of attention heads that share a key/value head", "num_attention_heads",
         "attention.head_count", c->n_kv_heads ? c->n_heads / c->n_kv_heads : 0,
         MASA_ATTENTION_MOST_GROUP},
        {"head size", "head_dim", "attention.key_length", c->head_dim, MASA_ATTENTION_MOST_DIM},
        {"maximum position", "max_position_embeddings", "context_length", c->max_positions,
         1 << 26},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].value == 0 || sizes[i].value > sizes[i].most)
            return MASA_FAIL(err, MASA_ERR_FORMAT,
                             "the model's %s is %zu; it must be 1 to %zu (%s in config.json, "
                             "%s.%s in GGUF)",
                             sizes[i].name, sizes[i].value, sizes[i].most, sizes[i].key,
                             masa_architecture_name(c->architecture), sizes[i].gguf_key);
    if (c->n_heads % c->n_kv_heads != 0)
        return MASA_FAIL(
            err, MASA_ERR_FORMAT,
            "the model's %zu attention heads are not a multiple of its %zu key/value "
            "heads",
            c->n_heads, c->n_kv_heads);
    if (c->head_dim % 2 != 0)
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "the model's head size %zu is odd; rotary embedding needs pairs",
                         c->head_dim);
    return MASA_OK;
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
          c->rope_original_positions <= 1 << 30))
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "rope scaling: factor %g, low_freq_factor %g, high_freq_factor %g, "
                         "original_max_position_embeddings %zu make no sense",
                         (double)c->rope_factor, (double)c->rope_low_freq_factor,
                         (double)c->rope_high_freq_factor, c->rope_original_positions);
    return MASA_OK;
}

static masa_status check_token(const char *name, int32_t token, size_t vocab, masa_error *err)
{
    if (token >= -1 && (token < 0 || (size_t)token < vocab)) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_FORMAT, "%s is %d, outside the vocabulary of %zu", name,
                     (int)token, vocab);
}

masa_status masa_model_config_check(const masa_model_config *c, masa_error *err)
{
    masa_status st = check_sizes(c, err);
    if (st == MASA_OK) st = check_token("bos_token_id", c->bos_token, c->vocab_size, err);
    if (st == MASA_OK) st = check_token("eos_token_id", c->eos_token, c->vocab_size, err);
    if (st == MASA_OK) st = check_token("pad_token_id", c->pad_token, c->vocab_size, err);
    if (st == MASA_OK) st = check_rope(c, err);
    if (st == MASA_OK && !(c->rms_norm_eps > 0 && c->rms_norm_eps < 1))
        st = MASA_FAIL(err, MASA_ERR_FORMAT, "rms_norm_eps is %g; expected in (0, 1)",
                       (double)c->rms_norm_eps);
    return st;
}
