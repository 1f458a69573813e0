/* What works element by element: rotary embedding, SwiGLU, conversions, sums. Where rows count a
 * block has one, so that no thread divides by their length. */
#include "cuda.h"
#include "cuda_device.h"
#include "cuda_elements.h"

static const unsigned THREADS = 256, ROW_THREADS = 128;

static unsigned blocks_of(size_t n)
{
    return divide_up(n, THREADS);
}

/* The thread's number in a flat grid. */
static __device__ __forceinline__ size_t flat()
{
    return (size_t)blockIdx.x * blockDim.x + threadIdx.x;
}

/* A block a row of n pairs (x[j], x[j + half]); a thread N neighbours of them. */
template <class T, int N>
__global__ void __launch_bounds__(THREADS)
    rope(T *x, size_t stride, const int32_t *positions, const float *cos_table,
         const float *sin_table, unsigned n, unsigned half, float sign)
{
    size_t angles = (size_t)positions[blockIdx.x] * half;
    T *row = x + blockIdx.x * stride;
    for (unsigned i = threadIdx.x * N; i < n; i += blockDim.x * N) {
        unsigned j = i % half;
        T *at = row + 2 * i - j;
        float a[N], b[N], cosine[N], sine[N];
        load<N>(a, at), load<N>(b, at + half);
        load<N>(cosine, cos_table + angles + j), load<N>(sine, sin_table + angles + j);
        for (int k = 0; k < N; k++) {
            float low = a[k], s = sign * sine[k];
            a[k] = low * cosine[k] - b[k] * s;
            b[k] = b[k] * cosine[k] + low * s;
        }
        store<N>(at, a), store<N>(at + half, b);
    }
}

template <class T>
static void run_rope(T *x, size_t stride, const int32_t *positions, const float *cos_table,
                     const float *sin_table, size_t rows, size_t n, size_t half, float sign)
{
    bool four =
        packs(x, sizeof(T), stride) && packs(cos_table, 4, half) && packs(sin_table, 4, half);
    auto rope_n = four ? rope<T, 4> : rope<T, 1>;
    GPU_LAUNCH(rope_n, dim3((unsigned)rows), dim3(block_for(four ? n / 4 : n, THREADS)), 0, x,
               stride, positions, cos_table, sin_table, (unsigned)n, (unsigned)half, sign);
}

void cuda_rope(void *x, masa_dtype dtype, size_t stride, const int32_t *positions,
               const float *cos_table, const float *sin_table, size_t rows, size_t heads,
               size_t head_dim, bool inverse)
{
    size_t half = head_dim / 2, n = heads * half;
    float sign = inverse ? -1.0f : 1.0f;
    if (rows * n == 0) return;
    if (dtype == MASA_F32)
        run_rope((float *)x, stride, positions, cos_table, sin_table, rows, n, half, sign);
    else run_rope((bf16 *)x, stride, positions, cos_table, sin_table, rows, n, half, sign);
}

static __device__ __forceinline__ float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* A block a row of y [rows, dim], a thread N neighbours of it; g and u lie beside one another in
 * [rows, 2 dim]. */
template <class T, int N>
__global__ void __launch_bounds__(THREADS) swiglu_forward(T *y, const T *gate_up, unsigned dim)
{
    const T *from = gate_up + blockIdx.x * 2 * (size_t)dim;
    T *to = y + blockIdx.x * (size_t)dim;
    for (unsigned i = threadIdx.x * N; i < dim; i += blockDim.x * N) {
        float g[N], u[N];
        load<N>(g, from + i), load<N>(u, from + dim + i);
        for (int j = 0; j < N; j++) u[j] *= g[j] * sigmoid(g[j]);
        store<N>(to + i, u);
    }
}

template <class T>
static void run_swiglu_forward(T *y, const T *gate_up, size_t rows, size_t dim)
{
    bool four = packs(y, sizeof(T), dim) && packs(gate_up, sizeof(T), dim);
    auto swiglu_forward_n = four ? swiglu_forward<T, 4> : swiglu_forward<T, 1>;
    GPU_LAUNCH(swiglu_forward_n, dim3((unsigned)rows),
               dim3(block_for(four ? dim / 4 : dim, ROW_THREADS)), 0, y, gate_up,
               (unsigned)dim);
}

void cuda_swiglu_forward(void *y, const void *gate_up, masa_dtype dtype, size_t rows,
                         size_t dim)
{
    if (rows == 0) return;
    if (dtype == MASA_F32) run_swiglu_forward((float *)y, (const float *)gate_up, rows, dim);
    else run_swiglu_forward((bf16 *)y, (const bf16 *)gate_up, rows, dim);
}

