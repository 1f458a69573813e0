#include <masa/dtype.h>

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
