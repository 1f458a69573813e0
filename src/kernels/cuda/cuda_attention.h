/*
 * What attention's kernels share: the plan of a packed batch, and a call's arrays.
 *
 * A block has a tile of TILE queries of one segment (or a part of it). Its keys are those of
 * its own segment up to each query, then those of the parent, of the parent's parent and so
 * on: the order of a softmax's terms is free, as long as it is fixed. A key's gradient sums
 * over the queries of its own segment from itself on, then over those of all segments that
 * continue it, in the order of a walk through the tree.
 */
#ifndef KERNELS_CUDA_ATTENTION_H
#define KERNELS_CUDA_ATTENTION_H

#include "cuda.h"
#include "cuda_elements.h"

static const unsigned ATTENTION_TILE = 64;

/* In the GPU's memory; indices of segments, -1: none. */
struct attention_plan_view {
    const int32_t *start, *length, *parent, *child, *next; /* [n_segments] */
    const int32_t *tile_segment, *tile_first; /* [n_tiles]: and the first row within it */
    unsigned n_tiles;
};

/* The arrays of a call: q, k, v, dq, dk, dv with rows `stride` apart, out and dout
 * contiguous [rows, q_heads * head_dim], lse and delta [rows, q_heads]. */
template <class T> struct attention_call {
    attention_plan_view plan;
    const T *q, *k, *v, *dout;
    T *out, *dq, *dk, *dv;
    float *lse, *delta;
    size_t stride;
    unsigned q_heads, kv_heads, head_dim;
    float scale;
};

/* The segment after s in a walk through all that continues `root`; -1 at its end. */
static __device__ __forceinline__ int32_t attention_next(const attention_plan_view &p,
                                                         int32_t root, int32_t s)
{
    if (p.child[s] >= 0) return p.child[s];
    while (s != root && p.next[s] < 0) s = p.parent[s];
    return s == root ? -1 : p.next[s];
}

attention_plan_view attention_view(const void *plan);

/* cuda_attention_plain.cu: any head size up to 256, either type. */
template <class T> void attention_plain_forward(const attention_call<T> &c);
template <class T> void attention_plain_backward(const attention_call<T> &c);
/* delta = dout . out of every row and head, which both backward passes need. */
template <class T> void attention_delta(const attention_call<T> &c, size_t rows);

/* cuda_attention_mma.cu, cuda_attention_mma_backward.cu: heads of 64 and 128 whose rows all begin on 16
 * bytes. */
void attention_mma_forward(const attention_call<bf16> &c);
void attention_mma_backward(const attention_call<bf16> &c);

#endif