/* d silu(g)/dg = s (1 + g (1 - s)). d_gate_up may be gate_up: a thread reads before it writes. */
template <class T, int N>
__global__ void __launch_bounds__(THREADS)
    swiglu_backward(T *d_gate_up, const T *dy, const T *gate_up, unsigned dim)
{
    size_t row = blockIdx.x * (size_t)dim;
    for (unsigned i = threadIdx.x * N; i < dim; i += blockDim.x * N) {
        size_t at = 2 * row + i;
        float g[N], u[N], d[N];
        load<N>(g, gate_up + at), load<N>(u, gate_up + at + dim), load<N>(d, dy + row + i);
        for (int j = 0; j < N; j++) {
            float s = sigmoid(g[j]), dg = d[j] * u[j] * (s * (1.0f + g[j] * (1.0f - s)));
            u[j] = d[j] * g[j] * s;
            g[j] = dg;
        }
        store<N>(d_gate_up + at, g), store<N>(d_gate_up + at + dim, u);
    }
}

template <class T>
static void run_swiglu_backward(T *d_gate_up, const T *dy, const T *gate_up, size_t rows,
                                size_t dim)
{
    bool four = packs(dy, sizeof(T), dim) && packs(gate_up, sizeof(T), dim) &&
                packs(d_gate_up, sizeof(T), dim);
    auto swiglu_backward_n = four ? swiglu_backward<T, 4> : swiglu_backward<T, 1>;
    GPU_LAUNCH(swiglu_backward_n, dim3((unsigned)rows),
               dim3(block_for(four ? dim / 4 : dim, ROW_THREADS)), 0, d_gate_up, dy, gate_up,
               (unsigned)dim);
}

void cuda_swiglu_backward(void *d_gate_up, const void *dy, const void *gate_up,
                          masa_dtype dtype, size_t rows, size_t dim)
{
    if (rows == 0) return;
    if (dtype == MASA_F32)
        run_swiglu_backward((float *)d_gate_up, (const float *)dy, (const float *)gate_up, rows,
                            dim);
    else
        run_swiglu_backward((bf16 *)d_gate_up, (const bf16 *)dy, (const bf16 *)gate_up, rows,
                            dim);
}

/* Packs of N; the last thread takes what is left, one by one. */
template <class To, class From, int N>
__global__ void __launch_bounds__(THREADS) convert(To *to, const From *from, size_t n)
{
    size_t i = flat() * N;
    if (i + N <= n) {
        float v[N];
        load<N>(v, from + i);
        store<N>(to + i, v);
    } else {
        for (; i < n; i++) put(to + i, to_f(from[i]));
    }
}

template <class To, class From> static void run_convert(To *to, const From *from, size_t n)
{
    if (packs(to, sizeof(To), 0) && packs(from, sizeof(From), 0))
        GPU_LAUNCH((convert<To, From, 4>), dim3(blocks_of((n + 3) / 4)), dim3(THREADS), 0, to,
                   from, n);
    else GPU_LAUNCH((convert<To, From, 1>), dim3(blocks_of(n)), dim3(THREADS), 0, to, from, n);
}

void cuda_convert(void *to, masa_dtype to_dtype, const void *from, masa_dtype from_dtype,
                  size_t n)
{
    if (n == 0) return;
    size_t bytes = n * masa_dtype_size(to_dtype);
    if (to_dtype == from_dtype) device_copy(to, from, bytes, bytes, 1);
    else if (to_dtype == MASA_BF16) run_convert((bf16 *)to, (const float *)from, n);
    else run_convert((float *)to, (const bf16 *)from, n);
}

__global__ void __launch_bounds__(THREADS) add(float *y, const float *x, size_t n)
{
    size_t i = flat();
    if (i < n) y[i] += x[i];
}

void cuda_add(float *y, const float *x, size_t n)
{
    if (n) GPU_LAUNCH(add, dim3(blocks_of(n)), dim3(THREADS), 0, y, x, n);
}

__global__ void __launch_bounds__(THREADS)
    scale(float *y, const float *x, float factor, size_t n)
{
    size_t i = flat();
    if (i < n) y[i] = factor * x[i];
}

void cuda_scale(float *y, const float *x, float factor, size_t n)
{
    if (n) GPU_LAUNCH(scale, dim3(blocks_of(n)), dim3(THREADS), 0, y, x, factor, n);
}
