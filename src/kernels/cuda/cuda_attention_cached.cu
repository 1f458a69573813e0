/*
 * Attention over the block cache, k and v [blocks, kv_heads, block_tokens, head_dim] each.
 *
 * Keys are taken in splits of a fixed length, so that a row's sums do not depend on the
 * others: a block has one kv head and one split, of rows that read the same cache blocks
 * there: those of a prompt's chunk, or of samples that share a prompt. So what is shared is
 * read once for all of them. A second kernel joins the splits in their order.
 */
#include "cuda_attention.h"
#include "cuda_device.h"

static const unsigned SLOTS = 16, PER_SLOT = 8, THREADS = SLOTS * PER_SLOT;
static const unsigned SPLIT = 64, KEYS = 16;
/* Rows go in launches of so many that the splits' parts stay within this. */
static const size_t PART_BYTES = (size_t)256 << 20;

template <class T>
__global__ void __launch_bounds__(256)
    write_cache(T *to_k, T *to_v, const T *k, const T *v, size_t stride, const int32_t *slots,
                unsigned block_tokens, unsigned kv_heads, unsigned head_dim)
{
    if (slots[blockIdx.x] < 0) return; /* a row that is there to fill the batch */
    size_t row = blockIdx.x, slot = (size_t)slots[row];
    size_t block = slot / block_tokens, token = slot % block_tokens;
    for (unsigned i = threadIdx.x; i < kv_heads * head_dim; i += blockDim.x) {
        unsigned head = i / head_dim, c = i % head_dim;
        size_t to = ((block * kv_heads + head) * block_tokens + token) * head_dim + c;
        to_k[to] = k[row * stride + i];
        to_v[to] = v[row * stride + i];
    }
}

void cuda_kv_write(const masa_kv_layer *kv, const void *k, const void *v, size_t stride,
                   const int32_t *slots, size_t rows)
{
    unsigned width = (unsigned)(kv->kv_heads * kv->head_dim), threads = block_for(width, 256);
    if (rows == 0) return;
    if (kv->dtype == MASA_F32)
        GPU_LAUNCH(write_cache<float>, dim3((unsigned)rows), dim3(threads), 0, (float *)kv->k,
                   (float *)kv->v, (const float *)k, (const float *)v, stride, slots,
                   (unsigned)kv->block_tokens, (unsigned)kv->kv_heads, (unsigned)kv->head_dim);
    else
        GPU_LAUNCH(write_cache<bf16>, dim3((unsigned)rows), dim3(threads), 0, (bf16 *)kv->k,
                   (bf16 *)kv->v, (const bf16 *)k, (const bf16 *)v, stride, slots,
                   (unsigned)kv->block_tokens, (unsigned)kv->kv_heads, (unsigned)kv->head_dim);
}

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

/* Whether two rows of the launch see keys of the split and have the same cache blocks all
 * along it, whatever of them each sees. */
template <class T>
static __device__ __forceinline__ bool same_blocks(const cached_call<T> &c, unsigned r,
                                                   unsigned other, unsigned split)
{
    const int32_t *a = c.tables + (size_t)c.sequences[c.first + r] * c.max_blocks;
    const int32_t *b = c.tables + (size_t)c.sequences[c.first + other] * c.max_blocks;
    unsigned first = split * SPLIT, end = (first + SPLIT + c.block_tokens - 1) / c.block_tokens;
    if ((unsigned)c.lengths[c.first + r] <= first) return false;
    if ((unsigned)c.lengths[c.first + other] <= first) return false;
    bool same = true;
    for (unsigned i = first / c.block_tokens; a != b && i < end && i < c.max_blocks; i++)
        same = same && a[i] == b[i];
    return same;
}

/* Keys or values [j0, j0 + KEYS) of a row's sequence as float32; zeros from key `end` on. */
template <class T>
static __device__ __forceinline__ void
load_cached(float *to, const T *cache, const int32_t *table, unsigned kv_head, unsigned j0,
            unsigned end, const cached_call<T> &c)
{
    for (unsigned i = threadIdx.x; i < KEYS * c.head_dim; i += THREADS) {
        unsigned j = j0 + i / c.head_dim, e = i % c.head_dim;
        float x = 0;
        if (j < end) {
            size_t block = (size_t)table[j / c.block_tokens] * c.kv_heads + kv_head;
            x = to_f(cache[(block * c.block_tokens + j % c.block_tokens) * c.head_dim + e]);
        }
        to[i / c.head_dim * (c.head_dim + 1) + e] = x;
    }
}

