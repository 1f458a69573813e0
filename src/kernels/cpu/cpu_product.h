/*
 * Products of matrices. A large one is cut into tiles, each of which one thread multiplies
 * (cpu_onednn.h) when masa_parallel hands it out: no thread waits for another within a product. How
 * it is cut depends on the shapes alone, but for AVX-512's, where cutting c changes no bit
 * (tests/kernels/test_linear.c): there it depends on the number of threads too.
 */
#ifndef KERNELS_CPU_PRODUCT_H
#define KERNELS_CPU_PRODUCT_H

#include <dnnl.h>
#include <masa/dtype.h>
#include <stdbool.h>
#include <stddef.h>

/* c [m, n] = a [m, k] b [k, n] + bias [n] (+ c). */
struct product {
    void *c;           /* row-major */
    const void *a;     /* row-major; transposed: [k, m] */
    const void *b;     /* lies as layout says */
    const float *bias; /* or NULL */
    const dnnl_memory_desc_t *layout;
    size_t m, n, k;
    masa_dtype dtype;   /* of a and b */
    masa_dtype c_dtype; /* converted if dtype's products have another */
    bool transposed, accumulate;
};

void product_run(const struct product *product);

#endif
