#include <masa/memory.h>
#include <stdlib.h>
#include <string.h>
#include "cpu_backend.h"
#include "isa/isa_rows.h"
#include "cpu_split.h"

/* Element `at` of a dtype array. */
static void *at(void *p, masa_dtype dtype, size_t index)
{
    return (char *)p + index * masa_dtype_size(dtype);
}

static const void *const_at(const void *p, masa_dtype dtype, size_t index)
{
    return (const char *)p + index * masa_dtype_size(dtype);
}

/* ---- norms ---- */

/* A call over rows of heads of dim elements; RMSNorm over a whole row has one head. */
struct norm {
    void *y; /* or dx */
    size_t y_stride;
    const void *dy;
    size_t dy_stride;
    const void *x;
    size_t x_stride;
    masa_dtype dtype;
    const float *gain;
    float *rstd, *dgain;
    size_t rows, heads, dim;
    float eps;
};

static void rmsnorm_forward(void *call, size_t b, size_t end)
{
    const struct norm *c = call;
    ISA_SELECT(rows_kernels)
        ->rmsnorm_forward(at(c->y, c->dtype, b * c->dim), c->dtype,
                          c->rstd ? c->rstd + b : NULL, (const float *)c->x + b * c->dim,
                          c->gain, end - b, c->dim, c->eps);
}

void cpu_rmsnorm_forward(void *y, masa_dtype y_dtype, float *rstd, const float *x,
                         const float *gain, size_t rows, size_t dim, float eps)
{
    struct norm c = {
        .y = y, .dtype = y_dtype, .rstd = rstd, .x = x, .gain = gain, .dim = dim, .eps = eps};
    parallel_ranges(rows, 1, dim, rmsnorm_forward, &c);
}

static void norm_gain(void *call, size_t begin, size_t end)
{
    const struct norm *c = call;
    ISA_SELECT(rows_kernels)
        ->norm_gain(c->dgain, c->dy, c->dy_stride, c->x, c->x_stride, c->dtype, c->rstd,
                    c->rows, c->heads, c->dim, begin, end);
}

/* Threads have columns, so that each sees the rows in order whatever their number. */
static void add_gain(float *dgain, struct norm *c)
{
    c->dgain = masa_alloc(c->dim, sizeof *c->dgain);
    parallel_ranges(c->dim, 16, c->rows * c->heads, norm_gain, c);
    for (size_t i = 0; i < c->dim; i++) dgain[i] += c->dgain[i];
    free(c->dgain);
}

static void rmsnorm_backward(void *call, size_t b, size_t end)
{
    const struct norm *c = call;
    size_t first = b * c->dim;
    ISA_SELECT(rows_kernels)
        ->rmsnorm_backward((float *)c->y + first, (const float *)c->dy + first,
                           (const float *)c->x + first, c->gain, c->rstd + b, end - b, c->dim);
}

void cpu_rmsnorm_backward(float *dx, float *dgain, const float *dy, const float *x,
                          const float *gain, const float *rstd, size_t rows, size_t dim)
{
    struct norm c = {.y = dx,
                     .dy = dy,
                     .dy_stride = dim,
                     .x = x,
                     .x_stride = dim,
                     .dtype = MASA_F32,
                     .gain = gain,
                     .rstd = (float *)(uintptr_t)rstd,
                     .rows = rows,
                     .heads = 1,
                     .dim = dim};
    if (dgain) add_gain(dgain, &c);
    parallel_ranges(rows, 1, dim, rmsnorm_backward, &c);
}

static void headnorm_forward(void *call, size_t b, size_t end)
{
    const struct norm *c = call;
    ISA_SELECT(rows_kernels)
        ->headnorm_forward(at(c->y, c->dtype, b * c->y_stride), c->y_stride,
                           c->rstd ? c->rstd + b * c->heads : NULL,
                           const_at(c->x, c->dtype, b * c->x_stride), c->x_stride, c->dtype,
                           c->gain, end - b, c->heads, c->dim, c->eps);
}

void cpu_headnorm_forward(void *y, size_t y_stride, float *rstd, const void *x, size_t x_stride,
                          masa_dtype dtype, const float *gain, size_t rows, size_t heads,
                          size_t head_dim, float eps)
{
    struct norm c = {.y = y,
                     .y_stride = y_stride,
                     .x = x,
                     .x_stride = x_stride,
                     .dtype = dtype,
                     .gain = gain,
                     .rstd = rstd,
                     .heads = heads,
                     .dim = head_dim,
                     .eps = eps};
    parallel_ranges(rows, 1, heads * head_dim, headnorm_forward, &c);
}

static void headnorm_backward(void *call, size_t b, size_t end)
{
    const struct norm *c = call;
    ISA_SELECT(rows_kernels)
        ->headnorm_backward(at(c->y, c->dtype, b * c->y_stride), c->y_stride,
                            const_at(c->dy, c->dtype, b * c->dy_stride), c->dy_stride,
                            const_at(c->x, c->dtype, b * c->x_stride), c->x_stride, c->dtype,
                            c->gain, c->rstd + b * c->heads, end - b, c->heads, c->dim);
}

