/* Block layouts and their dequantisation. Definitions: ggml's quantised types as the
 * `gguf` Python package states them; tests compare with it. All integers are little
 * endian and nothing in a file is aligned, so every load is a memcpy or a byte. */
#include <masa/tensor_type.h>
#include <masa/dtype.h>

#include <assert.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "tensor files are little endian and read as they lie");

enum { SMALL = 32, SUPER = 256 };

const masa_tensor_layout *masa_tensor_type_layout(uint32_t type)
{
    static const masa_tensor_layout layouts[] = {
        [MASA_TENSOR_F32] = {"F32", 1, 4},
        [MASA_TENSOR_F16] = {"F16", 1, 2},
        [MASA_TENSOR_Q4_0] = {"Q4_0", SMALL, 2 + 16},
        [MASA_TENSOR_Q4_1] = {"Q4_1", SMALL, 4 + 16},
        [MASA_TENSOR_Q5_0] = {"Q5_0", SMALL, 2 + 4 + 16},
        [MASA_TENSOR_Q5_1] = {"Q5_1", SMALL, 4 + 4 + 16},
        [MASA_TENSOR_Q8_0] = {"Q8_0", SMALL, 2 + 32},
        [MASA_TENSOR_Q4_K] = {"Q4_K", SUPER, 4 + 12 + 128},
        [MASA_TENSOR_Q5_K] = {"Q5_K", SUPER, 4 + 12 + 32 + 128},
        [MASA_TENSOR_Q6_K] = {"Q6_K", SUPER, 128 + 64 + 16 + 2},
        [MASA_TENSOR_BF16] = {"BF16", 1, 2},
    };
    if (type >= sizeof layouts / sizeof *layouts || !layouts[type].name) return NULL;
    return &layouts[type];
}

static uint16_t load_u16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static float load_f16(const uint8_t *p)
{
    return masa_f16_to_f32(load_u16(p));
}

static void from_f16(float *restrict out, const uint8_t *restrict p, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = load_f16(p + 2 * i);
}

static void from_bf16(float *restrict out, const uint8_t *restrict p, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = masa_bf16_to_f32(load_u16(p + 2 * i));
}

/* [f16 scale, int8 q[32]] */
static void from_q8_0(float *restrict out, const uint8_t *restrict p)
{
    float scale = load_f16(p);
    for (int i = 0; i < SMALL; i++) out[i] = scale * (float)(int8_t)p[2 + i];
}

/* [f16 scale, q[16]]: byte i holds elements i (low half) and i + 16; stored + 8. */
static void from_q4_0(float *restrict out, const uint8_t *restrict p)
{
    float scale = load_f16(p);
    for (int i = 0; i < 16; i++) {
        out[i] = scale * (float)((p[2 + i] & 15) - 8);
        out[i + 16] = scale * (float)((p[2 + i] >> 4) - 8);
    }
}

/* [f16 scale, f16 minimum, q[16]] */
static void from_q4_1(float *restrict out, const uint8_t *restrict p)
{
    float scale = load_f16(p), minimum = load_f16(p + 2);
    for (int i = 0; i < 16; i++) {
        out[i] = scale * (float)(p[4 + i] & 15) + minimum;
        out[i + 16] = scale * (float)(p[4 + i] >> 4) + minimum;
    }
}

/* The fifth bits of 32 elements are the bits of one 32-bit word. */
static void five_bits(int q[SMALL], const uint8_t *high, const uint8_t *low)
{
    uint32_t bits;
    memcpy(&bits, high, sizeof bits);
    for (int i = 0; i < 16; i++) {
        q[i] = (low[i] & 15) | (int)(bits >> i & 1) << 4;
        q[i + 16] = low[i] >> 4 | (int)(bits >> (i + 16) & 1) << 4;
    }
}

/* [f16 scale, high[4], low[16]]; stored + 16. */
static void from_q5_0(float *restrict out, const uint8_t *restrict p)
{
    int q[SMALL];
    float scale = load_f16(p);
    five_bits(q, p + 2, p + 6);
    for (int i = 0; i < SMALL; i++) out[i] = scale * (float)(q[i] - 16);
}

/* [f16 scale, f16 minimum, high[4], low[16]] */
static void from_q5_1(float *restrict out, const uint8_t *restrict p)
{
    int q[SMALL];
    float scale = load_f16(p), minimum = load_f16(p + 2);
    five_bits(q, p + 4, p + 8);
    for (int i = 0; i < SMALL; i++) out[i] = scale * (float)q[i] + minimum;
}

