#include "isa_attention_backward.h"

#include "isa_attention_pairs.h"
#include "isa_attention_tile.h"
#include "isa_simd_math.h"

/* ---- in float32, for any dtype ---- */

static void pack(const struct attention_gradient *g, size_t at, const void *k, const void *v,
                 size_t stride, size_t rows, size_t head_dim, masa_dtype dtype)
{
    float *keys = g->k, *k_t = g->k_t, *v_t = g->v_t, row[MAX_WIDTH];
    for (size_t r = 0; r < rows; r++) {
        size_t to = at + r;
        tile_load(keys + to * g->width, k, dtype, r * stride, head_dim);
        for (size_t c = 0; c < head_dim; c++) k_t[c * g->keys + to] = keys[to * g->width + c];
        tile_load(row, v, dtype, r * stride, head_dim);
        for (size_t c = 0; c < head_dim; c++) v_t[c * g->keys + to] = row[c];
    }
}

/* p[i][j] = exp(s - lse), 0 for keys not seen; ds = p (dp - delta). */
static void differentiate(float *s, float *dp, size_t seen, float lse, float delta)
{
#pragma omp simd
    for (size_t j = 0; j < ATTENTION_KEYS; j++) {
        float p = j < seen ? exp_simd(s[j] - lse) : 0;
        s[j] = p;
        dp[j] = p * (dp[j] - delta);
    }
}

/* delta[i] = out_i . dout_i, dout as floats of row stride width. */
static void dot_rows(float *delta, const struct attention_queries *t, const float *d_o,
                     size_t width, size_t head_dim, masa_dtype dtype)
{
    float o[MAX_WIDTH];
    for (size_t i = 0; i < t->rows; i++) {
        float sum = 0;
        tile_load(o, t->out, dtype, i * t->out_stride, head_dim);
#pragma omp simd reduction(+ : sum)
        for (size_t c = 0; c < head_dim; c++) sum += o[c] * d_o[i * width + c];
        delta[i] = sum;
    }
}

static void tile(const struct attention_queries *t, const struct attention_gradient *g,
                 size_t head_dim, float scale, masa_dtype dtype)
{
    float q[ATTENTION_ROWS * MAX_WIDTH], d_o[ATTENTION_ROWS * MAX_WIDTH];
    float d_q[ATTENTION_ROWS * MAX_WIDTH], delta[ATTENTION_ROWS];
    float s[ATTENTION_ROWS * ATTENTION_KEYS], dp[ATTENTION_ROWS * ATTENTION_KEYS];
    const float *k = g->k, *k_t = g->k_t, *v_t = g->v_t;
    size_t width = g->width, rows = t->rows, last = t->seen + rows - 1;
    load_rows(q, width, t->q, t->stride, rows, head_dim, scale, dtype);
    load_rows(d_o, width, t->dout, t->out_stride, rows, head_dim, 1, dtype);
    memset(d_q, 0, rows * width * sizeof *d_q);
    dot_rows(delta, t, d_o, width, head_dim, dtype);
    for (size_t j = 0; j < last; j += ATTENTION_KEYS) {
        product(s, ATTENTION_KEYS, q, width, 1, k_t + j, g->keys, rows, ATTENTION_KEYS,
                head_dim, false);
        product(dp, ATTENTION_KEYS, d_o, width, 1, v_t + j, g->keys, rows, ATTENTION_KEYS,
                head_dim, false);
        for (size_t i = 0; i < rows; i++)
            differentiate(s + i * ATTENTION_KEYS, dp + i * ATTENTION_KEYS,
                          seen_from(t->seen + i, j), t->lse[i * t->lse_stride], delta[i]);
        product(g->dv + j * width, width, s, 1, ATTENTION_KEYS, d_o, width, ATTENTION_KEYS,
                width, rows, true);
        product(g->dk + j * width, width, dp, 1, ATTENTION_KEYS, q, width, ATTENTION_KEYS,
                width, rows, true);
        product(d_q, width, dp, ATTENTION_KEYS, 1, k + j * width, width, rows, width,
                ATTENTION_KEYS, true);
    }
    for (size_t i = 0; i < rows; i++) {
        float *row = d_q + i * width;
#pragma omp simd
        for (size_t c = 0; c < head_dim; c++) row[c] *= scale;
        tile_store(t->dq, dtype, i * t->stride, row, head_dim);
    }
}

static void reduce(void *to, size_t stride, const float *part, size_t rows, size_t heads,
                   size_t group, size_t head_dim, masa_dtype dtype)
{
    float sum[MAX_WIDTH];
    for (size_t r = 0; r < rows; r++)
        for (size_t h = 0; h < heads; h++, part += group * head_dim) {
            memcpy(sum, part, head_dim * sizeof *sum);
            for (size_t g = 1; g < group; g++)
#pragma omp simd
                for (size_t c = 0; c < head_dim; c++) sum[c] += part[g * head_dim + c];
            tile_store(to, dtype, r * stride + h * head_dim, sum, head_dim);
        }
}

#define SET_F32                                                                                \
    {                                                                                          \
        .rows = ATTENTION_ROWS, .element = sizeof(float), .pack = pack, .tile = tile           \
    }

const struct attention_backward_kernels ISA_NAME(attention_backward_kernels) = {
    .f32 = SET_F32,
#if ISA_HAS_BF16
    .bf16 = {.rows = PAIRS_ROWS,
             .element = sizeof(uint16_t),
             .pack = pairs_pack,
             .tile = pairs_tile},
#else
    .bf16 = SET_F32,
#endif
    .reduce = reduce,
};
