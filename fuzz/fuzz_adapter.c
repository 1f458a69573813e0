/* The folder of an adapter: its factors' file is the input. What is accepted leaves a model of
 * finite weights, and is written and read back to the same numbers. */
#include "scratch.h"

#include <masa/device.h>
#include <masa/lora.h>

#include <math.h>
#include <string.h>

static masa_model *make_model(void)
{
    masa_model_config shape = {.architecture = MASA_LLAMA,
                               .vocab_size = 8,
                               .hidden_size = 4,
                               .intermediate_size = 4,
                               .n_layers = 1,
                               .n_heads = 2,
                               .n_kv_heads = 1,
                               .head_dim = 2,
                               .max_positions = 8,
                               .rms_norm_eps = 1e-5f,
                               .rope_theta = 10000,
                               .eos_token = 1,
                               .pad_token = -1};
    masa_model_options options = {MASA_F32, true};
    masa_model *model = NULL;
    if (masa_model_create(&model, &shape, &options, 3, NULL) != MASA_OK) abort();
    return model;
}

/* The caller frees them. */
static float *values_of(masa_lora *lora)
{
    size_t bytes = masa_lora_count(lora) * sizeof(float);
    float *values = malloc(bytes);
    masa_device_get(values, masa_lora_values(lora), bytes);
    return values;
}

static void check(masa_lora *lora)
{
    size_t n = masa_lora_count(lora);
    float *before = values_of(lora);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(before[i])) abort();
    if (masa_lora_save(lora, scratch, "base", NULL) != MASA_OK ||
        masa_lora_load(lora, scratch, NULL) != MASA_OK)
        abort();
    float *after = values_of(lora);
    if (memcmp(before, after, n * sizeof *after) != 0) abort();
    free(before);
    free(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static masa_model *model;
    masa_lora *lora = NULL;
    masa_lora_options options = {
        .rank = 1, .alpha = 2, .targets = "q_proj,down_proj", .seed = 1};
    masa_error err = {0};
    if (!model) model = make_model();
    if (masa_lora_create(&lora, model, &options, NULL) != MASA_OK) abort();
    free(scratch_put("adapter_model.safetensors", data, size));
    if (scratch_good(masa_lora_load(lora, scratch, &err), &err)) check(lora);
    masa_lora_detach(lora); /* the next input finds the model as it was */
    masa_lora_destroy(lora);
    return 0;
}
