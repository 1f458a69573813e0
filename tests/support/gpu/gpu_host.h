/*
 * CUDA's language and the little of its runtime that src/kernels/cuda uses, on a machine
 * without a GPU: so that the very same kernels run in every test.
 *
 * A block's threads are fibers that change over at barriers, or with -DGPU_THREADS real
 * threads, which ThreadSanitizer can watch. Blocks run one after another. What would be
 * wrong on a GPU is to fail here too:
 *
 *   a missing barrier              results differ between the four orders of the threads
 *   a barrier that some miss       "deadlock"
 *   beyond shared memory           ASan (exact size); NaN where nobody wrote
 *   beyond device memory           ASan, a guard page, a pattern checked at cudaFree
 *   the host in device memory      a fault: it is accessible in launches and copies alone
 *   a missing synchronisation      work is done at cudaStreamSynchronize, not before
 *   a missing wait for cp.async    in odd orders the copy happens at the wait
 *   a launch no GPU can do         sizes of grid, block and shared memory are checked
 *   a graph that reads the host    what it would copy from there must not have changed since
 *   waiting, allocating, freeing   while a stream is captured: an end
 *
 * Not seen here: bank conflicts, memory order between blocks, and whether the layouts of
 * fragments (from the PTX manual) are true.
 */
#ifndef GPU_HOST_H
#define GPU_HOST_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <functional>
#include "gpu_counts.h"

#define __global__ static
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_)
    {
    }
};

/* ---- the runtime ---- */

typedef enum cudaError {
    cudaSuccess = 0,
    cudaErrorMemoryAllocation = 2,
    cudaErrorNoDevice = 100,
    cudaErrorNotReady = 600
} cudaError_t;
typedef struct gpu_stream *cudaStream_t;
typedef enum cudaMemcpyKind {
    cudaMemcpyHostToDevice = 1,
    cudaMemcpyDeviceToHost = 2,
    cudaMemcpyDeviceToDevice = 3
} cudaMemcpyKind;
typedef enum cudaFuncAttribute {
    cudaFuncAttributeMaxDynamicSharedMemorySize = 8
} cudaFuncAttribute;
struct cudaUUID_t {
    char bytes[16];
};
struct cudaDeviceProp {
    char name[256];
    cudaUUID_t uuid;
    int major, minor, multiProcessorCount;
    size_t totalGlobalMem;
};
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaRuntimeGetVersion(int *version);
cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int device);
cudaError_t cudaMemGetInfo(size_t *available, size_t *total);
cudaError_t cudaGetLastError(void);
const char *cudaGetErrorString(cudaError_t error);
/* Graphs: what is queued while a stream is captured, with the arguments of then. */
typedef struct gpu_graph *cudaGraph_t;
typedef struct gpu_graph_exec *cudaGraphExec_t;
typedef enum cudaStreamCaptureMode {
    cudaStreamCaptureModeThreadLocal = 1
} cudaStreamCaptureMode;
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph,
                                 unsigned long long flags);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec);
cudaError_t cudaStreamCreate(cudaStream_t *stream);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamQuery(cudaStream_t stream);
cudaError_t cudaMalloc(void **p, size_t bytes);
cudaError_t cudaFree(void *p);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch,
                              size_t width, size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream);
cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream);

namespace gpu
{
/* 0 forward, 1 backward, 2 and up a shuffle: how threads, and blocks, take turns. */
extern unsigned order;

struct thread {
    dim3 tid;
    unsigned index;
};
extern __thread thread *self;
extern dim3 block_index, block_size, grid_size; /* one block at a time */

/* What the threads of a warp show one another. */
struct alignas(16) warp_slots {
    uint32_t word[32][8];
    float a[16][16], b[8][16]; /* the operands of a product, b column by column */
};
warp_slots &slots();
/* Threads of a warp that wait at different kinds of instruction are an error. */
enum kind { BLOCK, WARP, SHUFFLE, BALLOT, MATRIX, PRODUCT };
void barrier(kind k);
void *dynamic_shared();
unsigned lane();

/* The GPU of this process; whether all of that is in one allocation of it. */
int device();
bool has(const void *p, size_t bytes);
bool is_stream(cudaStream_t stream);

/* Queues work of a stream, of which there is one more. */
void enqueue(cudaStream_t stream, unsigned long gpu_counts::*kind, std::function<void()> work);
void launch(const char *name, const void *kernel, dim3 grid, dim3 block, size_t shared,
            cudaStream_t stream, std::function<void()> body);
void allow_shared(const void *kernel, size_t bytes);

/* cp.async: 16 bytes (or, of `bytes` < 16, zeros after them); see gpu_memory.cpp. */
void copy_async(void *to, const void *from, unsigned bytes);
void copy_commit();
void copy_wait(unsigned groups_left);
void copies_must_be_done();

[[noreturn]] void die(const char *what);

template <class T> T exchange(unsigned mask, T v, unsigned from)
{
    static_assert(sizeof(T) <= 32, "a slot has 32 bytes");
    if (mask != 0xffffffffu) die("a shuffle of a part of a warp");
    memcpy(slots().word[lane()], &v, sizeof v);
    barrier(SHUFFLE);
    T r;
    memcpy(&r, slots().word[from & 31], sizeof r);
    barrier(SHUFFLE);
    return r;
}
} // namespace gpu

template <class K> cudaError_t cudaFuncSetAttribute(K *kernel, cudaFuncAttribute, int bytes)
{
    gpu::allow_shared((const void *)kernel, (size_t)bytes);
    return cudaSuccess;
}

