#include "isa_amx.h"
#include <string.h>

#if ISA_HAS_AMX
#include "isa_store.h"

#define AMX_INLINE static inline __attribute__((always_inline))

enum {
    TILE = AMX_BAND * AMX_STEP,  /* elements of a tile of a */
    STEP = AMX_STEP * AMX_PANEL, /* of a step of a panel of b */
    STRIDE = 2 * AMX_PANEL * 2,  /* bytes from one pair of inner to the next */
    SUMS = AMX_BAND * AMX_BAND,  /* numbers of a tile of c */
    LINE = 64
};

/* Eight registers of 16 rows of 64 bytes. Constant, for the compiler takes the instruction to read
 * but the first of these bytes and may leave out what writes the others. */
static void configure(void)
{
    _Alignas(LINE) static const struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } tiles = {
        .palette = 1,
        .bytes = {LINE, LINE, LINE, LINE, LINE, LINE, LINE, LINE},
        .rows = {AMX_BAND, AMX_BAND, AMX_BAND, AMX_BAND, AMX_BAND, AMX_BAND, AMX_BAND,
                 AMX_BAND},
    };
    _tile_loadconfig(&tiles);
}

/* Memory to ask for while a block computes: lines for every step. */
struct ahead {
    const char *from;
    size_t lines;
};

AMX_INLINE void ask(struct ahead *ahead)
{
    for (size_t i = 0; i < ahead->lines; i++, ahead->from += LINE)
        _mm_prefetch(ahead->from, _MM_HINT_T1);
}

/* To four tiles of c: two bands by 32 columns. */
AMX_INLINE void add_2x2(const uint16_t *a, size_t band_size, const uint16_t *b, size_t steps,
                        struct ahead *ahead)
{
    for (size_t s = 0; s < steps; s++, a += TILE, b += STEP) {
        ask(ahead);
        _tile_loadd(6, b, STRIDE);
        _tile_loadd(4, a, LINE);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, b + 2 * AMX_BAND, STRIDE);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, a + band_size, LINE);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
}

/* Or one band by 64 columns. */
AMX_INLINE void add_1x4(const uint16_t *a, const uint16_t *b, size_t steps, struct ahead *ahead)
{
    for (size_t s = 0; s < steps; s++, a += TILE, b += STEP) {
        ask(ahead);
        _tile_loadd(4, a, LINE);
        _tile_loadd(5, b, STRIDE);
        _tile_dpbf16ps(0, 4, 5);
        _tile_loadd(6, b + 2 * AMX_BAND, STRIDE);
        _tile_dpbf16ps(1, 4, 6);
        _tile_loadd(7, b + 4 * AMX_BAND, STRIDE);
        _tile_dpbf16ps(2, 4, 7);
        _tile_loadd(5, b + 6 * AMX_BAND, STRIDE);
        _tile_dpbf16ps(3, 4, 5);
    }
}

/* c's part of a tile of sums: the bias first, then what c holds. */
static void store_tile(const struct amx_product *p, const float *sums, size_t row,
                       size_t column)
{
    if (column >= p->columns) return;
    size_t rows = p->rows - row < AMX_BAND ? p->rows - row : AMX_BAND;
    size_t left = p->columns - column;
    __mmask16 some = (__mmask16)(left >= AMX_BAND ? 0xffff : (1u << left) - 1);
    __m512 bias = _mm512_setzero_ps();
    if (p->bias) bias = _mm512_maskz_loadu_ps(some, p->bias + column);
    for (size_t r = 0; r < rows; r++, sums += AMX_BAND) {
        __m512 sum = _mm512_add_ps(_mm512_load_ps(sums), bias);
        store_sums(p->c, p->c_dtype, (row + r) * p->columns + column, sum, p->accumulate, some);
    }
}

/* Some panels of b by some steps of the inner dimension, which stay in the second-level cache
 * while all rows pass. */
