/* AdamW and sums on one thread. */
#ifndef KERNELS_ISA_ADAMW_H
#define KERNELS_ISA_ADAMW_H

#include <stddef.h>
#include <masa/adamw.h>
#include "isa.h"

struct adamw_kernels {
    void (*update)(float *w, float *m, float *v, const float *grad, size_t n,
                   const masa_adamw *options);
    void (*update_bf16)(float *w, uint16_t *m, uint16_t *v, const float *grad, size_t n,
                        const masa_adamw *options);
    double (*sum_squares)(const float *x, size_t n);
};
ISA_TABLES(adamw_kernels)

#endif
