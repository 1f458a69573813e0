/**
 * What a device must do: one table of functions. The front doors (kernels/<topic>.c) check
 * shapes with assert and call the table of the device that was chosen (device.c); head.c
 * composes them. cpu/ has the processor's table, backend_cpu; a plugin in a shared library has
 * another and exports one function, `const struct backend *masa_backend(void)`.
 *
 * Arguments mean what the public header of the topic says, which this refers to, and are valid:
 * no function but those with a masa_error can fail. A device that is lost, or that is out of
 * memory for scratch, ends the program with one line, as masa_alloc does.
 *
 * Order: one stream. Functions return when their work is queued; `get`, `sample` and
 * `sums_of_squares` return host values and wait. All calls come from one thread.
 *
 * Pointers are DEVICE memory unless they are named host. rows and n may be 0. Offsets into
 * allocations keep the alignment of the element type alone (parameters lie end to end in one
 * array); whole buffers are aligned to 64 bytes.
 *
 * Results: equal from run to run, so no atomic additions of floats. Sums of products are
 * float32 or better; whatever the storage type, norms, softmax and losses are float32.
 */
#ifndef KERNELS_BACKEND_H
#define KERNELS_BACKEND_H

#include <masa/adamw.h>
#include <masa/attention.h>
#include <masa/device.h>
#include <masa/link.h>
#include <masa/rows.h>
#include <masa/sample.h>

/* Changes with this table: a plugin of another build is refused. */
enum { BACKEND_VERSION = 7 };

struct backend {
    unsigned version; /* BACKEND_VERSION */
    const char *kind; /* "cpu", "cuda": what --device calls it */

    /* ---- the device ---- */

    /* Device number `index` of its kind, with `round` counted round among those that there are;
     * once, before all else. MASA_ERR_UNSUPPORTED with the cause: no driver, no such device, too
     * old a one. */
    masa_status (*start)(size_t index, bool round, masa_error *err);
    /* As masa/device.h: */
    const char *(*name)(void);
    const char *(*facts)(void);
    masa_dtype (*compute)(void);
    bool (*rows_agree)(masa_dtype compute);
    masa_device_sizes (*sizes)(void);
    size_t (*available)(void);
    size_t (*peak)(void);

    /* ---- memory ---- */

    bool host_memory; /* device pointers are the host's too */
    /* bytes > 0, aligned to 256 bytes (the processor: 64); NULL when there is no room. */
    void DEVICE *(*alloc)(size_t bytes, bool zeroed);
    void (*release)(void DEVICE *p); /* never NULL */
    void (*put)(void DEVICE *to, const void *from_host, size_t bytes);
    void (*get)(void *to_host, const void DEVICE *from, size_t bytes);
    /* n planes of `bytes` bytes, `pitch` bytes apart in both; a plain copy has n = 1. */
    void (*copy)(void DEVICE *to, const void DEVICE *from, size_t pitch, size_t bytes,
                 size_t n);
    void (*zero)(void DEVICE *to, size_t bytes);

    /* masa_device_record; all NULL: the device does not. A recording is the device's own, NULL
     * where it cannot be made; replay is false where scratch has moved since. */
    void (*record)(void);
    void *(*record_end)(void);
    bool (*replay)(void *recording);
    void (*record_drop)(void *recording); /* never NULL */

    /* ---- products, masa/linear.h: W [out, in] ---- */

    /* *map is the device's own; MASA_ERR_MEMORY or MASA_ERR_UNSUPPORTED. compute is the type of
     * x, of dy and of the weights as multiplied (bf16: rounded to nearest even). */
    masa_status (*linear_create)(void **map, size_t out_features, size_t in_features,
                                 masa_dtype compute, bool trainable, masa_error *err);
    void (*linear_destroy)(void *map); /* never NULL */
    size_t (*linear_bytes)(const void *map);
    /* Takes over weight [out, in] float32. */
    void (*linear_pack)(void *map, const float DEVICE *weight);
    /* y [rows, out] y_dtype = x W^T + bias (+ y); bias [out] float32 or NULL. rows > 0, here
     * and below. */
    void (*linear_forward)(void *map, void DEVICE *y, masa_dtype y_dtype, const void DEVICE *x,
                           const float DEVICE *bias, size_t rows, bool accumulate);
    /* dx [rows, in] dx_dtype = dy W (+ dx); of trainable maps. */
    void (*linear_backward_input)(void *map, void DEVICE *dx, masa_dtype dx_dtype,
                                  const void DEVICE *dy, size_t rows, bool accumulate);
    /* dw [out, in] float32 += dy^T x; dbias [out] float32 += sum of dy's rows, or NULL. */
    void (*linear_backward_weight)(void *map, float DEVICE *dw, float DEVICE *dbias,
                                   const void DEVICE *dy, const void DEVICE *x, size_t rows);

