#include "cpu_amx.h"

#include <masa/parallel.h>

#include "cpu_scratch.h"
#include "cpu_split.h"
#include "isa/isa_amx.h"

/* As much of a as is packed at a time: little beside the caches, much beside a pass over b. */
enum { MOST_ROWS = 512, LEAST_ROWS = 64, MOST_INNER = 8192 };

enum {
    TILE = AMX_BAND * AMX_STEP,
    PANEL_STEP = AMX_PANEL * AMX_STEP,
    BANDS = MOST_ROWS / AMX_BAND, /* of a sum over rows that are packed at a time */
    PACKING = 64                  /* operations that packing a number costs as much as */
};

size_t amx_weights_bytes(size_t inner, size_t columns)
{
    return amx_panels(columns) * amx_steps(inner) * PANEL_STEP * sizeof(uint16_t);
}

/* ---- division ---- */

/* Work on [0, n), each of which is so many operations, in pieces of a multiple of grain.
 * Neither packing nor products depend on how they are divided, so threads may count. */
static void divide(size_t n, size_t grain, size_t operations, range_work *work, void *call)
{
    enum { PIECES_A_THREAD = 4, WORTH = 1 << 20 };
    size_t threads = (size_t)masa_threads(),
           pieces = threads > 1 ? threads * PIECES_A_THREAD : 1;
    size_t worth = n * operations / WORTH;
    if (pieces > worth) pieces = worth ? worth : 1;
    size_t size = ((n + pieces - 1) / pieces + grain - 1) / grain * grain;
    parallel_pieces(n, size, work, call);
}

/* ---- packing ---- */

struct packing {
    uint16_t *to;
    const void *from;
    size_t inner, outer; /* outer: a's rows, b's columns */
    size_t stride;       /* of a: elements from row to row */
    bool transposed;
};

static void pack_weights_range(void *call, size_t begin, size_t end)
{
    const struct packing *p = call;
    ISA_SELECT(amx_kernels)
        ->pack_weights(p->to, p->from, p->transposed, p->inner, p->outer, begin, end);
}

static void pack_a_range(void *call, size_t begin, size_t end)
{
    const struct packing *p = call;
    ISA_SELECT(amx_kernels)->pack_a(p->to, p->from, p->stride, p->outer, p->inner, begin, end);
}

static void pack_b_range(void *call, size_t begin, size_t end)
{
    const struct packing *p = call;
    ISA_SELECT(amx_kernels)->pack_b(p->to, p->from, p->inner, p->outer, begin, end);
}

void amx_pack_weights(uint16_t *b, const float *from, bool transposed, size_t inner,
                      size_t columns)
{
    struct packing p = {
        .to = b, .from = from, .inner = inner, .outer = columns, .transposed = transposed};
    divide(amx_panels(columns), 1, inner * AMX_PANEL * PACKING, pack_weights_range, &p);
}

/* ---- rows by weights ---- */

static void multiply_range(void *call, size_t begin, size_t end)
{
    const struct amx_product *p = call;
    float *sums = scratch_get(SCRATCH_TILE_C, amx_sums(p->rows) * sizeof *sums);
    ISA_SELECT(amx_kernels)->multiply(p, sums, begin, end);
}

/* Of the inner dimension so many elements, from where a and p.b are; a's rows lie `stride` apart. */
static void multiply_part(struct amx_product p, const uint16_t *a, size_t stride, size_t inner)
{
    size_t bytes = amx_bands(p.rows) * p.steps * TILE * sizeof *p.a;
    uint16_t *packed = scratch_get(SCRATCH_OPERAND_A, bytes);
    struct packing packing = {
        .to = packed, .from = a, .inner = inner, .outer = p.rows, .stride = stride};
    divide(amx_bands(p.rows), 1, inner * AMX_BAND * PACKING, pack_a_range, &packing);
    p.a = packed;
    divide(amx_panels(p.columns), 1, 2 * p.rows * inner * AMX_PANEL, multiply_range, &p);
}

void amx_multiply(void *c, masa_dtype c_dtype, const uint16_t *a, const uint16_t *b,
                  const float *bias, size_t rows, size_t columns, size_t inner, bool accumulate)
{
    /* Long sums go in parts to float32; others wait for all of their inner dimension. */
    size_t most = c_dtype == MASA_F32 && inner > MOST_INNER ? MOST_INNER : inner;
    size_t slab = most > MOST_INNER ? LEAST_ROWS : MOST_ROWS;
    for (size_t done = 0, n; done < rows; done += n) {
        n = rows - done < slab ? rows - done : slab;
        for (size_t k = 0, part; k < inner; k += part) {
            part = inner - k < most ? inner - k : most;
            multiply_part(
                (struct amx_product){
                    .c = (char *)c + done * columns * masa_dtype_size(c_dtype),
                    .c_dtype = c_dtype,
                    .b = b + k / AMX_STEP * PANEL_STEP,
                    .bias = k ? NULL : bias,
                    .rows = n,
                    .columns = columns,
                    .steps = amx_steps(part),
                    .panel_steps = amx_steps(inner),
                    .accumulate = accumulate || k,
                },
                a + done * inner + k, inner, part);
        }
    }
}

/* ---- sums over rows ---- */

struct outer {
    float *c;
    const uint16_t *a, *b; /* a [rows, m]; b packed */
    size_t rows, m, n;
};

/* c's rows of some bands. */
static void outer_piece(void *call, size_t begin, size_t end)
{
    const struct outer *o = call;
    const struct amx_kernels *k = ISA_SELECT(amx_kernels);
    size_t steps = amx_steps(o->rows);
    uint16_t *a = scratch_get(SCRATCH_TILE_A, BANDS * steps * TILE * sizeof *a);
    for (size_t band = begin, n; band < end; band += n) {
        n = end - band < BANDS ? end - band : BANDS;
        size_t row = band * AMX_BAND,
               rows = o->m - row < n * AMX_BAND ? o->m - row : n * AMX_BAND;
        k->pack_a_transposed(a, o->a + row, o->m, rows, o->rows, 0, n);
        struct amx_product p = {
            .c = o->c + row * o->n,
            .c_dtype = MASA_F32,
            .a = a,
            .b = o->b,
            .rows = rows,
            .columns = o->n,
            .steps = steps,
            .panel_steps = steps,
            .accumulate = true,
        };
        float *sums = scratch_get(SCRATCH_TILE_C, amx_sums(rows) * sizeof *sums);
        k->multiply(&p, sums, 0, amx_panels(o->n));
    }
}

void amx_add_outer(float *c, const uint16_t *a, const uint16_t *b, size_t rows, size_t m,
                   size_t n)
{
    uint16_t *packed = scratch_get(SCRATCH_OPERAND_B, amx_weights_bytes(rows, n));
    struct packing packing = {.to = packed, .from = b, .inner = rows, .outer = n};
    divide(amx_panels(n), 1, rows * AMX_PANEL * PACKING, pack_b_range, &packing);
    struct outer o = {c, a, packed, rows, m, n};
    divide(amx_bands(m), BANDS, 2 * rows * n * AMX_BAND, outer_piece, &o);
}
