/*
 * Attention's gradient in bf16 products with float32 sums. Queries lie along the lanes:
 * with keys as rows,
 *
 *     S^T  = K Q^T           dP^T = V dO^T                   [keys, queries]
 *     P^T  = e^(scale S^T - lse)     dS^T = scale P^T (dP^T - delta)
 *     dV  += P^T dO          dK  += dS^T Q                   [keys, width]
 *     dQ^T += K^T dS^T                                       [width, queries]
 *
 * every left operand has its pairs next to each other as it lies, and only Q, dO and
 * dS^T need the layout of a right operand: pairs of rows interleaved, [rows/2][n][2].
 */
#ifndef KERNELS_ISA_ATTENTION_PAIRS_H
#define KERNELS_ISA_ATTENTION_PAIRS_H

#include "isa_attention_backward.h"
#include "isa_dot.h"
#if ISA_HAS_BF16

#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "isa_tile.h"

enum { PAIRS_ROWS = 64, PAIRS_KEYS = 64, PAIRS_WIDTH = 256 };

typedef uint16_t pairs_operand[PAIRS_ROWS * PAIRS_WIDTH];

/* A tile of queries; rows beyond `rows` are 0 and see nothing. */
struct pairs_state {
    pairs_operand q_t, do_t; /* [width/2][PAIRS_ROWS][2] */
    pairs_operand q, d_o;    /* [PAIRS_ROWS/2][width][2] */
    uint16_t p[PAIRS_KEYS * PAIRS_ROWS], ds[PAIRS_KEYS * PAIRS_ROWS]; /* [keys][rows] */
    uint16_t ds_t[PAIRS_KEYS * PAIRS_ROWS];                           /* [keys/2][rows][2] */
    float dq[PAIRS_WIDTH * PAIRS_ROWS];                               /* [width][rows] */
    float lse[PAIRS_ROWS], delta[PAIRS_ROWS];
    int32_t seen[PAIRS_ROWS];
    size_t rows; /* padded to a multiple of 32 */
    float scale;
};

/* C [m, n] += A [m, 2 pairs] B [2 pairs, n]; B has PAIRS of rows interleaved, ldb
 * columns. m is a multiple of 8, n of 32. */
static inline void pairs_product(float *c, size_t ldc, const uint16_t *a, size_t lda,
                                 const uint16_t *b, size_t ldb, size_t m, size_t n,
                                 size_t pairs)
{
    enum { M = 8 };
    for (size_t j = 0; j < n; j += 32)
        for (size_t i = 0; i < m; i += M) {
            __m512 sum[M][2];
            float *to = c + i * ldc + j;
            for (int r = 0; r < M; r++) {
                sum[r][0] = _mm512_loadu_ps(to + (size_t)r * ldc);
                sum[r][1] = _mm512_loadu_ps(to + (size_t)r * ldc + 16);
            }
            const uint16_t *left = a + i * lda, *right = b + 2 * j;
            for (size_t p = 0; p < pairs; p++, left += 2, right += 2 * ldb) {
                __m512bh b0 = dot_load(right), b1 = dot_load(right + 32);
                for (int r = 0; r < M; r++) {
                    __m512bh x = dot_spread(left + (size_t)r * lda);
                    sum[r][0] = _mm512_dpbf16_ps(sum[r][0], x, b0);
                    sum[r][1] = _mm512_dpbf16_ps(sum[r][1], x, b1);
                }
            }
            for (int r = 0; r < M; r++) {
                _mm512_storeu_ps(to + (size_t)r * ldc, sum[r][0]);
                _mm512_storeu_ps(to + (size_t)r * ldc + 16, sum[r][1]);
            }
        }
}