    /* ---- rows, masa/rows.h ---- */

    void (*rmsnorm_forward)(void DEVICE *y, masa_dtype y_dtype, float DEVICE *rstd,
                            const float DEVICE *x, const float DEVICE *gain, size_t rows,
                            size_t dim, float eps); /* rstd may be NULL */
    void (*rmsnorm_backward)(float DEVICE *dx, float DEVICE *dgain, const float DEVICE *dy,
                             const float DEVICE *x, const float DEVICE *gain,
                             const float DEVICE *rstd, size_t rows,
                             size_t dim); /* dx, dgain +=; dgain may be NULL */
    void (*headnorm_forward)(void DEVICE *y, size_t y_stride, float DEVICE *rstd,
                             const void DEVICE *x, size_t x_stride, masa_dtype dtype,
                             const float DEVICE *gain, size_t rows, size_t heads,
                             size_t head_dim, float eps); /* rstd may be NULL */
    void (*headnorm_backward)(void DEVICE *dx, size_t dx_stride, float DEVICE *dgain,
                              const void DEVICE *dy, size_t dy_stride, const void DEVICE *x,
                              size_t x_stride, masa_dtype dtype, const float DEVICE *gain,
                              const float DEVICE *rstd, size_t rows, size_t heads,
                              size_t head_dim); /* dx =, may be dy; dgain +=, may be NULL */
    void (*rope)(void DEVICE *x, masa_dtype dtype, size_t stride,
                 const int32_t DEVICE *positions, const float DEVICE *cos_table,
                 const float DEVICE *sin_table, size_t rows, size_t heads, size_t head_dim,
                 bool inverse);
    void (*swiglu_forward)(void DEVICE *y, const void DEVICE *gate_up, masa_dtype dtype,
                           size_t rows, size_t dim);
    void (*swiglu_backward)(void DEVICE *d_gate_up, const void DEVICE *dy,
                            const void DEVICE *gate_up, masa_dtype dtype, size_t rows,
                            size_t dim); /* d_gate_up may be gate_up */
    /* to[r,:] = table[index[r],:], dim elements of dtype. */
    void (*gather_rows)(void DEVICE *to, const void DEVICE *table, masa_dtype dtype,
                        const int32_t DEVICE *index, size_t rows, size_t dim);
    /* table[index[r],:] += from[r,:], float32; rows of the same index in the order of r. */
    void (*add_rows)(float DEVICE *table, const float DEVICE *from, const int32_t DEVICE *index,
                     size_t rows, size_t dim);
    /* to[ti(r),:] = weight[r] from[fi(r),:], product in float32; ti and fi are r where the
     * index is NULL. */
    void (*scale_rows)(void DEVICE *to, masa_dtype to_dtype, const int32_t DEVICE *to_index,
                       const void DEVICE *from, masa_dtype from_dtype,
                       const int32_t DEVICE *from_index, const float DEVICE *weight,
                       size_t rows, size_t dim);
    /* Between buffers and records, masa_records_write and _read: parts is a host array of at
     * most MASA_RECORD_PARTS, bytes and at are multiples of 4; rows of index -1 are left out. */
    void (*move_records)(void DEVICE *records, size_t record_bytes, const int32_t DEVICE *index,
                         size_t rows, const masa_record_part *parts, size_t n_parts, bool read);
    void (*convert)(void DEVICE *to, masa_dtype to_dtype, const void DEVICE *from,
                    masa_dtype from_dtype, size_t n);
    void (*add)(float DEVICE *y, const float DEVICE *x, size_t n); /* y += x */
    void (*scale)(float DEVICE *y, const float DEVICE *x, float factor,
                  size_t n); /* y = factor x; x may be y */

    /* ---- attention, masa/attention.h ---- */

