#include "cpu_linear_plain.h"
#include <stdint.h>
#include "cpu_split.h"

static inline float get(const void *p, masa_dtype dtype, size_t i)
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

struct product {
    void *to;
    masa_dtype to_dtype, dtype;
    const void *left, *right; /* right: weights or x */
    const float *bias;
    size_t rows, out, in;
    bool accumulate;
};

static void forward(void *call, size_t begin, size_t end)
{
    const struct product *p = call;
    const float *weight = p->right;
    for (size_t n = begin; n < end; n++) {
        size_t r = n / p->out, o = n % p->out;
        float sum = 0;
        for (size_t i = 0; i < p->in; i++)
            sum += get(p->left, p->dtype, r * p->in + i) * weight[o * p->in + i];
        put(p->to, p->to_dtype, n, p->bias ? sum + p->bias[o] : sum, p->accumulate);
    }
}

void plain_forward(void *y, masa_dtype y_dtype, const void *x, masa_dtype dtype,
                   const float *weight, const float *bias, size_t rows, size_t out, size_t in,
                   bool accumulate)
{
    struct product p = {y, y_dtype, dtype, x, weight, bias, rows, out, in, accumulate};
    parallel_ranges(rows * out, 1, in, forward, &p);
}

static void backward_input(void *call, size_t begin, size_t end)
{
    const struct product *p = call;
    const float *weight = p->right;
    for (size_t n = begin; n < end; n++) {
        size_t r = n / p->in, i = n % p->in;
        float sum = 0;
        for (size_t o = 0; o < p->out; o++)
            sum += get(p->left, p->dtype, r * p->out + o) * weight[o * p->in + i];
        put(p->to, p->to_dtype, n, sum, p->accumulate);
    }
}

void plain_backward_input(void *dx, masa_dtype dx_dtype, const void *dy, masa_dtype dtype,
                          const float *weight, size_t rows, size_t out, size_t in,
                          bool accumulate)
{
    struct product p = {dx, dx_dtype, dtype, dy, weight, NULL, rows, out, in, accumulate};
    parallel_ranges(rows * in, 1, out, backward_input, &p);
}

static void backward_weight(void *call, size_t begin, size_t end)
{
    const struct product *p = call;
    float *dw = p->to;
    for (size_t o = begin; o < end; o++)
        for (size_t r = 0; r < p->rows; r++) {
            float d = get(p->left, p->dtype, r * p->out + o);
            for (size_t i = 0; i < p->in; i++)
                dw[o * p->in + i] += d * get(p->right, p->dtype, r * p->in + i);
        }
}

void plain_backward_weight(float *dw, const void *dy, const void *x, masa_dtype dtype,
                           size_t rows, size_t out, size_t in)
{
    struct product p = {dw, MASA_F32, dtype, dy, x, NULL, rows, out, in, true};
    parallel_ranges(out, 1, rows * in, backward_weight, &p);
}
