/**
 * Kernels that work row by row: RMSNorm, rotary embedding, gated activation,
 * moving rows, and conversions. Arithmetic is float32 whatever the storage type.
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
void masa_rmsnorm_forward(void DEVICE *y, masa_dtype y_dtype, float DEVICE *rstd,
                          const float DEVICE *x, const float DEVICE *gain, size_t rows,
                          size_t dim, float eps);

/**
 *   c[r]      = rstd[r]^3 / dim * sum_j gain[j] dy[r,j] x[r,j]
 *   dx[r,i]  += rstd[r] gain[i] dy[r,i] - c[r] x[r,i]
 *   dgain[i] += sum_r dy[r,i] x[r,i] rstd[r]
 * dx, dgain ACCUMULATED; all float32. dgain may be NULL. Bit-equal for a fixed
 * number of threads.
 */
void masa_rmsnorm_backward(float DEVICE *dx, float DEVICE *dgain, const float DEVICE *dy,
                           const float DEVICE *x, const float DEVICE *gain,
                           const float DEVICE *rstd, size_t rows, size_t dim);

/**
 * RMSNorm of every head of q or k (Qwen3): x, y [rows, heads, head_dim] with
 * row strides; rstd [rows, heads]; gain [head_dim]. y may not alias x.
 */
void masa_headnorm_forward(void DEVICE *y, size_t y_stride, float DEVICE *rstd,
                           const void DEVICE *x, size_t x_stride, masa_dtype dtype,
                           const float DEVICE *gain, size_t rows, size_t heads, size_t head_dim,
                           float eps);
/** dx OVERWRITTEN (may alias dy), dgain ACCUMULATED. x as in forward. */
void masa_headnorm_backward(void DEVICE *dx, size_t dx_stride, float DEVICE *dgain,
                            const void DEVICE *dy, size_t dy_stride, const void DEVICE *x,
                            size_t x_stride, masa_dtype dtype, const float DEVICE *gain,
                            const float DEVICE *rstd, size_t rows, size_t heads,
                            size_t head_dim);

/**
 * Rotary embedding in place, Hugging Face's half-split layout: with h = head_dim/2
 *   x[i]   <- x[i] cos - x[i+h] sin,   x[i+h] <- x[i+h] cos + x[i] sin
 * x [rows, heads, head_dim], row stride in elements; cos, sin [n_positions, h].
 * inverse rotates back (the backward pass).
 */
void masa_rope_apply(void DEVICE *x, masa_dtype dtype, size_t stride,
                     const int32_t DEVICE *positions, const float DEVICE *cos_table,
                     const float DEVICE *sin_table, size_t rows, size_t heads, size_t head_dim,
                     bool inverse);

/**
 * y[r,i] = silu(g[r,i]) u[r,i] with g = gate_up[r, 0:dim], u = gate_up[r, dim:2dim].
 * gate_up [rows, 2*dim], y [rows, dim], both dtype.
 */
void masa_swiglu_forward(void DEVICE *y, const void DEVICE *gate_up, masa_dtype dtype,
                         size_t rows, size_t dim);
/** d_gate_up [rows, 2*dim] OVERWRITTEN (may alias gate_up); dy [rows, dim]. */
void masa_swiglu_backward(void DEVICE *d_gate_up, const void DEVICE *dy,
                          const void DEVICE *gate_up, masa_dtype dtype, size_t rows,
                          size_t dim);

/** to[r] = table[index[r]], rows of dim elements of dtype. */
void masa_gather_rows(void DEVICE *to, const void DEVICE *table, masa_dtype dtype,
                      const int32_t DEVICE *index, size_t rows, size_t dim);
/** table[index[r]] += from[r], float32, in row order for every thread count. */
void masa_add_rows(float DEVICE *table, const float DEVICE *from, const int32_t DEVICE *index,
                   size_t rows, size_t dim);
/** to[to_index[r]] = weight[r] from[from_index[r]], rows of dim elements; an index that is NULL
 *  stands for r. Rows of to are different ones. */
void masa_scale_rows(void DEVICE *to, masa_dtype to_dtype, const int32_t DEVICE *to_index,
                     const void DEVICE *from, masa_dtype from_dtype,
                     const int32_t DEVICE *from_index, const float DEVICE *weight, size_t rows,
                     size_t dim);

/* One part of a record: `bytes` bytes of row r, at array + r*bytes, are at `at` in its record.
 * Both are multiples of 4. */
typedef struct masa_record_part {
    void DEVICE *array;
    size_t at, bytes;
} masa_record_part;
enum { MASA_RECORD_PARTS = 8 }; /* the most of one call */

/** Writes row r of every part's array to record index[r] (record_bytes apart), or reads it
 *  from there; rows of index -1 are left out. parts [n_parts] is a host array. */
void masa_records_write(void DEVICE *records, size_t record_bytes, const int32_t DEVICE *index,
                        size_t rows, const masa_record_part *parts, size_t n_parts);
void masa_records_read(const void DEVICE *records, size_t record_bytes,
                       const int32_t DEVICE *index, size_t rows, const masa_record_part *parts,
                       size_t n_parts);

/** Elementwise conversions; and of float32, y += x and y = factor x (x may be y). */
void masa_convert(void DEVICE *to, masa_dtype to_dtype, const void DEVICE *from,
                  masa_dtype from_dtype, size_t n);
void masa_add(float DEVICE *y, const float DEVICE *x, size_t n);
void masa_scale(float DEVICE *y, const float DEVICE *x, float factor, size_t n);

#endif
