#include "cpu_product.h"

#include <masa/parallel.h>

#include <assert.h>
#include <string.h>

#include "isa/isa_rows.h"
#include "cpu_onednn.h"
#include "cpu_scratch.h"

/* Columns of weights lie in blocks of 64 at most. Few rows are a matter of reading weights,
 * many of using caches (docs/performance.md). */
enum { TILE_ROWS = 256, TILE_COLUMNS = 192, LEAST_COLUMNS = 64, ENOUGH_TILES = 16 };

/* Operations of a tile beside which what a call costs is little; weights that stay in a core's
 * second cache while rows pass by. */
enum { TILE_WORK = 1000000, CACHED_BYTES = 512 << 10 };

struct tiles {
    const struct product *product;
    size_t rows, columns; /* of a whole tile */
    size_t down, across;  /* tiles */
    masa_dtype c_dtype;   /* of the products */
    const struct onednn_product
        *compiled[2][2]; /* of whole tiles and of the last: [row][column] */
};

static size_t count(size_t n, size_t size)
{
    return (n + size - 1) / size;
}

static size_t round_up(size_t n, size_t to)
{
    return count(n, to) * to;
}

/* Into how many pieces a product is worth cutting: where that changes no bit as many as
 * threads can use; elsewhere by shape alone, as results must not depend on threads. */
static size_t pieces_of(const struct product *p)
{
    size_t threads = (size_t)masa_threads(), worth = 2 * p->m * p->n * p->k / TILE_WORK;
    size_t pieces = masa_isa_get() < MASA_ISA_AVX512 ? ENOUGH_TILES
                    : threads > 1                    ? 2 * threads
                                                     : 1;
    return pieces < worth ? pieces : worth ? worth : 1;
}

/* Small weights: rows are cut, so that no part of c is copied, and columns where rows are few. */
static void cut_small(struct tiles *t, const struct product *p)
{
    size_t pieces = pieces_of(p);
    bool few = p->m < 16 * pieces;
    t->rows = few ? p->m : round_up(count(p->m, pieces), 16);
    t->columns = few ? round_up(count(p->n, pieces), LEAST_COLUMNS) : p->n;
}

static void cut_large(struct tiles *t, const struct product *p)
{
    t->rows = TILE_ROWS;
    t->columns = TILE_COLUMNS;
    while (t->columns > LEAST_COLUMNS &&
           count(p->m, t->rows) * count(p->n, t->columns) < ENOUGH_TILES)
        t->columns -= LEAST_COLUMNS;
}

/* Of a sum over rows c's rows are cut alone: cutting columns would rearrange b again. Each piece
 * needs a copy of its part of a. */
static void cut_sum(struct tiles *t, const struct product *p)
{
    size_t pieces = pieces_of(p), rows = round_up(count(p->m, pieces), 16);
    t->rows = pieces > 1 && rows > TILE_ROWS ? TILE_ROWS : rows;
    t->columns = p->n;
}

static void cut(struct tiles *t, const struct product *p)
{
    bool cached = p->n * p->k * masa_dtype_size(p->dtype) <= CACHED_BYTES;
    if (p->transposed) cut_sum(t, p);
    else if (cached) cut_small(t, p);
    else cut_large(t, p);
    if (t->rows > p->m) t->rows = p->m;
    if (t->columns > p->n) t->columns = p->n;
    t->down = count(p->m, t->rows);
    t->across = count(p->n, t->columns);
}

/* The layout of w of b's columns, from column n on, and where they begin. */
static size_t columns_of(dnnl_memory_desc_t *out, const struct product *p, size_t n, size_t w)
{
    dnnl_dims_t dims = {(dnnl_dim_t)p->k, (dnnl_dim_t)w}, from = {0, (dnnl_dim_t)n};
    if (w == p->n) {
        *out = *p->layout;
        return 0;
    }
    dnnl_status_t status = dnnl_memory_desc_init_submemory(out, p->layout, dims, from);
    assert(status == dnnl_success); /* whole blocks of columns */
    (void)status;
    size_t offset = (size_t)out->offset0;
    out->offset0 = 0;
    return offset;
}

