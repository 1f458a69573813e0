#include "cuda.h"
#include "cuda_device.h"
#include "cuda_elements.h"

#include <math.h>

static const unsigned THREADS = 256;

/* What is the same for all parameters of a step. */
struct adamw_step {
    float grad_scale, beta1, beta2, eps;
    float step_size, v_scale; /* lr / (1 - b1^t); 1 / sqrt(1 - b2^t) */
    float keep;               /* 1 - lr weight_decay */
};

__global__ void __launch_bounds__(THREADS)
    adamw(float *w, float *m, float *v, const float *grad, size_t n, adamw_step o)
{
    size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float g = o.grad_scale * grad[i];
    float mi = o.beta1 * m[i] + (1.0f - o.beta1) * g;
    float vi = o.beta2 * v[i] + (1.0f - o.beta2) * g * g;
    m[i] = mi;
    v[i] = vi;
    w[i] = w[i] * o.keep - o.step_size * mi / (sqrtf(vi) * o.v_scale + o.eps);
}

void cuda_adamw(float *w, float *m, float *v, const float *grad, size_t n,
                const masa_adamw *options)
{
    const masa_adamw *o = options;
    if (n == 0) return;
    /* The corrections in float64, as on the processor. */
    double m_left = 1.0 - pow((double)o->beta1, (double)o->step);
    double v_left = 1.0 - pow((double)o->beta2, (double)o->step);
    adamw_step step = {o->grad_scale,
                       o->beta1,
                       o->beta2,
                       o->eps,
                       (float)((double)o->lr / m_left),
                       (float)(1.0 / sqrt(v_left)),
                       1.0f - o->lr * o->weight_decay};
    GPU_LAUNCH(adamw, dim3(divide_up(n, THREADS)), dim3(THREADS), 0, w, m, v, grad, n, step);
}

/* parts[block]: the sum over its own elements of their squares, in float64. */
__global__ void __launch_bounds__(THREADS) square_parts(double *parts, const float *x, size_t n)
{
    GPU_DYNAMIC_SHARED(double, shared);
    size_t first = (size_t)blockIdx.x * MASA_SQUARES, end = first + MASA_SQUARES;
    double sum = 0;
    if (end > n) end = n;
    for (size_t i = first + threadIdx.x; i < end; i += THREADS)
        sum += (double)x[i] * (double)x[i];
    sum = block_sum(sum, shared);
    if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

void cuda_sums_of_squares(double *sums, const float *x, size_t n)
{
    unsigned blocks = divide_up(n, MASA_SQUARES);
    double *parts = (double *)device_scratch(SCRATCH_PARTS, blocks * sizeof *parts);
    GPU_LAUNCH(square_parts, dim3(blocks), dim3(THREADS), 32 * sizeof(double), parts, x, n);
    device_get(sums, parts, blocks * sizeof *parts);
}
