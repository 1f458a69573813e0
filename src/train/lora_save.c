/* Adapters in the format of PEFT (https://huggingface.co/docs/peft): adapter_config.json
 * and adapter_model.safetensors. */
#include <masa/lora.h>

#include <masa/adamw.h>
#include <masa/file.h>
#include <masa/memory.h>
#include <masa/safetensors.h>
#include <masa/text.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lora_internal.h"

/* "model.layers.0.self_attn.q_proj.weight" and "lora_A" give
 * "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight". Caller frees. */
static char *factor_name(const masa_parameter *p, const char *side)
{
    masa_text name = {0};
    size_t stem = strlen(p->name) - strlen("weight");
    masa_text_addf(&name, "base_model.model.%.*s%s.weight", (int)stem, p->name, side);
    return masa_text_take(&name);
}

/* The last part but one of a parameter's name, "q_proj", in quotes. */
static void module_name(char out[80], const masa_parameter *p)
{
    const char *end = strrchr(p->name, '.'), *start = end;
    while (start > p->name && start[-1] != '.') start--;
    snprintf(out, 80, "\"%.*s\"", (int)(end - start), start);
}

static masa_status write_config(const masa_lora *lora, const char *folder, const char *base,
                                masa_error *err)
{
    masa_text json = {0};
    masa_text_add(&json, "{\n  \"peft_type\": \"LORA\",\n  \"task_type\": \"CAUSAL_LM\",\n"
                         "  \"base_model_name_or_path\": ");
    masa_text_add_json(&json, base, strlen(base));
    masa_text_addf(&json,
                   ",\n  \"r\": %zu,\n  \"lora_alpha\": %.17g,\n"
                   "  \"lora_dropout\": 0.0,\n  \"bias\": \"none\",\n"
                   "  \"fan_in_fan_out\": false,\n  \"inference_mode\": true,\n"
                   "  \"target_modules\": [",
                   lora->options.rank, lora->options.alpha);
    const char *comma = "";
    masa_text seen = {0};
    for (size_t k = 0; k < lora->n_factors; k++) {
        char name[80];
        module_name(name, lora->factors[k].parameter);
        if (strstr(masa_text_get(&seen), name)) continue;
        masa_text_addf(&seen, "%s%s", comma, name);
        comma = ", ";
    }
    masa_text_addf(&json, "%s]\n}\n", masa_text_get(&seen));
    char *path = masa_path_join(folder, "adapter_config.json");
    masa_status st = masa_file_write(path, json.data, json.size, err);
    free(path);
    masa_text_deinit(&seen);
    masa_text_deinit(&json);
    return st;
}

masa_status masa_lora_save(const masa_lora *lora, const char *folder, const char *base,
                           masa_error *err)
{
    size_t n = 2 * lora->n_factors, rank = lora->options.rank;
    size_t bytes = lora->count * sizeof(float);
    void *host = NULL;
    masa_status st = masa_device_map(&host, lora->values, bytes, false, "LoRA's factors", err);
    if (st != MASA_OK) return st;
    const float *values = host;
    masa_named_tensor *tensors = masa_alloc(n, sizeof *tensors);
    for (size_t k = 0; k < lora->n_factors; k++) {
        const lora_factor *f = &lora->factors[k];
        const masa_parameter *p = f->parameter;
        tensors[2 * k] =
            (masa_named_tensor){factor_name(p, "lora_A"), values + f->a, rank, p->cols, false};
        tensors[2 * k + 1] =
            (masa_named_tensor){factor_name(p, "lora_B"), values + f->b, p->rows, rank, false};
    }
    char *path = masa_path_join(folder, "adapter_model.safetensors");
    st = masa_safetensors_write(path, tensors, n, MASA_SAVE_F32, err);
    if (st == MASA_OK) st = write_config(lora, folder, base, err);
    for (size_t i = 0; i < n; i++) free((char *)(uintptr_t)tensors[i].name);
    free(tensors);
    free(path);
    masa_device_unmap(host, lora->values, bytes, false);
    return st;
}

