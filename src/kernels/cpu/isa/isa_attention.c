#include "isa_attention.h"

#include <math.h>
#include <stdbool.h>

#include "isa_attention_cached.h"
#include "isa_attention_dot.h"
#include "isa_attention_tile.h"
#include "isa_simd_math.h"

static void pack(const struct attention_keys *keys, size_t at, const void *k, const void *v,
                 size_t stride, size_t rows, size_t head_dim, masa_dtype dtype)
{
    float row[MAX_WIDTH];
#if ISA_HAS_BF16
    if (dtype == MASA_BF16) {
        dot_pack(keys, at, k, v, stride, rows, head_dim);
        return;
    }
#endif
    for (size_t r = 0; r < rows; r++) {
        size_t to = at + r, column = to % ATTENTION_KEYS;
        float *k_t = (float *)keys->k_t + (to - column) * keys->width + column;
        tile_load(row, k, dtype, r * stride, head_dim);
        for (size_t c = 0; c < head_dim; c++) k_t[c * ATTENTION_KEYS] = row[c];
        tile_load((float *)keys->v + to * keys->width, v, dtype, r * stride, head_dim);
    }
}

/* One row of scores becomes exp(s - max); returns the factor for what came before. */
static float softmax_step(float *s, size_t seen, float *max, float *sum)
{
    float most = *max, total = 0;
    for (size_t j = seen; j < ATTENTION_KEYS; j++) s[j] = -INFINITY;
#pragma omp simd reduction(max : most)
    for (size_t j = 0; j < ATTENTION_KEYS; j++) most = s[j] > most ? s[j] : most;
#pragma omp simd reduction(+ : total)
    for (size_t j = 0; j < ATTENTION_KEYS; j++) {
        s[j] = exp_simd(s[j] - most);
        total += s[j];
    }
    float before = expf(*max - most);
    *sum = *sum * before + total;
    *max = most;
    return before;
}

/* Queries of a tile on their way through the keys. */
struct tile_state {
    float q[ATTENTION_ROWS * MAX_WIDTH]; /* [rows, width], scaled */
    float o[ATTENTION_ROWS * MAX_WIDTH]; /* [rows, width], not yet divided by sum */
    float max[ATTENTION_ROWS], sum[ATTENTION_ROWS];
    size_t rows, width, head_dim;
};

static void tile_begin(struct tile_state *t, const void *q, size_t q_stride, size_t rows,
                       size_t head_dim, float scale, masa_dtype dtype)
{
    t->rows = rows;
    t->head_dim = head_dim;
    t->width = attention_padded(head_dim, ATTENTION_PAD);
    load_rows(t->q, t->width, q, q_stride, rows, head_dim, scale, dtype);
    memset(t->o, 0, rows * t->width * sizeof *t->o);
    for (size_t i = 0; i < rows; i++) {
        t->max[i] = -INFINITY;
        t->sum[i] = 0;
    }
}

/* The ATTENTION_KEYS keys from number j on: k_t [head_dim, keys] with row stride ldk,
 * v [keys, width]. Training and decoding both come through here, key block after key
 * block in order, so that their results are equal to the last bit. */
static void tile_attend(struct tile_state *t, const float *k_t, size_t ldk, const float *v,
                        const size_t *visible, size_t j)
{
    float s[ATTENTION_ROWS * ATTENTION_KEYS];
    product(s, ATTENTION_KEYS, t->q, t->width, 1, k_t, ldk, t->rows, ATTENTION_KEYS,
            t->head_dim, false);
    for (size_t i = 0; i < t->rows; i++) {
        float *row = t->o + i * t->width;
        float before = softmax_step(s + i * ATTENTION_KEYS, seen_from(visible[i], j),
                                    &t->max[i], &t->sum[i]);
#pragma omp simd
        for (size_t c = 0; c < t->width; c++) row[c] *= before;
    }
    product(t->o, t->width, s, ATTENTION_KEYS, 1, v, t->width, t->rows, t->width,
            ATTENTION_KEYS, true);
}

