/* Rows moved, and summed, by number. */
#include "cuda.h"
#include "device.h"
#include "elements.h"

static const unsigned THREADS = 256, PARTS = 256;

/* One block a row of `units` units of T. */
template <class T>
__global__ void __launch_bounds__(THREADS)
    move_rows(T *to, size_t to_stride, const T *from, size_t from_stride, size_t units,
              const int32_t *index, bool scatter)
{
    size_t row = blockIdx.x;
    int32_t other = index[row];
    if (other < 0) return;
    T *out = to + (scatter ? (size_t)other : row) * to_stride;
    const T *in = from + (scatter ? row : (size_t)other) * from_stride;
    for (size_t i = threadIdx.x; i < units; i += blockDim.x) out[i] = in[i];
}

template <class T>
static void run_move(void *to, size_t to_stride, const void *from, size_t from_stride,
                     size_t width, const int32_t *index, size_t rows, bool scatter)
{
    size_t units = width / sizeof(T);
    GPU_LAUNCH(move_rows<T>, dim3((unsigned)rows), dim3(block_for(units, THREADS)), 0, (T *)to,
               to_stride / sizeof(T), (const T *)from, from_stride / sizeof(T), units, index,
               scatter);
}

struct alignas(16) sixteen {
    uint32_t at[4];
};

void cuda_move_rows(void *to, size_t to_stride, const void *from, size_t from_stride,
                    size_t width, const int32_t *index, size_t rows, bool scatter)
{
    if (rows == 0 || width == 0) return;
    size_t all = (size_t)(uintptr_t)to | to_stride | (size_t)(uintptr_t)from | from_stride | width;
    if (all % 16 == 0)
        run_move<sixteen>(to, to_stride, from, from_stride, width, index, rows, scatter);
    else if (all % 4 == 0)
        run_move<uint32_t>(to, to_stride, from, from_stride, width, index, rows, scatter);
    else
        run_move<uint16_t>(to, to_stride, from, from_stride, width, index, rows, scatter);
}

void cuda_gather_rows(void *to, const void *table, masa_dtype dtype, const int32_t *index,
                      size_t rows, size_t dim)
{
    size_t width = dim * masa_dtype_size(dtype);
    cuda_move_rows(to, width, table, width, width, index, rows, false);
}

/*
 * table[index[r]] += x[r] without atomics, equal indices in the order of rows. The block of
 * row r works only where r is the first row of its index; it then looks through the rows
 * from r on, a chunk of the block's size at a time, and adds those that it finds. grid.y
 * goes over columns, so that a thread has one sum, in a register.
 * Shared: the chunk's rows of that index, and where each warp's begin.
 */
__global__ void __launch_bounds__(THREADS)
    add_rows(float *table, const float *x, const int32_t *index, unsigned rows, unsigned dim)
{
    GPU_DYNAMIC_SHARED(unsigned, found);
    unsigned *counts = found + THREADS, first = blockIdx.x, lane = threadIdx.x % 32;
    unsigned warp = threadIdx.x / 32;
    int32_t mine = index[first];
    bool earlier = false;
    for (unsigned r = threadIdx.x; r < first && !earlier; r += THREADS)
        earlier = index[r] == mine;
    unsigned any = __ballot_sync(GPU_ALL, earlier);
    if (lane == 0) counts[warp] = any;
    __syncthreads();
    for (unsigned w = 0; w < THREADS / 32; w++)
        if (counts[w]) return; /* all threads see the same */
    unsigned column = blockIdx.y * THREADS + threadIdx.x;
    float *to = table + (size_t)mine * dim + column;
    float sum = column < dim ? *to : 0;
    for (unsigned base = first; base < rows; base += THREADS) {
        unsigned r = base + threadIdx.x;
        bool same = r < rows && index[r] == mine;
        unsigned bits = __ballot_sync(GPU_ALL, same), n = 0;
        __syncthreads(); /* the last chunk's list is used up */
        if (lane == 0) counts[warp] = (unsigned)__popc(bits);
        __syncthreads();
        for (unsigned w = 0; w < THREADS / 32; w++) {
            if (w == warp && same) found[n + (unsigned)__popc(bits & ((1u << lane) - 1))] = r;
            n += counts[w];
        }
        __syncthreads();
        for (unsigned i = 0; column < dim && i < n; i++)
            sum += x[(size_t)found[i] * dim + column];
    }
    if (column < dim) *to = sum;
}

void cuda_add_rows(float *table, const float *x, const int32_t *index, size_t rows, size_t dim)
{
    if (rows == 0) return;
    GPU_LAUNCH(add_rows, dim3((unsigned)rows, divide_up(dim, THREADS)), dim3(THREADS),
               (THREADS + THREADS / 32) * sizeof(unsigned), table, x, index, (unsigned)rows,
               (unsigned)dim);
}

template <class T>
__global__ void __launch_bounds__(THREADS)
    add_bias(T *y, const float *bias, size_t n, unsigned width)
{
    size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) put(y + i, to_f(y[i]) + bias[i % width]);
}

void cuda_add_bias(void *y, masa_dtype dtype, const float *bias, size_t rows, size_t n)
{
    size_t all = rows * n;
    if (all == 0) return;
    dim3 grid(divide_up(all, THREADS)), block(THREADS);
    if (dtype == MASA_F32)
        GPU_LAUNCH(add_bias<float>, grid, block, 0, (float *)y, bias, all, (unsigned)n);
    else
        GPU_LAUNCH(add_bias<bf16>, grid, block, 0, (bf16 *)y, bias, all, (unsigned)n);
}

/* parts [gridDim.y, n]: block (i, p) sums columns of i over every gridDim.y-th row from p. */
template <class T>
__global__ void __launch_bounds__(THREADS)
    sum_columns(float *parts, const T *x, unsigned rows, unsigned n)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float sum = 0;
    for (unsigned r = blockIdx.y; r < rows; r += gridDim.y) sum += to_f(x[(size_t)r * n + i]);
    parts[(size_t)blockIdx.y * n + i] = sum;
}

__global__ void __launch_bounds__(THREADS)
    sum_parts(float *total, const float *parts, unsigned n_parts, unsigned n)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float sum = 0;
    for (unsigned p = 0; p < n_parts; p++) sum += parts[(size_t)p * n + i];
    total[i] += sum;
}

void add_parts(float *total, const float *parts, unsigned n_parts, size_t n)
{
    unsigned threads = block_for(n, THREADS);
    GPU_LAUNCH(sum_parts, dim3(divide_up(n, threads)), dim3(threads), 0, total, parts, n_parts,
               (unsigned)n);
}

void cuda_add_columns(float *sum, const void *x, masa_dtype dtype, size_t rows, size_t n)
{
    if (rows == 0) return;
    unsigned parts_n = rows < PARTS ? (unsigned)rows : PARTS;
    float *parts = (float *)device_scratch(SCRATCH_PARTS, parts_n * n * sizeof *parts);
    unsigned threads = block_for(n, THREADS), across = divide_up(n, threads);
    if (dtype == MASA_F32)
        GPU_LAUNCH(sum_columns<float>, dim3(across, parts_n), dim3(threads), 0, parts,
                   (const float *)x, (unsigned)rows, (unsigned)n);
    else
        GPU_LAUNCH(sum_columns<bf16>, dim3(across, parts_n), dim3(threads), 0, parts,
                   (const bf16 *)x, (unsigned)rows, (unsigned)n);
    add_parts(sum, parts, parts_n, n);
}
