#include <masa/dtype.h>

float masa_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    uint32_t exponent = h >> 10 & 0x1Fu, mantissa = h & 0x3FFu, u;
    if (exponent == 31) {
        u = sign | 0x7F800000u | mantissa << 13;
    } else if (exponent) {
        u = sign | (exponent + 112) << 23 | mantissa << 13;
    } else {
        /* Subnormal: the value is mantissa * 2^-24 exactly. */
        float f = (float)mantissa * 0x1p-24f;
        return sign ? -f : f;
    }
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

uint16_t masa_f32_to_f16(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    uint16_t sign = (uint16_t)(u >> 16 & 0x8000u);
    u &= 0x7FFFFFFFu;
    if (u > 0x7F800000u) return sign | 0x7E00u;
    if (u >= 0x477FF000u) return sign | 0x7C00u;
    if (u < 0x38800000u) {
        /* Below the smallest normal: adding 0.5 rounds at 2^-24, the subnormal step. */
        float a, magic = 0.5f;
        memcpy(&a, &u, sizeof a);
        a += magic;
        memcpy(&u, &a, sizeof u);
        return sign | (uint16_t)(u - 0x3F000000u);
    }
    u += 0xFFFu + (u >> 13 & 1u);
    return sign | (uint16_t)((u >> 13) - (112u << 10));
}
