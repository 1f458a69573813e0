/*
 * Attention's forward pass in bf16 dot products with float32 sums, for training and for
 * decoding: both come through dot_attend, key block after key block in order, and a row's
 * sums do not depend on the other rows, so that their results are equal to the last bit.
 *
 *     S = scale Q K^T           pairs of dimensions in a lane: K as pairs of its rows
 *     O += P V                  pairs of keys in a lane: two rows of V interleaved on the way
 *
 * The probabilities are rounded to bf16 for the second product, not for the denominator.
 */
#ifndef KERNELS_ISA_ATTENTION_DOT_H
#define KERNELS_ISA_ATTENTION_DOT_H

#include "isa_attention_cached.h"
#include "isa_dot.h"
#if ISA_HAS_BF16

#include <math.h>
#include <stdbool.h>

#include "isa_attention_tile.h"

enum { DOT_VECTORS = ATTENTION_KEYS / CACHED_LANES, DOT_ROWS = 4, DOT_WIDE = 32 };

/* Where ATTENTION_KEYS keys lie, in pieces of CACHED_LANES: k [dims/2][...][2] with
 * k_stride elements from pair to pair, v [keys, ...] with v_stride from key to key. */
struct dot_keys {
    const char *k[DOT_VECTORS], *v[DOT_VECTORS];
    size_t k_stride, v_stride;
    size_t seen; /* keys that any row sees, at most ATTENTION_KEYS */
};

/* Queries of a tile on their way through the keys. */
struct dot_state {
    uint16_t q[ATTENTION_ROWS * MAX_WIDTH]; /* [rows, width] */
    float o[ATTENTION_ROWS * MAX_WIDTH];    /* [rows, width], not yet divided by sum */
    float max[ATTENTION_ROWS], sum[ATTENTION_ROWS];
    size_t rows, width, head_dim;
    float scale;
};

static void dot_begin(struct dot_state *t, const uint16_t *q, size_t q_stride, size_t rows,
                      size_t head_dim, float scale)
{
    t->rows = rows;
    t->head_dim = head_dim;
    t->width = attention_padded(head_dim, ATTENTION_PAD);
    t->scale = scale;
    memset(t->o, 0, rows * t->width * sizeof *t->o);
    for (size_t i = 0; i < rows; i++) {
        uint16_t *row = t->q + i * t->width;
        memcpy(row, q + i * q_stride, head_dim * sizeof *row);
        memset(row + head_dim, 0, (t->width - head_dim) * sizeof *row);
        t->max[i] = -INFINITY;
        t->sum[i] = 0;
    }
}

/* s [m, at..] = q k^T for n vectors of keys from vector `at` on; m and n are constants. */
CACHED_INLINE void dot_scores_tile(float *s, const uint16_t *q, size_t width, size_t pairs,
                                   const struct dot_keys *keys, size_t at, int m, int n,
                                   struct cached_ahead *ahead)
{
    __m512 sum[DOT_ROWS][DOT_VECTORS];
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) sum[i][j] = _mm512_setzero_ps();
    for (size_t p = 0; p < pairs; p++) {
        __m512bh k[DOT_VECTORS];
        cached_ask(ahead);
        for (int j = 0; j < n; j++)
            k[j] = dot_load((const uint16_t *)keys->k[at + (size_t)j] + p * keys->k_stride);
        for (int i = 0; i < m; i++) {
            __m512bh x = dot_spread(q + (size_t)i * width + 2 * p);
            for (int j = 0; j < n; j++) sum[i][j] = _mm512_dpbf16_ps(sum[i][j], k[j], x);
        }
    }
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            _mm512_storeu_ps(s + i * ATTENTION_KEYS + ((int)at + j) * CACHED_LANES, sum[i][j]);
}

