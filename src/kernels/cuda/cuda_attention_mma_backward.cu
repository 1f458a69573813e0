/*
 * Attention's gradients on tensor cores, for bf16 heads of 64 and 128. Two kernels, so that
 * nobody adds to what another block adds to: one has 64 queries and goes along their keys,
 * the other has 64 keys and goes along the queries that see them.
 */
#include "cuda_attention_mma.h"
#include "cuda_device.h"

/* Keys (or queries) that a block goes along at a time: accumulators of 128 columns leave
 * registers for 32. */
template <int D> struct step {
    static const int size = D == 64 ? 64 : 32;
};

/* ---- dq ---- */

template <int D>
static __device__ __forceinline__ void start_keys(bf16 *to, const attention_call<bf16> &c,
                                                  const key_walk &w, unsigned kv_head)
{
    const unsigned size = step<D>::size;
    size_t from = ((size_t)c.plan.start[w.segment] + w.first) * c.stride + kv_head * D;
    start_tile<D>(to, c.k + from, c.stride, size, w.keys - w.first);
    start_tile<D>(to + size * mma_row<D>::length, c.v + from, c.stride, size, w.keys - w.first);
    gpu_copy_commit();
}

/* Shared: queries [64], their dout [64], two buffers of keys and values. */
template <int D> __global__ void __launch_bounds__(MMA_THREADS) mma_dq(attention_call<bf16> c)
{
    GPU_DYNAMIC_SHARED(bf16, queries);
    const unsigned length = mma_row<D>::length, size = step<D>::size,
                   buffer = 2 * size * length;
    bf16 *gradients = queries + ATTENTION_TILE * length,
         *keys = gradients + ATTENTION_TILE * length;
    unsigned l = threadIdx.x % 32, first_row = threadIdx.x / 32 * 16;
    unsigned head = blockIdx.y, kv_head = head / (c.q_heads / c.kv_heads);
    mma_place at = mma_find(c.plan);
    key_walk walk = first_keys(at);
    float dq[D / 8][4] = {}, lse[2] = {0, 0}, delta[2] = {0, 0}, scale = c.scale * LOG2_E;

    start_tile<D>(queries, c.q + at.row * c.stride + head * D, c.stride, ATTENTION_TILE,
                  at.rows);
    start_tile<D>(gradients, c.dout + (at.row * c.q_heads + head) * D, (size_t)c.q_heads * D,
                  ATTENTION_TILE, at.rows);
    start_keys<D>(keys, c, walk, kv_head);
    for (unsigned h = 0; h < 2; h++) {
        unsigned r = first_row + l / 4 + 8 * h;
        if (r >= at.rows) continue;
        lse[h] = c.lse[(at.row + r) * c.q_heads + head] * LOG2_E;
        delta[h] = c.delta[(at.row + r) * c.q_heads + head];
    }
    for (unsigned turn = 0; walk.segment >= 0; turn ^= 1) {
        key_walk now = walk;
        bf16 *k = keys + turn * buffer;
        next_keys(&walk, c.plan, size);
        gpu_copy_wait<0>();
        __syncthreads();
        if (walk.segment >= 0) start_keys<D>(keys + (turn ^ 1) * buffer, c, walk, kv_head);
        float p[size / 8][4], ds[size / 8][4];
        multiply_rows<D, size>(p, queries, first_row, k);
        multiply_rows<D, size>(ds, gradients, first_row, k + size * length);
        bool all = all_seen(now, at.first + first_row, size);
#pragma unroll
        for (unsigned j = 0; j < size / 8; j++)
#pragma unroll
            for (unsigned e = 0; e < 4; e++) {
                bool seen = all || is_seen(now, at.first + first_row + l / 4 + e / 2 * 8,
                                           j * 8 + 2 * (l % 4) + e % 2);
                float weight = seen ? exp2f(p[j][e] * scale - lse[e / 2]) : 0;
                ds[j][e] = weight * (ds[j][e] - delta[e / 2]);
            }
        add_product<D, size>(dq, ds, k);
    }
    float factor[2] = {c.scale, c.scale};
    write_rows<D>(c.dq + (at.row + first_row) * c.stride + head * D, c.stride, dq, factor,
                  (int)at.rows - (int)first_row);
}

/* ---- dk and dv ---- */

/* A walk along the queries that see a tile of keys: the kv head's query heads in order, of
 * each the segments that continue the keys' own, of each its queries. */
struct query_walk {
    unsigned head, heads; /* of the group; heads: at its end */
    int32_t segment;
    unsigned first, queries; /* of this tile; of the segment */
};

static __device__ __forceinline__ query_walk first_queries(const mma_place &at,
                                                           const attention_plan_view &p,
                                                           unsigned heads)
{
    return {0, heads, at.segment, at.first, (unsigned)p.length[at.segment]};
}

static __device__ __forceinline__ void next_queries(query_walk *w, const mma_place &at,
                                                    const attention_plan_view &p, unsigned tile)
{
    w->first += tile;
    if (w->first < w->queries) return;
    w->segment = attention_next(p, at.segment, w->segment);
    w->first = 0;
    if (w->segment < 0) {
        w->head++;
        w->segment = at.segment;
        w->first = at.first;
    }
    w->queries = (unsigned)p.length[w->segment];
}