/*
 * Grid: rows, kv heads (twice for groups of more than 16 query heads), splits. Rows fall into
 * bundles of 16 / group neighbours; the block of a row that reads what the row before it in
 * its bundle reads leaves it to that one's. A slot of a block is a row and one of the group's
 * query heads. Shared: queries, keys or values, sums: [16][head_dim + 1]; weights [16][17].
 */
template <class T> __global__ void __launch_bounds__(THREADS) cached_split(cached_call<T> c)
{
    GPU_DYNAMIC_SHARED(float, q);
    unsigned n = c.head_dim, wide = n + 1, slot = threadIdx.x / PER_SLOT;
    unsigned lane = threadIdx.x % PER_SLOT, group = c.q_heads / c.kv_heads;
    unsigned kv_head = blockIdx.y % c.kv_heads, first_head = blockIdx.y / c.kv_heads * SLOTS;
    unsigned heads = group - first_head < SLOTS ? group - first_head : SLOTS;
    unsigned bundle = group < SLOTS ? SLOTS / group : 1, r0 = blockIdx.x, split = blockIdx.z;
    float *kv = q + SLOTS * wide, *acc = kv + SLOTS * wide, *p = acc + SLOTS * wide;
    if ((unsigned)c.lengths[c.first + r0] <= split * SPLIT) return;
    if (r0 % bundle && same_blocks(c, r0, r0 - 1, split)) return;
    unsigned count = 1;
    while ((r0 + count) % bundle && r0 + count < c.rows &&
           same_blocks(c, r0 + count, r0 + count - 1, split))
        count++;

    bool used = slot < count * heads;
    unsigned row = r0 + (used ? slot / heads : 0);
    unsigned head = kv_head * group + first_head + slot % heads;
    unsigned length = used ? (unsigned)c.lengths[c.first + row] : 0, end = split * SPLIT;
    for (unsigned i = 0; i < count; i++) {
        unsigned other = (unsigned)c.lengths[c.first + r0 + i];
        if (other > end) end = other;
    }
    if (end > (split + 1) * SPLIT) end = (split + 1) * SPLIT;
    const T *from = c.q + (size_t)(c.first + row) * c.stride + head * n;
    for (unsigned i = lane; i < n; i += PER_SLOT) {
        q[slot * wide + i] = used ? c.scale * to_f(from[i]) : 0;
        acc[slot * wide + i] = 0;
    }
    const int32_t *table = c.tables + (size_t)c.sequences[c.first + r0] * c.max_blocks;
    float most = -INFINITY, weight = 0;
    for (unsigned j0 = split * SPLIT; j0 < end; j0 += KEYS) {
        __syncthreads();
        load_cached(kv, c.k, table, kv_head, j0, end, c);
        __syncthreads();
        for (unsigned j = lane; j < KEYS; j += PER_SLOT) {
            float dot = 0;
            for (unsigned i = 0; i < n; i++) dot += q[slot * wide + i] * kv[j * wide + i];
            p[slot * 17 + j] = j0 + j < length ? dot : -INFINITY;
        }
        __syncthreads();
        load_cached(kv, c.v, table, kv_head, j0, end, c);
        float before = most;
        for (unsigned j = 0; j < KEYS; j++) most = fmaxf(most, p[slot * 17 + j]);
        float shift = most > -INFINITY ? most : 0; /* nothing seen yet: weights 0 */
        __syncthreads();
        for (unsigned j = lane; j < KEYS; j += PER_SLOT)
            p[slot * 17 + j] = expf(p[slot * 17 + j] - shift);
        __syncthreads();
        float factor = expf(before - shift);
        weight *= factor;
        for (unsigned j = 0; j < KEYS; j++) weight += p[slot * 17 + j];
        for (unsigned i = lane; i < n; i += PER_SLOT) {
            float sum = acc[slot * wide + i] * factor;
            for (unsigned j = 0; j < KEYS; j++) sum += p[slot * 17 + j] * kv[j * wide + i];
            acc[slot * wide + i] = sum;
        }
    }
    if (!used) return;
    size_t part = ((size_t)row * c.q_heads + head) * c.splits + split;
    for (unsigned i = lane; i < n; i += PER_SLOT) c.sums[part * n + i] = acc[slot * wide + i];
    if (lane) return;
    c.most[part] = most;
    c.weight[part] = weight;
}

