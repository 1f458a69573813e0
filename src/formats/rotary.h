/* What files know of the rotary embedding: its scaling, and GGUF's order of rows. */
#ifndef MASA_FORMATS_ROTARY_H
#define MASA_FORMATS_ROTARY_H

#include <masa/error.h>
#include <masa/model_config.h>

/* GGUF keeps the two halves of a rotary head interleaved: the row of the file that
 * holds row `row` of the Hugging Face tensor, for heads of rotary_dim rows. */
size_t formats_rotary_row(size_t row, size_t rotary_dim);
/* Its inverse: the Hugging Face row that lies in row `row` of the file. */
size_t formats_plain_row(size_t row, size_t rotary_dim);

/* The frequency divisors of Llama 3.1's rotary scaling, [head_dim / 2], as GGUF stores
 * them in rope_freqs.weight. */
void formats_rope_divisors(float *out, const masa_model_config *config);
/* Fills the four scaling parameters so that the divisors come out as given [head_dim/2];
 * MASA_ERR_UNSUPPORTED if no parameters in use give them. */
masa_status formats_rope_recover(masa_model_config *config, const float *divisors,
                                 masa_error *err);

#endif
