/* Row kernels on one thread: cpu_rows.c and cpu_adamw.c divide the work. Arguments as in
 * masa/rows.h and masa/adamw.h. */
#ifndef KERNELS_ISA_ROWS_H
#define KERNELS_ISA_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/dtype.h>
#include "isa.h"

struct rows_kernels {
    void (*rmsnorm_forward)(void *y, masa_dtype y_dtype, float *rstd, const float *x,
                            const float *gain, size_t rows, size_t dim, float eps);
    void (*rmsnorm_backward)(float *dx, const float *dy, const float *x, const float *gain,
                             const float *rstd, size_t rows, size_t dim);
    void (*headnorm_forward)(void *y, size_t y_stride, float *rstd, const void *x,
                             size_t x_stride, masa_dtype dtype, const float *gain, size_t rows,
                             size_t heads, size_t head_dim, float eps);
    void (*headnorm_backward)(void *dx, size_t dx_stride, const void *dy, size_t dy_stride,
                              const void *x, size_t x_stride, masa_dtype dtype,
                              const float *gain, const float *rstd, size_t rows, size_t heads,
                              size_t head_dim);
    /* dgain [dim] of columns [begin, end) += sum of dy x rstd over rows and heads, in order;
     * RMSNorm over a whole row has one head. */
    void (*norm_gain)(float *dgain, const void *dy, size_t dy_stride, const void *x,
                      size_t x_stride, masa_dtype dtype, const float *rstd, size_t rows,
                      size_t heads, size_t dim, size_t begin, size_t end);
    void (*rope)(void *x, masa_dtype dtype, size_t stride, const int32_t *positions,
                 const float *cos_table, const float *sin_table, size_t rows, size_t heads,
                 size_t head_dim, bool inverse);
    void (*swiglu_forward)(void *y, const void *gate_up, masa_dtype dtype, size_t rows,
                           size_t dim);
    void (*swiglu_backward)(void *d_gate_up, const void *dy, const void *gate_up,
                            masa_dtype dtype, size_t rows, size_t dim);
    void (*convert)(void *to, masa_dtype to_dtype, const void *from, masa_dtype from_dtype,
                    size_t n);
    void (*add)(float *y, const float *x, size_t n);
    /* sum [n] += rows of x [rows, n] (row stride in elements), in row order. */
    void (*add_columns)(float *sum, const void *x, masa_dtype dtype, size_t stride, size_t rows,
                        size_t n);
};
ISA_TABLES(rows_kernels)

#endif