static void tile_end(struct tile_state *t, void *out, size_t out_stride, float *lse,
                     size_t lse_stride, masa_dtype dtype)
{
    for (size_t i = 0; lse && i < t->rows; i++)
        lse[i * lse_stride] = t->max[i] + logf(t->sum[i]);
    for (size_t i = 0; i < t->rows; i++) {
        float *row = t->o + i * t->width, inverse = 1 / t->sum[i];
#pragma omp simd
        for (size_t c = 0; c < t->head_dim; c++) row[c] *= inverse;
        tile_store(out, dtype, i * out_stride, row, t->head_dim);
    }
}

static void tile_forward(void *out, size_t out_stride, float *lse, size_t lse_stride,
                         const void *q, size_t q_stride, const size_t *visible, size_t rows,
                         const struct attention_keys *keys, size_t head_dim, float scale,
                         masa_dtype dtype)
{
    struct tile_state t;
    size_t last = 0;
#if ISA_HAS_BF16
    if (dtype == MASA_BF16) {
        dot_tile(out, out_stride, lse, lse_stride, q, q_stride, visible, rows, keys, head_dim,
                 scale);
        return;
    }
#endif
    tile_begin(&t, q, q_stride, rows, head_dim, scale, dtype);
    for (size_t i = 0; i < rows; i++) last = visible[i] > last ? visible[i] : last;
    for (size_t j = 0; j < last; j += ATTENTION_KEYS)
        tile_attend(&t, (float *)keys->k_t + j * keys->width, ATTENTION_KEYS,
                    (float *)keys->v + j * keys->width, visible, j);
    tile_end(&t, out, out_stride, lse, lse_stride, dtype);
}

/* Dimension c of n tokens' keys, from number `first` of a block on. */
static void load_keys(float *to, const void *k, masa_dtype dtype, size_t from, size_t c,
                      size_t first, size_t n, size_t block_tokens)
{
    const uint16_t *pairs = (const uint16_t *)k + from + c / 2 * 2 * block_tokens + c % 2;
    if (dtype == MASA_F32) tile_load(to, k, dtype, from + c * block_tokens + first, n);
    else
        for (size_t r = 0; r < n; r++) to[r] = masa_bf16_to_f32(pairs[2 * (first + r)]);
}

/* n keys of a cache block into a tile from key `at` on. */
static void load_block(float *k_t, size_t ldk, float *v, size_t width, size_t at,
                       const void *k_block, const void *v_block, size_t first, size_t n,
                       size_t block_tokens, size_t head_dim, masa_dtype dtype, size_t from)
{
    for (size_t c = 0; c < head_dim; c++)
        load_keys(k_t + c * ldk + at, k_block, dtype, from, c, first, n, block_tokens);
    for (size_t r = 0; r < n; r++)
        tile_load(v + (at + r) * width, v_block, dtype, from + (first + r) * head_dim,
                  head_dim);
}

static void pack_cached(const struct attention_keys *keys, size_t at, const void *k,
                        const void *v, size_t from, size_t block_tokens, size_t n,
                        size_t head_dim, masa_dtype dtype)
{
#if ISA_HAS_BF16
    if (dtype == MASA_BF16) {
        dot_pack_block(keys, at, (const uint16_t *)k + from, (const uint16_t *)v + from, 0, n,
                       block_tokens, head_dim);
        return;
    }
#endif
    /* A cache block may lie across two blocks of keys. */
    for (size_t i = 0, m; i < n; i += m) {
        size_t column = (at + i) % ATTENTION_KEYS, block = (at + i - column) * keys->width;
        m = n - i < ATTENTION_KEYS - column ? n - i : ATTENTION_KEYS - column;
        load_block((float *)keys->k_t + block, ATTENTION_KEYS, (float *)keys->v + block,
                   keys->width, column, k, v, i, m, block_tokens, head_dim, dtype, from);
    }
}

/* The keys of a step, whose tokens are [j, j + ATTENTION_KEYS), in their blocks. */
static void find_keys(struct cached_keys *keys, const char *k, const char *v,
                      const int32_t *blocks, size_t block_bytes, size_t length, size_t j,
                      size_t size)
{
    keys->seen = seen_from(length, j);
    for (size_t i = 0; i < keys->seen; i += CACHED_LANES) {
        size_t first = (j + i) % keys->block_tokens;
        size_t base = (size_t)blocks[(j + i) / keys->block_tokens] * block_bytes;
        keys->k[i / CACHED_LANES] = k + base + first * sizeof(float);
        keys->v[i / CACHED_LANES] = v + base + first * keys->head_dim * size;
    }
}

