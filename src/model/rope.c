/* Tables of the rotary embedding (Su et al. 2021, arXiv:2104.09864), with the
 * frequency scaling of Llama 3.1 as transformers computes it. */
#include <math.h>
#include <stdlib.h>
#include <masa/memory.h>
#include "model_internal.h"

static const double TWO_PI = 6.283185307179586;

/* Llama 3.1: long wavelengths are stretched by `factor`, short ones kept, and
 * those between are interpolated. */
static double scale_frequency(const masa_model_config *c, double frequency)
{
    double original = (double)c->rope_original_positions;
    double turns = original * frequency / TWO_PI; /* within the original context */
    double low = (double)c->rope_low_freq_factor, high = (double)c->rope_high_freq_factor;
    double stretched = frequency / (double)c->rope_factor;
    if (turns < low) return stretched;
    if (turns > high) return frequency;
    double smooth = (turns - low) / (high - low);
    return (1 - smooth) * stretched + smooth * frequency;
}

static masa_status fill_table(float DEVICE **out, const masa_model_config *c,
                              const float *frequencies, double (*of_angle)(double),
                              masa_error *err)
{
    size_t half = c->head_dim / 2, bytes = c->max_positions * half * sizeof(float);
    const char *what = "the rotary embedding's table";
    void DEVICE *table = NULL;
    void *host = NULL;
    masa_status st =
        masa_device_alloc(&table, c->max_positions, half * sizeof(float), what, err);
    if (st == MASA_OK) st = masa_device_map(&host, table, bytes, true, what, err);
    *out = table;
    if (st != MASA_OK) return st;
    float *to = host;
    for (size_t p = 0; p < c->max_positions; p++)
        for (size_t i = 0; i < half; i++) {
            /* The angle is rounded to float32 because models were trained so. */
            float angle = (float)p * frequencies[i];
            to[p * half + i] = (float)of_angle((double)angle);
        }
    masa_device_unmap(host, table, bytes, true);
    return MASA_OK;
}

masa_status model_rope_create(masa_model *m, masa_error *err)
{
    const masa_model_config *c = &m->config;
    size_t half = c->head_dim / 2;
    float *frequencies = masa_alloc(half, sizeof *frequencies);
    for (size_t i = 0; i < half; i++) {
        double f = pow((double)c->rope_theta, -(double)(2 * i) / (double)c->head_dim);
        frequencies[i] = (float)(c->rope_scaled ? scale_frequency(c, f) : f);
    }
    masa_status st = fill_table(&m->rope_cos, c, frequencies, cos, err);
    if (st == MASA_OK) st = fill_table(&m->rope_sin, c, frequencies, sin, err);
    free(frequencies);
    return st;
}
