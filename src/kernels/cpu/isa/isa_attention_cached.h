/* Products of a few query heads with keys and values that stay where the block cache
 * has them: each is widened to float32 in a register, once for all heads. Sums run in
 * the order of `product` in isa_attention.c, so that decoding equals training. */
#ifndef KERNELS_ISA_ATTENTION_CACHED_H
#define KERNELS_ISA_ATTENTION_CACHED_H

#include "isa_attention.h"
#include "isa_tile.h"
#if ISA_HAS_AVX512
#include <immintrin.h>
#endif

/* 16 floats, whatever the machine's own vectors are. */
typedef float cached_lanes __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint16_t cached_halves __attribute__((vector_size(32), aligned(2), may_alias));
typedef uint32_t cached_bits __attribute__((vector_size(64)));

/* CACHED_LANES: tokens of a key vector and dims of a value vector; CACHED_WIDE: vectors
 * in flight for each of at most CACHED_HEADS heads, as many as the registers hold. */
enum { CACHED_LANES = 16, CACHED_HEADS = 4, CACHED_WIDE = ISA_HAS_AVX512 ? 4 : 1 };

/* Where the ATTENTION_KEYS keys that a step attends to lie: vectors of CACHED_LANES
 * tokens of the cache (masa_kv_layer). */
struct cached_keys {
    const char *k[ATTENTION_KEYS / CACHED_LANES], *v[ATTENTION_KEYS / CACHED_LANES];
    size_t block_tokens, head_dim, seen; /* seen: keys that count, at most ATTENTION_KEYS */
};

/* Memory to ask for while a product runs, `lines` lines with each of its steps: pieces
 * of piece_bytes each, from `offset` of the first on. */
struct cached_ahead {
    const char *const *pieces, *const *end;
    size_t piece_bytes, offset, lines;
};

#define CACHED_INLINE static inline __attribute__((always_inline))

CACHED_INLINE void cached_load(cached_lanes *to, const char *from, size_t index,
                               masa_dtype dtype)
{
    if (dtype == MASA_F32) {
        *to = *(const cached_lanes *)(from + index * sizeof(float));
    } else {
        cached_halves h = *(const cached_halves *)(from + index * sizeof(uint16_t));
#if ISA_HAS_AVX512 /* which gcc 12 would do by halves */
        *to = (cached_lanes)_mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)h), 16);
#else
        *to = (cached_lanes)(__builtin_convertvector(h, cached_bits) << 16);
#endif
    }
}

/* Dimension c of a vector of keys; in bf16 a lane has those of a pair. */
CACHED_INLINE void cached_load_key(cached_lanes *to, const char *from, size_t c,
                                   size_t block_tokens, masa_dtype dtype)
{
    if (dtype == MASA_F32) {
        *to = *(const cached_lanes *)(from + c * block_tokens * sizeof(float));
    } else {
        cached_bits both;
        memcpy(&both, from + c / 2 * block_tokens * sizeof(float), sizeof both);
        *to = (cached_lanes)(c % 2 ? both & 0xFFFF0000u : both << 16);
    }
}

enum { CACHED_LINE = 64 };

CACHED_INLINE void cached_ask(struct cached_ahead *ahead)
{
    for (size_t i = 0; i < ahead->lines && ahead->pieces < ahead->end; i++) {
        __builtin_prefetch(*ahead->pieces + ahead->offset, 0, 2);
        ahead->offset += CACHED_LINE;
        if (ahead->offset < ahead->piece_bytes) continue;
        ahead->offset = 0;
        ahead->pieces++;
    }
}

/* The pieces of the `seen` keys (or values) of a step over `steps` steps. */
static inline struct cached_ahead cached_ahead_of(const char *const *pieces, size_t seen,
                                                  size_t piece_bytes, size_t steps)
{
    size_t n = (seen + CACHED_LANES - 1) / CACHED_LANES;
    size_t lines = n * ((piece_bytes + CACHED_LINE - 1) / CACHED_LINE);
    return (struct cached_ahead){pieces, pieces + n, piece_bytes, 0,
                                 (lines + steps - 1) / steps};
}

/* s[m, at..] = q k^T for n vectors of keys from vector `at` on; m and n are constants. */
CACHED_INLINE void cached_scores_tile(float *s, const float *q, size_t width,
                                      const struct cached_keys *keys, size_t at, int m, int n,
                                      masa_dtype dtype, struct cached_ahead *ahead)
{
    cached_lanes sum[CACHED_HEADS][CACHED_WIDE] = {0};
    for (size_t c = 0; c < keys->head_dim; c++) {
        cached_ask(ahead);
        for (int j = 0; j < n; j++) {
            cached_lanes k;
            cached_load_key(&k, keys->k[at + (size_t)j], c, keys->block_tokens, dtype);
            for (int i = 0; i < m; i++) sum[i][j] += q[(size_t)i * width + c] * k;
        }
    }
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            *(cached_lanes *)(s + i * ATTENTION_KEYS + ((int)at + j) * CACHED_LANES) =
                sum[i][j];
}

