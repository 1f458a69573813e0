#include "isa_linear.h"
#include <string.h>

#if ISA_HAS_BF16
#include "isa_store.h"

#define LINEAR_INLINE static inline __attribute__((always_inline))

enum {
    VECTORS = LINEAR_COLUMNS / 16,
    CHUNK = 16, /* inputs between two requests for memory */
    GENTLE = 4, /* tiles that share a panel, from which on `gently` was measured faster */
    LINE = 64
};

/* Memory to ask for while a tile computes: lines for every chunk of its inputs. */
struct ahead {
    const char *from;
    size_t lines;
    bool gently; /* few lines at a time: they may pass through the first-level cache */
};

/* Adds a pair of inputs: x has the rows' pairs, `step` bytes apart. */
LINEAR_INLINE void add_pair(__m512 sum[LINEAR_ROWS][VECTORS], const int32_t x[LINEAR_ROWS],
                            const uint16_t *weights, int m)
{
    __m512bh w[VECTORS];
#pragma GCC unroll 4
    for (int j = 0; j < VECTORS; j++) w[j] = (__m512bh)_mm512_loadu_si512(weights + 32 * j);
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

/* One vector of results; `some` says which. oneDNN's order too: the bias first, then
 * what y holds. */
LINEAR_INLINE void store_vector(const struct linear_few *c, size_t row, size_t column,
                                __m512 sum, __mmask16 some)
{
    if (c->bias) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(some, c->bias + column));
    store_sums(c->y, c->y_dtype, row * c->out + column, sum, c->accumulate, some);
}

/* The results of m rows from number `row` and of a panel's columns from `column` on. */
LINEAR_INLINE void store_tile(const struct linear_few *c, size_t row, size_t column,
                              __m512 sum[LINEAR_ROWS][VECTORS], int m)
{
    size_t left = c->out - column;
    uint64_t some = left >= LINEAR_COLUMNS ? UINT64_MAX : ((uint64_t)1 << left) - 1;
#pragma GCC unroll 6
    for (int i = 0; i < m; i++)
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++)
            store_vector(c, row + (size_t)i, column + 16 * (size_t)j, sum[i][j],
                         (__mmask16)(some >> 16 * j));
}

LINEAR_INLINE void clear(__m512 sum[LINEAR_ROWS][VECTORS], int m)
{
#pragma GCC unroll 6
    for (int i = 0; i < m; i++)
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++) sum[i][j] = _mm512_setzero_ps();
}

/* sum = the products of inputs [begin, end); begin is even, and end too but for the last
 * of an odd number. x and w are those of input 0. */
LINEAR_INLINE void sum_inputs(__m512 sum[LINEAR_ROWS][VECTORS], const uint16_t *x, size_t in,
                              const uint16_t *w, size_t begin, size_t end, struct ahead *ahead,
                              int m)
{
    int32_t pair[LINEAR_ROWS];
    size_t k = begin;
    clear(sum, m);
    while (k + CHUNK <= end) {
        for (size_t i = 0; i < ahead->lines; i++, ahead->from += LINE) {
            if (ahead->gently) _mm_prefetch(ahead->from, _MM_HINT_T0);
            else _mm_prefetch(ahead->from, _MM_HINT_T1);
        }
        for (size_t stop = k + CHUNK; k < stop; k += 2) {
            load_pairs(pair, x + k, in, 4, m);
            add_pair(sum, pair, w + LINEAR_COLUMNS * k, m);
        }
    }
    for (; k + 2 <= end; k += 2) {
        load_pairs(pair, x + k, in, 4, m);
        add_pair(sum, pair, w + LINEAR_COLUMNS * k, m);
    }
    if (k < end) {
        load_pairs(pair, x + k, in, 2, m);
        add_pair(sum, pair, w + LINEAR_COLUMNS * k, m);
    }
}

/* m (a constant) rows from number `row` on by the columns of a panel. Long sums are
 * made in parts of the inputs, as oneDNN's are: that makes both equal to the last bit. */
LINEAR_INLINE void tile(const struct linear_few *c, size_t panel, size_t row,
                        struct ahead ahead, int m)
{
    __m512 sum[LINEAR_ROWS][VECTORS];
    _Alignas(64) float before[LINEAR_ROWS][LINEAR_COLUMNS];
    const uint16_t *x = c->x + row * c->in, *w = c->weights + panel * c->panel_size;
    size_t part = c->in <= 1024 ? 512 : 1024, begin = 0, end;
    for (;; begin = end) {
        end = c->in - begin < part ? c->in : begin + part;
        sum_inputs(sum, x, c->in, w, begin, end, &ahead, m);
        if (begin > 0) {
#pragma GCC unroll 6
            for (int i = 0; i < m; i++)
#pragma GCC unroll 4
                for (int j = 0; j < VECTORS; j++)
                    sum[i][j] = _mm512_add_ps(sum[i][j], _mm512_load_ps(before[i] + 16 * j));
        }
        if (end == c->in) break;
#pragma GCC unroll 6
        for (int i = 0; i < m; i++)
#pragma GCC unroll 4
            for (int j = 0; j < VECTORS; j++) _mm512_store_ps(before[i] + 16 * j, sum[i][j]);
    }
    store_tile(c, row, panel * LINEAR_COLUMNS, sum, m);
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

/* This unit's share of the next panel's memory, when `n` units from number i on share it.
 */
static struct ahead next_panel(const struct linear_few *c, size_t panel, size_t i, size_t n)
{
    size_t bytes = c->panel_size * sizeof(uint16_t), chunks = c->in / CHUNK;
    size_t lines = (bytes / LINE + n - 1) / n;
    if (!chunks) return (struct ahead){0};
    const char *next = (const char *)(c->weights + (panel + 1) * c->panel_size);
    return (struct ahead){next + i * lines * LINE, (lines + chunks - 1) / chunks, n >= GENTLE};
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
