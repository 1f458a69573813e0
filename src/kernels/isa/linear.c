#include "linear.h"
#include <string.h>

#if ISA_HAS_BF16
#include <immintrin.h>

#define LINEAR_INLINE static inline __attribute__((always_inline))

enum {
    VECTORS = LINEAR_COLUMNS / 16,
    CHUNK = 8, /* pairs of inputs between two requests for memory */
    LINE = 64
};

/* Memory to ask for while a tile computes: lines for every chunk of its inputs. */
struct ahead {
    const char *from;
    size_t lines;
};

/* Adds a pair of inputs: x has the rows' pairs, `step` bytes apart. */
LINEAR_INLINE void add_pair(__m512 sum[LINEAR_ROWS][VECTORS], const int32_t x[LINEAR_ROWS],
                            const uint16_t *weights, int m)
{
    __m512bh w[VECTORS];
#pragma GCC unroll 4
    for (int j = 0; j < VECTORS; j++)
        w[j] = (__m512bh)_mm512_loadu_si512(weights + 32 * j);
#pragma GCC unroll 6
    for (int i = 0; i < m; i++) {
        __m512bh pair = (__m512bh)_mm512_set1_epi32(x[i]);
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++) sum[i][j] = _mm512_dpbf16_ps(sum[i][j], pair, w[j]);
    }
}

/* The pairs at x of m rows; `bytes` is 2 for the last input of an odd number. */
LINEAR_INLINE void load_pairs(int32_t pair[LINEAR_ROWS], const uint16_t *x, size_t in,
                              size_t bytes, int m)
{
#pragma GCC unroll 6
    for (int i = 0; i < m; i++) {
        pair[i] = 0;
        memcpy(&pair[i], x + (size_t)i * in, bytes);
    }
}

LINEAR_INLINE __m512 load_result(const void *y, masa_dtype dtype, size_t at, __mmask16 some)
{
    if (dtype == MASA_F32) return _mm512_maskz_loadu_ps(some, (const float *)y + at);
    __m256i half = _mm256_maskz_loadu_epi16(some, (const uint16_t *)y + at);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

/* oneDNN's order too: the bias first, then what y holds. */
LINEAR_INLINE void store_result(const struct linear_few *c, size_t row, size_t column,
                                __m512 sum)
{
    if (column >= c->out) return;
    size_t left = c->out - column, at = row * c->out + column;
    __mmask16 some = left >= 16 ? 0xFFFF : (__mmask16)((1u << left) - 1);
    if (c->bias) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(some, c->bias + column));
    if (c->accumulate) sum = _mm512_add_ps(sum, load_result(c->y, c->y_dtype, at, some));
    if (c->y_dtype == MASA_F32)
        _mm512_mask_storeu_ps((float *)c->y + at, some, sum);
    else
        _mm256_mask_storeu_epi16((uint16_t *)c->y + at, some,
                                 (__m256i)_mm512_cvtneps_pbh(sum));
}

/* m (a constant) rows from number `row` on by the columns of a panel. Each sum runs
 * through the inputs in order, whatever the tile. */
LINEAR_INLINE void tile(const struct linear_few *c, size_t panel, size_t row,
                        struct ahead ahead, int m)
{
    __m512 sum[LINEAR_ROWS][VECTORS];
    int32_t pair[LINEAR_ROWS];
    size_t in = c->in, pairs = in / 2, p = 0;
    const uint16_t *x = c->x + row * in, *w = c->weights + panel * c->panel_size;
#pragma GCC unroll 6
    for (int i = 0; i < m; i++)
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++) sum[i][j] = _mm512_setzero_ps();
    for (; p + CHUNK <= pairs; p += CHUNK) {
        for (size_t i = 0; i < ahead.lines; i++, ahead.from += LINE)
            _mm_prefetch(ahead.from, _MM_HINT_T1);
        for (size_t i = p; i < p + CHUNK; i++) {
            load_pairs(pair, x + 2 * i, in, 4, m);
            add_pair(sum, pair, w + 2 * LINEAR_COLUMNS * i, m);
        }
    }
    for (; p < pairs; p++) {
        load_pairs(pair, x + 2 * p, in, 4, m);
        add_pair(sum, pair, w + 2 * LINEAR_COLUMNS * p, m);
    }
    if (in % 2) {
        load_pairs(pair, x + 2 * p, in, 2, m);
        add_pair(sum, pair, w + 2 * LINEAR_COLUMNS * p, m);
    }
#pragma GCC unroll 6
    for (int i = 0; i < m; i++)
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++)
            store_result(c, row + (size_t)i, panel * LINEAR_COLUMNS + 16 * (size_t)j,
                         sum[i][j]);
}

static void run_tile(const struct linear_few *c, size_t panel, size_t row, size_t rows,
                     struct ahead ahead)
{
    switch (rows) {
    case 1: tile(c, panel, row, ahead, 1); break;
    case 2: tile(c, panel, row, ahead, 2); break;
    case 3: tile(c, panel, row, ahead, 3); break;
    case 4: tile(c, panel, row, ahead, 4); break;
    case 5: tile(c, panel, row, ahead, 5); break;
    default: tile(c, panel, row, ahead, 6); break;
    }
}

/* This unit's share of the next panel's memory, when `n` units from number i on share it. */
static struct ahead next_panel(const struct linear_few *c, size_t panel, size_t i, size_t n)
{
    size_t bytes = c->panel_size * sizeof(uint16_t), chunks = c->in / (2 * CHUNK);
    size_t lines = (bytes / LINE + n - 1) / n;
    if (!chunks) return (struct ahead){0};
    const char *next = (const char *)(c->weights + (panel + 1) * c->panel_size);
    return (struct ahead){next + i * lines * LINE, (lines + chunks - 1) / chunks};
}

static void few(const struct linear_few *c, size_t begin, size_t end)
{
    for (size_t unit = begin; unit < end; unit++) {
        size_t panel = unit / c->blocks, block = unit % c->blocks;
        size_t first = panel * c->blocks > begin ? panel * c->blocks : begin;
        size_t last = (panel + 1) * c->blocks;
        size_t row = c->rows * block / c->blocks, stop = c->rows * (block + 1) / c->blocks;
        struct ahead ahead = {0};
        if (last < end) ahead = next_panel(c, panel, unit - first, last - first);
        run_tile(c, panel, row, stop - row, ahead);
    }
}
#endif

const struct linear_kernels ISA_NAME(linear_kernels) = {
#if ISA_HAS_BF16
    .few = few,
#else
    .few = NULL,
#endif
};
