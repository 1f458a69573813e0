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
    long step;                /* these two: masa_adamw_rounding */
    size_t first;
};

static __device__ __forceinline__ void put_moment(float *to, float x, uint32_t)
{
    *to = x;
}

/* Up if the random bits and what bf16 drops make a carry. */
static __device__ __forceinline__ void put_moment(bf16 *to, float x, uint32_t bits)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    uint16_t half = (uint16_t)((u + (bits & 0xffffu)) >> 16);
    memcpy(to, &half, sizeof half);
}

template <class T>
__global__ void __launch_bounds__(THREADS)
    adamw(float *w, T *m, T *v, const float *grad, size_t n, adamw_step o)
{
    size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float g = o.grad_scale * grad[i];
    float mi = o.beta1 * to_f(m[i]) + (1.0f - o.beta1) * g;
    float vi = o.beta2 * to_f(v[i]) + (1.0f - o.beta2) * g * g;
    uint32_t bits = masa_adamw_rounding(o.step, o.first + i);
    put_moment(m + i, mi, bits);
    put_moment(v + i, vi, bits >> 16);
    w[i] = w[i] * o.keep - o.step_size * mi / (sqrtf(vi) * o.v_scale + o.eps);
}

void cuda_adamw(float *w, void *m, void *v, const float *grad, size_t n,
                const masa_adamw *options)
{
    const masa_adamw *o = options;
    dim3 grid(divide_up(n, THREADS)), block(THREADS);
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
                       1.0f - o->lr * o->weight_decay,
                       o->step,
                       o->first};
    if (o->moments == MASA_F32)
        GPU_LAUNCH(adamw<float>, grid, block, 0, w, (float *)m, (float *)v, grad, n, step);
    else GPU_LAUNCH(adamw<bf16>, grid, block, 0, w, (bf16 *)m, (bf16 *)v, grad, n, step);
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
