/* Attention of one kv head over one sequence, on one thread: cpu_attention.c finds the
 * units and divides them. Sums in float32, on tiles. */
#ifndef KERNELS_ISA_ATTENTION_H
#define KERNELS_ISA_ATTENTION_H

#include <masa/attention.h>
#include <stdbool.h>
#include "isa.h"

/* Widths are padded so that tiles are whole vectors. */
enum { ATTENTION_ROWS = 32, ATTENTION_KEYS = 64, ATTENTION_PAD = 32 };

static inline size_t attention_padded(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Keys and values of one kv head. keys is a multiple of ATTENTION_KEYS; what is beyond the
 * sequence is 0. width is head_dim padded. In float32, or as bf16 pairs (isa_attention_dot.h). */
struct attention_keys {
    void *k_t; /* [keys/ATTENTION_KEYS][width][ATTENTION_KEYS]: a block's columns are near */
    void *v;   /* [keys, width] */
    size_t keys, width;
};

struct attention_kernels {
    bool pairs; /* keys and values of bf16 stay bf16 */
    /* Puts rows [at, at + rows) of the sequence into *keys, from rows of k and v whose
     * stride is given in elements. */
    void (*pack)(const struct attention_keys *keys, size_t at, const void *k, const void *v,
                 size_t stride, size_t rows, size_t head_dim, masa_dtype dtype);
    /* Up to ATTENTION_ROWS queries of one head: query i (row stride q_stride) sees the
     * first visible[i] keys. out row stride out_stride; lse (stride lse_stride) or NULL.
     */
    void (*tile_forward)(void *out, size_t out_stride, float *lse, size_t lse_stride,
                         const void *q, size_t q_stride, const size_t *visible, size_t rows,
                         const struct attention_keys *keys, size_t head_dim, float scale,
                         masa_dtype dtype);
    /* n keys from number `at` on out of a block of the cache that begins at element
     * `from` of k and v, laid out as cpu_attention.c says. */
    void (*pack_cached)(const struct attention_keys *keys, size_t at, const void *k,
                        const void *v, size_t from, size_t block_tokens, size_t n,
                        size_t head_dim, masa_dtype dtype);
    /* One query row of `heads` (at most ATTENTION_ROWS) heads, adjacent in q, out and lse
     * (or NULL), over `length` keys in such blocks, `block_stride` elements apart. */
    void (*decode)(void *out, float *lse, const void *q, const void *k, const void *v,
                   const int32_t *blocks, size_t block_tokens, size_t block_stride,
                   size_t length, size_t heads, size_t head_dim, float scale, masa_dtype dtype);
};
ISA_TABLES(attention_kernels)

#endif
