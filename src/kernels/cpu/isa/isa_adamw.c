#include "isa_adamw.h"
#include <math.h>

static void update(float *restrict w, float *restrict m, float *restrict v,
                   const float *restrict grad, size_t n, const masa_adamw *o)
{
    float scale = o->grad_scale, b1 = o->beta1, b2 = o->beta2, eps = o->eps;
    /* The corrections in float64: 1 - 0.999^t loses half its digits in float32. */
    float step_size = (float)(o->lr / (1.0 - pow(o->beta1, (double)o->step)));
    float v_scale = (float)(1.0 / sqrt(1.0 - pow(o->beta2, (double)o->step)));
    float keep = 1.0f - o->lr * o->weight_decay;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float g = scale * grad[i];
        float mi = b1 * m[i] + (1.0f - b1) * g;
        float vi = b2 * v[i] + (1.0f - b2) * g * g;
        m[i] = mi;
        v[i] = vi;
        w[i] = w[i] * keep - step_size * mi / (sqrtf(vi) * v_scale + eps);
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
    .sum_squares = sum_squares,
};
