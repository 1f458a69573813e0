/* Attention's gradient for one query head over one sequence, on one thread:
 * cpu_attention_backward.c finds the units and divides them. */
#ifndef KERNELS_ISA_ATTENTION_BACKWARD_H
#define KERNELS_ISA_ATTENTION_BACKWARD_H

#include <masa/attention.h>
#include "isa.h"

/* Keys and values of one kv head in the form that a set of kernels wants, and the
 * gradients they collect. keys is a multiple of 64, width is head_dim padded to a
 * multiple of 32; what is beyond the sequence or the head is 0. */
struct attention_gradient {
    void *k, *v, *k_t, *v_t; /* keys * width elements each */
    float *dk, *dv;          /* [keys, width] */
    size_t keys, width;
};

/* A tile of queries of one head and what belongs to it. Row strides in elements; q, dq
 * share one, dout and out another. Row r sees the first `seen` + r keys. */
struct attention_queries {
    void *dq;
    const void *q, *dout, *out;
    const float *lse;
    size_t stride, out_stride, lse_stride;
    size_t rows, seen;
};

struct attention_backward_set {
    size_t rows;    /* the most queries of a tile */
    size_t element; /* bytes of an element of k, v, k_t and v_t */
    /* Puts rows [at, at + rows) of the sequence into *g. */
    void (*pack)(const struct attention_gradient *g, size_t at, const void *k, const void *v,
                 size_t stride, size_t rows, size_t head_dim, masa_dtype dtype);
    /* Writes dq, adds to g->dk and g->dv. */
    void (*tile)(const struct attention_queries *t, const struct attention_gradient *g,
                 size_t head_dim, float scale, masa_dtype dtype);
};

struct attention_backward_kernels {
    struct attention_backward_set f32, bf16;
    /* to [rows, stride]: the sum of each kv head's `group` query heads of
     * part [rows, heads * group * head_dim]. */
    void (*reduce)(void *to, size_t stride, const float *part, size_t rows, size_t heads,
                   size_t group, size_t head_dim, masa_dtype dtype);
};
ISA_TABLES(attention_backward_kernels)

#endif