/* tile_attend without unpacking: blocks and heads are whole vectors. */
static void decode_in_place(struct tile_state *t, const void *k, const void *v,
                            const int32_t *blocks, size_t block_tokens, size_t block_stride,
                            size_t length, masa_dtype dtype)
{
    float s[ATTENTION_ROWS * ATTENTION_KEYS];
    size_t size = masa_dtype_size(dtype);
    size_t bytes = CACHED_LANES * t->head_dim * size, next;
    struct cached_keys keys = {.block_tokens = block_tokens, .head_dim = t->head_dim}, then;
    then = keys;
    find_keys(&then, k, v, blocks, block_stride * size, length, 0, size);
    for (size_t j = 0; j < length; j = next) {
        next = j + ATTENTION_KEYS;
        keys = then;
        struct cached_ahead values = cached_ahead_of(keys.v, keys.seen, bytes, t->head_dim);
        struct cached_ahead more = {0};
        if (next < length) {
            find_keys(&then, k, v, blocks, block_stride * size, length, next, size);
            /* Keys of larger blocks are in no one piece. */
            if (block_tokens == CACHED_LANES)
                more = cached_ahead_of(then.k, then.seen, bytes, ATTENTION_KEYS);
        }
        cached_scores(s, t->q, t->width, t->rows, &keys, values, dtype);
        for (size_t i = 0; i < t->rows; i++) {
            float *row = t->o + i * t->width;
            float before =
                softmax_step(s + i * ATTENTION_KEYS, keys.seen, &t->max[i], &t->sum[i]);
#pragma omp simd
            for (size_t c = 0; c < t->width; c++) row[c] *= before;
        }
        cached_sum(t->o, t->width, t->rows, s, &keys, more, dtype);
    }
}

/* The same for blocks or heads of any size: each step's keys are copied first. */
static void decode_copied(struct tile_state *t, const void *k, const void *v,
                          const int32_t *blocks, size_t block_tokens, size_t block_stride,
                          size_t length, masa_dtype dtype)
{
    float k_t[MAX_WIDTH * ATTENTION_KEYS], values[ATTENTION_KEYS * MAX_WIDTH];
    size_t visible[ATTENTION_ROWS];
    for (size_t h = 0; h < t->rows; h++) visible[h] = length;
    /* Weights of keys not seen are 0, which must meet no NaN of an old frame. */
    memset(values, 0, ATTENTION_KEYS * t->width * sizeof *values);
    for (size_t j = 0; j < length; j += ATTENTION_KEYS) {
        size_t end = length - j < ATTENTION_KEYS ? length : j + ATTENTION_KEYS, n;
        for (size_t i = j; i < end; i += n) {
            size_t first = i % block_tokens;
            n = end - i < block_tokens - first ? end - i : block_tokens - first;
            load_block(k_t, ATTENTION_KEYS, values, t->width, i - j, k, v, first, n,
                       block_tokens, t->head_dim, dtype,
                       (size_t)blocks[i / block_tokens] * block_stride);
        }
        tile_attend(t, k_t, ATTENTION_KEYS, values, visible, j);
    }
}

static void decode(void *out, float *lse, const void *q, const void *k, const void *v,
                   const int32_t *blocks, size_t block_tokens, size_t block_stride,
                   size_t length, size_t heads, size_t head_dim, float scale, masa_dtype dtype)
{
    struct tile_state t;
#if ISA_HAS_BF16
    if (dtype == MASA_BF16) {
        dot_decode(out, lse, q, k, v, blocks, block_tokens, block_stride, length, heads,
                   head_dim, scale);
        return;
    }
#endif
    bool whole = head_dim % CACHED_LANES == 0 && block_tokens % CACHED_LANES == 0;
    tile_begin(&t, q, head_dim, heads, head_dim, scale, dtype);
    (whole ? decode_in_place : decode_copied)(&t, k, v, blocks, block_tokens, block_stride,
                                              length, dtype);
    tile_end(&t, out, head_dim, lse, 1, dtype);
}

const struct attention_kernels ISA_NAME(attention_kernels) = {
    .pairs = ISA_HAS_BF16,
    .pack = pack,
    .pack_cached = pack_cached,
    .tile_forward = tile_forward,
    .decode = decode,
};
