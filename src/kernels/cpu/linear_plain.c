#include "linear_plain.h"
#include <stdint.h>

static float get(const void *p, masa_dtype dtype, size_t i)
{
    return dtype == MASA_F32 ? ((const float *)p)[i]
                             : masa_bf16_to_f32(((const uint16_t *)p)[i]);
}

static void put(void *p, masa_dtype dtype, size_t i, float value, bool accumulate)
{
    if (accumulate) value += get(p, dtype, i);
    if (dtype == MASA_F32) ((float *)p)[i] = value;
    else ((uint16_t *)p)[i] = masa_f32_to_bf16(value);
}

void plain_forward(void *y, masa_dtype y_dtype, const void *x, masa_dtype dtype,
                   const float *weight, const float *bias, size_t rows, size_t out, size_t in,
                   bool accumulate)
{
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t r = 0; r < rows; r++)
        for (size_t o = 0; o < out; o++) {
            float sum = 0;
            for (size_t i = 0; i < in; i++) sum += get(x, dtype, r * in + i) * weight[o * in + i];
            put(y, y_dtype, r * out + o, bias ? sum + bias[o] : sum, accumulate);
        }
}

void plain_backward_input(void *dx, masa_dtype dx_dtype, const void *dy, masa_dtype dtype,
                          const float *weight, size_t rows, size_t out, size_t in,
                          bool accumulate)
{
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < in; i++) {
            float sum = 0;
            for (size_t o = 0; o < out; o++)
                sum += get(dy, dtype, r * out + o) * weight[o * in + i];
            put(dx, dx_dtype, r * in + i, sum, accumulate);
        }
}

void plain_backward_weight(float *dw, const void *dy, const void *x, masa_dtype dtype,
                           size_t rows, size_t out, size_t in)
{
#pragma omp parallel for schedule(static)
    for (size_t o = 0; o < out; o++)
        for (size_t r = 0; r < rows; r++) {
            float d = get(dy, dtype, r * out + o);
            for (size_t i = 0; i < in; i++) dw[o * in + i] += d * get(x, dtype, r * in + i);
        }
}
