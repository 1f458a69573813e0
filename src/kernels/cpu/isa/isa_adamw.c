#include "isa_adamw.h"
#include <math.h>
#include <string.h>

/* What a step's elements have in common. */
struct rates {
    float scale, b1, b2, eps, step_size, v_scale, keep;
};

static struct rates rates_of(const masa_adamw *o)
{
    /* The corrections in float64: 1 - 0.999^t loses half its digits in float32. */
    return (struct rates){
        .scale = o->grad_scale,
        .b1 = o->beta1,
        .b2 = o->beta2,
        .eps = o->eps,
        .step_size = (float)(o->lr / (1.0 - pow(o->beta1, (double)o->step))),
        .v_scale = (float)(1.0 / sqrt(1.0 - pow(o->beta2, (double)o->step))),
        .keep = 1.0f - o->lr * o->weight_decay,
    };
}

static void update(float *restrict w, float *restrict m, float *restrict v,
                   const float *restrict grad, size_t n, const masa_adamw *o)
{
    const struct rates r = rates_of(o);
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float g = r.scale * grad[i];
        float mi = r.b1 * m[i] + (1.0f - r.b1) * g;
        float vi = r.b2 * v[i] + (1.0f - r.b2) * g * g;
        m[i] = mi;
        v[i] = vi;
        w[i] = w[i] * r.keep - r.step_size * mi / (sqrtf(vi) * r.v_scale + r.eps);
    }
}

/* Up if the random bits and what bf16 drops make a carry; what is infinite has none to drop. */
static inline uint16_t round_by(float x, uint32_t bits)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return (uint16_t)((u + (bits & 0xFFFFu)) >> 16);
}

static void update_bf16(float *restrict w, uint16_t *restrict m, uint16_t *restrict v,
                        const float *restrict grad, size_t n, const masa_adamw *o)
{
    const struct rates r = rates_of(o);
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = masa_adamw_rounding(o->step, o->first + i);
        float g = r.scale * grad[i];
        float mi = r.b1 * masa_bf16_to_f32(m[i]) + (1.0f - r.b1) * g;
        float vi = r.b2 * masa_bf16_to_f32(v[i]) + (1.0f - r.b2) * g * g;
        m[i] = round_by(mi, bits);
        v[i] = round_by(vi, bits >> 16);
        w[i] = w[i] * r.keep - r.step_size * mi / (sqrtf(vi) * r.v_scale + r.eps);
    }
}

static double sum_squares(const float *x, size_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

const struct adamw_kernels ISA_NAME(adamw_kernels) = {
    .update = update,
    .update_bf16 = update_bf16,
    .sum_squares = sum_squares,
};
