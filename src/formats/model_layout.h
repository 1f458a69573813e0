/* Which tensors a model of a given description has: names, shapes, and what GGUF calls
 * them. One table serves reading, checking and writing in every format. */
#ifndef MASA_FORMATS_MODEL_LAYOUT_H
#define MASA_FORMATS_MODEL_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <masa/error.h>
#include <masa/model_config.h>

typedef struct formats__tensor_spec {
    char name[64];      /* Hugging Face: "model.layers.0.self_attn.q_proj.weight" */
    char gguf_name[32]; /* "blk.0.attn_q.weight" */
    size_t rows, cols;  /* rows 1 for a vector */
    bool vector;
    size_t rotary_dim; /* head size if GGUF stores the rows permuted, else 0 */
} formats__tensor_spec;

/* All tensors of a checked config in the order they are used; caller frees. */
formats__tensor_spec *formats__model_layout(const masa_model_config *config, size_t *n);

/* GGUF keeps the two halves of a rotary head interleaved: the row of the file that
 * holds row `row` of the Hugging Face tensor, for heads of rotary_dim rows. */
size_t formats__rotary_row(size_t row, size_t rotary_dim);
/* Its inverse: the Hugging Face row that lies in row `row` of the file. */
size_t formats__plain_row(size_t row, size_t rotary_dim);

/* What every description must satisfy, whatever it was read from. Fills no defaults. */
masa_status formats__config_check(const masa_model_config *config, masa_error *err);

/* Adds an id that ends a text, once; the first becomes eos_token. False when full. */
bool formats__add_eos(masa_model_config *config, int32_t id);

/* Of "llama", "qwen2" or "qwen3": the same in config.json's model_type and in GGUF. */
masa_status formats__architecture_parse(masa_architecture *out, const char *name,
                                        size_t n, masa_error *err);

/* The frequency divisors of Llama 3.1's rotary scaling, [head_dim / 2], as GGUF stores
 * them in rope_freqs.weight. */
void formats__rope_divisors(float *out, const masa_model_config *config);
/* Fills the four scaling parameters so that the divisors come out as given [head_dim/2];
 * MASA_ERR_UNSUPPORTED if no parameters in use give them. */
masa_status formats__rope_recover(masa_model_config *config, const float *divisors,
                                  masa_error *err);

#endif
