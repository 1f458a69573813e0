/* Storage to float32 and back for isa/ sources: kernels compute on small float32
 * tiles that stay in the first-level cache, so they are written once for all dtypes. */
#ifndef KERNELS_ISA_TILE_H
#define KERNELS_ISA_TILE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <masa/dtype.h>
#include "isa.h"
#if defined(ISA_LEVEL) && ISA_LEVEL >= 3
#include <immintrin.h>
#endif

enum { TILE = 512 };

static inline void bf16_load(float *to, const uint16_t *from, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) to[i] = masa_bf16_to_f32(from[i]);
}

static inline void bf16_store(uint16_t *to, const float *from, size_t n)
{
    size_t i = 0;
#if ISA_HAS_BF16
    for (; i + 32 <= n; i += 32) {
        __m512bh v =
            _mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + i + 16), _mm512_loadu_ps(from + i));
        memcpy(to + i, &v, sizeof v);
    }
#endif
#pragma omp simd
    for (size_t j = i; j < n; j++) to[j] = masa_f32_to_bf16(from[j]);
}

/* Elements [offset, offset + n) of a dtype array. */
static inline void tile_load(float *to, const void *from, masa_dtype dtype, size_t offset,
                             size_t n)
{
    if (dtype == MASA_BF16) bf16_load(to, (const uint16_t *)from + offset, n);
    else memcpy(to, (const float *)from + offset, n * sizeof *to);
}

static inline void tile_store(void *to, masa_dtype dtype, size_t offset, const float *from,
                              size_t n)
{
    if (dtype == MASA_BF16) bf16_store((uint16_t *)to + offset, from, n);
    else memcpy((float *)to + offset, from, n * sizeof *from);
}

/* Reading without a copy where the storage is float32 already. */
static inline const float *tile_view(float *buffer, const void *from, masa_dtype dtype,
                                     size_t offset, size_t n)
{
    if (dtype == MASA_F32) return (const float *)from + offset;
    bf16_load(buffer, (const uint16_t *)from + offset, n);
    return buffer;
}

static inline size_t tile_size(size_t begin, size_t end)
{
    return end - begin < TILE ? end - begin : TILE;
}

#endif