/* out [4][32 queries] = 4 rows of A times B's columns [0, 32). */
static inline void pairs_scores(__m512 out[4][2], const uint16_t *a, const uint16_t *b,
                                size_t width)
{
    for (int r = 0; r < 4; r++) out[r][0] = out[r][1] = _mm512_setzero_ps();
    for (size_t p = 0; p < width / 2; p++, a += 2, b += 2 * PAIRS_ROWS) {
        __m512bh b0 = dot_load(b), b1 = dot_load(b + 32);
        for (int r = 0; r < 4; r++) {
            __m512bh x = dot_spread(a + (size_t)r * width);
            out[r][0] = _mm512_dpbf16_ps(out[r][0], x, b0);
            out[r][1] = _mm512_dpbf16_ps(out[r][1], x, b1);
        }
    }
}

/* Rows x and y, their elements interleaved: [32][2]. */
static inline void pairs_interleave(uint16_t *to, __m512i x, __m512i y)
{
    __m512i low = _mm512_unpacklo_epi16(x, y), high = _mm512_unpackhi_epi16(x, y);
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    _mm512_storeu_si512(to, _mm512_permutex2var_epi64(low, first, high));
    _mm512_storeu_si512(to + 32, _mm512_permutex2var_epi64(low, second, high));
}

/* P^T and dS^T of 4 keys from number `key` on, `row` of them in the block, and of the 32
 * queries from `half` on. */
static inline void pairs_differentiate(struct pairs_state *t, __m512 s[4][2], __m512 dp[4][2],
                                       size_t key, size_t row, size_t half)
{
    __m512 scale = _mm512_set1_ps(t->scale);
    __m512i ds[4];
    for (int i = 0; i < 4; i++) {
        __m512 p[2], d[2];
        for (int h = 0; h < 2; h++) {
            size_t at = half + 16 * (size_t)h;
            __mmask16 sees = _mm512_cmpgt_epi32_mask(_mm512_loadu_si512(t->seen + at),
                                                     _mm512_set1_epi32((int)key + i));
            __m512 x = _mm512_fmsub_ps(s[i][h], scale, _mm512_loadu_ps(t->lse + at));
            p[h] = _mm512_maskz_mov_ps(sees, dot_exp(x));
            d[h] = _mm512_sub_ps(dp[i][h], _mm512_loadu_ps(t->delta + at));
            d[h] = _mm512_maskz_mul_ps(sees, _mm512_mul_ps(p[h], scale), d[h]);
        }
        size_t to = (row + (size_t)i) * PAIRS_ROWS + half;
        _mm512_storeu_si512(t->p + to, (__m512i)_mm512_cvtne2ps_pbh(p[1], p[0]));
        ds[i] = (__m512i)_mm512_cvtne2ps_pbh(d[1], d[0]);
        _mm512_storeu_si512(t->ds + to, ds[i]);
    }
    for (size_t i = 0; i < 4; i += 2)
        pairs_interleave(t->ds_t + (row + i) * PAIRS_ROWS + 2 * half, ds[i], ds[i + 1]);
}

/* Both right-operand layouts of rows of q or dout. */
static inline void pairs_pack_rows(uint16_t *straight, uint16_t *turned, size_t width,
                                   const uint16_t *from, size_t stride, size_t rows,
                                   size_t padded, size_t head_dim)
{
    uint16_t row[PAIRS_ROWS][PAIRS_WIDTH];
    for (size_t r = 0; r < padded; r++) {
        size_t n = r < rows ? head_dim : 0;
        memcpy(row[r], from + r * stride, n * sizeof **row);
        memset(row[r] + n, 0, (width - n) * sizeof **row);
    }
    for (size_t r = 0; r < padded; r += 2)
        for (size_t c = 0; c < width; c += 32)
            pairs_interleave(straight + r * width + 2 * c, _mm512_loadu_si512(row[r] + c),
                             _mm512_loadu_si512(row[r + 1] + c));
    for (size_t r = 0; r < padded; r++)
        for (size_t c = 0; c < width; c += 2)
            memcpy(turned + c * PAIRS_ROWS + 2 * r, row[r] + c, 2 * sizeof **row);
}