/* Eight 6-bit scales and eight 6-bit minimums in 12 bytes: the first four of each lie
 * in the low bits of bytes 0-3 and 4-7; the last four have their low halves in bytes
 * 8-11 and their two high bits above the first four. */
static void six_bit_scales(int scale[8], int minimum[8], const uint8_t *p)
{
    for (int i = 0; i < 4; i++) {
        scale[i] = p[i] & 63;
        minimum[i] = p[i + 4] & 63;
        scale[i + 4] = (p[i + 8] & 15) | p[i] >> 6 << 4;
        minimum[i + 4] = p[i + 8] >> 4 | p[i + 4] >> 6 << 4;
    }
}

/* [f16 scale, f16 minimum, scales[12], q[128]]: 32 bytes hold sub-blocks 2k and 2k+1. */
static void from_q4_k(float *restrict out, const uint8_t *restrict p)
{
    float d = load_f16(p), m = load_f16(p + 2);
    int scale[8], minimum[8];
    six_bit_scales(scale, minimum, p + 4);
    for (int s = 0; s < 8; s++) {
        const uint8_t *q = p + 16 + s / 2 * 32;
        float ds = d * (float)scale[s], ms = m * (float)minimum[s];
        int shift = s % 2 * 4;
        for (int i = 0; i < 32; i++) out[s * 32 + i] = ds * (float)(q[i] >> shift & 15) - ms;
    }
}

/* [f16 scale, f16 minimum, scales[12], high[32], q[128]]: bit s of high[i] is the
 * fifth bit of element i of sub-block s. */
static void from_q5_k(float *restrict out, const uint8_t *restrict p)
{
    float d = load_f16(p), m = load_f16(p + 2);
    int scale[8], minimum[8];
    six_bit_scales(scale, minimum, p + 4);
    for (int s = 0; s < 8; s++) {
        const uint8_t *high = p + 16, *q = p + 48 + s / 2 * 32;
        float ds = d * (float)scale[s], ms = m * (float)minimum[s];
        int shift = s % 2 * 4;
        for (int i = 0; i < 32; i++) {
            int v = (q[i] >> shift & 15) | (high[i] >> s & 1) << 4;
            out[s * 32 + i] = ds * (float)v - ms;
        }
    }
}

/* [low[128], high[64], int8 scales[16], f16 scale]: halves of 128 elements; in each,
 * quarter k has its low bits in low[32 * (k % 2)] (upper half of the byte for k >= 2)
 * and its two high bits at bit 2k of high. Stored + 32. */
static void from_q6_k(float *restrict out, const uint8_t *restrict p)
{
    float d = load_f16(p + 208);
    for (int half = 0; half < 2; half++) {
        const uint8_t *high = p + 128 + half * 32, *scales = p + 192 + half * 8;
        for (int k = 0; k < 4; k++) {
            const uint8_t *low = p + half * 64 + k % 2 * 32;
            float *y = out + half * 128 + k * 32;
            for (int i = 0; i < 32; i++) {
                int q = (low[i] >> (k / 2 * 4) & 15) | (high[i] >> (2 * k) & 3) << 4;
                float ds = d * (float)(int8_t)scales[2 * k + i / 16];
                y[i] = ds * (float)(q - 32);
            }
        }
    }
}

void masa_tensor_dequantize(float *out, masa_tensor_type type, const void *data, size_t n)
{
    const masa_tensor_layout *layout = masa_tensor_type_layout(type);
    assert(layout && n % layout->block == 0);
    const uint8_t *p = data;
#define BLOCKS(from)                                                                           \
    for (size_t i = 0; i < n; i += layout->block, p += layout->bytes) from(out + i, p);        \
    break
    switch (type) {
    case MASA_TENSOR_F32: memcpy(out, p, n * sizeof *out); break;
    case MASA_TENSOR_F16: from_f16(out, p, n); break;
    case MASA_TENSOR_BF16: from_bf16(out, p, n); break;
    case MASA_TENSOR_Q4_0: BLOCKS(from_q4_0);
    case MASA_TENSOR_Q4_1: BLOCKS(from_q4_1);
    case MASA_TENSOR_Q5_0: BLOCKS(from_q5_0);
    case MASA_TENSOR_Q5_1: BLOCKS(from_q5_1);
    case MASA_TENSOR_Q8_0: BLOCKS(from_q8_0);
    case MASA_TENSOR_Q4_K: BLOCKS(from_q4_k);
    case MASA_TENSOR_Q5_K: BLOCKS(from_q5_k);
    case MASA_TENSOR_Q6_K: BLOCKS(from_q6_k);
    }
#undef BLOCKS
}