/* Queries and dout, and after both buffers of them lse and delta [2][size] each. */
template <int D>
static __device__ __forceinline__ void
start_queries(bf16 *buffers, float *figures, unsigned turn, const attention_call<bf16> &c,
              const query_walk &w, unsigned kv_head)
{
    const unsigned size = step<D>::size, tile = size * mma_row<D>::length;
    unsigned head = kv_head * w.heads + w.head, n = w.queries - w.first;
    size_t row = (size_t)c.plan.start[w.segment] + w.first;
    bf16 *to = buffers + turn * 2 * tile;
    start_tile<D>(to, c.q + row * c.stride + head * D, c.stride, size, n);
    start_tile<D>(to + tile, c.dout + (row * c.q_heads + head) * D, (size_t)c.q_heads * D, size,
                  n);
    gpu_copy_commit();
    for (unsigned i = threadIdx.x; i < size; i += MMA_THREADS) {
        size_t figure = (row + i) * c.q_heads + head;
        figures[turn * 2 * size + i] = i < n ? c.lse[figure] * LOG2_E : 0;
        figures[turn * 2 * size + size + i] = i < n ? c.delta[figure] : 0;
    }
}

/* Shared: keys [64], values [64], two buffers of queries and dout, their figures. */
template <int D> __global__ void __launch_bounds__(MMA_THREADS) mma_dkv(attention_call<bf16> c)
{
    GPU_DYNAMIC_SHARED(bf16, keys);
    const unsigned length = mma_row<D>::length, size = step<D>::size, tile = size * length;
    bf16 *values = keys + ATTENTION_TILE * length, *buffers = values + ATTENTION_TILE * length;
    float *figures = (float *)(buffers + 4 * tile);
    unsigned l = threadIdx.x % 32, first_row = threadIdx.x / 32 * 16, kv_head = blockIdx.y;
    mma_place at = mma_find(c.plan);
    query_walk walk = first_queries(at, c.plan, c.q_heads / c.kv_heads);
    float dk[D / 8][4] = {}, dv[D / 8][4] = {}, scale = c.scale * LOG2_E;
    size_t from = at.row * c.stride + kv_head * D;

    start_tile<D>(keys, c.k + from, c.stride, ATTENTION_TILE, at.rows);
    start_tile<D>(values, c.v + from, c.stride, ATTENTION_TILE, at.rows);
    start_queries<D>(buffers, figures, 0, c, walk, kv_head);
    for (unsigned turn = 0; walk.head < walk.heads; turn ^= 1) {
        query_walk now = walk;
        const bf16 *q = buffers + turn * 2 * tile, *d_o = q + tile;
        const float *lse = figures + turn * 2 * size, *delta = lse + size;
        next_queries(&walk, at, c.plan, size);
        gpu_copy_wait<0>();
        __syncthreads();
        if (walk.head < walk.heads)
            start_queries<D>(buffers, figures, turn ^ 1, c, walk, kv_head);
        float p[size / 8][4], ds[size / 8][4];
        multiply_rows<D, size>(p, keys, first_row, q);
        multiply_rows<D, size>(ds, values, first_row, d_o);
#pragma unroll
        for (unsigned j = 0; j < size / 8; j++)
#pragma unroll
            for (unsigned e = 0; e < 4; e++) {
                unsigned i = j * 8 + 2 * (l % 4) + e % 2, query = now.first + i;
                unsigned key = at.first + first_row + l / 4 + e / 2 * 8;
                bool seen = query < now.queries && (now.segment != at.segment || key <= query);
                p[j][e] = seen ? exp2f(p[j][e] * scale - lse[i]) : 0;
                ds[j][e] = p[j][e] * (ds[j][e] - delta[i]);
            }
        add_product<D, size>(dv, p, d_o);
        add_product<D, size>(dk, ds, q);
    }
    float one[2] = {1, 1}, factor[2] = {c.scale, c.scale};
    int n = (int)at.rows - (int)first_row;
    size_t to = (at.row + first_row) * c.stride + kv_head * D;
    write_rows<D>(c.dk + to, c.stride, dk, factor, n);
    write_rows<D>(c.dv + to, c.stride, dv, one, n);
}

template <int D> static void run(const attention_call<bf16> &c)
{
    size_t rows = 2 * ATTENTION_TILE + 4 * step<D>::size;
    size_t shared = rows * mma_row<D>::length * sizeof(bf16);
    size_t figures = 4 * step<D>::size * sizeof(float);
    device_shared(mma_dq<D>, shared);
    device_shared(mma_dkv<D>, shared + figures);
    GPU_LAUNCH(mma_dq<D>, dim3(c.plan.n_tiles, c.q_heads), dim3(MMA_THREADS), shared, c);
    GPU_LAUNCH(mma_dkv<D>, dim3(c.plan.n_tiles, c.kv_heads), dim3(MMA_THREADS),
               shared + figures, c);
}

void attention_mma_backward(const attention_call<bf16> &c)
{
    if (c.plan.n_tiles == 0) return;
    if (c.head_dim == 64) run<64>(c);
    else run<128>(c);
}