static void pairs_begin(struct pairs_state *t, const struct attention_queries *a, size_t width,
                        size_t head_dim, float scale)
{
    const uint16_t *out = a->out, *dout = a->dout;
    t->rows = (a->rows + 31) / 32 * 32;
    t->scale = scale;
    pairs_pack_rows(t->q, t->q_t, width, a->q, a->stride, a->rows, t->rows, head_dim);
    pairs_pack_rows(t->d_o, t->do_t, width, dout, a->out_stride, a->rows, t->rows, head_dim);
    memset(t->dq, 0, width * PAIRS_ROWS * sizeof *t->dq);
    for (size_t r = 0; r < t->rows; r++) {
        float sum = 0;
        bool real = r < a->rows;
        const uint16_t *o = out + r * a->out_stride, *d = dout + r * a->out_stride;
#pragma omp simd reduction(+ : sum)
        for (size_t c = 0; c < (real ? head_dim : 0); c++)
            sum += masa_bf16_to_f32(o[c]) * masa_bf16_to_f32(d[c]);
        t->delta[r] = sum;
        t->lse[r] = real ? a->lse[r * a->lse_stride] : 0;
        t->seen[r] = real ? (int32_t)(a->seen + r) : 0;
    }
}

/* The n keys (a multiple of 8, at most PAIRS_KEYS) from number j on. */
static void pairs_block(struct pairs_state *t, const struct attention_gradient *g, size_t j,
                        size_t n)
{
    size_t width = g->width;
    const uint16_t *k = (const uint16_t *)g->k + j * width;
    const uint16_t *v = (const uint16_t *)g->v + j * width;
    const uint16_t *k_t = (const uint16_t *)g->k_t + j * width;
    for (size_t half = 0; half < t->rows; half += 32)
        for (size_t row = 0; row < n; row += 4) {
            __m512 s[4][2], dp[4][2];
            pairs_scores(s, k + row * width, t->q_t + 2 * half, width);
            pairs_scores(dp, v + row * width, t->do_t + 2 * half, width);
            pairs_differentiate(t, s, dp, j + row, row, half);
        }
    pairs_product(g->dv + j * width, width, t->p, PAIRS_ROWS, t->d_o, width, n, width,
                  t->rows / 2);
    pairs_product(g->dk + j * width, width, t->ds, PAIRS_ROWS, t->q, width, n, width,
                  t->rows / 2);
    pairs_product(t->dq, PAIRS_ROWS, k_t, PAIRS_KEYS, t->ds_t, PAIRS_ROWS, width, t->rows,
                  n / 2);
}

static void pairs_tile(const struct attention_queries *a, const struct attention_gradient *g,
                       size_t head_dim, float scale, masa_dtype dtype)
{
    struct pairs_state t;
    float row[PAIRS_WIDTH];
    size_t last = (a->seen + a->rows - 1 + 7) / 8 * 8;
    pairs_begin(&t, a, g->width, head_dim, scale);
    for (size_t j = 0; j < last; j += PAIRS_KEYS)
        pairs_block(&t, g, j, last - j < PAIRS_KEYS ? last - j : PAIRS_KEYS);
    for (size_t r = 0; r < a->rows; r++) {
        for (size_t c = 0; c < head_dim; c++) row[c] = t.dq[c * PAIRS_ROWS + r];
        tile_store(a->dq, dtype, r * a->stride, row, head_dim);
    }
}

/* k and v as rows; k_t [keys/PAIRS_KEYS][width][PAIRS_KEYS]. */
static void pairs_pack(const struct attention_gradient *g, size_t at, const void *k,
                       const void *v, size_t stride, size_t rows, size_t head_dim,
                       masa_dtype dtype)
{
    uint16_t *keys = g->k, *values = g->v, *k_t = g->k_t;
    (void)dtype;
    for (size_t r = 0; r < rows; r++) {
        size_t to = at + r, in = to % PAIRS_KEYS;
        const uint16_t *row = (const uint16_t *)k + r * stride;
        memcpy(keys + to * g->width, row, head_dim * sizeof *row);
        memcpy(values + to * g->width, (const uint16_t *)v + r * stride,
               head_dim * sizeof *row);
        for (size_t c = 0; c < head_dim; c++)
            k_t[(to - in) * g->width + c * PAIRS_KEYS + in] = row[c];
    }
}

#endif
#endif
