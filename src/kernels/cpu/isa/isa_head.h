/* The softmax parts of the output head on one thread: cpu_softmax.c divides the work.
 * Arguments as in backend.h. */
#ifndef KERNELS_ISA_HEAD_H
#define KERNELS_ISA_HEAD_H

#include <stddef.h>
#include <stdint.h>
#include <masa/dtype.h>
#include "isa.h"

struct head_kernels {
    void (*logsumexp)(float *lse, const float *logits, size_t rows, size_t vocab, float scale);
    void (*forward)(float *logprob, float *lse, float *entropy, const float *logits,
                    const int32_t *targets, size_t rows, size_t vocab, float scale);
    /* dz [rows, vocab] = scale (1{v = target} - p) of the rows index[0..rows) of a batch, or
     * its first where index is NULL; logits [rows, vocab] are of these rows, the other arrays
     * of the whole batch. */
    void (*backward)(void *dz, masa_dtype dtype, const float *logits, const int32_t *index,
                     const float *lse, const int32_t *targets, size_t rows, size_t vocab,
                     float scale);
};
ISA_TABLES(head_kernels)

#endif
