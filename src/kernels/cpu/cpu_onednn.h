/*
 * oneDNN 2.6, which cpu_onednn.c alone calls: products that are compiled for exact sizes, each of
 * which runs on the thread that calls it. Compiling one takes about 0.2 ms: they are kept in a
 * cache of bounded size.
 */
#ifndef KERNELS_CPU_ONEDNN_H
#define KERNELS_CPU_ONEDNN_H

#include <dnnl.h>
#include <masa/dtype.h>
#include <masa/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Once, before all else; MASA_ERR_UNSUPPORTED: not on this processor. */
masa_status onednn_start(masa_error *err);

/* Everything that a product c [m, n] = a [m, k] b [k, n] + bias [n] (+ c) is compiled for. */
struct onednn_key {
    size_t m, n, k;
    masa_dtype dtype, c_dtype; /* of a and b; of c */
    bool transposed;           /* a is [k, m] */
    bool bias, accumulate;
    dnnl_memory_desc_t b; /* how b lies; a and c are row-major */
};

struct onednn_product {
    struct onednn_key key;
    dnnl_primitive_t primitive; /* NULL: free */
    dnnl_memory_desc_t a, c, bias, scratch;
    uint64_t used;   /* clock of the last use */
    uint64_t number; /* tells it from what was compiled in its place before */
};

/* The product of that key, compiled if need be; good until the fifth call from now on. One
 * thread at a time. */
const struct onednn_product *onednn_get(const struct onednn_key *key);

/* bias: NULL if the key has none. Any number of threads. */
void onednn_multiply(const struct onednn_product *product, void *c, const void *a,
                     const void *b, const float *bias);

/* Where oneDNN maps memory for code, or its malloc fails, it may not look: so what it takes
 * must be there before. Out of memory ends the program. */
void onednn_ask_for_room(void);

/* What the cache of compiled products comes to when it is full. */
size_t onednn_cache_bytes(void);

/* The layout that oneDNN wants b [k, n] in; MASA_ERR_UNSUPPORTED: it has no such product. */
masa_status onednn_layout(dnnl_memory_desc_t *out, size_t k, size_t n, masa_dtype dtype,
                          masa_error *err);

/* Row-major. */
dnnl_memory_desc_t onednn_plain(size_t rows, size_t columns, masa_dtype dtype);

/* b [k, n] float32 of these strides, brought into a layout. */
void onednn_pack(void *to, const dnnl_memory_desc_t *layout, const float *b, size_t row_stride,
                 size_t column_stride);

#endif