CACHED_INLINE void dot_scores_rows(float *s, const struct dot_state *t, size_t row,
                                   const struct dot_keys *keys, int m,
                                   struct cached_ahead *ahead)
{
    size_t vectors = (keys->seen + CACHED_LANES - 1) / CACHED_LANES;
    size_t pairs = t->head_dim / 2;
    const uint16_t *q = t->q + row * t->width;
    s += row * ATTENTION_KEYS;
    if (vectors == DOT_VECTORS) {
        dot_scores_tile(s, q, t->width, pairs, keys, 0, m, DOT_VECTORS, ahead);
        return;
    }
    for (size_t at = 0; at < vectors; at++)
        dot_scores_tile(s, q, t->width, pairs, keys, at, m, 1, ahead);
}

/* A row of scores becomes p = e^(scale s - max) in bf16, and what came before is scaled to
 * the new maximum. */
static inline void dot_softmax(struct dot_state *t, size_t row, const float *s, uint16_t *p,
                               size_t seen)
{
    const __m512 least = _mm512_set1_ps(-110); /* e^-110 is 0 */
    __m512 scale = _mm512_set1_ps(t->scale), x[DOT_VECTORS], total = _mm512_setzero_ps();
    __m512 most = _mm512_set1_ps(t->max[row]), before = most;
    for (size_t j = 0; j < DOT_VECTORS; j++) {
        size_t left = seen_from(seen, j * CACHED_LANES);
        __mmask16 sees = left >= CACHED_LANES ? 0xFFFF : (__mmask16)((1u << left) - 1);
        x[j] = _mm512_mul_ps(_mm512_loadu_ps(s + j * CACHED_LANES), scale);
        x[j] = _mm512_mask_mov_ps(_mm512_set1_ps(-INFINITY), sees, x[j]);
        most = _mm512_max_ps(most, x[j]);
    }
    t->max[row] = _mm512_reduce_max_ps(most);
    most = _mm512_set1_ps(t->max[row]);
    for (size_t j = 0; j < DOT_VECTORS; j++) {
        /* In this order the maximum of a NaN is one. */
        x[j] = dot_exp(_mm512_max_ps(least, _mm512_sub_ps(x[j], most)));
        total = _mm512_add_ps(total, x[j]);
    }
    for (size_t j = 0; j < DOT_VECTORS; j += 2)
        _mm512_storeu_si512(p + j * CACHED_LANES, (__m512i)_mm512_cvtne2ps_pbh(x[j + 1], x[j]));
    before = dot_exp(_mm512_max_ps(least, _mm512_sub_ps(before, most)));
    float factor = _mm512_cvtss_f32(before);
    t->sum[row] = t->sum[row] * factor + _mm512_reduce_add_ps(total);
    if (factor == 1) return;
    for (float *o = t->o + row * t->width, *end = o + t->width; o < end; o += 16)
        _mm512_storeu_ps(o, _mm512_mul_ps(_mm512_loadu_ps(o), before));
}

/* Two keys' values, [2][32] dimensions, as pairs: dimensions 0-3, 8-11, 16-19, 24-27 in one
 * vector and the others in the second. */
struct dot_values {
    __m512bh low, high;
};

CACHED_INLINE struct dot_values dot_interleave(__m512i x, __m512i y)
{
    return (struct dot_values){(__m512bh)_mm512_unpacklo_epi16(x, y),
                               (__m512bh)_mm512_unpackhi_epi16(x, y)};
}

/* Sums of 32 dimensions between their own order and that of dot_values. */
CACHED_INLINE void dot_apart(__m512 *low, __m512 *high, const float *o)
{
    const __m512i even = _mm512_setr_epi64(0, 1, 4, 5, 8, 9, 12, 13);
    const __m512i odd = _mm512_setr_epi64(2, 3, 6, 7, 10, 11, 14, 15);
    __m512i a = _mm512_loadu_si512(o), b = _mm512_loadu_si512(o + 16);
    *low = (__m512)_mm512_permutex2var_epi64(a, even, b);
    *high = (__m512)_mm512_permutex2var_epi64(a, odd, b);
}

