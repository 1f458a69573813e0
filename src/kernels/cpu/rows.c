#include <masa/memory.h>
#include <stdlib.h>
#include <string.h>
#include "cpu_backend.h"
#include "isa/rows.h"
#include "split.h"

/* Element `at` of a dtype array. */
static void *at(void *p, masa_dtype dtype, size_t index)
{
    return (char *)p + index * masa_dtype_size(dtype);
}

static const void *const_at(const void *p, masa_dtype dtype, size_t index)
{
    return (const char *)p + index * masa_dtype_size(dtype);
}

void cpu_rmsnorm_forward(void *y, masa_dtype y_dtype, float *rstd, const float *x,
                          const float *gain, size_t rows, size_t dim, float eps)
{
    const struct rows_kernels *k = ISA_SELECT(rows_kernels);
#pragma omp parallel if (rows * dim > SPLIT_MINIMUM)
    {
        struct range p = split_mine(rows, 1);
        size_t b = p.begin;
        k->rmsnorm_forward(at(y, y_dtype, b * dim), y_dtype, rstd ? rstd + b : NULL,
                           x + b * dim, gain, p.end - b, dim, eps);
    }
}

/* Adds the threads' partial sums [threads, dim] to total in thread order. */
static void add_partials(float *total, const float *partial, size_t threads, size_t dim)
{
    for (size_t t = 0; t < threads; t++)
        for (size_t i = 0; i < dim; i++) total[i] += partial[t * dim + i];
}

void cpu_rmsnorm_backward(float *dx, float *dgain, const float *dy, const float *x,
                           const float *gain, const float *rstd, size_t rows, size_t dim)
{
    const struct rows_kernels *k = ISA_SELECT(rows_kernels);
    size_t threads = (size_t)masa_threads();
    float *partial = dgain ? masa_alloc(threads * dim, sizeof *partial) : NULL;
#pragma omp parallel if (rows * dim > SPLIT_MINIMUM)
    {
        struct range p = split_mine(rows, 1);
        size_t b = p.begin, t = (size_t)omp_get_thread_num();
        k->rmsnorm_backward(dx + b * dim, partial ? partial + t * dim : NULL, dy + b * dim,
                            x + b * dim, gain, rstd + b, p.end - b, dim);
    }
    if (dgain) add_partials(dgain, partial, threads, dim);
    free(partial);
}

void cpu_headnorm_forward(void *y, size_t y_stride, float *rstd, const void *x,
                           size_t x_stride, masa_dtype dtype, const float *gain, size_t rows,
                           size_t heads, size_t head_dim, float eps)
{
    const struct rows_kernels *k = ISA_SELECT(rows_kernels);
#pragma omp parallel if (rows * heads * head_dim > SPLIT_MINIMUM)
    {
        struct range p = split_mine(rows, 1);
        size_t b = p.begin;
        k->headnorm_forward(at(y, dtype, b * y_stride), y_stride, rstd ? rstd + b * heads : NULL,
                            const_at(x, dtype, b * x_stride), x_stride, dtype, gain, p.end - b,
                            heads, head_dim, eps);
    }
}

void cpu_headnorm_backward(void *dx, size_t dx_stride, float *dgain, const void *dy,
                            size_t dy_stride, const void *x, size_t x_stride,
                            masa_dtype dtype, const float *gain, const float *rstd,
                            size_t rows, size_t heads, size_t head_dim)
{
    const struct rows_kernels *k = ISA_SELECT(rows_kernels);
    size_t threads = (size_t)masa_threads();
    float *partial = dgain ? masa_alloc(threads * head_dim, sizeof *partial) : NULL;
#pragma omp parallel if (rows * heads * head_dim > SPLIT_MINIMUM)
    {
        struct range p = split_mine(rows, 1);
        size_t b = p.begin, t = (size_t)omp_get_thread_num();
        k->headnorm_backward(at(dx, dtype, b * dx_stride), dx_stride,
                             partial ? partial + t * head_dim : NULL,
                             const_at(dy, dtype, b * dy_stride), dy_stride,
                             const_at(x, dtype, b * x_stride), x_stride, dtype, gain,
                             rstd + b * heads, p.end - b, heads, head_dim);
    }
    if (dgain) add_partials(dgain, partial, threads, head_dim);
    free(partial);
}

void cpu_rope(void *x, masa_dtype dtype, size_t stride, const int32_t *positions,
                     const float *cos_table, const float *sin_table, size_t rows,
                     size_t heads, size_t head_dim, bool inverse)
{
    const struct rows_kernels *k = ISA_SELECT(rows_kernels);
#pragma omp parallel if (rows * heads * head_dim > SPLIT_MINIMUM)
    {
        struct range p = split_mine(rows, 1);
        size_t b = p.begin;
        k->rope(at(x, dtype, b * stride), dtype, stride, positions + b, cos_table, sin_table,
                p.end - b, heads, head_dim, inverse);
    }
}