/* The product of a tile of m rows, and n columns from `column` on. */
static const struct onednn_product *find_compiled(const struct tiles *t, size_t m,
                                                  size_t column, size_t n)
{
    const struct product *p = t->product;
    struct onednn_key key = {.m = m,
                             .n = n,
                             .k = p->k,
                             .dtype = p->dtype,
                             .c_dtype = t->c_dtype,
                             .transposed = p->transposed,
                             .bias = p->bias != NULL,
                             .accumulate = p->accumulate};
    columns_of(&key.b, p, column, n);
    return onednn_get(&key);
}

/* Of whole tiles and of the last ones, which are often as large. */
static void find_all_compiled(struct tiles *t)
{
    const struct product *p = t->product;
    size_t last = (t->across - 1) * t->columns, n = p->n - last;
    size_t m = p->m - (t->down - 1) * t->rows;
    bool whole_m = m == t->rows, whole_n = n == t->columns;
    t->compiled[1][1] = find_compiled(t, m, last, n);
    t->compiled[0][1] = whole_m ? t->compiled[1][1] : find_compiled(t, t->rows, last, n);
    t->compiled[1][0] = whole_n ? t->compiled[1][1] : find_compiled(t, m, 0, t->columns);
    t->compiled[0][0] = whole_m   ? t->compiled[1][0]
                        : whole_n ? t->compiled[0][1]
                                  : find_compiled(t, t->rows, 0, t->columns);
}

/* Copies rows of n elements, from one spacing and type to another. */
static void copy(void *to, masa_dtype to_dtype, size_t to_stride, const void *from,
                 masa_dtype from_dtype, size_t from_stride, size_t rows, size_t n)
{
    const struct rows_kernels *k = ISA_SELECT(rows_kernels);
    size_t to_bytes = to_stride * masa_dtype_size(to_dtype);
    size_t from_bytes = from_stride * masa_dtype_size(from_dtype);
    for (size_t r = 0; r < rows; r++) {
        char *row = (char *)to + r * to_bytes;
        const char *source = (const char *)from + r * from_bytes;
        if (to_dtype == from_dtype) memcpy(row, source, n * masa_dtype_size(to_dtype));
        else k->convert(row, to_dtype, source, from_dtype, n);
    }
}

static void run_tile(void *call, size_t tile)
{
    const struct tiles *t = call;
    const struct product *p = t->product;
    size_t i = tile % t->down, j = tile / t->down, row = i * t->rows, column = j * t->columns;
    const struct onednn_product *compiled = t->compiled[i + 1 == t->down][j + 1 == t->across];
    size_t m = compiled->key.m, n = compiled->key.n, size = masa_dtype_size(p->dtype);

    const void *a = (const char *)p->a + row * (p->transposed ? 1 : p->k) * size;
    if (p->transposed && m < p->m) {
        void *dense = scratch_get(SCRATCH_TILE_A, m * p->k * size);
        copy(dense, p->dtype, m, a, p->dtype, p->m, p->k, m);
        a = dense;
    }
    void *c = (char *)p->c + (row * p->n + column) * masa_dtype_size(p->c_dtype), *result = c;
    bool direct = n == p->n && t->c_dtype == p->c_dtype;
    if (!direct) result = scratch_get(SCRATCH_TILE_C, m * n * masa_dtype_size(t->c_dtype));
    if (!direct && p->accumulate) copy(result, t->c_dtype, n, c, p->c_dtype, p->n, m, n);
    dnnl_memory_desc_t layout;
    const char *b = (const char *)p->b + columns_of(&layout, p, column, n) * size;
    onednn_multiply(compiled, result, a, b, p->bias ? p->bias + column : NULL);
    if (!direct) copy(c, p->c_dtype, p->n, result, t->c_dtype, n, m, n);
}

void product_run(const struct product *p)
{
    struct tiles t = {.product = p};
    t.c_dtype = p->dtype == MASA_BF16 ? p->c_dtype : MASA_F32;
    cut(&t, p);
    find_all_compiled(&t);
    if (masa_isa_get() < MASA_ISA_AVX512)
        onednn_ask_for_room(); /* its products pack their operands */
    masa_parallel(t.down * t.across, run_tile, &t);
}
