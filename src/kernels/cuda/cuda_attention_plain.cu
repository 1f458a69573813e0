/*
 * Attention without tensor cores, for any head size and type. A block has 16 queries (or
 * keys) of one head, 8 threads each, and goes along keys (or queries) 16 at a time; all sums
 * are float32, in shared memory.
 */
#include "cuda_attention.h"
#include "cuda_device.h"

static const unsigned ROWS = 16, PER_ROW = 8, THREADS = ROWS * PER_ROW;
/* The kernels say how many blocks a multiprocessor should have: left to itself ptxas spills
 * registers for a few more, on some architectures. */

/* 16 rows of one head as float32 times `factor`, a word more apart than they are long; zeros
 * from row n on. */
template <class T>
static __device__ __forceinline__ void load_rows(float *to, const T *from, size_t stride,
                                                 unsigned n, unsigned head_dim, float factor)
{
    for (unsigned i = threadIdx.x; i < ROWS * head_dim; i += THREADS) {
        unsigned r = i / head_dim, c = i % head_dim;
        to[r * (head_dim + 1) + c] = r < n ? factor * to_f(from[r * stride + c]) : 0;
    }
}

static __device__ __forceinline__ float dot(const float *a, const float *b, unsigned n)
{
    float sum = 0;
    for (unsigned i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* Where a block's rows are: of a tile, the blockIdx.z-th 16. */
struct place {
    int32_t segment;
    unsigned first, rows; /* within the segment; 0 rows: nothing to do */
    size_t row;           /* in the batch */
};

static __device__ __forceinline__ place find_place(const attention_plan_view &p)
{
    place at;
    at.segment = p.tile_segment[blockIdx.x];
    at.first = (unsigned)p.tile_first[blockIdx.x] + ROWS * blockIdx.z;
    unsigned length = (unsigned)p.length[at.segment];
    at.rows = at.first >= length ? 0 : length - at.first < ROWS ? length - at.first : ROWS;
    at.row = (size_t)p.start[at.segment] + at.first;
    return at;
}

/* Keys of segment s that a block of queries sees: all, but of its own segment no later ones. */
static __device__ __forceinline__ unsigned keys_of(const attention_plan_view &p, int32_t s,
                                                   const place &at)
{
    return s == at.segment ? at.first + at.rows : (unsigned)p.length[s];
}

/* Shared: queries, keys or values, the output: [16][head_dim + 1]; probabilities [16][17]. */
template <class T>
__global__ void __launch_bounds__(THREADS, 8) plain_forward(attention_call<T> c)
{
    GPU_DYNAMIC_SHARED(float, q);
    unsigned n = c.head_dim, wide = n + 1, r = threadIdx.x / PER_ROW,
             lane = threadIdx.x % PER_ROW;
    float *kv = q + ROWS * wide, *acc = kv + ROWS * wide, *p = acc + ROWS * wide;
    place at = find_place(c.plan);
    if (at.rows == 0) return;
    unsigned head = blockIdx.y, kv_head = head / (c.q_heads / c.kv_heads);
    load_rows(q, c.q + at.row * c.stride + head * n, c.stride, at.rows, n, c.scale);
    for (unsigned i = threadIdx.x; i < ROWS * wide; i += THREADS) acc[i] = 0;
    float most = -INFINITY, sum = 0;
    for (int32_t s = at.segment; s >= 0; s = c.plan.parent[s]) {
        unsigned keys = keys_of(c.plan, s, at);
        bool own = s == at.segment;
        for (unsigned j0 = 0; j0 < keys; j0 += ROWS) {
            unsigned left = keys - j0 < ROWS ? keys - j0 : ROWS;
            size_t from = ((size_t)c.plan.start[s] + j0) * c.stride + kv_head * n;
            __syncthreads();
            load_rows(kv, c.k + from, c.stride, left, n, 1);
            __syncthreads();
            for (unsigned j = lane; j < ROWS; j += PER_ROW) {
                bool seen = j < left && (!own || j0 + j <= at.first + r);
                p[r * 17 + j] = seen ? dot(q + r * wide, kv + j * wide, n) : -INFINITY;
            }
            __syncthreads();
            load_rows(kv, c.v + from, c.stride, left, n, 1);
            float before = most;
            for (unsigned j = 0; j < ROWS; j++) most = fmaxf(most, p[r * 17 + j]);
            __syncthreads();
            /* The first key of all is seen by every query: most is finite. */
            for (unsigned j = lane; j < ROWS; j += PER_ROW)
                p[r * 17 + j] = expf(p[r * 17 + j] - most);
            __syncthreads();
            float factor = expf(before - most);
            sum *= factor;
            for (unsigned j = 0; j < ROWS; j++) sum += p[r * 17 + j];
            for (unsigned i = lane; i < n; i += PER_ROW) {
                float o = acc[r * wide + i] * factor;
                for (unsigned j = 0; j < ROWS; j++) o += p[r * 17 + j] * kv[j * wide + i];
                acc[r * wide + i] = o;
            }
        }
    }
    if (r >= at.rows) return;
    T *out = c.out + ((at.row + r) * c.q_heads + head) * n;
    for (unsigned i = lane; i < n; i += PER_ROW) put(out + i, acc[r * wide + i] / sum);
    if (lane == 0) c.lse[(at.row + r) * c.q_heads + head] = most + logf(sum);
}

/* A warp a head: delta = dout . out. */
template <class T>
__global__ void __launch_bounds__(THREADS) find_delta(attention_call<T> c, unsigned heads)
{
    unsigned at = blockIdx.x * (THREADS / 32) + threadIdx.x / 32;
    if (at >= heads) return;
    const T *a = c.dout + (size_t)at * c.head_dim, *b = c.out + (size_t)at * c.head_dim;
    float sum = 0;
    for (unsigned i = threadIdx.x % 32; i < c.head_dim; i += 32) sum += to_f(a[i]) * to_f(b[i]);
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) c.delta[at] = sum;
}

/* dq = scale sum_j ds[j] k[j], ds = p (dout . v - delta). Shared: queries, their dout, keys,
 * values, dq; ds. */
template <class T> __global__ void __launch_bounds__(THREADS, 5) plain_dq(attention_call<T> c)
{
    GPU_DYNAMIC_SHARED(float, q);
    unsigned n = c.head_dim, wide = n + 1, r = threadIdx.x / PER_ROW,
             lane = threadIdx.x % PER_ROW;
    float *d_o = q + ROWS * wide, *k = d_o + ROWS * wide, *v = k + ROWS * wide;
    float *acc = v + ROWS * wide, *ds = acc + ROWS * wide;
    place at = find_place(c.plan);
    if (at.rows == 0) return;
    unsigned head = blockIdx.y, kv_head = head / (c.q_heads / c.kv_heads);
    load_rows(q, c.q + at.row * c.stride + head * n, c.stride, at.rows, n, c.scale);
    load_rows(d_o, c.dout + (at.row * c.q_heads + head) * n, (size_t)c.q_heads * n, at.rows, n,
              1);
    for (unsigned i = threadIdx.x; i < ROWS * wide; i += THREADS) acc[i] = 0;
    size_t figure = (at.row + r) * c.q_heads + head;
    float lse = r < at.rows ? c.lse[figure] : 0, delta = r < at.rows ? c.delta[figure] : 0;
    for (int32_t s = at.segment; s >= 0; s = c.plan.parent[s]) {
        unsigned keys = keys_of(c.plan, s, at);
        bool own = s == at.segment;
        for (unsigned j0 = 0; j0 < keys; j0 += ROWS) {
            unsigned left = keys - j0 < ROWS ? keys - j0 : ROWS;
            size_t from = ((size_t)c.plan.start[s] + j0) * c.stride + kv_head * n;
            __syncthreads();
            load_rows(k, c.k + from, c.stride, left, n, 1);
            load_rows(v, c.v + from, c.stride, left, n, 1);
            __syncthreads();
            for (unsigned j = lane; j < ROWS; j += PER_ROW) {
                bool seen = r < at.rows && j < left && (!own || j0 + j <= at.first + r);
                float p = seen ? expf(dot(q + r * wide, k + j * wide, n) - lse) : 0;
                ds[r * 17 + j] = p * (dot(d_o + r * wide, v + j * wide, n) - delta);
            }
            __syncthreads();
            for (unsigned i = lane; i < n; i += PER_ROW)
                for (unsigned j = 0; j < ROWS; j++)
                    acc[r * wide + i] += ds[r * 17 + j] * k[j * wide + i];
        }
    }
    if (r >= at.rows) return;
    T *dq = c.dq + (at.row + r) * c.stride + head * n;
    for (unsigned i = lane; i < n; i += PER_ROW) put(dq + i, c.scale * acc[r * wide + i]);
}

/* A block's keys with 16 queries of one head: dk and dv += what those give. own: the block's
 * segment is the queries'; then a query numbered q0 + i sees keys up to its own number. */
template <class T>
static __device__ __forceinline__ void
add_queries(const attention_call<T> &c, float *shared, const place &at, bool own, size_t row,
            unsigned q0, unsigned n_queries, unsigned head)
{
    unsigned n = c.head_dim, wide = n + 1, r = threadIdx.x / PER_ROW,
             lane = threadIdx.x % PER_ROW;
    float *k = shared, *v = k + ROWS * wide, *dk = v + ROWS * wide, *dv = dk + ROWS * wide;
    float *q = dv + ROWS * wide, *d_o = q + ROWS * wide, *p = d_o + ROWS * wide,
          *ds = p + ROWS * 17;
    __syncthreads();
    load_rows(q, c.q + row * c.stride + head * n, c.stride, n_queries, n, c.scale);
    load_rows(d_o, c.dout + (row * c.q_heads + head) * n, (size_t)c.q_heads * n, n_queries, n,
              1);
    __syncthreads();
    for (unsigned i = lane; i < ROWS; i += PER_ROW) {
        bool seen = r < at.rows && i < n_queries && (!own || at.first + r <= q0 + i);
        size_t figure = (row + i) * c.q_heads + head;
        float weight = 0, gradient = 0;
        if (seen) {
            weight = expf(dot(q + i * wide, k + r * wide, n) - c.lse[figure]);
            gradient = weight * (dot(d_o + i * wide, v + r * wide, n) - c.delta[figure]);
        }
        p[r * 17 + i] = weight;
        ds[r * 17 + i] = gradient;
    }
    __syncthreads();
    for (unsigned e = lane; e < n; e += PER_ROW)
        for (unsigned i = 0; i < ROWS; i++) {
            dv[r * wide + e] += p[r * 17 + i] * d_o[i * wide + e];
            dk[r * wide + e] += ds[r * 17 + i] * q[i * wide + e]; /* q holds the scale */
        }
}

/* dk and dv of 16 keys of a kv head, over its query heads in order. Shared: add_queries. */
template <class T> __global__ void __launch_bounds__(THREADS, 5) plain_dkv(attention_call<T> c)
{
    GPU_DYNAMIC_SHARED(float, shared);
    unsigned n = c.head_dim, wide = n + 1, r = threadIdx.x / PER_ROW,
             lane = threadIdx.x % PER_ROW;
    float *dk = shared + 2 * ROWS * wide, *dv = dk + ROWS * wide;
    place at = find_place(c.plan);
    if (at.rows == 0) return;
    unsigned group = c.q_heads / c.kv_heads, kv_head = blockIdx.y;
    size_t from = at.row * c.stride + kv_head * n;
    load_rows(shared, c.k + from, c.stride, at.rows, n, 1);
    load_rows(shared + ROWS * wide, c.v + from, c.stride, at.rows, n, 1);
    for (unsigned i = threadIdx.x; i < 2 * ROWS * wide; i += THREADS) dk[i] = 0;
    for (unsigned g = 0; g < group; g++)
        for (int32_t s = at.segment; s >= 0; s = attention_next(c.plan, at.segment, s)) {
            bool own = s == at.segment;
            unsigned length = (unsigned)c.plan.length[s];
            for (unsigned i = own ? at.first : 0; i < length; i += ROWS)
                add_queries(c, shared, at, own, (size_t)c.plan.start[s] + i, i,
                            length - i < ROWS ? length - i : ROWS, kv_head * group + g);
        }
    if (r >= at.rows) return;
    size_t to = (at.row + r) * c.stride + kv_head * n;
    for (unsigned i = lane; i < n; i += PER_ROW) {
        put(c.dk + to + i, dk[r * wide + i]);
        put(c.dv + to + i, dv[r * wide + i]);
    }
}

/* Bytes of `arrays` of 16 rows and `tables` of 16 x 16. */
static size_t shared_of(unsigned head_dim, unsigned arrays, unsigned tables)
{
    return (arrays * ROWS * (head_dim + 1) + tables * ROWS * 17) * sizeof(float);
}

template <class T> void attention_plain_forward(const attention_call<T> &c)
{
    if (c.plan.n_tiles == 0) return;
    size_t shared = shared_of(c.head_dim, 3, 1);
    device_shared(plain_forward<T>, shared);
    GPU_LAUNCH(plain_forward<T>, dim3(c.plan.n_tiles, c.q_heads, ATTENTION_TILE / ROWS),
               dim3(THREADS), shared, c);
}

template <class T> void attention_delta(const attention_call<T> &c, size_t rows)
{
    unsigned heads = (unsigned)rows * c.q_heads;
    if (heads)
        GPU_LAUNCH(find_delta<T>, dim3(divide_up(heads, THREADS / 32)), dim3(THREADS), 0, c,
                   heads);
}

template <class T> void attention_plain_backward(const attention_call<T> &c)
{
    if (c.plan.n_tiles == 0) return;
    size_t for_dq = shared_of(c.head_dim, 5, 1), for_dkv = shared_of(c.head_dim, 6, 2);
    device_shared(plain_dq<T>, for_dq);
    device_shared(plain_dkv<T>, for_dkv);
    GPU_LAUNCH(plain_dq<T>, dim3(c.plan.n_tiles, c.q_heads, ATTENTION_TILE / ROWS),
               dim3(THREADS), for_dq, c);
    GPU_LAUNCH(plain_dkv<T>, dim3(c.plan.n_tiles, c.kv_heads, ATTENTION_TILE / ROWS),
               dim3(THREADS), for_dkv, c);
}

template void attention_plain_forward(const attention_call<float> &);
template void attention_plain_forward(const attention_call<bf16> &);
template void attention_plain_backward(const attention_call<float> &);
template void attention_plain_backward(const attention_call<bf16> &);
template void attention_delta(const attention_call<float> &, size_t);
template void attention_delta(const attention_call<bf16> &, size_t);