struct unit {
    size_t panel, panels;
    size_t step, steps;
    float *sums; /* of [two bands][panel][half] so far; NULL: it has all steps */
    bool first, last;
    const uint16_t *next; /* the unit after it, whose panels are as many; NULL: none */
    size_t next_steps;
};

/* c's block of one or two bands from number `band` on by a panel's columns, all or half. */
AMX_INLINE void multiply_block(const struct amx_product *p, const struct unit *u, size_t panel,
                               size_t band, bool two, size_t half, struct ahead *ahead)
{
    _Alignas(LINE) float whole[4 * SUMS];
    size_t band_size = p->steps * TILE;
    const uint16_t *a = p->a + band * band_size + u->step * TILE;
    const uint16_t *b = p->b + ((u->panel + panel) * p->panel_steps + u->step) * STEP;
    size_t number = (band / 2 * u->panels + panel) * 2 + half;
    float *sums = u->sums ? u->sums + number * 4 * SUMS : whole;
    if (u->first) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    } else {
        _tile_loadd(0, sums, LINE);
        _tile_loadd(1, sums + SUMS, LINE);
        _tile_loadd(2, sums + 2 * SUMS, LINE);
        _tile_loadd(3, sums + 3 * SUMS, LINE);
    }
    if (two) add_2x2(a, band_size, b + half * 4 * AMX_BAND, u->steps, ahead);
    else add_1x4(a, b, u->steps, ahead);
    _tile_stored(0, sums, LINE);
    _tile_stored(1, sums + SUMS, LINE);
    _tile_stored(2, sums + 2 * SUMS, LINE);
    _tile_stored(3, sums + 3 * SUMS, LINE);
    if (!u->last) return;
    size_t column = (u->panel + panel) * AMX_PANEL + half * 2 * AMX_BAND;
    for (size_t t = 0; t < 4; t++) {
        size_t down = two ? t / 2 : 0, across = two ? t % 2 : t;
        store_tile(p, sums + t * SUMS, (band + down) * AMX_BAND, column + across * AMX_BAND);
    }
}

/* What a block asks for of the next unit's panel: its share of the lines. */
static struct ahead share(const struct amx_product *p, const struct unit *u, size_t panel,
                          size_t number)
{
    size_t bands = amx_bands(p->rows), blocks = bands / 2 * 2 + bands % 2;
    size_t lines = u->next_steps * STEP * sizeof *p->b / LINE, asks = blocks * u->steps;
    size_t each = (lines + asks - 1) / asks, from = number * u->steps * each;
    if (!u->next || from >= lines) return (struct ahead){NULL, 0};
    return (struct ahead){(const char *)(u->next + panel * p->panel_steps * STEP) + from * LINE,
                          each};
}

static void multiply_unit(const struct amx_product *p, const struct unit *u)
{
    size_t bands = amx_bands(p->rows);
    for (size_t band = 0; band < bands; band += 2)
        for (size_t panel = 0; panel < u->panels; panel++) {
            bool two = band + 1 < bands;
            struct ahead ahead = share(p, u, panel, band);
            multiply_block(p, u, panel, band, two, 0, &ahead);
            if (!two) continue;
            ahead = share(p, u, panel, band + 1);
            multiply_block(p, u, panel, band, two, 1, &ahead);
        }
}

/* Two bands of a unit's steps stay in the first-level cache while its panels pass. Between units
 * sums wait in float32, as they are in the registers. */
static void multiply(const struct amx_product *p, float *sums, size_t begin, size_t end)
{
    size_t parts = (p->steps + AMX_MOST_STEPS - 1) / AMX_MOST_STEPS;
    configure();
    for (size_t panel = begin, n; panel < end; panel += n) {
        n = end - panel < AMX_GROUP ? end - panel : AMX_GROUP;
        for (size_t part = 0; part < parts; part++) {
            size_t step = part * p->steps / parts, to = (part + 1) * p->steps / parts;
            struct unit u = {panel,
                             n,
                             step,
                             to - step,
                             parts > 1 ? sums : NULL,
                             part == 0,
                             part + 1 == parts,
                             NULL,
                             0};
            if (!u.last) {
                u.next = p->b + (panel * p->panel_steps + to) * STEP;
                u.next_steps = (part + 2) * p->steps / parts - to;
            } else if (panel + n < end) {
                u.next = p->b + (panel + n) * p->panel_steps * STEP;
                u.next_steps = p->steps / parts;
            }
            multiply_unit(p, &u);
        }
    }
    _tile_release();
}

