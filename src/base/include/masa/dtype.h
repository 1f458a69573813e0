/** Element types of tensors, and the 16-bit float conversions (the only ones). */
#ifndef MASA_DTYPE_H
#define MASA_DTYPE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What the program computes with. File formats have more; see formats. */
typedef enum masa_dtype { MASA_F32, MASA_BF16 } masa_dtype;

static inline size_t masa_dtype_size(masa_dtype t)
{
    return t == MASA_F32 ? 4 : 2;
}

static inline float masa_bf16_to_f32(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/** Round to nearest even; NaN stays NaN. */
static inline uint16_t masa_f32_to_bf16(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    if ((u & 0x7FFFFFFFu) > 0x7F800000u) return (uint16_t)(u >> 16 | 0x40u);
    return (uint16_t)((u + 0x7FFFu + (u >> 16 & 1u)) >> 16);
}

/* Every case is computed and one is chosen, so that loops over it become vectors. */
static inline float masa_f16_to_f32(uint16_t h)
{
    uint32_t exponent = h & 0x7C00u, magnitude = (uint32_t)(h & 0x7FFFu) << 13;
    uint32_t normal = magnitude + (112u << 23), infinite = magnitude + (224u << 23);
    /* A subnormal is mantissa * 2^-24, which is the last place of 0.5. */
    uint32_t half = 0x3F000000u | (h & 0x3FFu), u;
    float f;
    memcpy(&f, &half, sizeof f);
    f -= 0.5f;
    memcpy(&u, &f, sizeof u);
    u = exponent == 0 ? u : exponent == 0x7C00u ? infinite : normal;
    u |= (uint32_t)(h & 0x8000u) << 16;
    memcpy(&f, &u, sizeof f);
    return f;
}

uint16_t masa_f32_to_f16(float f); /* nearest even; overflow becomes infinity */

#endif
