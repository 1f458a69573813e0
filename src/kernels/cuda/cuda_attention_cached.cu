/* Attention over the block cache (cuda_cache.cu): the splits of any head size and type, and what
 * joins the splits. */
#include "cuda_attention_cached.h"
#include "cuda_device.h"

static const unsigned PER_SLOT = 8, THREADS = SLOTS * PER_SLOT, KEYS = 16;
/* Rows go in launches of so many that the splits' parts stay within this. */
static const size_t PART_BYTES = (size_t)256 << 20;

/* Keys or values [j0, j0 + KEYS) as float32; zeros from the bundle's last key on. */
template <class T>
static __device__ __forceinline__ void load_cached(float *to, const T *cache,
                                                   const cached_bundle &b, unsigned j0,
                                                   const cached_call<T> &c)
{
    for (unsigned i = threadIdx.x; i < KEYS * c.head_dim; i += THREADS) {
        unsigned j = j0 + i / c.head_dim, e = i % c.head_dim;
        float x = 0;
        if (j < b.end) {
            size_t block = (size_t)b.table[j / c.block_tokens] * c.kv_heads + b.kv_head;
            x = to_f(cache[(block * c.block_tokens + j % c.block_tokens) * c.head_dim + e]);
        }
        to[i / c.head_dim * (c.head_dim + 1) + e] = x;
    }
}

/* Shared: queries, keys or values, sums: [16][head_dim + 1]; weights [16][17]. */
template <class T> __global__ void __launch_bounds__(THREADS) cached_split(cached_call<T> c)
{
    GPU_DYNAMIC_SHARED(float, q);
    unsigned n = c.head_dim, wide = n + 1, slot = threadIdx.x / PER_SLOT;
    unsigned lane = threadIdx.x % PER_SLOT;
    float *kv = q + SLOTS * wide, *acc = kv + SLOTS * wide, *p = acc + SLOTS * wide;
    cached_bundle b = find_bundle(c);
    if (b.count == 0) return;
    bool used = slot < b.count * b.heads;
    unsigned length = used ? length_of(c, b.row + slot / b.heads) : 0;
    const T *from = query_of(c, b, used ? slot : 0);
    for (unsigned i = lane; i < n; i += PER_SLOT) {
        q[slot * wide + i] = used ? c.scale * to_f(from[i]) : 0;
        acc[slot * wide + i] = 0;
    }
    float most = -INFINITY, weight = 0;
    for (unsigned j0 = b.first; j0 < b.end; j0 += KEYS) {
        __syncthreads();
        load_cached(kv, c.k, b, j0, c);
        __syncthreads();
        for (unsigned j = lane; j < KEYS; j += PER_SLOT) {
            float dot = 0;
            for (unsigned i = 0; i < n; i++) dot += q[slot * wide + i] * kv[j * wide + i];
            p[slot * 17 + j] = j0 + j < length ? dot : -INFINITY;
        }
        __syncthreads();
        load_cached(kv, c.v, b, j0, c);
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
    size_t part = part_of(c, b, slot);
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

template <class T> static void run_plain(const cached_call<T> &c, dim3 grid)
{
    size_t shared = (3 * SLOTS * (c.head_dim + 1) + SLOTS * 17) * sizeof(float);
    device_shared(cached_split<T>, shared);
    GPU_LAUNCH(cached_split<T>, grid, dim3(THREADS), shared, c);
}

static void run_splits(const cached_call<float> &c, dim3 grid)
{
    run_plain(c, grid);
}

/* On tensor cores where those can: cp.async moves 16 bytes, and 16 keys lie side by side. */
static void run_splits(const cached_call<bf16> &c, dim3 grid)
{
    uintptr_t all = (uintptr_t)c.q | (uintptr_t)c.k | (uintptr_t)c.v;
    if ((c.head_dim == 64 || c.head_dim == 128) && c.stride % 8 == 0 && all % 16 == 0 &&
        c.block_tokens % 16 == 0)
        attention_mma_split(c, grid);
    else run_plain(c, grid);
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
    for (size_t first = 0; first < rows->rows; first += at_once) {
        size_t left = rows->rows - first;
        c.first = (unsigned)first;
        c.rows = (unsigned)(left < at_once ? left : at_once);
        run_splits(c, dim3(c.rows, c.kv_heads * divide_up(group, SLOTS), c.splits));
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
