/*
 * What the kernels of attention over the block cache share: a call's arrays, and which rows a
 * block computes together.
 *
 * Keys are taken in splits of a fixed length, so that a row's sums do not depend on the
 * others: a block has one kv head and one split, of rows that read the same cache blocks
 * there: those of a prompt's chunk, or of samples that share a prompt. So what is shared is
 * read once for all of them. A second kernel joins the splits in their order.
 *
 * A block has 16 slots, each a row and one of the kv head's query heads. Rows fall into bundles of
 * 16 / group neighbours; the block of a row that reads what the row before it in its bundle
 * reads leaves it to that one's.
 */
#ifndef KERNELS_CUDA_ATTENTION_CACHED_H
#define KERNELS_CUDA_ATTENTION_CACHED_H

#include "cuda_attention.h"

static const unsigned SLOTS = 16, SPLIT = 64;

/* A launch's arrays. Of every row, head and split: its sums [head_dim], the scores' maximum
 * and the sum of weights. */
template <class T> struct cached_call {
    const T *q, *k, *v;
    const int32_t *tables, *sequences, *lengths;
    float *sums, *most, *weight;
    size_t stride;
    unsigned first, rows, max_blocks, splits; /* rows [first, first + rows) of the batch */
    unsigned q_heads, kv_heads, head_dim, block_tokens;
    float scale;
};

/* What a block does; count is 0 where another does it, or where there is nothing to see. */
struct cached_bundle {
    unsigned row, count;        /* of the launch: the first, and how many */
    unsigned kv_head, head;     /* the first query head */
    unsigned heads;             /* of each row */
    unsigned split, first, end; /* keys: from, and before, which one of a sequence */
    const int32_t *table;       /* of all the rows, as far as the split goes */
};

template <class T>
static __device__ __forceinline__ unsigned length_of(const cached_call<T> &c, unsigned row)
{
    return (unsigned)c.lengths[c.first + row];
}

template <class T>
static __device__ __forceinline__ const int32_t *table_of(const cached_call<T> &c, unsigned row)
{
    return c.tables + (size_t)c.sequences[c.first + row] * c.max_blocks;
}

/* Whether two rows of the launch see keys of the split and have the same cache blocks all
 * along it, whatever of them each sees. A warp's lanes share the work. */
template <class T>
static __device__ __forceinline__ bool same_blocks(const cached_call<T> &c, unsigned r,
                                                   unsigned other, unsigned split)
{
    const int32_t *a = table_of(c, r), *b = table_of(c, other);
    unsigned first = split * SPLIT, end = (first + SPLIT + c.block_tokens - 1) / c.block_tokens;
    bool differ = length_of(c, r) <= first || length_of(c, other) <= first;
    if (end > c.max_blocks) end = c.max_blocks;
    for (unsigned i = first / c.block_tokens + threadIdx.x % 32; a != b && i < end; i += 32)
        differ = differ || a[i] != b[i];
    return __ballot_sync(GPU_ALL, differ) == 0;
}

/* Grid: rows, kv heads (twice for groups of more than 16 query heads), splits. */
template <class T>
static __device__ __forceinline__ cached_bundle find_bundle(const cached_call<T> &c)
{
    unsigned group = c.q_heads / c.kv_heads, row = blockIdx.x, split = blockIdx.z;
    unsigned first_head = blockIdx.y / c.kv_heads * SLOTS, first = split * SPLIT;
    unsigned most = group < SLOTS ? SLOTS / group : 1;
    cached_bundle b = {row, 0, blockIdx.y % c.kv_heads, 0, 0, split, first, first, NULL};
    b.head = b.kv_head * group + first_head;
    b.heads = group - first_head < SLOTS ? group - first_head : SLOTS;
    if (length_of(c, row) <= first) return b;
    if (row % most && same_blocks(c, row, row - 1, split)) return b;
    b.table = table_of(c, row);
    for (bool more = true; more; b.count++) {
        unsigned length = length_of(c, row + b.count), next = row + b.count + 1;
        if (length > b.end) b.end = length;
        more = next % most && next < c.rows && same_blocks(c, next, next - 1, split);
    }
    if (b.end > first + SPLIT) b.end = first + SPLIT;
    return b;
}

/* Where the split's figures of a slot go: an index into most and weight. */
template <class T>
static __device__ __forceinline__ size_t part_of(const cached_call<T> &c,
                                                 const cached_bundle &b, unsigned slot)
{
    size_t row = b.row + slot / b.heads, head = b.head + slot % b.heads;
    return (row * c.q_heads + head) * c.splits + b.split;
}

/* The slot's query. */
template <class T>
static __device__ __forceinline__ const T *query_of(const cached_call<T> &c,
                                                    const cached_bundle &b, unsigned slot)
{
    return c.q + (size_t)(c.first + b.row + slot / b.heads) * c.stride +
           (b.head + slot % b.heads) * c.head_dim;
}

/* cuda_attention_cached_mma.cu: heads of 64 and 128 in blocks of whole sixteens of keys, all on 16
 * bytes. Grid as above. */
void attention_mma_split(const cached_call<bf16> &c, dim3 grid);

#endif