/* A warp a row and head: its splits joined in order. lse may be NULL. */
template <class T>
__global__ void __launch_bounds__(THREADS) join_splits(T *out, float *lse, cached_call<T> c)
{
    unsigned at = blockIdx.x * (THREADS / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (at >= c.rows * c.q_heads) return;
    unsigned length = (unsigned)c.lengths[c.first + at / c.q_heads];
    unsigned splits = (length + SPLIT - 1) / SPLIT;
    size_t part = (size_t)at * c.splits, to = (size_t)c.first * c.q_heads + at;
    float most = -INFINITY, weight = 0;
    for (unsigned s = 0; s < splits; s++) most = fmaxf(most, c.most[part + s]);
    for (unsigned s = 0; s < splits; s++)
        weight += c.weight[part + s] * expf(c.most[part + s] - most);
    for (unsigned i = lane; i < c.head_dim; i += 32) {
        float sum = 0;
        for (unsigned s = 0; s < splits; s++)
            sum += c.sums[(part + s) * c.head_dim + i] * expf(c.most[part + s] - most);
        put(out + to * c.head_dim + i, splits ? sum / weight : 0);
    }
    if (lse && lane == 0) lse[to] = most + logf(weight);
}

template <class T>
static void run_cached(void *out, float *lse, const void *q, const masa_kv_layer *kv,
                       const masa_cached_rows *rows, const masa_attention_shape *shape)
{
    size_t splits = divide_up(rows->longest_context, SPLIT), n = shape->head_dim;
    size_t row_parts = shape->q_heads * splits, row_bytes = row_parts * (n + 2) * sizeof(float);
    size_t group = shape->q_heads / shape->kv_heads, at_once = PART_BYTES / row_bytes;
    at_once = at_once < SLOTS ? SLOTS : at_once / SLOTS * SLOTS;
    if (at_once > rows->rows) at_once = rows->rows;
    float *parts = (float *)device_scratch(SCRATCH_ATTENTION, at_once * row_bytes);
    cached_call<T> c = {};
    c.q = (const T *)q;
    c.k = (const T *)kv->k;
    c.v = (const T *)kv->v;
    c.tables = rows->block_tables;
    c.sequences = rows->sequences;
    c.lengths = rows->lengths;
    c.sums = parts;
    c.most = parts + at_once * row_parts * n;
    c.weight = c.most + at_once * row_parts;
    c.stride = shape->stride;
    c.max_blocks = (unsigned)rows->max_blocks;
    c.splits = (unsigned)splits;
    c.q_heads = (unsigned)shape->q_heads;
    c.kv_heads = (unsigned)shape->kv_heads;
    c.head_dim = (unsigned)n;
    c.block_tokens = (unsigned)kv->block_tokens;
    c.scale = shape->scale;
    size_t shared = (3 * SLOTS * (n + 1) + SLOTS * 17) * sizeof(float);
    device_shared(cached_split<T>, shared);
    for (size_t first = 0; first < rows->rows; first += at_once) {
        size_t left = rows->rows - first;
        c.first = (unsigned)first;
        c.rows = (unsigned)(left < at_once ? left : at_once);
        GPU_LAUNCH(cached_split<T>,
                   dim3(c.rows, c.kv_heads * divide_up(group, SLOTS), c.splits), dim3(THREADS),
                   shared, c);
        GPU_LAUNCH(join_splits<T>, dim3(divide_up(c.rows * c.q_heads, THREADS / 32)),
                   dim3(THREADS), 0, (T *)out, lse, c);
    }
}

void cuda_attention_cached(void *out, float *lse, const void *q, const masa_kv_layer *kv,
                           const masa_cached_rows *rows, const masa_attention_shape *shape)
{
    if (rows->rows == 0) return;
    if (shape->dtype == MASA_F32) run_cached<float>(out, lse, q, kv, rows, shape);
    else run_cached<bf16>(out, lse, q, kv, rows, shape);
}
