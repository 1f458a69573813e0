/**
 * Kernels that work row by row: RMSNorm, rotary embedding, gated activation,
 * embedding and conversions. Arithmetic is float32 whatever the storage type.
 * "dtype" arguments name the storage of void pointers. Row-major, contiguous
 * unless a stride (in elements) is given. rows may be 0.
 */
#ifndef MASA_ROWS_H
#define MASA_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/device.h>
#include <masa/dtype.h>

/**
 *   rstd[r] = 1 / sqrt(mean_i x[r,i]^2 + eps);  y[r,i] = x[r,i] rstd[r] gain[i]
 * y [rows, dim] y_dtype; x [rows, dim] float32; rstd [rows] or NULL.
 * Zhang & Sennrich 2019 (arXiv:1910.07467).
 */
void masa_rmsnorm_forward(void *y, masa_dtype y_dtype, float *rstd, const float *x,
                          const float *gain, size_t rows, size_t dim, float eps);

/**
 *   c[r]      = rstd[r]^3 / dim * sum_j gain[j] dy[r,j] x[r,j]
 *   dx[r,i]  += rstd[r] gain[i] dy[r,i] - c[r] x[r,i]
 *   dgain[i] += sum_r dy[r,i] x[r,i] rstd[r]
 * dx, dgain ACCUMULATED; all float32. dgain may be NULL. Bit-equal for a fixed
 * number of threads.
 */
void masa_rmsnorm_backward(float *dx, float *dgain, const float *dy, const float *x,
                           const float *gain, const float *rstd, size_t rows, size_t dim);

/**
 * RMSNorm of every head of q or k (Qwen3): x, y [rows, heads, head_dim] with
 * row strides; rstd [rows, heads]; gain [head_dim]. y may not alias x.
 */
void masa_headnorm_forward(void *y, size_t y_stride, float *rstd, const void *x,
                           size_t x_stride, masa_dtype dtype, const float *gain,
                           size_t rows, size_t heads, size_t head_dim, float eps);
/** dx OVERWRITTEN (may alias dy), dgain ACCUMULATED. x as in forward. */
void masa_headnorm_backward(void *dx, size_t dx_stride, float *dgain, const void *dy,
                            size_t dy_stride, const void *x, size_t x_stride,
                            masa_dtype dtype, const float *gain, const float *rstd,
                            size_t rows, size_t heads, size_t head_dim);

/**
 * Rotary embedding in place, Hugging Face's half-split layout: with h = head_dim/2
 *   x[i]   <- x[i] cos - x[i+h] sin,   x[i+h] <- x[i+h] cos + x[i] sin
 * x [rows, heads, head_dim], row stride in elements; cos, sin [n_positions, h].
 * inverse rotates back (the backward pass).
 */
void masa_rope_apply(void *x, masa_dtype dtype, size_t stride, const int32_t *positions,
                     const float *cos_table, const float *sin_table, size_t rows,
                     size_t heads, size_t head_dim, bool inverse);

/**
 * y[r,i] = silu(g[r,i]) u[r,i] with g = gate_up[r, 0:dim], u = gate_up[r, dim:2dim].
 * gate_up [rows, 2*dim], y [rows, dim], both dtype.
 */
void masa_swiglu_forward(void *y, const void *gate_up, masa_dtype dtype, size_t rows,
                         size_t dim);
/** d_gate_up [rows, 2*dim] OVERWRITTEN (may alias gate_up); dy [rows, dim]. */
void masa_swiglu_backward(void *d_gate_up, const void *dy, const void *gate_up,
                          masa_dtype dtype, size_t rows, size_t dim);

/** x [rows, dim] float32 = table[tokens[r]]; table [vocab, dim] float32. */
void masa_embedding_forward(float *x, const float *table, const int32_t *tokens,
                            size_t rows, size_t dim);
/** dtable[tokens[r]] += dx[r], in row order for every thread count. */
void masa_embedding_backward(float *dtable, const float *dx, const int32_t *tokens,
                             size_t rows, size_t dim);

/* One part of a record: `bytes` bytes of row r, at array + r*bytes, are at `at` in its record.
 * Both are multiples of 4. */
typedef struct masa_record_part {
    void DEVICE *array;
    size_t at, bytes;
} masa_record_part;
enum { MASA_RECORD_PARTS = 8 }; /* the most of one call */

/** Elementwise conversions, and float32 sum y += x. */
void masa_convert(void *to, masa_dtype to_dtype, const void *from, masa_dtype from_dtype,
                  size_t n);
void masa_add(float *y, const float *x, size_t n);

#endif
