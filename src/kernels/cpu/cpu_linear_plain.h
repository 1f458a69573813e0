/* The reference for linear maps: plain loops over float32 weights. */
#ifndef KERNELS_CPU_LINEAR_PLAIN_H
#define KERNELS_CPU_LINEAR_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <masa/dtype.h>

/* y [rows, out] (+)= x [rows, in] weight^T + bias; weight [out, in]. */
void plain_forward(void *y, masa_dtype y_dtype, const void *x, masa_dtype dtype,
                   const float *weight, const float *bias, size_t rows, size_t out, size_t in,
                   bool accumulate);
/* dx [rows, in] (+)= dy [rows, out] weight. */
void plain_backward_input(void *dx, masa_dtype dx_dtype, const void *dy, masa_dtype dtype,
                          const float *weight, size_t rows, size_t out, size_t in,
                          bool accumulate);
/* dw [out, in] += dy^T x. */
void plain_backward_weight(float *dw, const void *dy, const void *x, masa_dtype dtype,
                           size_t rows, size_t out, size_t in);

#endif
