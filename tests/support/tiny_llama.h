/* A random model of some thousand parameters that goes with the tokenizer in
 * tests/generate/data/tiny. */
#ifndef TINY_LLAMA_H
#define TINY_LLAMA_H

#include "masa_test.h"

#include <masa/file.h>
#include <masa/model.h>
#include <masa/tokenizer.h>

#define TINY_TOKENIZER MASA_TESTS "/generate/data/tiny"

enum { TINY_VOCAB = 64, TINY_CONTEXT = 128 };

/* For tokenizers of other sizes. */
static inline masa_model *tiny_llama_sized(masa_dtype compute, size_t vocab, size_t positions)
{
    masa_model_config c = {.architecture = MASA_LLAMA,
                           .vocab_size = vocab,
                           .hidden_size = 32,
                           .intermediate_size = 48,
                           .n_layers = 2,
                           .n_heads = 4,
                           .n_kv_heads = 2,
                           .head_dim = 8,
                           .max_positions = positions,
                           .rms_norm_eps = 1e-5f,
                           .rope_theta = 10000,
                           .bos_token = 0,
                           .eos_token = 1,
                           .pad_token = -1};
    masa_model_options options = {compute, false};
    masa_model *model = NULL;
    assert_int_equal(masa_model_create(&model, &c, &options, 3, NULL), MASA_OK);
    return model;
}

/* Matrices are multiplied by `scale`: with 1 the model's distributions are almost flat,
 * with 12 neither flat nor certain. */
static inline masa_model *tiny_llama(masa_dtype compute, float scale)
{
    masa_model *model = tiny_llama_sized(compute, TINY_VOCAB, TINY_CONTEXT);
    float *w = masa_model_values(model);
    for (size_t i = 0; i < masa_model_parameter_count(model); i++)
        if (w[i] != 1) w[i] *= scale; /* the norms' gains are 1 */
    masa_model_refresh(model);
    return model;
}

/* The model and its tokenizer as a folder. */
static inline void tiny_llama_save(const char *folder, float scale)
{
    masa_model *model = tiny_llama(MASA_F32, scale);
    masa_tokenizer *tokenizer = NULL;
    assert_int_equal(masa_folder_create(folder, NULL), MASA_OK);
    assert_int_equal(masa_model_save(model, folder, MASA_SAVE_F32, NULL), MASA_OK);
    assert_int_equal(masa_tokenizer_load(&tokenizer, TINY_TOKENIZER, NULL), MASA_OK);
    assert_int_equal(masa_tokenizer_save(tokenizer, folder, NULL), MASA_OK);
    masa_tokenizer_destroy(tokenizer);
    masa_model_destroy(model);
}

#endif