/* o[m, at..] += p v for n vectors of dimensions from `at` on. */
CACHED_INLINE void cached_sum_tile(float *o, size_t width, const float *p,
                                   const struct cached_keys *keys, size_t at, int m, int n,
                                   masa_dtype dtype, struct cached_ahead *ahead)
{
    cached_lanes sum[CACHED_HEADS][CACHED_WIDE];
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            sum[i][j] =
                *(cached_lanes *)(o + (size_t)i * width + at + (size_t)j * CACHED_LANES);
    for (size_t t = 0; t < keys->seen; t++) {
        cached_ask(ahead);
        const char *v = keys->v[t / CACHED_LANES];
        size_t row = t % CACHED_LANES * keys->head_dim + at;
        for (int j = 0; j < n; j++) {
            cached_lanes x;
            cached_load(&x, v, row + (size_t)j * CACHED_LANES, dtype);
            for (int i = 0; i < m; i++) sum[i][j] += p[(size_t)i * ATTENTION_KEYS + t] * x;
        }
    }
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            *(cached_lanes *)(o + (size_t)i * width + at + (size_t)j * CACHED_LANES) =
                sum[i][j];
}

CACHED_INLINE void cached_scores_heads(float *s, const float *q, size_t width,
                                       const struct cached_keys *keys,
                                       struct cached_ahead *ahead, int m, masa_dtype dtype)
{
    size_t vectors = (keys->seen + CACHED_LANES - 1) / CACHED_LANES, at = 0;
    for (; at + CACHED_WIDE <= vectors; at += CACHED_WIDE)
        cached_scores_tile(s, q, width, keys, at, m, CACHED_WIDE, dtype, ahead);
    for (; at < vectors; at++) cached_scores_tile(s, q, width, keys, at, m, 1, dtype, ahead);
}

CACHED_INLINE void cached_sum_heads(float *o, size_t width, const float *p,
                                    const struct cached_keys *keys, struct cached_ahead *ahead,
                                    int m, masa_dtype dtype)
{
    size_t at = 0, wide = CACHED_WIDE * CACHED_LANES;
    for (; at + wide <= keys->head_dim; at += wide)
        cached_sum_tile(o, width, p, keys, at, m, CACHED_WIDE, dtype, ahead);
    for (; at < keys->head_dim; at += CACHED_LANES)
        cached_sum_tile(o, width, p, keys, at, m, 1, dtype, ahead);
}

/* Calls `function(..., m, dtype)` with both as constants. */
#define CACHED_DISPATCH(function, m, dtype, ...)                                               \
    switch ((m)*2 + ((dtype) == MASA_BF16)) {                                                  \
    case 2: function(__VA_ARGS__, 1, MASA_F32); break;                                         \
    case 3: function(__VA_ARGS__, 1, MASA_BF16); break;                                        \
    case 4: function(__VA_ARGS__, 2, MASA_F32); break;                                         \
    case 5: function(__VA_ARGS__, 2, MASA_BF16); break;                                        \
    case 6: function(__VA_ARGS__, 3, MASA_F32); break;                                         \
    case 7: function(__VA_ARGS__, 3, MASA_BF16); break;                                        \
    case 8: function(__VA_ARGS__, 4, MASA_F32); break;                                         \
    case 9: function(__VA_ARGS__, 4, MASA_BF16); break;                                        \
    }

/* s [heads, ATTENTION_KEYS] = q [heads, width] k^T; columns from keys->seen on, rounded
 * up to CACHED_LANES, are left alone. */
static void cached_scores(float *s, const float *q, size_t width, size_t heads,
                          const struct cached_keys *keys, struct cached_ahead ahead,
                          masa_dtype dtype)
{
    for (size_t h = 0, m; h < heads; h += m) {
        m = heads - h < CACHED_HEADS ? heads - h : CACHED_HEADS;
        CACHED_DISPATCH(cached_scores_heads, m, dtype, s + h * ATTENTION_KEYS, q + h * width,
                        width, keys, &ahead)
    }
}

/* o [heads, width] += p [heads, ATTENTION_KEYS] v over the first keys->seen keys. */
static void cached_sum(float *o, size_t width, size_t heads, const float *p,
                       const struct cached_keys *keys, struct cached_ahead ahead,
                       masa_dtype dtype)
{
    for (size_t h = 0, m; h < heads; h += m) {
        m = heads - h < CACHED_HEADS ? heads - h : CACHED_HEADS;
        CACHED_DISPATCH(cached_sum_heads, m, dtype, o + h * width, width,
                        p + h * ATTENTION_KEYS, keys, &ahead)
    }
}

#endif
