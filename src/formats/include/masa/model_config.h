/** The description of a transformer, read from config.json or GGUF metadata. */
#ifndef MASA_MODEL_CONFIG_H
#define MASA_MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum masa_architecture { MASA_LLAMA, MASA_QWEN2, MASA_QWEN3 } masa_architecture;

/** "llama", "qwen2" or "qwen3". */
const char *masa_architecture_name(masa_architecture architecture);

enum { MASA_MORE_EOS = 7 };

typedef struct masa_model_config {
    masa_architecture architecture;
    size_t vocab_size, hidden_size, intermediate_size, n_layers;
    size_t n_heads, n_kv_heads, head_dim, max_positions;
    float rms_norm_eps, rope_theta;
    bool tied_embeddings;
    bool attention_bias; /* q, k, v have biases (Qwen2) */
    bool qk_norm;        /* RMSNorm on each head of q and k (Qwen3) */
    bool rope_scaled;    /* Llama 3.1's frequency scaling, with the next four */
    float rope_factor, rope_low_freq_factor, rope_high_freq_factor;
    size_t rope_original_positions;
    int32_t bos_token, eos_token, pad_token; /* -1: none */
    /* Further tokens that end a text (Llama 3 has three), from the lists of ids in
     * config.json and generation_config.json or from GGUF's end-of-turn ids. */
    int32_t more_eos[MASA_MORE_EOS];
    size_t n_more_eos;
} masa_model_config;

#endif