void cpu_swiglu_forward(void *y, const void *gate_up, masa_dtype dtype, size_t rows,
                         size_t dim)
{
    const struct rows_kernels *k = ISA_SELECT(rows_kernels);
#pragma omp parallel if (rows * dim > SPLIT_MINIMUM / 4)
    {
        struct range p = split_mine(rows, 1);
        size_t b = p.begin;
        k->swiglu_forward(at(y, dtype, b * dim), const_at(gate_up, dtype, b * 2 * dim), dtype,
                          p.end - b, dim);
    }
}

void cpu_swiglu_backward(void *d_gate_up, const void *dy, const void *gate_up,
                          masa_dtype dtype, size_t rows, size_t dim)
{
    const struct rows_kernels *k = ISA_SELECT(rows_kernels);
#pragma omp parallel if (rows * dim > SPLIT_MINIMUM / 4)
    {
        struct range p = split_mine(rows, 1);
        size_t b = p.begin;
        k->swiglu_backward(at(d_gate_up, dtype, b * 2 * dim), const_at(dy, dtype, b * dim),
                           const_at(gate_up, dtype, b * 2 * dim), dtype, p.end - b, dim);
    }
}

void cpu_gather_rows(void *to, const void *table, masa_dtype dtype, const int32_t *index,
                     size_t rows, size_t dim)
{
    size_t bytes = dim * masa_dtype_size(dtype);
#pragma omp parallel for schedule(static) if (rows * dim > SPLIT_MINIMUM)
    for (size_t r = 0; r < rows; r++)
        memcpy((char *)to + r * bytes, (const char *)table + (size_t)index[r] * bytes, bytes);
}

/* Threads own columns, so that each sees the rows in order whatever their number. */
void cpu_add_rows(float *table, const float *from, const int32_t *index, size_t rows, size_t dim)
{
    const struct rows_kernels *k = ISA_SELECT(rows_kernels);
#pragma omp parallel if (rows * dim > SPLIT_MINIMUM)
    {
        struct range p = split_mine(dim, 32);
        for (size_t r = 0; r < rows; r++)
            k->add(table + (size_t)index[r] * dim + p.begin, from + r * dim + p.begin,
                   p.end - p.begin);
    }
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

void cpu_scale_rows(void *to, masa_dtype to_dtype, const int32_t *to_index, const void *from,
                    masa_dtype from_dtype, const int32_t *from_index, const float *weight,
                    size_t rows, size_t dim)
{
#pragma omp parallel for schedule(static) if (rows * dim > SPLIT_MINIMUM)
    for (size_t r = 0; r < rows; r++) {
        size_t t = to_index ? (size_t)to_index[r] : r, f = from_index ? (size_t)from_index[r] : r;
        scale_row(at(to, to_dtype, t * dim), to_dtype, const_at(from, from_dtype, f * dim),
                  from_dtype, weight[r], dim);
    }
}

void cpu_move_records(void *records, size_t record_bytes, const int32_t *index, size_t rows,
                      const masa_record_part *parts, size_t n_parts, bool read)
{
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        if (index[r] < 0) continue;
        char *record = (char *)records + (size_t)index[r] * record_bytes;
        for (size_t i = 0; i < n_parts; i++) {
            char *row = (char *)parts[i].array + r * parts[i].bytes, *at = record + parts[i].at;
            memcpy(read ? row : at, read ? at : row, parts[i].bytes);
        }
    }
}

void cpu_convert(void *to, masa_dtype to_dtype, const void *from, masa_dtype from_dtype,
                  size_t n)
{
    const struct rows_kernels *k = ISA_SELECT(rows_kernels);
#pragma omp parallel if (n > SPLIT_MINIMUM)
    {
        struct range p = split_mine(n, 64);
        k->convert(at(to, to_dtype, p.begin), to_dtype, const_at(from, from_dtype, p.begin),
                   from_dtype, p.end - p.begin);
    }
}

void cpu_add(float *y, const float *x, size_t n)
{
    const struct rows_kernels *k = ISA_SELECT(rows_kernels);
#pragma omp parallel if (n > SPLIT_MINIMUM)
    {
        struct range p = split_mine(n, 64);
        k->add(y + p.begin, x + p.begin, p.end - p.begin);
    }
}

void cpu_scale(float *y, const float *x, float factor, size_t n)
{
#pragma omp parallel for simd schedule(static) if (n > SPLIT_MINIMUM)
    for (size_t i = 0; i < n; i++) y[i] = factor * x[i];
}
