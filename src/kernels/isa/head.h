/* The softmax parts of the output head on one thread: head.c makes the logits and
 * divides the work. Arguments as in masa/head.h. */
#ifndef KERNELS_ISA_HEAD_H
#define KERNELS_ISA_HEAD_H

#include <stddef.h>
#include <stdint.h>
#include <masa/dtype.h>
#include "isa.h"

struct head_kernels {
    void (*logsumexp)(float *lse, const float *logits, size_t rows, size_t vocab,
                      float scale);
    void (*forward)(float *logprob, float *lse, float *entropy, const float *logits,
                    const int32_t *targets, size_t rows, size_t vocab, float scale);
    /* dz [rows, vocab] = scale (1{v = target} - p) of the rows picked[0..rows) of a
     * batch; logits [rows, vocab] are of the picked rows, the other arrays of the whole
     * batch. */
    void (*backward)(void *dz, masa_dtype dtype, const float *logits,
                     const size_t *picked, const float *lse, const int32_t *targets,
                     size_t rows, size_t vocab, float scale);
};
ISA_TABLES(head_kernels)

#endif
