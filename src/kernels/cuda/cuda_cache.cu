/*
 * What writes the block cache, k and v [blocks, kv_heads, block_tokens, head_dim] each: a step's
 * heads on their way to attention, in one kernel with the norm and the rotation of q and k.
 */
#include "cuda.h"
#include "cuda_device.h"
#include "cuda_elements.h"

static const unsigned THREADS = 256;

/* q_heads heads of q and kv_heads of k are neighbours in x and rotated, those of v in v; rows are
 * `stride` apart in all of them. positions NULL: k goes to the cache as it is. */
template <class T> struct heads_call {
    const T *x, *v;
    T *rotated, *cached_k, *cached_v;
    const int32_t *positions, *slots;
    const float *cos_table, *sin_table, *q_gain, *k_gain;
    size_t stride;
    unsigned rows, q_heads, kv_heads, head_dim, block_tokens;
    float eps;
};

/* Where the row's head lies in the cache; NULL for a row that is there to fill the batch. */
template <class T>
static __device__ __forceinline__ T *place(T *cache, const heads_call<T> &c, unsigned row,
                                           unsigned head)
{
    if (c.slots[row] < 0) return NULL;
    unsigned slot = (unsigned)c.slots[row];
    size_t block = slot / c.block_tokens, token = slot % c.block_tokens;
    return cache + ((block * c.kv_heads + head) * c.block_tokens + token) * c.head_dim;
}

/* A warp a head. A lane reads a pair (x[j], x[j + half]) before it writes it, as `rotated` may be
 * x. What a norm gives is rounded before it is rotated, as in the training pass, where these are
 * two kernels. */
template <class T> __global__ void __launch_bounds__(THREADS) heads_to_cache(heads_call<T> c)
{
    unsigned at = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
    unsigned turned = c.q_heads + c.kv_heads, all = turned + c.kv_heads, half = c.head_dim / 2;
    if (at >= c.rows * all) return; /* the whole warp */
    unsigned row = at / all, head = at % all;
    size_t first = row * c.stride + head * c.head_dim;
    T *cached = NULL;
    if (head >= turned) cached = place(c.cached_v, c, row, head - turned);
    else if (head >= c.q_heads) cached = place(c.cached_k, c, row, head - c.q_heads);
    if (head >= turned || !c.positions) {
        const T *from =
            head < turned ? c.x + first : c.v + row * c.stride + (head - turned) * c.head_dim;
        for (unsigned i = lane; cached && i < c.head_dim; i += 32) cached[i] = from[i];
        return;
    }
    const T *from = c.x + first;
    T *to = c.rotated + first;
    const float *gain = head < c.q_heads ? c.q_gain : c.k_gain;
    float s = gain ? head_rstd(from, c.head_dim, c.eps) : 1;
    size_t angles = (size_t)c.positions[row] * half;
    for (unsigned j = lane; j < half; j += 32) {
        T a = from[j], b = from[j + half];
        if (gain) put(&a, to_f(a) * s * gain[j]), put(&b, to_f(b) * s * gain[j + half]);
        float low = to_f(a), high = to_f(b);
        float cosine = c.cos_table[angles + j], sine = c.sin_table[angles + j];
        put(&a, low * cosine - high * sine), put(&b, high * cosine + low * sine);
        to[j] = a, to[j + half] = b;
        if (cached) cached[j] = a, cached[j + half] = b;
    }
}

template <class T>
static heads_call<T> call_of(const masa_kv_layer *kv, const void *x, const void *v,
                             size_t stride, const int32_t *slots, size_t rows)
{
    heads_call<T> c = {};
    c.x = (const T *)x;
    c.v = (const T *)v;
    c.cached_k = (T *)kv->k;
    c.cached_v = (T *)kv->v;
    c.slots = slots;
    c.stride = stride;
    c.rows = (unsigned)rows;
    c.kv_heads = (unsigned)kv->kv_heads;
    c.head_dim = (unsigned)kv->head_dim;
    c.block_tokens = (unsigned)kv->block_tokens;
    return c;
}

template <class T> static void run(const heads_call<T> &c)
{
    size_t heads = (size_t)c.rows * (c.q_heads + 2 * c.kv_heads);
    if (heads)
        GPU_LAUNCH(heads_to_cache<T>, dim3(divide_up(heads, THREADS / 32)), dim3(THREADS), 0,
                   c);
}

template <class T>
static void run_rotated(const masa_heads *heads, const masa_attention_shape *shape,
                        const masa_kv_layer *kv, const int32_t *slots, size_t rows)
{
    T *qkv = (T *)heads->qkv;
    size_t turned = (shape->q_heads + shape->kv_heads) * shape->head_dim;
    heads_call<T> c = call_of<T>(kv, qkv, qkv + turned, shape->stride, slots, rows);
    c.rotated = (T *)heads->rotated;
    c.positions = heads->positions;
    c.cos_table = heads->cos_table;
    c.sin_table = heads->sin_table;
    c.q_gain = heads->q_gain;
    c.k_gain = heads->k_gain;
    c.q_heads = (unsigned)shape->q_heads;
    c.eps = heads->eps;
    run(c);
}

void cuda_heads_to_cache(const masa_heads *heads, const masa_attention_shape *shape,
                         const masa_kv_layer *kv, const int32_t *slots, size_t rows)
{
    (kv->dtype == MASA_F32 ? run_rotated<float> : run_rotated<bf16>)(heads, shape, kv, slots,
                                                                     rows);
}

void cuda_kv_write(const masa_kv_layer *kv, const void *k, const void *v, size_t stride,
                   const int32_t *slots, size_t rows)
{
    if (kv->dtype == MASA_F32) run(call_of<float>(kv, k, v, stride, slots, rows));
    else run(call_of<bf16>(kv, k, v, stride, slots, rows));
}
