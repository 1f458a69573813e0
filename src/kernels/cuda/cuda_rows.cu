/* What works element by element: rotary embedding, SwiGLU, conversions, sums. */
#include "cuda.h"
#include "cuda_device.h"
#include "cuda_elements.h"

static const unsigned THREADS = 256;

static unsigned blocks_of(size_t n)
{
    return divide_up(n, THREADS);
}

/* The thread's number in a flat grid. */
static __device__ __forceinline__ size_t flat()
{
    return (size_t)blockIdx.x * blockDim.x + threadIdx.x;
}

/* A thread a pair (x[j], x[j+half]). */
template <class T>
__global__ void __launch_bounds__(THREADS)
    rope(T *x, size_t stride, const int32_t *positions, const float *cos_table,
         const float *sin_table, size_t n, unsigned heads, unsigned half, float sign)
{
    size_t i = flat();
    if (i >= n) return;
    unsigned j = (unsigned)(i % half), head = (unsigned)(i / half % heads);
    size_t row = i / half / heads, angle = (size_t)positions[row] * half + j;
    T *at = x + row * stride + (size_t)head * 2 * half + j;
    float a = to_f(at[0]), b = to_f(at[half]);
    float cosine = cos_table[angle], sine = sign * sin_table[angle];
    put(at, a * cosine - b * sine);
    put(at + half, b * cosine + a * sine);
}

void cuda_rope(void *x, masa_dtype dtype, size_t stride, const int32_t *positions,
               const float *cos_table, const float *sin_table, size_t rows, size_t heads,
               size_t head_dim, bool inverse)
{
    size_t half = head_dim / 2, n = rows * heads * half;
    float sign = inverse ? -1.0f : 1.0f;
    if (n == 0) return;
    if (dtype == MASA_F32)
        GPU_LAUNCH(rope<float>, dim3(blocks_of(n)), dim3(THREADS), 0, (float *)x, stride,
                   positions, cos_table, sin_table, n, (unsigned)heads, (unsigned)half, sign);
    else
        GPU_LAUNCH(rope<bf16>, dim3(blocks_of(n)), dim3(THREADS), 0, (bf16 *)x, stride,
                   positions, cos_table, sin_table, n, (unsigned)heads, (unsigned)half, sign);
}

static __device__ __forceinline__ float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* A thread N neighbours of y [rows, dim]; g and u lie beside one another in [rows, 2 dim]. */
template <class T, int N>
__global__ void __launch_bounds__(THREADS)
    swiglu_forward(T *y, const T *gate_up, size_t n, unsigned dim)
{
    size_t i = flat() * N;
    if (i >= n) return;
    const T *from = gate_up + i / dim * 2 * dim + i % dim;
    float g[N], u[N];
    load<N>(g, from);
    load<N>(u, from + dim);
    for (int j = 0; j < N; j++) u[j] *= g[j] * sigmoid(g[j]);
    store<N>(y + i, u);
}

template <class T>
static void run_swiglu_forward(T *y, const T *gate_up, size_t rows, size_t dim)
{
    size_t n = rows * dim;
    if (packs(y, sizeof(T), dim) && packs(gate_up, sizeof(T), dim))
        GPU_LAUNCH((swiglu_forward<T, 4>), dim3(blocks_of(n / 4)), dim3(THREADS), 0, y, gate_up,
                   n, (unsigned)dim);
    else
        GPU_LAUNCH((swiglu_forward<T, 1>), dim3(blocks_of(n)), dim3(THREADS), 0, y, gate_up, n,
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
    swiglu_backward(T *d_gate_up, const T *dy, const T *gate_up, size_t n, unsigned dim)
{
    size_t i = flat() * N;
    if (i >= n) return;
    size_t at = i / dim * 2 * dim + i % dim;
    float g[N], u[N], d[N];
    load<N>(g, gate_up + at);
    load<N>(u, gate_up + at + dim);
    load<N>(d, dy + i);
    for (int j = 0; j < N; j++) {
        float s = sigmoid(g[j]), dg = d[j] * u[j] * (s * (1.0f + g[j] * (1.0f - s)));
        u[j] = d[j] * g[j] * s;
        g[j] = dg;
    }
    store<N>(d_gate_up + at, g);
    store<N>(d_gate_up + at + dim, u);
}

template <class T>
static void run_swiglu_backward(T *d_gate_up, const T *dy, const T *gate_up, size_t rows,
                                size_t dim)
{
    size_t n = rows * dim;
    if (packs(dy, sizeof(T), dim) && packs(gate_up, sizeof(T), dim) &&
        packs(d_gate_up, sizeof(T), dim))
        GPU_LAUNCH((swiglu_backward<T, 4>), dim3(blocks_of(n / 4)), dim3(THREADS), 0, d_gate_up,
                   dy, gate_up, n, (unsigned)dim);
    else
        GPU_LAUNCH((swiglu_backward<T, 1>), dim3(blocks_of(n)), dim3(THREADS), 0, d_gate_up, dy,
                   gate_up, n, (unsigned)dim);
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