/* ---- packing ---- */

static void pack_a(uint16_t *a, const uint16_t *from, size_t stride, size_t rows, size_t inner,
                   size_t begin, size_t end)
{
    size_t steps = amx_steps(inner);
    for (size_t row = begin * AMX_BAND; row < end * AMX_BAND; row++) {
        uint16_t *to = a + row / AMX_BAND * steps * TILE + row % AMX_BAND * AMX_STEP;
        const uint16_t *source = from + row * stride;
        for (size_t k = 0; k < inner || k < steps * AMX_STEP; k += AMX_STEP, to += TILE) {
            size_t left = row < rows && k < inner ? inner - k : 0;
            __mmask32 some = left >= AMX_STEP ? UINT32_MAX : (1u << left) - 1;
            _mm512_store_si512(to, _mm512_maskz_loadu_epi16(some, source + k));
        }
    }
}

/* Transposes 16 x 16 numbers of 32 bits. */
AMX_INLINE void transpose(__m512i r[16])
{
    __m512i t[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    /* Now r[4 i + j] holds, in its quarter q, column 4 q + j of rows 4 i ... 4 i + 3. */
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        t[j] = _mm512_shuffle_i32x4(r[j], r[4 + j], 0x88);
        t[4 + j] = _mm512_shuffle_i32x4(r[j], r[4 + j], 0xdd);
        t[8 + j] = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0x88);
        t[12 + j] = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0xdd);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        r[j] = _mm512_shuffle_i32x4(t[j], t[8 + j], 0x88);
        r[8 + j] = _mm512_shuffle_i32x4(t[j], t[8 + j], 0xdd);
        r[4 + j] = _mm512_shuffle_i32x4(t[4 + j], t[12 + j], 0x88);
        r[12 + j] = _mm512_shuffle_i32x4(t[4 + j], t[12 + j], 0xdd);
    }
}

/* Some of 16 elements of two rows as pairs; the second row may be absent. */
AMX_INLINE __m512i pairs(const uint16_t *row, const uint16_t *next, __mmask16 some)
{
    __m512i low = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(some, row));
    if (!next) return low;
    __m512i high = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(some, next));
    return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

AMX_INLINE __m512i pairs_f32(const float *row, const float *next, __mmask16 some)
{
    __m512 low = _mm512_maskz_loadu_ps(some, row), high = _mm512_setzero_ps();
    if (next) high = _mm512_maskz_loadu_ps(some, next);
    __m512i l = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(low));
    __m512i h = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(high));
    return _mm512_or_si512(l, _mm512_slli_epi32(h, 16));
}

static void pack_a_transposed(uint16_t *a, const uint16_t *from, size_t stride, size_t rows,
                              size_t inner, size_t begin, size_t end)
{
    size_t steps = amx_steps(inner);
    for (size_t band = begin; band < end; band++) {
        size_t row = band * AMX_BAND, left = rows - row;
        __mmask16 some = (__mmask16)(left >= AMX_BAND ? 0xffff : (1u << left) - 1);
        for (size_t s = 0; s < steps; s++) {
            __m512i r[AMX_BAND];
#pragma GCC unroll 16
            for (size_t i = 0; i < AMX_BAND; i++) {
                size_t k = s * AMX_STEP + 2 * i;
                const uint16_t *at = from + k * stride + row;
                r[i] = k >= inner ? _mm512_setzero_si512()
                                  : pairs(at, k + 1 < inner ? at + stride : NULL, some);
            }
            transpose(r);
            uint16_t *to = a + (band * steps + s) * TILE;
#pragma GCC unroll 16
            for (int i = 0; i < AMX_BAND; i++) _mm512_store_si512(to + i * AMX_STEP, r[i]);
        }
    }
}