/* ---- the language ---- */

#define threadIdx       (gpu::self->tid)
#define blockIdx        gpu::block_index
#define blockDim        gpu::block_size
#define gridDim         gpu::grid_size
#define __syncthreads() gpu::barrier(gpu::BLOCK)
#define __syncwarp()    gpu::barrier(gpu::WARP)

template <class T> T __shfl_xor_sync(unsigned mask, T v, int m)
{
    return gpu::exchange(mask, v, gpu::lane() ^ (unsigned)m);
}
template <class T> T __shfl_sync(unsigned mask, T v, int l)
{
    return gpu::exchange(mask, v, (unsigned)l);
}
static inline unsigned __ballot_sync(unsigned mask, int predicate)
{
    if (mask != 0xffffffffu) gpu::die("a ballot of a part of a warp");
    gpu::slots().word[gpu::lane()][0] = predicate != 0;
    gpu::barrier(gpu::BALLOT);
    unsigned bits = 0;
    for (unsigned i = 0; i < 32; i++) bits |= gpu::slots().word[i][0] << i;
    gpu::barrier(gpu::BALLOT);
    return bits;
}
static inline int __popc(unsigned x)
{
    return __builtin_popcount(x);
}
static inline int __ffs(int x)
{
    return __builtin_ffs(x);
}

struct bf16 {
    uint16_t bits;
};
static inline float to_f(bf16 x)
{
    uint32_t u = (uint32_t)x.bits << 16;
    float f;
    memcpy(&f, &u, 4);
    return f;
}
static inline bf16 to_b(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    if ((u & 0x7fffffffu) > 0x7f800000u) return {0x7fff};
    return {(uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16)};
}

/* Two floats as bf16 in one register, the first in the low half. */
static inline uint32_t pack_bf16(float low, float high)
{
    return to_b(low).bits | (uint32_t)to_b(high).bits << 16;
}

static inline void gpu_copy_async(void *shared, const void *from, unsigned bytes)
{
    gpu::copy_async(shared, from, bytes);
}
static inline void gpu_copy_commit()
{
    gpu::copy_commit();
}
template <int GROUPS_LEFT> static inline void gpu_copy_wait()
{
    gpu::copy_wait(GROUPS_LEFT);
}

/* ldmatrix.x4: lane 8m+r names row r of matrix m (8 bf16, 16 bytes); of each matrix a lane
 * receives elements [lane/4][2*(lane%4)] and the next, of the transposed one likewise. */
static inline void ldmatrix_x4(uint32_t out[4], const void *row, bool transposed)
{
    if ((uintptr_t)row % 16) gpu::die("ldmatrix of a row that is not on 16 bytes");
    gpu::warp_slots &s = gpu::slots();
    unsigned l = gpu::lane();
    memcpy(s.word[l], row, 16);
    gpu::barrier(gpu::MATRIX);
    auto at = [&](unsigned m, unsigned r, unsigned c) {
        return s.word[8 * m + r][c / 2] >> (16 * (c % 2)) & 0xffffu;
    };
    for (unsigned m = 0; m < 4; m++) {
        unsigned a = l / 4, b = 2 * (l % 4);
        out[m] = transposed ? at(m, b, a) | at(m, b + 1, a) << 16
                            : at(m, a, b) | at(m, a, b + 1) << 16;
    }
    gpu::barrier(gpu::MATRIX);
}

/* d [16x8] += a [16x16] b [16x8]: mma.m16n8k16, bf16 operands and float32 sums. Of d a lane
 * has rows l/4 and l/4+8, columns 2(l%4) and the next; of a, register j has rows +8 for odd
 * j, columns +8 for j >= 2; of b, register j has rows 2(l%4)+8j and the next, column l/4. */
static inline void mma_16816(float d[4], const uint32_t a[4], const uint32_t b[2])
{
    gpu::warp_slots &s = gpu::slots();
    unsigned l = gpu::lane(), g = l / 4, t = 2 * (l % 4);
    auto half = [](uint32_t word, unsigned h) {
        return to_f(bf16{(uint16_t)(word >> (16 * h))});
    };
    for (unsigned j = 0; j < 4; j++)
        for (unsigned h = 0; h < 2; h++)
            s.a[g + 8 * (j % 2)][t + 8 * (j / 2) + h] = half(a[j], h);
    for (unsigned j = 0; j < 2; j++)
        for (unsigned h = 0; h < 2; h++) s.b[g][t + 8 * j + h] = half(b[j], h);
    gpu::barrier(gpu::PRODUCT);
    for (unsigned i = 0; i < 4; i++) {
        const float *row = s.a[g + 8 * (i / 2)], *column = s.b[t + i % 2];
        float sum = 0;
        for (unsigned k = 0; k < 16; k++) sum += row[k] * column[k];
        d[i] += sum;
    }
    gpu::barrier(gpu::PRODUCT);
}

#define GPU_DYNAMIC_SHARED(type, name) type *name = (type *)gpu::dynamic_shared()

namespace gpu
{
template <class T> struct same {
    typedef T type;
};
/* Arguments are converted and copied at the launch, as CUDA does. */
template <class... P>
void launch_kernel(const char *name, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared,
                   cudaStream_t stream, typename same<P>::type... arguments)
{
    launch(name, (const void *)kernel, grid, block, shared, stream,
           [=]() { kernel(arguments...); });
}
} // namespace gpu
#define GPU_LAUNCH_ON(stream, kernel, grid, block, shared, ...)                                \
    gpu::launch_kernel(#kernel, kernel, grid, block, shared, stream, __VA_ARGS__)

#endif
