/* model.safetensors.index.json beside one good, empty shard: no name leads out of the folder. */
#include "scratch.h"

#include "formats/hf_folder.h"

static const char config[] =
    "{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\",\"vocab_size\":8,"
    "\"hidden_size\":8,\"intermediate_size\":8,\"num_hidden_layers\":1,"
    "\"num_attention_heads\":1,\"num_key_value_heads\":1,\"max_position_embeddings\":8,"
    "\"rms_norm_eps\":1e-5,\"rope_theta\":10000}";
static const char shard[] = "\x02\0\0\0\0\0\0\0{}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    free(scratch_put("config.json", config, sizeof config - 1));
    free(scratch_put("a.safetensors", shard, sizeof shard - 1));
    free(scratch_put("model.safetensors.index.json", data, size));
    formats_hf_folder folder = {0};
    masa_model_config model;
    masa_error err = {0};
    if (scratch_good(formats_hf_folder_open(&folder, scratch, &model, &err), &err) &&
        folder.n_shards > 1)
        abort(); /* there is but one file that could be one */
    formats_hf_folder_close(&folder);
    return 0;
}