CACHED_INLINE void dot_together(float *o, __m512 low, __m512 high)
{
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    _mm512_storeu_si512(o, _mm512_permutex2var_epi64((__m512i)low, first, (__m512i)high));
    _mm512_storeu_si512(o + 16, _mm512_permutex2var_epi64((__m512i)low, second, (__m512i)high));
}

/* o [m, at..] += p v for n times 32 dimensions from `at` on; m and n are constants. */
CACHED_INLINE void dot_sum_tile(float *o, size_t width, const uint16_t *p,
                                const struct dot_keys *keys, size_t at, int m, int n,
                                struct cached_ahead *ahead)
{
    __m512 low[DOT_ROWS][2], high[DOT_ROWS][2];
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            dot_apart(&low[i][j], &high[i][j],
                      o + (size_t)i * width + at + (size_t)j * DOT_WIDE);
    for (size_t t = 0; t < keys->seen; t += 2) {
        const uint16_t *v = (const uint16_t *)keys->v[t / CACHED_LANES] +
                            t % CACHED_LANES * keys->v_stride + at;
        /* A last key without a neighbour: what lies there may be anything. */
        __mmask32 both = t + 1 < keys->seen ? 0xFFFFFFFF : 0;
        cached_ask(ahead);
        cached_ask(ahead);
        for (int j = 0; j < n; j++, v += DOT_WIDE) {
            struct dot_values pair = dot_interleave(
                _mm512_loadu_si512(v), _mm512_maskz_loadu_epi16(both, v + keys->v_stride));
            for (int i = 0; i < m; i++) {
                __m512bh x = dot_spread(p + (size_t)i * ATTENTION_KEYS + t);
                low[i][j] = _mm512_dpbf16_ps(low[i][j], pair.low, x);
                high[i][j] = _mm512_dpbf16_ps(high[i][j], pair.high, x);
            }
        }
    }
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            dot_together(o + (size_t)i * width + at + (size_t)j * DOT_WIDE, low[i][j],
                         high[i][j]);
}

CACHED_INLINE void dot_sum_rows(struct dot_state *t, size_t row, const uint16_t *p,
                                const struct dot_keys *keys, int m, struct cached_ahead *ahead)
{
    float *o = t->o + row * t->width;
    size_t at = 0;
    p += row * ATTENTION_KEYS;
    for (; at + 2 * DOT_WIDE <= t->width; at += 2 * DOT_WIDE)
        dot_sum_tile(o, t->width, p, keys, at, m, 2, ahead);
    if (at < t->width) dot_sum_tile(o, t->width, p, keys, at, m, 1, ahead);
}

/* Calls `function(..., m, ahead)` with up to DOT_ROWS rows at a time, their number a
 * constant. */
#define DOT_EACH(function, rows, ahead, ...)                                                   \
    for (size_t row = 0, m_; row < (rows); row += m_) {                                        \
        m_ = (rows)-row < DOT_ROWS ? (rows)-row : DOT_ROWS;                                    \
        if (m_ == 4) function(__VA_ARGS__, 4, ahead);                                          \
        if (m_ == 3) function(__VA_ARGS__, 3, ahead);                                          \
        if (m_ == 2) function(__VA_ARGS__, 2, ahead);                                          \
        if (m_ == 1) function(__VA_ARGS__, 1, ahead);                                          \
    }

/* The keys from number j on, of which row i sees the first visible[i] of all. */
static void dot_attend(struct dot_state *t, const struct dot_keys *keys, const size_t *visible,
                       size_t j, struct cached_ahead values, struct cached_ahead more)
{
    float s[ATTENTION_ROWS * ATTENTION_KEYS];
    uint16_t p[ATTENTION_ROWS * ATTENTION_KEYS];
    DOT_EACH(dot_scores_rows, t->rows, &values, s, t, row, keys)
    for (size_t i = 0; i < t->rows; i++)
        dot_softmax(t, i, s + i * ATTENTION_KEYS, p + i * ATTENTION_KEYS,
                    seen_from(visible[i], j));
    DOT_EACH(dot_sum_rows, t->rows, &more, t, row, p, keys)
}