void cpu_headnorm_backward(void *dx, size_t dx_stride, float *dgain, const void *dy,
                           size_t dy_stride, const void *x, size_t x_stride, masa_dtype dtype,
                           const float *gain, const float *rstd, size_t rows, size_t heads,
                           size_t head_dim)
{
    struct norm c = {.y = dx,
                     .y_stride = dx_stride,
                     .dy = dy,
                     .dy_stride = dy_stride,
                     .x = x,
                     .x_stride = x_stride,
                     .dtype = dtype,
                     .gain = gain,
                     .rstd = (float *)(uintptr_t)rstd,
                     .rows = rows,
                     .heads = heads,
                     .dim = head_dim};
    if (dgain) add_gain(dgain, &c); /* before dx, which may be dy */
    parallel_ranges(rows, 1, heads * head_dim, headnorm_backward, &c);
}

/* ---- rotary embedding and SwiGLU ---- */

struct rope {
    void *x;
    masa_dtype dtype;
    size_t stride;
    const int32_t *positions;
    const float *cos_table, *sin_table;
    size_t heads, head_dim;
    bool inverse;
};

static void rope(void *call, size_t b, size_t end)
{
    const struct rope *c = call;
    ISA_SELECT(rows_kernels)
        ->rope(at(c->x, c->dtype, b * c->stride), c->dtype, c->stride, c->positions + b,
               c->cos_table, c->sin_table, end - b, c->heads, c->head_dim, c->inverse);
}

void cpu_rope(void *x, masa_dtype dtype, size_t stride, const int32_t *positions,
              const float *cos_table, const float *sin_table, size_t rows, size_t heads,
              size_t head_dim, bool inverse)
{
    struct rope c = {x,         dtype, stride,   positions, cos_table,
                     sin_table, heads, head_dim, inverse};
    parallel_ranges(rows, 1, heads * head_dim, rope, &c);
}

struct swiglu {
    void *to;
    const void *dy, *gate_up;
    masa_dtype dtype;
    size_t dim;
};

/* An element costs an exponential. */
enum { SWIGLU_WIDTH = 4 };

static void swiglu_forward(void *call, size_t b, size_t end)
{
    const struct swiglu *c = call;
    ISA_SELECT(rows_kernels)
        ->swiglu_forward(at(c->to, c->dtype, b * c->dim),
                         const_at(c->gate_up, c->dtype, b * 2 * c->dim), c->dtype, end - b,
                         c->dim);
}

void cpu_swiglu_forward(void *y, const void *gate_up, masa_dtype dtype, size_t rows, size_t dim)
{
    struct swiglu c = {y, NULL, gate_up, dtype, dim};
    parallel_ranges(rows, 1, SWIGLU_WIDTH * dim, swiglu_forward, &c);
}

static void swiglu_backward(void *call, size_t b, size_t end)
{
    const struct swiglu *c = call;
    ISA_SELECT(rows_kernels)
        ->swiglu_backward(
            at(c->to, c->dtype, b * 2 * c->dim), const_at(c->dy, c->dtype, b * c->dim),
            const_at(c->gate_up, c->dtype, b * 2 * c->dim), c->dtype, end - b, c->dim);
}

void cpu_swiglu_backward(void *d_gate_up, const void *dy, const void *gate_up, masa_dtype dtype,
                         size_t rows, size_t dim)
{
    struct swiglu c = {d_gate_up, dy, gate_up, dtype, dim};
    parallel_ranges(rows, 1, SWIGLU_WIDTH * dim, swiglu_backward, &c);
}

/* ---- rows of tables ---- */

struct gather {
    char *to;
    const char *table;
    const int32_t *index;
    size_t bytes; /* of a row */
};

static void gather(void *call, size_t begin, size_t end)
{
    const struct gather *c = call;
    for (size_t r = begin; r < end; r++)
        memcpy(c->to + r * c->bytes, c->table + (size_t)c->index[r] * c->bytes, c->bytes);
}

void cpu_gather_rows(void *to, const void *table, masa_dtype dtype, const int32_t *index,
                     size_t rows, size_t dim)
{
    struct gather c = {to, table, index, dim * masa_dtype_size(dtype)};
    parallel_ranges(rows, 1, dim, gather, &c);
}

struct add_rows {
    float *table;
    const float *from;
    const int32_t *index;
    size_t rows, dim;
};

static void add_rows(void *call, size_t begin, size_t end)
{
    const struct add_rows *c = call;
    const struct rows_kernels *k = ISA_SELECT(rows_kernels);
    for (size_t r = 0; r < c->rows; r++)
        k->add(c->table + (size_t)c->index[r] * c->dim + begin, c->from + r * c->dim + begin,
               end - begin);
}

