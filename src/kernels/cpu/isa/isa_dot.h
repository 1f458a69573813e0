/* Pieces of bf16 dot products (vdpbf16ps: each lane adds two neighbouring products to a
 * float32) that attention's forward and backward files share. */
#ifndef KERNELS_ISA_DOT_H
#define KERNELS_ISA_DOT_H

#include "isa.h"
#if ISA_HAS_BF16

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

/* Two neighbouring elements in every lane. */
static inline __m512bh dot_spread(const uint16_t *at)
{
    int32_t both;
    memcpy(&both, at, sizeof both);
    return (__m512bh)_mm512_set1_epi32(both);
}

static inline __m512bh dot_load(const uint16_t *at)
{
    return (__m512bh)_mm512_loadu_si512(at);
}

/* e^x, x <= 0 up to rounding: as exp_simd, with 2^n by an instruction of its own. */
static inline __m512 dot_exp(__m512 x)
{
    static const float c[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 8);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fmadd_ps(n, _mm512_set1_ps(2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.0f / 5040);
    for (int i = 0; i < 7; i++) p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(c[i]));
    return _mm512_scalef_ps(p, n);
}

#endif
#endif
