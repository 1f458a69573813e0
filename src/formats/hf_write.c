/* Writing a Hugging Face folder. */
#include <masa/model_file.h>
#include <masa/file.h>
#include <masa/memory.h>

#include "hf_config.h"
#include "tensor_write.h"

#include <math.h>
#include <stdlib.h>

/* The shortest decimal that reads back as the same float, with a point or an exponent:
 * JSON readers take "10000" as an integer, and transformers wants floats. */
static void add_float(masa_text *out, const char *key, float value)
{
    char text[32];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) break;
    }
    if (value == floorf(value) && fabsf(value) < 1e9f)
        snprintf(text, sizeof text, "%.1f", (double)value);
    masa_text_addf(out, "\"%s\": %s", key, text);
}

static void add_token(masa_text *out, const char *key, int32_t token)
{
    if (token < 0) masa_text_addf(out, "  \"%s\": null,\n", key);
    else masa_text_addf(out, "  \"%s\": %d,\n", key, (int)token);
}

/* The ids that end a text: one number, or a list. */
static void add_eos(masa_text *out, const masa_model_config *c)
{
    if (c->n_more_eos == 0) {
        add_token(out, "eos_token_id", c->eos_token);
        return;
    }
    masa_text_addf(out, "  \"eos_token_id\": [%d", (int)c->eos_token);
    for (size_t i = 0; i < c->n_more_eos; i++) masa_text_addf(out, ", %d", (int)c->more_eos[i]);
    masa_text_add(out, "],\n");
}

/* transformers 4 reads rope_theta and rope_scaling; 5 reads them too, and writes
 * rope_parameters, which says the same. */
static void add_rope(masa_text *out, const masa_model_config *c)
{
    masa_text_add(out, "  ");
    add_float(out, "rope_theta", c->rope_theta);
    if (!c->rope_scaled) {
        masa_text_add(out, ",\n  \"rope_scaling\": null,\n");
        return;
    }
    masa_text_add(out, ",\n  \"rope_scaling\": {\n    \"rope_type\": \"llama3\",\n    ");
    add_float(out, "factor", c->rope_factor);
    masa_text_add(out, ",\n    ");
    add_float(out, "low_freq_factor", c->rope_low_freq_factor);
    masa_text_add(out, ",\n    ");
    add_float(out, "high_freq_factor", c->rope_high_freq_factor);
    masa_text_addf(out, ",\n    \"original_max_position_embeddings\": %zu\n  },\n",
                   c->rope_original_positions);
}

void formats_hf_config_write(masa_text *out, const masa_model_config *c, masa_save_dtype dtype)
{
    const masa_traits *traits = masa_architecture_traits(c->architecture);
    static const char *const types[] = {[MASA_SAVE_F32] = "float32",
                                        [MASA_SAVE_F16] = "float16",
                                        [MASA_SAVE_BF16] = "bfloat16"};
    masa_text_addf(out, "{\n  \"architectures\": [\"%s\"],\n  \"model_type\": \"%s\",\n",
                   traits->class_name, traits->name);
    masa_text_addf(out, "  \"vocab_size\": %zu,\n  \"hidden_size\": %zu,\n", c->vocab_size,
                   c->hidden_size);
    masa_text_addf(out, "  \"intermediate_size\": %zu,\n  \"num_hidden_layers\": %zu,\n",
                   c->intermediate_size, c->n_layers);
    masa_text_addf(out, "  \"num_attention_heads\": %zu,\n  \"num_key_value_heads\": %zu,\n",
                   c->n_heads, c->n_kv_heads);
    masa_text_addf(out, "  \"head_dim\": %zu,\n  \"max_position_embeddings\": %zu,\n",
                   c->head_dim, c->max_positions);
    masa_text_add(out, "  \"hidden_act\": \"silu\",\n  ");
    add_float(out, "rms_norm_eps", c->rms_norm_eps);
    masa_text_add(out, ",\n");
    add_rope(out, c);
    masa_text_addf(out, "  \"attention_bias\": %s,\n  \"attention_dropout\": 0.0,\n",
                   traits->attention_bias ? "true" : "false");
    masa_text_addf(out, "  %s,\n", traits->own_member);
    masa_text_addf(out, "  \"tie_word_embeddings\": %s,\n",
                   c->tied_embeddings ? "true" : "false");
    add_token(out, "bos_token_id", c->bos_token);
    add_eos(out, c);
    add_token(out, "pad_token_id", c->pad_token);
    masa_text_addf(out,
                   "  \"initializer_range\": 0.02,\n  \"use_cache\": true,\n"
                   "  \"torch_dtype\": \"%s\"\n}\n",
                   types[dtype]);
}

void formats_hf_generation_write(masa_text *out, const masa_model_config *c)
{
    masa_text_add(out, "{\n  \"_from_model_config\": true,\n");
    add_token(out, "bos_token_id", c->bos_token);
    add_eos(out, c);
    add_token(out, "pad_token_id", c->pad_token);
    out->size -= 2; /* the last comma */
    masa_text_add(out, "\n}\n");
}

static masa_status write_text(const char *folder, const char *name, const masa_text *text,
                              masa_error *err)
{
    char *path = masa_path_join(folder, name);
    masa_status st = masa_file_write(path, text->data, text->size, err);
    free(path);
    return st;
}

static masa_status write_folder(const char *folder, const masa_model_config *config,
                                const formats_tensor_list *list, masa_save_dtype dtype,
                                masa_error *err)
{
    masa_text text = {0};
    char *weights = masa_path_join(folder, "model.safetensors");
    masa_status st = formats_safetensors_write(weights, list, dtype, err);
    free(weights);
    formats_hf_generation_write(&text, config);
    if (st == MASA_OK) st = write_text(folder, "generation_config.json", &text, err);
    masa_text_clear(&text);
    formats_hf_config_write(&text, config, dtype);
    /* Last: a folder with a config.json is a whole model. */
    if (st == MASA_OK) st = write_text(folder, "config.json", &text, err);
    if (st == MASA_OK) st = masa_folder_sync(folder, err);
    masa_text_deinit(&text);
    return st;
}

masa_status masa_model_folder_write(const char *folder, const masa_model_config *config,
                                    const masa_named_tensor *tensors, size_t n,
                                    masa_save_dtype dtype, masa_error *err)
{
    formats_tensor_list list = {.tensors = tensors, .n = n};
    return write_folder(folder, config, &list, dtype, err);
}

masa_status masa_model_folder_write_file(const char *folder, const masa_model_file *source,
                                         masa_tensor_edit *edit, void *context,
                                         masa_save_dtype dtype, masa_error *err)
{
    formats_tensor_list list = formats_tensor_list_of(source);
    list.edit = edit;
    list.context = context;
    masa_status st = write_folder(folder, masa_model_file_config(source), &list, dtype, err);
    free((void *)(uintptr_t)list.tensors);
    return st;
}