static void pack_b(uint16_t *b, const uint16_t *from, size_t inner, size_t columns,
                   size_t begin, size_t end)
{
    size_t depth = amx_steps(inner) * AMX_STEP;
    for (size_t panel = begin; panel < end; panel++)
        for (size_t k = 0; k < depth; k += 2)
            for (size_t j = 0; j < AMX_PANEL; j += AMX_BAND) {
                size_t column = panel * AMX_PANEL + j;
                size_t left = k < inner && column < columns ? columns - column : 0;
                __mmask16 some = (__mmask16)(left >= AMX_BAND ? 0xffff : (1u << left) - 1);
                const uint16_t *at = from + k * columns + column;
                uint16_t *to = b + panel * depth * AMX_PANEL + k * AMX_PANEL + 2 * j;
                _mm512_store_si512(to, pairs(at, k + 1 < inner ? at + columns : NULL, some));
            }
}

static void pack_weights_plain(uint16_t *b, const float *from, size_t inner, size_t columns,
                               size_t panel)
{
    size_t depth = amx_steps(inner) * AMX_STEP;
    for (size_t k = 0; k < depth; k += 2)
        for (size_t j = 0; j < AMX_PANEL; j += AMX_BAND) {
            size_t column = panel * AMX_PANEL + j;
            size_t left = k < inner && column < columns ? columns - column : 0;
            __mmask16 some = (__mmask16)(left >= AMX_BAND ? 0xffff : (1u << left) - 1);
            const float *at = from + k * columns + column;
            uint16_t *to = b + panel * depth * AMX_PANEL + k * AMX_PANEL + 2 * j;
            _mm512_store_si512(to, pairs_f32(at, k + 1 < inner ? at + columns : NULL, some));
        }
}

static void pack_weights_transposed(uint16_t *b, const float *from, size_t inner,
                                    size_t columns, size_t panel)
{
    size_t steps = amx_steps(inner);
    for (size_t s = 0; s < steps; s++)
        for (size_t j = 0; j < AMX_PANEL; j += AMX_BAND) {
            __m512i r[AMX_BAND];
            size_t k = s * AMX_STEP, left = inner - k;
            __mmask32 some = left >= AMX_STEP ? UINT32_MAX : (1u << left) - 1;
#pragma GCC unroll 16
            for (size_t i = 0; i < AMX_BAND; i++) {
                size_t column = panel * AMX_PANEL + j + i;
                const float *at = from + column * inner + k;
                __mmask32 here = column < columns ? some : 0;
                r[i] = (__m512i)_mm512_cvtne2ps_pbh(
                    _mm512_maskz_loadu_ps((__mmask16)(here >> 16), at + 16),
                    _mm512_maskz_loadu_ps((__mmask16)here, at));
            }
            transpose(r);
            uint16_t *to = b + (panel * steps + s) * STEP + 2 * j;
#pragma GCC unroll 16
            for (size_t i = 0; i < AMX_BAND; i++)
                _mm512_store_si512(to + i * 2 * AMX_PANEL, r[i]);
        }
}

static void pack_weights(uint16_t *b, const float *from, bool transposed, size_t inner,
                         size_t columns, size_t begin, size_t end)
{
    for (size_t panel = begin; panel < end; panel++)
        if (transposed) pack_weights_transposed(b, from, inner, columns, panel);
        else pack_weights_plain(b, from, inner, columns, panel);
}
#endif

const struct amx_kernels ISA_NAME(amx_kernels) = {
#if ISA_HAS_AMX
    .multiply = multiply,
    .pack_a = pack_a,
    .pack_a_transposed = pack_a_transposed,
    .pack_b = pack_b,
    .pack_weights = pack_weights,
#else
    .multiply = NULL,
#endif
};
