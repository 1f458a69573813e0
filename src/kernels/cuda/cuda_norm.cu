/* RMSNorm of rows and of heads. Gradients of a gain are summed in two stages: each of a
 * fixed number of blocks sums over its own rows, then columns are added in their order. */
#include "cuda.h"
#include "cuda_device.h"
#include "cuda_elements.h"

static const unsigned THREADS = 256, PARTS = 256;

/* One block a row. y = x rstd gain. */
template <class T, int N>
__global__ void __launch_bounds__(THREADS)
    rmsnorm_forward(T *y, float *rstd, const float *x, const float *gain, unsigned dim,
                    float eps)
{
    GPU_DYNAMIC_SHARED(float, part);
    const float *row = x + (size_t)blockIdx.x * dim;
    T *to = y + (size_t)blockIdx.x * dim;
    float square = 0;
    for (unsigned i = threadIdx.x * N; i < dim; i += blockDim.x * N) {
        float v[N];
        load<N>(v, row + i);
        for (int j = 0; j < N; j++) square += v[j] * v[j];
    }
    float s = 1.0f / sqrtf(block_sum(square, part) / (float)dim + eps);
    if (rstd && threadIdx.x == 0) rstd[blockIdx.x] = s;
    for (unsigned i = threadIdx.x * N; i < dim; i += blockDim.x * N) {
        float v[N], g[N];
        load<N>(v, row + i);
        load<N>(g, gain + i);
        for (int j = 0; j < N; j++) v[j] = v[j] * s * g[j];
        store<N>(to + i, v);
    }
}

template <class T>
static void run_forward(T *y, float *rstd, const float *x, const float *gain, size_t rows,
                        size_t dim, float eps)
{
    bool four = packs(y, sizeof(T), dim) && packs(x, 4, dim) && packs(gain, 4, dim);
    size_t shared = 32 * sizeof(float);
    unsigned threads = block_for(four ? dim / 4 : dim, THREADS);
    if (four)
        GPU_LAUNCH((rmsnorm_forward<T, 4>), dim3((unsigned)rows), dim3(threads), shared, y,
                   rstd, x, gain, (unsigned)dim, eps);
    else
        GPU_LAUNCH((rmsnorm_forward<T, 1>), dim3((unsigned)rows), dim3(threads), shared, y,
                   rstd, x, gain, (unsigned)dim, eps);
}

void cuda_rmsnorm_forward(void *y, masa_dtype y_dtype, float *rstd, const float *x,
                          const float *gain, size_t rows, size_t dim, float eps)
{
    if (rows == 0) return;
    if (y_dtype == MASA_F32) run_forward((float *)y, rstd, x, gain, rows, dim, eps);
    else run_forward((bf16 *)y, rstd, x, gain, rows, dim, eps);
}

/*
 * dx[r,i] += s gain[i] dy[r,i] - c x[r,i] with c = s^3/dim sum_j gain[j] dy[r,j] x[r,j].
 * A block takes every gridDim.x-th row. parts [gridDim.x, dim]: its own sum over them of
 * dy x s, or NULL. Shared: 32 floats and, with parts, the sums: a thread's own columns.
 */
__global__ void __launch_bounds__(THREADS)
    rmsnorm_backward(float *dx, float *parts, const float *dy, const float *x,
                     const float *gain, const float *rstd, unsigned rows, unsigned dim)
{
    GPU_DYNAMIC_SHARED(float, shared);
    float *sums = shared + 32;
    for (unsigned i = threadIdx.x; parts && i < dim; i += blockDim.x) sums[i] = 0;
    for (unsigned r = blockIdx.x; r < rows; r += gridDim.x) {
        const float *v = x + (size_t)r * dim, *d = dy + (size_t)r * dim;
        float *to = dx + (size_t)r * dim, s = rstd[r], dot = 0;
        for (unsigned i = threadIdx.x; i < dim; i += blockDim.x) dot += gain[i] * d[i] * v[i];
        float c = s * s * s / (float)dim * block_sum(dot, shared);
        for (unsigned i = threadIdx.x; i < dim; i += blockDim.x) {
            to[i] += s * gain[i] * d[i] - c * v[i];
            if (parts) sums[i] += d[i] * v[i] * s;
        }
    }
    for (unsigned i = threadIdx.x; parts && i < dim; i += blockDim.x)
        parts[(size_t)blockIdx.x * dim + i] = sums[i];
}

void cuda_rmsnorm_backward(float *dx, float *dgain, const float *dy, const float *x,
                           const float *gain, const float *rstd, size_t rows, size_t dim)
{
    if (rows == 0) return;
    unsigned blocks = rows < PARTS ? (unsigned)rows : PARTS;
    size_t shared = (32 + (dgain ? dim : 0)) * sizeof(float);
    float *parts = NULL;
    if (dgain) parts = (float *)device_scratch(SCRATCH_PARTS, blocks * dim * sizeof *parts);
    device_shared(rmsnorm_backward, shared);
    GPU_LAUNCH(rmsnorm_backward, dim3(blocks), dim3(block_for(dim, THREADS)), shared, dx, parts,
               dy, x, gain, rstd, (unsigned)rows, (unsigned)dim);
    if (dgain) add_parts(dgain, parts, blocks, dim);
}