static masa_status read_factor(float DEVICE *to, size_t rows, size_t cols,
                               const masa_safetensors *file, const masa_parameter *p,
                               const char *side, masa_error *err)
{
    char *name = factor_name(p, side);
    const masa_safetensors_tensor *t = masa_safetensors_find(file, name);
    masa_status st = MASA_OK;
    if (!t || t->type != MASA_TENSOR_F32 || t->n_dims != 2 || t->dims[0] != rows ||
        t->dims[1] != cols)
        st = MASA_FAIL(err, MASA_ERR_FORMAT,
                       "the adapter has no %s of [%zu, %zu] float32; it was made with another "
                       "lora.rank, lora.targets or model",
                       name, rows, cols);
    else masa_device_put(to, t->data, rows * cols * sizeof(float));
    free(name);
    return st;
}

/* What is not finite in a factor is not in the product either. */
static masa_status merge_read(masa_lora *lora, const char *path, masa_error *err)
{
    bool frozen = masa_model_is_frozen(lora->model);
    masa_lora_merge(lora);
    if (isfinite(
            masa_sum_squares(frozen ? lora->values : masa_model_values(lora->model),
                             frozen ? lora->count : masa_model_parameter_count(lora->model))))
        return MASA_OK;
    masa_lora_detach(lora);
    return MASA_FAIL(err, MASA_ERR_NUMERIC, "%s makes weights that are not finite", path);
}

masa_status masa_lora_load(masa_lora *lora, const char *folder, masa_error *err)
{
    size_t rank = lora->options.rank;
    masa_safetensors *file = NULL;
    char *path = masa_path_join(folder, "adapter_model.safetensors");
    masa_status st = masa_safetensors_open(&file, path, err);
    for (size_t k = 0; st == MASA_OK && k < lora->n_factors; k++) {
        const lora_factor *f = &lora->factors[k];
        const masa_parameter *p = f->parameter;
        st = read_factor(lora->values + f->a, rank, p->cols, file, p, "lora_A", err);
        if (st == MASA_OK)
            st = read_factor(lora->values + f->b, p->rows, rank, file, p, "lora_B", err);
        if (st != MASA_OK) masa_error_at(err, path, 0);
    }
    if (st == MASA_OK) st = merge_read(lora, path, err);
    masa_safetensors_close(file);
    free(path);
    return st;
}

/* The names of target_modules with commas between. */
static void join_targets(masa_text *out, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        masa_text_addf(out, "%s%s", i ? "," : "", name ? name : "?");
    }
}

static masa_status read_config(masa_lora_options *out, masa_text *targets, const char *path,
                               masa_error *err)
{
    enum { MOST = 1 << 16 };
    json_error_t why;
    json_int_t rank = 0;
    json_t *list = NULL, *json = NULL;
    masa_text text = {0};
    masa_status st = masa_file_read(&text, path, err);
    if (st != MASA_OK) return st;
    json = json_loadb(masa_text_get(&text), text.size, 0, &why);
    if (!json ||
        json_unpack(json, "{s:I,s:F,s:o}", "r", &rank, "lora_alpha", &out->alpha,
                    "target_modules", &list) != 0 ||
        rank < 1 || rank > MOST)
        st = MASA_FAIL(
            err, MASA_ERR_FORMAT,
            "no description of an adapter: it needs r, lora_alpha and target_modules");
    out->rank = (size_t)rank;
    join_targets(targets, list);
    if (st == MASA_OK) st = masa_lora_check_targets(masa_text_get(targets), err);
    if (st != MASA_OK) masa_error_at(err, path, 0);
    json_decref(json);
    masa_text_deinit(&text);
    return st;
}

masa_status masa_lora_open(masa_lora **out, masa_model *model, const char *folder,
                           masa_error *err)
{
    masa_lora_options options = {0};
    masa_text targets = {0};
    masa_lora *lora = NULL;
    char *path = masa_path_join(folder, "adapter_config.json");
    masa_status st = read_config(&options, &targets, path, err);
    options.targets = masa_text_get(&targets);
    if (st == MASA_OK) st = masa_lora_create(&lora, model, &options, err);
    if (st == MASA_OK) st = masa_lora_load(lora, folder, err);
    if (st == MASA_OK) *out = lora;
    else masa_lora_destroy(lora);
    masa_text_deinit(&targets);
    free(path);
    return st;
}