    /* What all layers' calls over one packed batch share: *plan is the device's own. */
    masa_status (*plan_create)(void **plan, size_t max_segments, masa_error *err);
    void (*plan_destroy)(void *plan); /* never NULL */
    size_t (*plan_bytes)(size_t max_segments);
    /* segments [n] is a host array, which may change when this returns. */
    void (*plan_set)(void *plan, const masa_segment *segments, size_t n);
    void (*attention_forward)(void DEVICE *out, float DEVICE *lse, const void DEVICE *q,
                              const void DEVICE *k, const void DEVICE *v, const void *plan,
                              const masa_attention_shape *shape);
    /* parts: scratch of attention_backward_floats(rows, q_heads, head_dim) floats. */
    size_t (*attention_backward_floats)(size_t rows, size_t q_heads, size_t head_dim);
    void (*attention_backward)(void DEVICE *dq, void DEVICE *dk, void DEVICE *dv,
                               float DEVICE *parts, const void DEVICE *dout,
                               const void DEVICE *out, const float DEVICE *lse,
                               const void DEVICE *q, const void DEVICE *k, const void DEVICE *v,
                               const void *plan, size_t rows,
                               const masa_attention_shape *shape);
    /* The layout inside a block is the device's; a block of k (and of v) takes
     * kv_heads * block_tokens * head_dim elements, and blocks are copied as bytes. */
    void (*kv_write)(const masa_kv_layer *kv, const void DEVICE *k, const void DEVICE *v,
                     size_t stride, const int32_t DEVICE *slots, size_t rows);
    /* masa_heads_rotate with a cache; NULL: norms, rotation and kv_write one after the other. */
    void (*heads_to_cache)(const masa_heads *heads, const masa_attention_shape *shape,
                           const masa_kv_layer *kv, const int32_t DEVICE *slots, size_t rows);
    void (*attention_cached)(void DEVICE *out, float DEVICE *lse, const void DEVICE *q,
                             const masa_kv_layer *kv, const masa_cached_rows *rows,
                             const masa_attention_shape *shape); /* lse may be NULL */

    /* ---- head, masa/head.h: logits [rows, vocab] float32, z = scale * logits ---- */

    /* lse[r] = log sum exp z[r]; logprob[r] = z[r, targets[r]] - lse[r];
     * entropy[r] = lse[r] - sum p z, or NULL. */
    void (*softmax_forward)(float DEVICE *logprob, float DEVICE *lse, float DEVICE *entropy,
                            const float DEVICE *logits, const int32_t DEVICE *targets,
                            size_t rows, size_t vocab, float scale);
    /* dz[r,v] = scale (1{v = targets[b]} - exp(z[r,v] - lse[b])) in dtype with b = index[r], or
     * r where index is NULL: logits and dz have the rows in question, lse and targets the
     * batch's. dz may be logits where dtype is float32. */
    void (*softmax_backward)(void DEVICE *dz, masa_dtype dtype, const float DEVICE *logits,
                             const int32_t DEVICE *index, const float DEVICE *lse,
                             const int32_t DEVICE *targets, size_t rows, size_t vocab,
                             float scale);

    /* ---- sampling, masa/sample.h ---- */

    /* Whether `sample` knows top-k, top-p and min-p; if not, rows with such draws are fetched
     * and drawn from on the processor. */
    bool samples_filtered;
    /* draws [n] host, in and out. The distribution is inverted over chunks of 256 tokens, then
     * over the tokens of one; the sums over chunks and the inversion in float64. */
    void (*sample)(masa_draw *draws, size_t n, const float DEVICE *logits, size_t vocab);

    /* ---- optimiser, masa/adamw.h ---- */

    void (*adamw)(float DEVICE *w, void DEVICE *m, void DEVICE *v, const float DEVICE *grad,
                  size_t n, const masa_adamw *options);
    void (*sums_of_squares)(double *sums, const float DEVICE *x, size_t n); /* n > 0 */

    /* ---- to other processes, masa/link.h; NULL where the memory is the host's ---- */

    masa_status (*link_find)(char *place, masa_error *err);
    masa_status (*link_name)(char *name, masa_error *err);
    masa_status (*link_join)(const char *name, size_t rank, size_t size, masa_error *err);
    void (*link_leave)(void);
    masa_status (*link_swap)(const masa_link_piece *send, const masa_link_piece *receive,
                             masa_error *err);
};

extern const struct backend backend_cpu;

/* The device's table: chosen at the first call if masa_device_start was not. */
const struct backend *backend_get(void);

/* What recordings have noted is out of date: other maps multiply. */
void device_outdate(void);

#endif
