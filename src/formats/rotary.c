#include "rotary.h"

#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>

size_t formats_rotary_row(size_t row, size_t rotary_dim)
{
    size_t head = row / rotary_dim, in_head = row % rotary_dim, half = rotary_dim / 2;
    return head * rotary_dim + in_head % half * 2 + in_head / half;
}

size_t formats_plain_row(size_t row, size_t rotary_dim)
{
    size_t head = row / rotary_dim, in_head = row % rotary_dim, half = rotary_dim / 2;
    return head * rotary_dim + in_head % 2 * half + in_head / 2;
}

/* Llama 3.1's rotary frequency scaling: low frequencies are divided by `factor`, high
 * ones are kept, with a smooth step between the wave lengths original / low_freq_factor
 * and original / high_freq_factor (Grattafiori et al. 2024, arXiv:2407.21783). */
void formats_rope_divisors(float *out, const masa_model_config *c)
{
    double original = (double)c->rope_original_positions;
    double low = (double)c->rope_low_freq_factor, high = (double)c->rope_high_freq_factor;
    double factor = (double)c->rope_factor;
    for (size_t i = 0; i < c->head_dim / 2; i++) {
        double exponent = 2 * (double)i / (double)c->head_dim;
        double wave = 2 * M_PI * pow((double)c->rope_theta, exponent);
        double divisor = 1;
        if (wave > original / low) {
            divisor = factor;
        } else if (wave >= original / high) {
            double smooth = (original / wave - low) / (high - low);
            divisor = 1 / ((1 - smooth) / factor + smooth);
        }
        out[i] = (float)divisor;
    }
}

masa_status formats_rope_recover(masa_model_config *config, const float *divisors,
                                 masa_error *err)
{
    size_t n = config->head_dim / 2;
    float *computed = masa_alloc(n, sizeof *computed);
    masa_model_config candidate = *config;
    candidate.rope_scaled = true;
    /* The lowest frequency is always divided by the whole factor; the rest is the same
     * in every published model. */
    candidate.rope_factor = divisors[n - 1];
    candidate.rope_low_freq_factor = 1;
    candidate.rope_high_freq_factor = 4;
    candidate.rope_original_positions = 8192;
    formats_rope_divisors(computed, &candidate);
    bool same = true;
    for (size_t i = 0; i < n; i++)
        same = same && fabsf(computed[i] - divisors[i]) <= 1e-4f * fabsf(computed[i]);
    free(computed);
    if (!same)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "rope_freqs.weight is not Llama 3.1's scaling (low 1, high 4, "
                         "original 8192), the only one supported; use the Hugging Face "
                         "folder of the model, which states its parameters");
    *config = candidate;
    return MASA_OK;
}
