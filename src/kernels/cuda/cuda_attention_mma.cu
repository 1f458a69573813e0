/*
 * Attention on tensor cores, forward, for bf16 heads of 64 and 128 (FlashAttention-2: Dao
 * 2023, arXiv:2307.08691). A block has 64 queries of one head; keys and values come 64 at a
 * time, the next ones while these are multiplied.
 */
#include "cuda_attention_mma.h"
#include "cuda_device.h"

static const unsigned KEYS = 64;

template <int D>
static __device__ __forceinline__ void start_keys(bf16 *to, const attention_call<bf16> &c,
                                                  const key_walk &w, unsigned kv_head)
{
    size_t from = ((size_t)c.plan.start[w.segment] + w.first) * c.stride + kv_head * D;
    unsigned n = w.keys - w.first;
    start_tile<D>(to, c.k + from, c.stride, KEYS, n);
    start_tile<D>(to + KEYS * mma_row<D>::length, c.v + from, c.stride, KEYS, n);
    gpu_copy_commit();
}

/* s becomes weights e^(s - most), in powers of 2; out and sum follow a new maximum. A lane
 * keeps its two rows' figures, sum its own columns' share. */
template <int D>
static __device__ __forceinline__ void weigh(float s[KEYS / 8][4], float out[D / 8][4],
                                             float most[2], float sum[2], float scale)
{
#pragma unroll
    for (int h = 0; h < 2; h++) {
        float top = -INFINITY;
#pragma unroll
        for (unsigned j = 0; j < KEYS / 8; j++)
            top = fmaxf(top, fmaxf(s[j][2 * h], s[j][2 * h + 1]));
        top = fmaxf(top, __shfl_xor_sync(GPU_ALL, top, 1));
        top = fmaxf(top, __shfl_xor_sync(GPU_ALL, top, 2));
        /* Each row sees the first key of the first tile: the maximum is finite. */
        float now = fmaxf(most[h], top * scale), factor = exp2f(most[h] - now);
        most[h] = now;
        sum[h] *= factor;
#pragma unroll
        for (int j = 0; j < D / 8; j++) out[j][2 * h] *= factor, out[j][2 * h + 1] *= factor;
#pragma unroll
        for (unsigned j = 0; j < KEYS / 8; j++)
#pragma unroll
            for (int e = 2 * h; e < 2 * h + 2; e++) {
                s[j][e] = exp2f(s[j][e] * scale - now);
                sum[h] += s[j][e];
            }
    }
}

/* Shared: queries [64], then two buffers of keys [64] and values [64]. */
template <int D>
__global__ void __launch_bounds__(MMA_THREADS) mma_forward(attention_call<bf16> c)
{
    GPU_DYNAMIC_SHARED(bf16, queries);
    const unsigned length = mma_row<D>::length, buffer = 2 * KEYS * length;
    bf16 *keys = queries + ATTENTION_TILE * length;
    unsigned l = threadIdx.x % 32, first_row = threadIdx.x / 32 * 16;
    unsigned head = blockIdx.y, kv_head = head / (c.q_heads / c.kv_heads);
    mma_place at = mma_find(c.plan);
    key_walk walk = first_keys(at);
    float out[D / 8][4] = {}, most[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0};

    start_tile<D>(queries, c.q + at.row * c.stride + head * D, c.stride, ATTENTION_TILE,
                  at.rows);
    start_keys<D>(keys, c, walk, kv_head);
    for (unsigned turn = 0; walk.segment >= 0; turn ^= 1) {
        key_walk now = walk;
        bf16 *k = keys + turn * buffer;
        next_keys(&walk, c.plan, KEYS);
        gpu_copy_wait<0>();
        __syncthreads(); /* all copies are there, and nobody reads the other buffer */
        if (walk.segment >= 0) start_keys<D>(keys + (turn ^ 1) * buffer, c, walk, kv_head);
        float s[KEYS / 8][4];
        multiply_rows<D, KEYS>(s, queries, first_row, k);
        if (!all_seen(now, at.first + first_row, KEYS))
            for (unsigned j = 0; j < KEYS / 8; j++)
                for (unsigned e = 0; e < 4; e++)
                    if (!is_seen(now, at.first + first_row + l / 4 + e / 2 * 8,
                                 j * 8 + 2 * (l % 4) + e % 2))
                        s[j][e] = -INFINITY;
        weigh<D>(s, out, most, sum, c.scale * LOG2_E);
        add_product<D, KEYS>(out, s, k + KEYS * length);
    }
    float factor[2];
    int n = (int)at.rows - (int)first_row;
    for (int h = 0; h < 2; h++) {
        sum[h] += __shfl_xor_sync(GPU_ALL, sum[h], 1);
        sum[h] += __shfl_xor_sync(GPU_ALL, sum[h], 2);
        factor[h] = 1 / sum[h];
        int r = (int)(l / 4) + 8 * h;
        if (l % 4 == 0 && r < n)
            c.lse[(at.row + first_row + (unsigned)r) * c.q_heads + head] =
                most[h] / LOG2_E + logf(sum[h]);
    }
    write_rows<D>(c.out + ((at.row + first_row) * c.q_heads + head) * D, (size_t)c.q_heads * D,
                  out, factor, n);
}

template <int D> static void run(const attention_call<bf16> &c)
{
    size_t shared = (ATTENTION_TILE + 4 * KEYS) * mma_row<D>::length * sizeof(bf16);
    device_shared(mma_forward<D>, shared);
    GPU_LAUNCH(mma_forward<D>, dim3(c.plan.n_tiles, c.q_heads), dim3(MMA_THREADS), shared, c);
}

void attention_mma_forward(const attention_call<bf16> &c)
{
    if (c.plan.n_tiles == 0) return;
    if (c.head_dim == 64) run<64>(c);
    else run<128>(c);
}
