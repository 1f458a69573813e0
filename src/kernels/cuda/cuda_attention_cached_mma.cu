/*
 * A split of attention over the block cache on tensor cores, for bf16 heads of 64 and 128. A block
 * is one warp: its slots are the 16 rows of a product, the split's keys the 64 columns. So a key
 * is read from shared memory once for all slots, and not once for each of them, which is what
 * limits the kernel without tensor cores.
 */
#include "cuda_attention_cached.h"
#include "cuda_attention_mma.h"
#include "cuda_device.h"

static const unsigned LANES = 32, SIDE_BY_SIDE = 16;

/* Starts copying the slots' queries; zeros for slots that nobody uses. */
template <int D>
static __device__ __forceinline__ void start_queries(bf16 *to, const cached_call<bf16> &c,
                                                     const cached_bundle &b)
{
    const unsigned chunks = D / 8;
    for (unsigned i = threadIdx.x; i < SLOTS * chunks; i += LANES) {
        unsigned slot = i / chunks, at = i % chunks * 8;
        bool used = slot < b.count * b.heads;
        gpu_copy_async(to + slot * mma_row<D>::length + at,
                       query_of(c, b, used ? slot : 0) + at, used ? 16 : 0);
    }
}

/* Starts copying the split's keys, or values; zeros from the bundle's last key on. */
template <int D>
static __device__ __forceinline__ void
start_cached(bf16 *to, const bf16 *cache, const cached_call<bf16> &c, const cached_bundle &b)
{
    const unsigned chunks = D / 8;
#pragma unroll
    for (unsigned j0 = 0; j0 < SPLIT; j0 += SIDE_BY_SIDE) {
        unsigned j = b.first + j0;
        size_t block = j < b.end ? (size_t)b.table[j / c.block_tokens] : 0;
        const bf16 *from =
            cache +
            ((block * c.kv_heads + b.kv_head) * c.block_tokens + j % c.block_tokens) * D;
#pragma unroll
        for (unsigned i = threadIdx.x; i < SIDE_BY_SIDE * chunks; i += LANES) {
            unsigned r = i / chunks;
            gpu_copy_async(to + (j0 + r) * mma_row<D>::length + i % chunks * 8, from + i * 8,
                           j + r < b.end ? 16 : 0);
        }
    }
}

/* s becomes the weights of the lane's two slots, e^(s - most) in powers of 2; a slot sees keys
 * before its `length` alone. */
static __device__ __forceinline__ void weigh(float s[SPLIT / 8][4], float most[2], float sum[2],
                                             const unsigned length[2], unsigned first,
                                             float scale)
{
    unsigned column = first + 2 * (threadIdx.x % 4);
#pragma unroll
    for (unsigned h = 0; h < 2; h++) {
        float top = -INFINITY;
        sum[h] = 0;
#pragma unroll
        for (unsigned j = 0; j < SPLIT / 8; j++)
#pragma unroll
            for (unsigned e = 0; e < 2; e++) {
                if (column + j * 8 + e >= length[h]) s[j][2 * h + e] = -INFINITY;
                top = fmaxf(top, s[j][2 * h + e]);
            }
        top = fmaxf(top, __shfl_xor_sync(GPU_ALL, top, 1));
        top = fmaxf(top, __shfl_xor_sync(GPU_ALL, top, 2));
        most[h] = top > -INFINITY ? top * scale : 0; /* of a slot that nobody uses */
#pragma unroll
        for (unsigned j = 0; j < SPLIT / 8; j++)
#pragma unroll
            for (unsigned e = 2 * h; e < 2 * h + 2; e++) {
                s[j][e] = exp2f(s[j][e] * scale - most[h]);
                sum[h] += s[j][e];
            }
        sum[h] += __shfl_xor_sync(GPU_ALL, sum[h], 1);
        sum[h] += __shfl_xor_sync(GPU_ALL, sum[h], 2);
    }
}

/* Shared: queries [16], keys [64], values [64]. */
template <int D> __global__ void __launch_bounds__(LANES) mma_split(cached_call<bf16> c)
{
    GPU_DYNAMIC_SHARED(bf16, queries);
    bf16 *keys = queries + SLOTS * mma_row<D>::length;
    bf16 *values = keys + SPLIT * mma_row<D>::length;
    cached_bundle b = find_bundle(c);
    if (b.count == 0) return;
    start_queries<D>(queries, c, b);
    start_cached<D>(keys, c.k, c, b);
    gpu_copy_commit();
    start_cached<D>(values, c.v, c, b);
    gpu_copy_commit();

    unsigned l = threadIdx.x, length[2];
    for (unsigned h = 0; h < 2; h++) {
        unsigned slot = l / 4 + 8 * h;
        length[h] = slot < b.count * b.heads ? length_of(c, b.row + slot / b.heads) : 0;
    }
    float s[SPLIT / 8][4], out[D / 8][4] = {}, most[2], sum[2];
    gpu_copy_wait<1>();
    __syncwarp();
    multiply_rows<D, SPLIT>(s, queries, 0, keys);
    weigh(s, most, sum, length, b.first, c.scale * LOG2_E);
    gpu_copy_wait<0>();
    __syncwarp();
    add_product<D, SPLIT>(out, s, values);
#pragma unroll
    for (unsigned h = 0; h < 2; h++) {
        if (length[h] == 0) continue;
        size_t part = part_of(c, b, l / 4 + 8 * h);
        float *to = c.sums + part * D + 2 * (l % 4);
#pragma unroll
        for (unsigned j = 0; j < D / 8; j++) store<2>(to + j * 8, &out[j][2 * h]);
        if (l % 4) continue;
        c.most[part] = most[h] / LOG2_E;
        c.weight[part] = sum[h];
    }
}

template <int D> static void run(const cached_call<bf16> &c, dim3 grid)
{
    size_t shared = (SLOTS + 2 * SPLIT) * mma_row<D>::length * sizeof(bf16);
    device_shared(mma_split<D>, shared);
    GPU_LAUNCH(mma_split<D>, grid, dim3(LANES), shared, c);
}

void attention_mma_split(const cached_call<bf16> &c, dim3 grid)
{
    if (c.head_dim == 64) run<64>(c, grid);
    else run<128>(c, grid);
}