static void dot_end(struct dot_state *t, uint16_t *out, size_t out_stride, float *lse,
                    size_t lse_stride)
{
    for (size_t i = 0; i < t->rows; i++) {
        float *row = t->o + i * t->width, inverse = 1 / t->sum[i];
        if (lse) lse[i * lse_stride] = t->max[i] + logf(t->sum[i]);
#pragma omp simd
        for (size_t c = 0; c < t->head_dim; c++) row[c] *= inverse;
        bf16_store(out + i * out_stride, row, t->head_dim);
    }
}

/* ---- packed keys ---- */

/* Block after block of keys: k [width/2][ATTENTION_KEYS][2], v [ATTENTION_KEYS, width]. */
static struct dot_keys dot_packed(const struct attention_keys *keys, size_t j, size_t seen)
{
    const uint16_t *k = (const uint16_t *)keys->k_t + j * keys->width;
    const uint16_t *v = (const uint16_t *)keys->v + j * keys->width;
    struct dot_keys d = {.k_stride = 2 * ATTENTION_KEYS, .v_stride = keys->width, .seen = seen};
    for (size_t i = 0; i < DOT_VECTORS; i++) {
        d.k[i] = (const char *)(k + 2 * i * CACHED_LANES);
        d.v[i] = (const char *)(v + i * CACHED_LANES * keys->width);
    }
    return d;
}

/* Where key number `to` of packed ones has its first pair. */
static inline uint16_t *dot_key(const struct attention_keys *keys, size_t to)
{
    size_t column = to % ATTENTION_KEYS;
    return (uint16_t *)keys->k_t + (to - column) * keys->width + 2 * column;
}

static void dot_pack(const struct attention_keys *keys, size_t at, const uint16_t *k,
                     const uint16_t *v, size_t stride, size_t rows, size_t head_dim)
{
    for (size_t r = 0; r < rows; r++) {
        uint16_t *to = dot_key(keys, at + r);
        for (size_t c = 0; c < head_dim; c += 2)
            memcpy(to + c * ATTENTION_KEYS, k + r * stride + c, 2 * sizeof *to);
        memcpy((uint16_t *)keys->v + (at + r) * keys->width, v + r * stride,
               head_dim * sizeof *to);
    }
}

/* n keys from number `at` on, which are number `first` and on of a block of the cache. */
static void dot_pack_block(const struct attention_keys *keys, size_t at, const uint16_t *k,
                           const uint16_t *v, size_t first, size_t n, size_t block_tokens,
                           size_t head_dim)
{
    for (size_t r = 0; r < n; r++) {
        uint16_t *to = dot_key(keys, at + r);
        const uint16_t *from = k + 2 * (first + r);
        for (size_t c = 0; c < head_dim; c += 2)
            memcpy(to + c * ATTENTION_KEYS, from + c * block_tokens, 2 * sizeof *to);
        memcpy((uint16_t *)keys->v + (at + r) * keys->width, v + (first + r) * head_dim,
               head_dim * sizeof *to);
    }
}

static void dot_tile(uint16_t *out, size_t out_stride, float *lse, size_t lse_stride,
                     const uint16_t *q, size_t q_stride, const size_t *visible, size_t rows,
                     const struct attention_keys *keys, size_t head_dim, float scale)
{
    struct dot_state t;
    struct cached_ahead nothing = {0};
    size_t last = 0;
    dot_begin(&t, q, q_stride, rows, head_dim, scale);
    for (size_t i = 0; i < rows; i++) last = visible[i] > last ? visible[i] : last;
    for (size_t j = 0; j < last; j += ATTENTION_KEYS) {
        struct dot_keys block = dot_packed(keys, j, seen_from(last, j));
        dot_attend(&t, &block, visible, j, nothing, nothing);
    }
    dot_end(&t, out, out_stride, lse, lse_stride);
}

/* ---- the block cache ---- */

