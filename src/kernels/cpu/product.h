/*
 * Products of matrices through oneDNN 2.6; product.c is the only file that runs them.
 *
 * A oneDNN primitive is compiled for exact sizes, which takes about 0.2 ms: they are kept in a
 * cache of bounded size. Each runs on the thread that calls it: a large product is cut into
 * tiles that masa_parallel hands out, so that no thread of oneDNN's waits for another. How it
 * is cut depends on the shapes alone, and so do the results.
 */
#ifndef KERNELS_PRODUCT_H
#define KERNELS_PRODUCT_H

#include <dnnl.h>
#include <masa/dtype.h>
#include <masa/error.h>
#include <stdbool.h>
#include <stddef.h>

/* c [m, n] = a [m, k] b [k, n] + bias [n] (+ c). */
struct product {
    void *c;            /* row-major */
    const void *a;      /* row-major; transposed: [k, m] */
    const void *b;      /* lies as layout says */
    const float *bias;  /* or NULL */
    const dnnl_memory_desc_t *layout;
    size_t m, n, k;
    masa_dtype dtype;   /* of a and b */
    masa_dtype c_dtype; /* converted if dtype's products have another */
    bool transposed, accumulate;
};

/* Once, before all else; MASA_ERR_UNSUPPORTED: not on this processor. */
masa_status product_start(masa_error *err);

void product_run(const struct product *product);

/* What the cache of compiled products comes to when it is full. */
size_t product_cache_bytes(void);

/* The layout that oneDNN wants b [k, n] in; MASA_ERR_UNSUPPORTED: it has no such product. */
masa_status product_layout(dnnl_memory_desc_t *out, size_t k, size_t n, masa_dtype dtype,
                           masa_error *err);

/* Row-major. */
dnnl_memory_desc_t product_plain(size_t rows, size_t columns, masa_dtype dtype);

/* b [k, n] float32 of these strides, brought into a layout. */
void product_pack(void *to, const dnnl_memory_desc_t *layout, const float *b, size_t row_stride,
                  size_t column_stride);

/* Memory of the calling thread, kept between calls; it grows and never shrinks. */
enum product_scratch {
    SCRATCH_OPERAND_A,
    SCRATCH_OPERAND_B,
    SCRATCH_TILE_A,
    SCRATCH_TILE_C,
    SCRATCH_DNNL,
    PRODUCT_SCRATCHES
};
void *product_scratch(enum product_scratch which, size_t bytes);

#endif
