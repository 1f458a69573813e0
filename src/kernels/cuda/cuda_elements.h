/* Elements of either storage type, packs of them, and sums over warps and blocks. */
#ifndef KERNELS_CUDA_ELEMENTS_H
#define KERNELS_CUDA_ELEMENTS_H

#include <stddef.h>
#include "cuda_language.h"

static __device__ __forceinline__ float to_f(float x)
{
    return x;
}

static __device__ __forceinline__ void put(float *to, float x)
{
    *to = x;
}

static __device__ __forceinline__ void put(bf16 *to, float x)
{
    *to = to_b(x);
}

/* N neighbours, read and written by one instruction. */
template <class T, int N> struct alignas(sizeof(T) * N) pack {
    T at[N];
};

template <int N, class T>
static __device__ __forceinline__ void load(float to[N], const T *from)
{
    pack<T, N> p = *(const pack<T, N> *)from;
#pragma unroll
    for (int i = 0; i < N; i++) to[i] = to_f(p.at[i]);
}

template <int N, class T>
static __device__ __forceinline__ void store(T *to, const float from[N])
{
    pack<T, N> p;
#pragma unroll
    for (int i = 0; i < N; i++) put(&p.at[i], from[i]);
    *(pack<T, N> *)to = p;
}

/* Every lane gets the sum, in one fixed order. */
template <class T> static __device__ __forceinline__ T warp_sum(T v)
{
#pragma unroll
    for (int m = 16; m; m /= 2) v += __shfl_xor_sync(GPU_ALL, v, m);
    return v;
}

static __device__ __forceinline__ float warp_max(float v)
{
#pragma unroll
    for (int m = 16; m; m /= 2) v = fmaxf(v, __shfl_xor_sync(GPU_ALL, v, m));
    return v;
}

/* 1 / sqrt(mean x^2 + eps) of a head [n], by a warp. */
template <class T>
static __device__ __forceinline__ float head_rstd(const T *x, unsigned n, float eps)
{
    float square = 0;
    for (unsigned i = threadIdx.x % 32; i < n; i += 32) square += to_f(x[i]) * to_f(x[i]);
    return 1.0f / sqrtf(warp_sum(square) / (float)n + eps);
}

/* Every thread gets the block's sum. `part` is shared memory of 32 T; two barriers, so that
 * the next call may use it again. */
template <class T> static __device__ __forceinline__ T block_sum(T v, T *part)
{
    unsigned warp = threadIdx.x / 32, warps = blockDim.x / 32;
    v = warp_sum(v);
    if (threadIdx.x % 32 == 0) part[warp] = v;
    __syncthreads();
    T sum = part[0];
    for (unsigned w = 1; w < warps; w++) sum += part[w];
    __syncthreads();
    return sum;
}

static __device__ __forceinline__ float block_max(float v, float *part)
{
    unsigned warp = threadIdx.x / 32, warps = blockDim.x / 32;
    v = warp_max(v);
    if (threadIdx.x % 32 == 0) part[warp] = v;
    __syncthreads();
    float most = part[0];
    for (unsigned w = 1; w < warps; w++) most = fmaxf(most, part[w]);
    __syncthreads();
    return most;
}

/* ---- on the host ---- */

/* total [n] += the sum of parts [n_parts, n] in a fixed order: the second stage of sums over
 * rows, whose first leaves one part a block. In cuda_gather.cu. */
void add_parts(float *total, const float *parts, unsigned n_parts, size_t n);

static inline unsigned divide_up(size_t n, size_t by)
{
    return (unsigned)((n + by - 1) / by);
}

/* Threads for n units of a row: whole warps, at most `most`. */
static inline unsigned block_for(size_t n, unsigned most)
{
    size_t threads = (n + 31) / 32 * 32;
    return threads < 32 ? 32 : threads > most ? most : (unsigned)threads;
}

/* Whether packs of 4 lie on their alignment everywhere. */
static inline bool packs(const void *p, size_t element, size_t stride)
{
    return stride % 4 == 0 && (uintptr_t)p % (4 * element) == 0;
}

#endif
