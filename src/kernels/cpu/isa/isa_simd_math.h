/* Functions that compilers turn into vector code inside `#pragma omp simd` loops. */
#ifndef KERNELS_ISA_SIMD_MATH_H
#define KERNELS_ISA_SIMD_MATH_H

#include <stdint.h>
#include <string.h>

static inline float bits_float(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static inline uint32_t float_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/*
 * e^x to 2 units in the last place. 0 below -87.3 (so for -infinity too), infinity
 * above 88.7, NaN for NaN. x = n ln2 + r with |r| <= ln2/2; e^r by its Taylor
 * polynomial of degree 7; 2^n by its bits. Adding 1.5*2^23 rounds to an integer
 * and leaves it in the low bits of the mantissa.
 */
static inline float exp_simd(float x)
{
    float c = x > 88.0f ? 88.0f : x;
    c = c < -87.3f ? -87.3f : c;
    float shifted = c * 1.44269504f + 12582912.0f;
    float n = shifted - 12582912.0f;
    float r = c - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    float p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    float y = p * bits_float((float_bits(shifted) + 127u) << 23);
    y = x < -87.3f ? 0.0f : y;
    return x > 88.7f ? bits_float(0x7F800000u) : y;
}

static inline float sigmoid_simd(float x)
{
    return 1.0f / (1.0f + exp_simd(-x));
}

#endif