/* The keys of a step, whose tokens are [j, j + ATTENTION_KEYS), in their blocks. */
static void dot_find(struct dot_keys *keys, const uint16_t *k, const uint16_t *v,
                     const int32_t *blocks, size_t block_tokens, size_t block_stride,
                     size_t length, size_t j)
{
    keys->seen = seen_from(length, j);
    for (size_t i = 0; i < keys->seen; i += CACHED_LANES) {
        size_t first = (j + i) % block_tokens;
        size_t base = (size_t)blocks[(j + i) / block_tokens] * block_stride;
        keys->k[i / CACHED_LANES] = (const char *)(k + base + 2 * first);
        keys->v[i / CACHED_LANES] = (const char *)(v + base + first * keys->v_stride);
    }
}

static void dot_decode_in_place(struct dot_state *t, const uint16_t *k, const uint16_t *v,
                                const int32_t *blocks, size_t block_tokens, size_t block_stride,
                                size_t length, const size_t *visible)
{
    size_t bytes = CACHED_LANES * t->head_dim * sizeof *k, next;
    struct dot_keys keys, then = {.k_stride = 2 * block_tokens, .v_stride = t->head_dim};
    dot_find(&then, k, v, blocks, block_tokens, block_stride, length, 0);
    for (size_t j = 0; j < length; j = next) {
        next = j + ATTENTION_KEYS;
        keys = then;
        struct cached_ahead values = cached_ahead_of(keys.v, keys.seen, bytes, t->head_dim / 2);
        struct cached_ahead more = {0};
        if (next < length) {
            dot_find(&then, k, v, blocks, block_tokens, block_stride, length, next);
            /* Keys of larger blocks are in no one piece. */
            if (block_tokens == CACHED_LANES)
                more = cached_ahead_of(then.k, then.seen, bytes, ATTENTION_KEYS);
        }
        dot_attend(t, &keys, visible, j, values, more);
    }
}

/* The same for blocks or heads of any size: each step's keys are copied first. */
static void dot_decode_copied(struct dot_state *t, const uint16_t *k, const uint16_t *v,
                              const int32_t *blocks, size_t block_tokens, size_t block_stride,
                              size_t length, const size_t *visible)
{
    uint16_t packed[2 * ATTENTION_KEYS * MAX_WIDTH];
    struct attention_keys keys = {packed, packed + ATTENTION_KEYS * t->width, ATTENTION_KEYS,
                                  t->width};
    struct cached_ahead nothing = {0};
    memset(packed, 0, 2 * ATTENTION_KEYS * t->width * sizeof *packed);
    for (size_t j = 0; j < length; j += ATTENTION_KEYS) {
        size_t seen = seen_from(length, j), n;
        for (size_t i = 0; i < seen; i += n) {
            size_t first = (j + i) % block_tokens;
            size_t base = (size_t)blocks[(j + i) / block_tokens] * block_stride;
            n = seen - i < block_tokens - first ? seen - i : block_tokens - first;
            dot_pack_block(&keys, i, k + base, v + base, first, n, block_tokens, t->head_dim);
        }
        struct dot_keys block = dot_packed(&keys, 0, seen);
        dot_attend(t, &block, visible, j, nothing, nothing);
    }
}

static void dot_decode(uint16_t *out, float *lse, const uint16_t *q, const uint16_t *k,
                       const uint16_t *v, const int32_t *blocks, size_t block_tokens,
                       size_t block_stride, size_t length, size_t heads, size_t head_dim,
                       float scale)
{
    struct dot_state t;
    size_t visible[ATTENTION_ROWS];
    bool whole = head_dim % DOT_WIDE == 0 && block_tokens % CACHED_LANES == 0;
    for (size_t h = 0; h < heads; h++) visible[h] = length;
    dot_begin(&t, q, head_dim, heads, head_dim, scale);
    (whole ? dot_decode_in_place : dot_decode_copied)(&t, k, v, blocks, block_tokens,
                                                      block_stride, length, visible);
    dot_end(&t, out, head_dim, lse, 1);
}

#endif
#endif
