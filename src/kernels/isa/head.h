/* Rows of logits on one thread: log-sum-exp, entropy, gradient. */
#ifndef KERNELS_ISA_HEAD_H
#define KERNELS_ISA_HEAD_H

#include <masa/dtype.h>
#include <stddef.h>
#include <stdint.h>
#include "isa.h"

struct head_kernels {
    /* log sum_v exp(z_v * scale); *entropy (may be NULL) of that softmax. NaN stays NaN. */
    float (*logsumexp)(const float *z, size_t n, float scale, float *entropy);
    /* dz[v] = weight * (1{v = target} - exp(z_v * scale - lse)), stored as dtype. */
    void (*gradient)(void *dz, masa_dtype dtype, size_t offset, const float *z, size_t n,
                     float scale, float lse, float weight, int32_t target);
};
ISA_TABLES(head_kernels)

#endif
