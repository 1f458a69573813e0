/*
 * The kernels of this folder, as the table of functions (cuda_backend.cu) and their tests call
 * them. They mean what the functions of the same name in masa/rows.h, linear.h, attention.h,
 * head.h and adamw.h say; pointers are to the GPU's memory unless their name says host. Work
 * is queued, a value that is returned was waited for. Every result is the same bits in each
 * run; sums are taken in other orders than on a processor.
 */
#ifndef KERNELS_CUDA_CUDA_H
#define KERNELS_CUDA_CUDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/adamw.h>
#include <masa/attention.h>
#include <masa/dtype.h>
#include <masa/link.h>
#include <masa/rows.h>
#include <masa/sample.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- cuda_linear.cu ---- */

/* NULL: not enough memory, or *why (else NULL) says what else. */
void *cuda_linear_create(size_t out_features, size_t in_features, masa_dtype compute,
                         const char **why);
void cuda_linear_destroy(void *map);
size_t cuda_linear_bytes(const void *map);
void cuda_linear_pack(void *map, const float *weight);
void cuda_linear_forward(void *map, void *y, masa_dtype y_dtype, const void *x,
                         const float *bias, size_t rows, bool accumulate);
void cuda_linear_backward_input(void *map, void *dx, masa_dtype dx_dtype, const void *dy,
                                size_t rows, bool accumulate);
void cuda_linear_backward_weight(void *map, float *dw, float *dbias, const void *dy,
                                 const void *x, size_t rows);

/* ---- cuda_norm.cu ---- */

void cuda_rmsnorm_forward(void *y, masa_dtype y_dtype, float *rstd, const float *x,
                          const float *gain, size_t rows, size_t dim, float eps);
void cuda_rmsnorm_backward(float *dx, float *dgain, const float *dy, const float *x,
                           const float *gain, const float *rstd, size_t rows, size_t dim);
void cuda_headnorm_forward(void *y, size_t y_stride, float *rstd, const void *x,
                           size_t x_stride, masa_dtype dtype, const float *gain, size_t rows,
                           size_t heads, size_t head_dim, float eps);
void cuda_headnorm_backward(void *dx, size_t dx_stride, float *dgain, const void *dy,
                            size_t dy_stride, const void *x, size_t x_stride, masa_dtype dtype,
                            const float *gain, const float *rstd, size_t rows, size_t heads,
                            size_t head_dim);

/* ---- cuda_rows.cu ---- */

void cuda_rope(void *x, masa_dtype dtype, size_t stride, const int32_t *positions,
               const float *cos_table, const float *sin_table, size_t rows, size_t heads,
               size_t head_dim, bool inverse);
void cuda_swiglu_forward(void *y, const void *gate_up, masa_dtype dtype, size_t rows,
                         size_t dim);
void cuda_swiglu_backward(void *d_gate_up, const void *dy, const void *gate_up,
                          masa_dtype dtype, size_t rows, size_t dim);
void cuda_convert(void *to, masa_dtype to_dtype, const void *from, masa_dtype from_dtype,
                  size_t n);
void cuda_add(float *y, const float *x, size_t n);
/* y = factor x; y may be x. */
void cuda_scale(float *y, const float *x, float factor, size_t n);

/* ---- cuda_gather.cu ---- */

/* to [rows, dim] = table[index[r]], both of `dtype`. */
void cuda_gather_rows(void *to, const void *table, masa_dtype dtype, const int32_t *index,
                      size_t rows, size_t dim);
/* table[index[r]] += x[r], equal indices in the order of rows; float32. */
void cuda_add_rows(float *table, const float *x, const int32_t *index, size_t rows, size_t dim);
/* to[ti(r)] = weight[r] from[fi(r)] [dim]; ti and fi are r where the index is NULL. */
void cuda_scale_rows(void *to, masa_dtype to_dtype, const int32_t *to_index, const void *from,
                     masa_dtype from_dtype, const int32_t *from_index, const float *weight,
                     size_t rows, size_t dim);
/* masa_records_write and _read: parts is a host array. */
void cuda_move_records(void *records, size_t record_bytes, const int32_t *index, size_t rows,
                       const masa_record_part *parts, size_t n_parts, bool read);
/* y [rows, n] (+)= x + bias [n]; y may be x where it is float32. */
void cuda_add_bias(void *y, masa_dtype dtype, const float *x, const float *bias, size_t rows,
                   size_t n, bool accumulate);
/* sum [n] += the sum of x [rows, n] over its rows. */
void cuda_add_columns(float *sum, const void *x, masa_dtype dtype, size_t rows, size_t n);

/* ---- cuda_adamw.cu ---- */

void cuda_adamw(float *w, void *m, void *v, const float *grad, size_t n,
                const masa_adamw *options);
void cuda_sums_of_squares(double *sums, const float *x, size_t n);

/* ---- cuda_head.cu, cuda_sample.cu: backend.h says what they do ---- */

void cuda_softmax_forward(float *logprob, float *lse, float *entropy, const float *logits,
                          const int32_t *targets, size_t rows, size_t vocab, float scale);
void cuda_softmax_backward(void *dz, masa_dtype dtype, const float *logits,
                           const int32_t *index, const float *lse, const int32_t *targets,
                           size_t rows, size_t vocab, float scale);
/* Plain and greedy draws. */
void cuda_sample(masa_draw *draws, size_t n, const float *logits, size_t vocab);

/* ---- cuda_attention_plan.cu, cuda_attention.cu, cuda_cache.cu, cuda_attention_cached.cu ---- */

void *cuda_plan_create(size_t max_segments); /* NULL: not enough memory */
void cuda_plan_destroy(void *plan);
size_t cuda_plan_bytes(size_t max_segments);
/* segments is a host array. */
void cuda_plan_set(void *plan, const masa_segment *segments, size_t n);
void cuda_attention_forward(void *out, float *lse, const void *q, const void *k, const void *v,
                            const void *plan, const masa_attention_shape *shape);
size_t cuda_attention_backward_floats(size_t rows, size_t q_heads, size_t head_dim);
void cuda_attention_backward(void *dq, void *dk, void *dv, float *parts, const void *dout,
                             const void *out, const float *lse, const void *q, const void *k,
                             const void *v, const void *plan, size_t rows,
                             const masa_attention_shape *shape);
void cuda_kv_write(const masa_kv_layer *kv, const void *k, const void *v, size_t stride,
                   const int32_t *slots, size_t rows);
/* masa_heads_rotate with a cache. */
void cuda_heads_to_cache(const masa_heads *heads, const masa_attention_shape *shape,
                         const masa_kv_layer *kv, const int32_t *slots, size_t rows);
void cuda_attention_cached(void *out, float *lse, const void *q, const masa_kv_layer *kv,
                           const masa_cached_rows *rows, const masa_attention_shape *shape);

/* ---- cuda_link.cu, masa/link.h: NULL, or what is wrong, valid until the next call ---- */

const char *cuda_link_find(char *place);
const char *cuda_link_name(char *name);
const char *cuda_link_join(const char *name, size_t rank, size_t size);
void cuda_link_leave(void);
const char *cuda_link_swap(const masa_link_piece *send, const masa_link_piece *receive);

#ifdef __cplusplus
}
#endif

#endif
