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

/* parts [gridDim.x, n]: of each block the sum of its warps' sums [n], in their order. */
static __device__ __forceinline__ void add_warps(float *parts, const float *sums, unsigned n)
{
    __syncthreads();
    for (unsigned i = threadIdx.x; i < n; i += blockDim.x) {
        float sum = 0;
        for (unsigned w = 0; w < blockDim.x / 32; w++) sum += sums[w * n + i];
        parts[(size_t)blockIdx.x * n + i] = sum;
    }
}

/*
 * dx[r,i] += s gain[i] dy[r,i] - c x[r,i] with c = s^3/dim sum_j gain[j] dy[r,j] x[r,j].
 * A warp a row, and every (gridDim.x * warps)-th of them. parts [gridDim.x, dim]: a block's sum
 * over its rows of dy x s, or NULL. Shared, with parts: each warp's sums, a lane's own columns.
 */
template <int N>
__global__ void __launch_bounds__(THREADS)
    rmsnorm_backward(float *dx, float *parts, const float *dy, const float *x,
                     const float *gain, const float *rstd, unsigned rows, unsigned dim)
{
    GPU_DYNAMIC_SHARED(float, shared);
    unsigned warps = blockDim.x / 32, warp = threadIdx.x / 32;
    unsigned first = threadIdx.x % 32 * N, step = 32 * N;
    float *sums = shared + warp * dim, g[N], d[N], v[N], to[N];
    for (unsigned i = first; parts && i < dim; i += step)
        for (int j = 0; j < N; j++) sums[i + j] = 0;
    for (unsigned r = blockIdx.x * warps + warp; r < rows; r += gridDim.x * warps) {
        size_t row = (size_t)r * dim;
        float s = rstd[r], dot = 0;
        for (unsigned i = first; i < dim; i += step) {
            load<N>(g, gain + i), load<N>(d, dy + row + i), load<N>(v, x + row + i);
            for (int j = 0; j < N; j++) dot += g[j] * d[j] * v[j];
        }
        float c = s * s * s / (float)dim * warp_sum(dot);
        for (unsigned i = first; i < dim; i += step) {
            load<N>(g, gain + i), load<N>(d, dy + row + i), load<N>(v, x + row + i);
            load<N>(to, dx + row + i);
            for (int j = 0; j < N; j++) to[j] += s * g[j] * d[j] - c * v[j];
            store<N>(dx + row + i, to);
            if (!parts) continue;
            load<N>(to, sums + i);
            for (int j = 0; j < N; j++) to[j] += d[j] * v[j] * s;
            store<N>(sums + i, to);
        }
    }
    if (parts) add_warps(parts, shared, dim);
}

template <int N>
static void run_backward(float *dx, float *dgain, const float *dy, const float *x,
                         const float *gain, const float *rstd, size_t rows, size_t dim)
{
    const size_t room = (size_t)96 << 10, sums = dgain ? dim * sizeof(float) : 0;
    size_t warps = THREADS / 32;
    while (warps > 1 && warps * sums > room) warps--;
    unsigned blocks = divide_up(rows, warps);
    if (blocks > PARTS) blocks = PARTS;
    float *parts = NULL;
    if (dgain) parts = (float *)device_scratch(SCRATCH_PARTS, blocks * dim * sizeof *parts);
    device_shared(rmsnorm_backward<N>, warps * sums);
    GPU_LAUNCH(rmsnorm_backward<N>, dim3(blocks), dim3((unsigned)warps * 32), warps * sums, dx,
               parts, dy, x, gain, rstd, (unsigned)rows, (unsigned)dim);
    if (dgain) add_parts(dgain, parts, blocks, dim);
}

void cuda_rmsnorm_backward(float *dx, float *dgain, const float *dy, const float *x,
                           const float *gain, const float *rstd, size_t rows, size_t dim)
{
    if (rows == 0) return;
    bool four =
        packs(dx, 4, dim) && packs(dy, 4, dim) && packs(x, 4, dim) && packs(gain, 4, dim);
    (four ? run_backward<4> : run_backward<1>)(dx, dgain, dy, x, gain, rstd, rows, dim);
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
    float s = head_rstd(from, head_dim, eps);
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
 * its elements of both before it writes them. parts [gridDim.x, head_dim] and shared as above. */
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
    if (parts) add_warps(parts, shared, head_dim);
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
        parts = (float *)device_scratch(SCRATCH_PARTS, blocks * head_dim * sizeof *parts);
    if (dtype == MASA_F32)
        GPU_LAUNCH(headnorm_backward<float>, dim3(blocks), dim3(THREADS), shared, (float *)dx,
                   dx_stride, parts, (const float *)dy, dy_stride, (const float *)x, x_stride,
                   gain, rstd, (unsigned)n, (unsigned)heads, (unsigned)head_dim);
    else
        GPU_LAUNCH(headnorm_backward<bf16>, dim3(blocks), dim3(THREADS), shared, (bf16 *)dx,
                   dx_stride, parts, (const bf16 *)dy, dy_stride, (const bf16 *)x, x_stride,
                   gain, rstd, (unsigned)n, (unsigned)heads, (unsigned)head_dim);
    if (dgain) add_parts(dgain, parts, blocks, head_dim);
}
