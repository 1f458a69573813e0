/*
 * Pieces of attention on tensor cores (m16n8k16, bf16), shared by its three kernels.
 *
 * A tile in shared memory has D elements a row and 16 bytes of padding, so that the 8 rows
 * that ldmatrix reads at a time lie in different banks. A block is 4 warps; a warp owns 16
 * rows of the result. Of a result's 16 x 8 piece, a lane has rows lane/4 (elements 0, 1) and
 * lane/4 + 8 (2, 3), columns 2 (lane%4) and the next.
 */
#ifndef KERNELS_CUDA_ATTENTION_MMA_H
#define KERNELS_CUDA_ATTENTION_MMA_H

#include "cuda_attention.h"

static const unsigned MMA_THREADS = 128;
static const float LOG2_E = 1.44269504f;

template <int D> struct mma_row {
    static const int length = D + 8; /* elements from a row to the next */
};

/* Starts copying `rows` rows of D elements, zeros from row n on. */
template <int D>
static __device__ __forceinline__ void start_tile(bf16 *to, const bf16 *from, size_t stride,
                                                  unsigned rows, unsigned n)
{
    const unsigned chunks = D / 8;
    for (unsigned i = threadIdx.x; i < rows * chunks; i += MMA_THREADS) {
        unsigned r = i / chunks, c = i % chunks * 8;
        bool there = r < n;
        gpu_copy_async(to + r * mma_row<D>::length + c, from + (there ? r * stride : 0) + c,
                       there ? 16 : 0);
    }
}

/* Rows [row, row + 16), columns [column, column + 16) as the first operand. */
template <int D>
static __device__ __forceinline__ void load_a(uint32_t a[4], const bf16 *tile, unsigned row,
                                              unsigned column)
{
    unsigned l = threadIdx.x % 32;
    ldmatrix_x4(a, tile + (row + l % 16) * mma_row<D>::length + column + l / 16 * 8, false);
}

/* The second operand for the product with a tile's rows (its transpose): 16 of its rows are
 * columns of the result, b[0..1] the first 8. */
template <int D>
static __device__ __forceinline__ void load_b_rows(uint32_t b[4], const bf16 *tile,
                                                   unsigned row, unsigned column)
{
    unsigned l = threadIdx.x % 32;
    ldmatrix_x4(b,
                tile + (row + l % 8 + l / 16 * 8) * mma_row<D>::length + column + l / 8 % 2 * 8,
                false);
}

/* The second operand for the product with the tile itself: 16 of its rows are summed over,
 * 16 of its columns are columns of the result, b[0..1] the first 8. */
template <int D>
static __device__ __forceinline__ void load_b(uint32_t b[4], const bf16 *tile, unsigned row,
                                              unsigned column)
{
    unsigned l = threadIdx.x % 32;
    ldmatrix_x4(b, tile + (row + l % 16) * mma_row<D>::length + column + l / 16 * 8, true);
}

/* s [16, N] = the warp's 16 rows of a times N rows of b, over D. */
template <int D, int N>
static __device__ __forceinline__ void multiply_rows(float s[N / 8][4], const bf16 *a,
                                                     unsigned row, const bf16 *b)
{
#pragma unroll
    for (int j = 0; j < N / 8; j++)
#pragma unroll
        for (int i = 0; i < 4; i++) s[j][i] = 0;
#pragma unroll
    for (int k = 0; k < D; k += 16) {
        uint32_t fa[4];
        load_a<D>(fa, a, row, (unsigned)k);
#pragma unroll
        for (int j = 0; j < N; j += 16) {
            uint32_t fb[4];
            load_b_rows<D>(fb, b, (unsigned)j, (unsigned)k);
            mma_16816(s[j / 8], fa, fb);
            mma_16816(s[j / 8 + 1], fa, fb + 2);
        }
    }
}

/* out [16, D] += p [16, N], rounded to bf16, times the N rows of b. */
template <int D, int N>
static __device__ __forceinline__ void add_product(float out[D / 8][4], float p[N / 8][4],
                                                   const bf16 *b)
{
#pragma unroll
    for (int k = 0; k < N; k += 16) {
        float *low = p[k / 8], *high = p[k / 8 + 1];
        uint32_t fa[4] = {pack_bf16(low[0], low[1]), pack_bf16(low[2], low[3]),
                          pack_bf16(high[0], high[1]), pack_bf16(high[2], high[3])};
#pragma unroll
        for (int j = 0; j < D; j += 16) {
            uint32_t fb[4];
            load_b<D>(fb, b, (unsigned)k, (unsigned)j);
            mma_16816(out[j / 8], fa, fb);
            mma_16816(out[j / 8 + 1], fa, fb + 2);
        }
    }
}

/* Writes the lane's share of out [16, D], row lane/4 times factor[0], 8 further times
 * factor[1]; the first n rows alone. */
template <int D>
static __device__ __forceinline__ void write_rows(bf16 *to, size_t stride, float out[D / 8][4],
                                                  const float factor[2], int n)
{
    unsigned l = threadIdx.x % 32;
#pragma unroll
    for (int h = 0; h < 2; h++) {
        unsigned r = l / 4 + 8 * (unsigned)h;
        if ((int)r >= n) continue;
#pragma unroll
        for (int j = 0; j < D / 8; j++)
            *(uint32_t *)(to + r * stride + (unsigned)j * 8 + 2 * (l % 4)) =
                pack_bf16(out[j][2 * h] * factor[h], out[j][2 * h + 1] * factor[h]);
    }
}

/* Where a block's tile of rows is. */
struct mma_place {
    int32_t segment;
    unsigned first, rows; /* within the segment */
    size_t row;           /* in the batch */
};

static __device__ __forceinline__ mma_place mma_find(const attention_plan_view &p)
{
    mma_place at;
    at.segment = p.tile_segment[blockIdx.x];
    at.first = (unsigned)p.tile_first[blockIdx.x];
    unsigned left = (unsigned)p.length[at.segment] - at.first;
    at.rows = left < ATTENTION_TILE ? left : ATTENTION_TILE;
    at.row = (size_t)p.start[at.segment] + at.first;
    return at;
}

/* A walk along the keys that a tile of queries sees, tile by tile. */
struct key_walk {
    int32_t segment;      /* -1: at its end */
    unsigned first, keys; /* of this tile; of the segment that may be seen */
    bool own;
};

static __device__ __forceinline__ key_walk first_keys(const mma_place &at)
{
    return {at.segment, 0, at.first + at.rows, true};
}

static __device__ __forceinline__ void next_keys(key_walk *w, const attention_plan_view &p,
                                                 unsigned tile)
{
    w->first += tile;
    if (w->first < w->keys) return;
    w->segment = p.parent[w->segment];
    w->first = 0;
    w->own = false;
    if (w->segment >= 0) w->keys = (unsigned)p.length[w->segment];
}

/* Whether all queries from row `first` of their segment on see all `tile` keys. */
static __device__ __forceinline__ bool all_seen(const key_walk &w, unsigned first,
                                                unsigned tile)
{
    return w.first + tile <= w.keys && (!w.own || w.first + tile - 1 <= first);
}

/* Whether query number `query` of its segment sees key number j of the walk's tile. */
static __device__ __forceinline__ bool is_seen(const key_walk &w, unsigned query, unsigned j)
{
    return w.first + j < w.keys && (!w.own || w.first + j <= query);
}

#endif