/* One warp a head. */
template <class T>
__global__ void __launch_bounds__(THREADS)
    headnorm_forward(T *y, size_t y_stride, float *rstd, const T *x, size_t x_stride,
                     const float *gain, unsigned n, unsigned heads, unsigned head_dim,
                     float eps)
{
    unsigned at = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (at >= n) return; /* the whole warp */
    const T *from = x + (size_t)(at / heads) * x_stride + at % heads * head_dim;
    T *to = y + (size_t)(at / heads) * y_stride + at % heads * head_dim;
    float square = 0;
    for (unsigned i = lane; i < head_dim; i += 32) square += to_f(from[i]) * to_f(from[i]);
    float s = 1.0f / sqrtf(warp_sum(square) / (float)head_dim + eps);
    if (rstd && lane == 0) rstd[at] = s;
    for (unsigned i = lane; i < head_dim; i += 32) put(to + i, to_f(from[i]) * s * gain[i]);
}

void cuda_headnorm_forward(void *y, size_t y_stride, float *rstd, const void *x,
                           size_t x_stride, masa_dtype dtype, const float *gain, size_t rows,
                           size_t heads, size_t head_dim, float eps)
{
    size_t n = rows * heads;
    if (n == 0) return;
    dim3 grid(divide_up(n, THREADS / 32)), block(THREADS);
    if (dtype == MASA_F32)
        GPU_LAUNCH(headnorm_forward<float>, grid, block, 0, (float *)y, y_stride, rstd,
                   (const float *)x, x_stride, gain, (unsigned)n, (unsigned)heads,
                   (unsigned)head_dim, eps);
    else
        GPU_LAUNCH(headnorm_forward<bf16>, grid, block, 0, (bf16 *)y, y_stride, rstd,
                   (const bf16 *)x, x_stride, gain, (unsigned)n, (unsigned)heads,
                   (unsigned)head_dim, eps);
}

/* One warp a head, and every (gridDim.x * warps)-th of them. dx may be dy: a lane reads
 * its elements of both before it writes them. parts [gridDim.x * warps, head_dim] as above;
 * shared: a lane's own sums. */
template <class T>
__global__ void __launch_bounds__(THREADS)
    headnorm_backward(T *dx, size_t dx_stride, float *parts, const T *dy, size_t dy_stride,
                      const T *x, size_t x_stride, const float *gain, const float *rstd,
                      unsigned n, unsigned heads, unsigned head_dim)
{
    GPU_DYNAMIC_SHARED(float, shared);
    unsigned warps = blockDim.x / 32, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    unsigned first = blockIdx.x * warps + warp;
    float *sums = shared + warp * head_dim;
    for (unsigned i = lane; parts && i < head_dim; i += 32) sums[i] = 0;
    for (unsigned at = first; at < n; at += gridDim.x * warps) {
        size_t row = at / heads, head = at % heads * head_dim;
        const T *v = x + row * x_stride + head, *d = dy + row * dy_stride + head;
        T *to = dx + row * dx_stride + head;
        float s = rstd[at], dot = 0;
        for (unsigned i = lane; i < head_dim; i += 32) dot += gain[i] * to_f(d[i]) * to_f(v[i]);
        float c = s * s * s / (float)head_dim * warp_sum(dot);
        for (unsigned i = lane; i < head_dim; i += 32) {
            float di = to_f(d[i]), vi = to_f(v[i]);
            put(to + i, s * gain[i] * di - c * vi);
            if (parts) sums[i] += di * vi * s;
        }
    }
    for (unsigned i = lane; parts && i < head_dim; i += 32)
        parts[(size_t)first * head_dim + i] = sums[i];
}

void cuda_headnorm_backward(void *dx, size_t dx_stride, float *dgain, const void *dy,
                            size_t dy_stride, const void *x, size_t x_stride, masa_dtype dtype,
                            const float *gain, const float *rstd, size_t rows, size_t heads,
                            size_t head_dim)
{
    size_t n = rows * heads, warps = THREADS / 32;
    if (n == 0) return;
    unsigned blocks = divide_up(n, warps);
    if (blocks > PARTS) blocks = PARTS;
    size_t shared = dgain ? warps * head_dim * sizeof(float) : 0;
    float *parts = NULL;
    if (dgain)
        parts =
            (float *)device_scratch(SCRATCH_PARTS, blocks * warps * head_dim * sizeof *parts);
    if (dtype == MASA_F32)
        GPU_LAUNCH(headnorm_backward<float>, dim3(blocks), dim3(THREADS), shared, (float *)dx,
                   dx_stride, parts, (const float *)dy, dy_stride, (const float *)x, x_stride,
                   gain, rstd, (unsigned)n, (unsigned)heads, (unsigned)head_dim);
    else
        GPU_LAUNCH(headnorm_backward<bf16>, dim3(blocks), dim3(THREADS), shared, (bf16 *)dx,
                   dx_stride, parts, (const bf16 *)dy, dy_stride, (const bf16 *)x, x_stride,
                   gain, rstd, (unsigned)n, (unsigned)heads, (unsigned)head_dim);
    if (dgain) add_parts(dgain, parts, blocks * (unsigned)warps, head_dim);
}
