/*
 * What the kernels of this folder are written in: CUDA's language, and the few instructions
 * of sm_80 that it has no name for. Compiled by g++ instead of nvcc, <gpu_host.h> gives the
 * same on a machine without a GPU (tests/support/gpu): kernels are tested there.
 *
 * Rules that both worlds need: every thread of a block reaches every barrier, every lane of
 * a warp every shuffle; all shared memory is dynamic; no atomics, so that a result is the
 * same bits in every run.
 */
#ifndef KERNELS_CUDA_LANGUAGE_H
#define KERNELS_CUDA_LANGUAGE_H

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_runtime.h>
#include <stdint.h>

typedef __nv_bfloat16 bf16;

static __device__ __forceinline__ float to_f(bf16 x)
{
    return __bfloat162float(x);
}

static __device__ __forceinline__ bf16 to_b(float x)
{
    return __float2bfloat16_rn(x);
}

/* Two floats as bf16 in one register, the first in the low half. */
static __device__ __forceinline__ uint32_t pack_bf16(float low, float high)
{
    uint32_t r;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
    return r;
}

static __device__ __forceinline__ uint32_t gpu_shared_address(const void *p)
{
    return (uint32_t)__cvta_generic_to_shared(p);
}

/* 16 bytes into shared memory, without waiting: `bytes` of them from there, then zeros. */
static __device__ __forceinline__ void gpu_copy_async(void *shared, const void *from,
                                                      unsigned bytes)
{
    asm volatile(
        "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(gpu_shared_address(shared)),
        "l"(from), "r"(bytes)
        : "memory");
}

static __device__ __forceinline__ void gpu_copy_commit()
{
    asm volatile("cp.async.commit_group;" ::: "memory");
}

/* Until at most so many groups of this thread are under way. Others' need a barrier too. */
template <int GROUPS_LEFT> static __device__ __forceinline__ void gpu_copy_wait()
{
    asm volatile("cp.async.wait_group %0;" ::"n"(GROUPS_LEFT) : "memory");
}

/* Four 8x8 matrices: lane 8m+r names row r of matrix m. */
static __device__ __forceinline__ void ldmatrix_x4(uint32_t out[4], const void *row,
                                                   bool transposed)
{
    if (transposed)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                     : "r"(gpu_shared_address(row))
                     : "memory");
    else
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                     : "r"(gpu_shared_address(row))
                     : "memory");
}

/* d [16x8] += a [16x16] b [16x8], operands bf16, sums float32. */
static __device__ __forceinline__ void mma_16816(float d[4], const uint32_t a[4],
                                                 const uint32_t b[2])
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                 "{%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

#define GPU_DYNAMIC_SHARED(type, name)                                                         \
    extern __shared__ __align__(128) unsigned char gpu_shared_memory[];                        \
    type *name = (type *)gpu_shared_memory
#define GPU_LAUNCH_ON(stream, kernel, grid, block, shared, ...)                                \
    kernel<<<grid, block, shared, stream>>>(__VA_ARGS__)
#else
#include <gpu_host.h>
#endif

#define GPU_ALL 0xffffffffu /* the lanes of a warp */

#endif
