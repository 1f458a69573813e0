/** The description of a transformer, read from config.json or GGUF metadata. */
#ifndef MASA_MODEL_CONFIG_H
#define MASA_MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/architecture.h>
#include <masa/error.h>

enum { MASA_MORE_EOS = 7 };

typedef struct masa_model_config {
    masa_architecture architecture;
    size_t vocab_size, hidden_size, intermediate_size, n_layers;
    size_t n_heads, n_kv_heads, head_dim, max_positions;
    float rms_norm_eps, rope_theta;
    bool tied_embeddings;
    bool rope_scaled; /* Llama 3.1's frequency scaling, with the next four */
    float rope_factor, rope_low_freq_factor, rope_high_freq_factor;
    size_t rope_original_positions;
    int32_t bos_token, eos_token, pad_token; /* -1: none */
    /* Further tokens that end a text (Llama 3 has three), from the lists of ids in
     * config.json and generation_config.json or from GGUF's end-of-turn ids. */
    int32_t more_eos[MASA_MORE_EOS];
    size_t n_more_eos;
} masa_model_config;

/** Whether the program can compute it: MASA_ERR_FORMAT with the limit, and the keys of config.json
 *  and GGUF that set it. Readers of files and makers of models have checked it. */
masa_status masa_model_config_check(const masa_model_config *config, masa_error *err);

#endif
