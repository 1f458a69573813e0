/* How products with bf16 operands hand over their sums. */
#ifndef KERNELS_ISA_STORE_H
#define KERNELS_ISA_STORE_H

#include <immintrin.h>
#include <masa/dtype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Elements [at, at + 16) of y become sum (+ what they are); `some` says which of them. */
static inline __attribute__((always_inline)) void
store_sums(void *y, masa_dtype dtype, size_t at, __m512 sum, bool accumulate, __mmask16 some)
{
    float *whole = (float *)y + at;
    uint16_t *half = (uint16_t *)y + at;
    if (dtype == MASA_F32) {
        if (accumulate) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(some, whole));
        _mm512_mask_storeu_ps(whole, some, sum);
        return;
    }
    if (accumulate) {
        __m512i bits = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(some, half));
        sum = _mm512_add_ps(sum, _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16)));
    }
    _mm256_mask_storeu_epi16(half, some, (__m256i)_mm512_cvtneps_pbh(sum));
}

#endif