/* Threads own columns, so that each sees the rows in order whatever their number. */
void cpu_add_rows(float *table, const float *from, const int32_t *index, size_t rows,
                  size_t dim)
{
    struct add_rows c = {table, from, index, rows, dim};
    parallel_ranges(dim, 32, rows, add_rows, &c);
}

/* One row of cpu_scale_rows, in pieces that stay in the first cache. */
static void scale_row(void *to, masa_dtype to_dtype, const void *from, masa_dtype from_dtype,
                      float weight, size_t dim)
{
    const struct rows_kernels *k = ISA_SELECT(rows_kernels);
    enum { PIECE = 1024 };
    float piece[PIECE];
    for (size_t done = 0, n; done < dim; done += n) {
        n = dim - done < PIECE ? dim - done : PIECE;
        k->convert(piece, MASA_F32, const_at(from, from_dtype, done), from_dtype, n);
        for (size_t i = 0; i < n; i++) piece[i] *= weight;
        k->convert(at(to, to_dtype, done), to_dtype, piece, MASA_F32, n);
    }
}

struct scale_rows {
    void *to;
    const void *from;
    masa_dtype to_dtype, from_dtype;
    const int32_t *to_index, *from_index;
    const float *weight;
    size_t dim;
};

static void scale_rows(void *call, size_t begin, size_t end)
{
    const struct scale_rows *c = call;
    for (size_t r = begin; r < end; r++) {
        size_t t = c->to_index ? (size_t)c->to_index[r] : r;
        size_t f = c->from_index ? (size_t)c->from_index[r] : r;
        scale_row(at(c->to, c->to_dtype, t * c->dim), c->to_dtype,
                  const_at(c->from, c->from_dtype, f * c->dim), c->from_dtype, c->weight[r],
                  c->dim);
    }
}

void cpu_scale_rows(void *to, masa_dtype to_dtype, const int32_t *to_index, const void *from,
                    masa_dtype from_dtype, const int32_t *from_index, const float *weight,
                    size_t rows, size_t dim)
{
    struct scale_rows c = {to, from, to_dtype, from_dtype, to_index, from_index, weight, dim};
    parallel_ranges(rows, 1, dim, scale_rows, &c);
}

struct records {
    char *records;
    size_t record_bytes;
    const int32_t *index;
    const masa_record_part *parts;
    size_t n_parts;
    bool read;
};

static void move_records(void *call, size_t begin, size_t end)
{
    const struct records *c = call;
    for (size_t r = begin; r < end; r++) {
        if (c->index[r] < 0) continue;
        char *record = c->records + (size_t)c->index[r] * c->record_bytes;
        for (size_t i = 0; i < c->n_parts; i++) {
            const masa_record_part *part = &c->parts[i];
            char *row = (char *)part->array + r * part->bytes, *place = record + part->at;
            memcpy(c->read ? row : place, c->read ? place : row, part->bytes);
        }
    }
}

void cpu_move_records(void *records, size_t record_bytes, const int32_t *index, size_t rows,
                      const masa_record_part *parts, size_t n_parts, bool read)
{
    struct records c = {records, record_bytes, index, parts, n_parts, read};
    parallel_ranges(rows, 1, record_bytes / sizeof(float), move_records, &c);
}

/* ---- elements ---- */

struct elements {
    void *to;
    const void *from;
    masa_dtype to_dtype, from_dtype;
    float factor;
};

static void convert(void *call, size_t b, size_t end)
{
    const struct elements *c = call;
    ISA_SELECT(rows_kernels)
        ->convert(at(c->to, c->to_dtype, b), c->to_dtype, const_at(c->from, c->from_dtype, b),
                  c->from_dtype, end - b);
}

void cpu_convert(void *to, masa_dtype to_dtype, const void *from, masa_dtype from_dtype,
                 size_t n)
{
    struct elements c = {to, from, to_dtype, from_dtype, 1};
    parallel_ranges(n, 64, 1, convert, &c);
}

static void add(void *call, size_t b, size_t end)
{
    const struct elements *c = call;
    ISA_SELECT(rows_kernels)->add((float *)c->to + b, (const float *)c->from + b, end - b);
}

void cpu_add(float *y, const float *x, size_t n)
{
    struct elements c = {y, x, MASA_F32, MASA_F32, 1};
    parallel_ranges(n, 64, 1, add, &c);
}

static void scale(void *call, size_t begin, size_t end)
{
    const struct elements *c = call;
    float *y = c->to;
    const float *x = c->from;
    for (size_t i = begin; i < end; i++) y[i] = c->factor * x[i];
}

void cpu_scale(float *y, const float *x, float factor, size_t n)
{
    struct elements c = {y, x, MASA_F32, MASA_F32, factor};
    parallel_ranges(n, 64, 1, scale, &c);
}
