/* Rows moved, and summed, by number. */
#include "cuda.h"
#include "cuda_device.h"
#include "cuda_elements.h"

static const unsigned THREADS = 256, PARTS = 256;

/* One block a row of `units` units of T. */
template <class T>
__global__ void __launch_bounds__(THREADS)
    gather_rows(T *to, const T *table, const int32_t *index, unsigned units)
{
    T *out = to + (size_t)blockIdx.x * units;
    const T *in = table + (size_t)index[blockIdx.x] * units;
    for (unsigned i = threadIdx.x; i < units; i += THREADS) out[i] = in[i];
}

template <class T>
static void run_gather(void *to, const void *table, const int32_t *index, size_t rows,
                       size_t bytes)
{
    GPU_LAUNCH(gather_rows<T>, dim3((unsigned)rows), dim3(THREADS), 0, (T *)to,
               (const T *)table, index, (unsigned)(bytes / sizeof(T)));
}

struct alignas(16) sixteen {
    uint32_t at[4];
};

void cuda_gather_rows(void *to, const void *table, masa_dtype dtype, const int32_t *index,
                      size_t rows, size_t dim)
{
    size_t bytes = dim * masa_dtype_size(dtype);
    size_t all = (size_t)(uintptr_t)to | (size_t)(uintptr_t)table | bytes;
    if (rows == 0) return;
    if (all % 16 == 0) run_gather<sixteen>(to, table, index, rows, bytes);
    else if (all % 4 == 0) run_gather<uint32_t>(to, table, index, rows, bytes);
    else run_gather<uint16_t>(to, table, index, rows, bytes);
}

template <class To, class From>
__global__ void __launch_bounds__(THREADS)
    scale_rows(To *to, const int32_t *to_index, const From *from, const int32_t *from_index,
               const float *weight, unsigned dim)
{
    size_t r = blockIdx.x;
    To *out = to + (to_index ? (size_t)to_index[r] : r) * dim;
    const From *in = from + (from_index ? (size_t)from_index[r] : r) * dim;
    float w = weight[r];
    for (unsigned i = threadIdx.x; i < dim; i += THREADS) put(out + i, w * to_f(in[i]));
}

template <class To, class From>
static void run_scale(void *to, const int32_t *to_index, const void *from,
                      const int32_t *from_index, const float *weight, size_t rows, size_t dim)
{
    GPU_LAUNCH((scale_rows<To, From>), dim3((unsigned)rows), dim3(THREADS), 0, (To *)to,
               to_index, (const From *)from, from_index, weight, (unsigned)dim);
}

void cuda_scale_rows(void *to, masa_dtype to_dtype, const int32_t *to_index, const void *from,
                     masa_dtype from_dtype, const int32_t *from_index, const float *weight,
                     size_t rows, size_t dim)
{
    if (rows == 0) return;
    auto run = to_dtype == MASA_F32
                   ? (from_dtype == MASA_F32 ? run_scale<float, float> : run_scale<float, bf16>)
                   : (from_dtype == MASA_F32 ? run_scale<bf16, float> : run_scale<bf16, bf16>);
    run(to, to_index, from, from_index, weight, rows, dim);
}

/* One part of the records, a block a row: units of 4 bytes. */
__global__ void __launch_bounds__(THREADS)
    move_record(uint32_t *records, size_t record, const int32_t *index, uint32_t *array,
                unsigned units, bool read)
{
    size_t row = blockIdx.x;
    if (index[row] < 0) return;
    uint32_t *there = records + (size_t)index[row] * record, *here = array + row * units;
    for (unsigned i = threadIdx.x; i < units; i += THREADS) {
        if (read) here[i] = there[i];
        else there[i] = here[i];
    }
}

void cuda_move_records(void *records, size_t record_bytes, const int32_t *index, size_t rows,
                       const masa_record_part *parts, size_t n_parts, bool read)
{
    if (rows == 0) return;
    for (size_t i = 0; i < n_parts; i++)
        GPU_LAUNCH(move_record, dim3((unsigned)rows), dim3(THREADS), 0,
                   (uint32_t *)((char *)records + parts[i].at), record_bytes / 4, index,
                   (uint32_t *)parts[i].array, (unsigned)(parts[i].bytes / 4), read);
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
    add_bias(T *y, const float *x, const float *bias, unsigned n, bool accumulate)
{
    size_t row = blockIdx.x * (size_t)n;
    for (unsigned i = threadIdx.x; i < n; i += THREADS) {
        float sum = x[row + i] + bias[i];
        put(y + row + i, accumulate ? to_f(y[row + i]) + sum : sum);
    }
}

void cuda_add_bias(void *y, masa_dtype dtype, const float *x, const float *bias, size_t rows,
                   size_t n, bool accumulate)
{
    if (rows == 0) return;
    dim3 grid((unsigned)rows), block(THREADS);
    if (dtype == MASA_F32)
        GPU_LAUNCH(add_bias<float>, grid, block, 0, (float *)y, x, bias, (unsigned)n,
                   accumulate);
    else
        GPU_LAUNCH(add_bias<bf16>, grid, block, 0, (bf16 *)y, x, bias, (unsigned)n, accumulate);
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

/* A block 32 columns: each warp sums every 8th part, then the warps' sums are added in their
 * order. Shared: those, [8][32]. */
__global__ void __launch_bounds__(THREADS)
    sum_parts(float *total, const float *parts, unsigned n_parts, unsigned n)
{
    GPU_DYNAMIC_SHARED(float, sums);
    const unsigned warps = THREADS / 32;
    unsigned lane = threadIdx.x % 32, i = blockIdx.x * 32 + lane;
    float sum = 0;
#pragma unroll 8
    for (unsigned p = threadIdx.x / 32; p < n_parts; p += warps)
        sum += i < n ? parts[(size_t)p * n + i] : 0;
    sums[threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.x >= 32 || i >= n) return;
    for (unsigned w = 1; w < warps; w++) sum += sums[w * 32 + lane];
    total[i] += sum;
}

void add_parts(float *total, const float *parts, unsigned n_parts, size_t n)
{
    GPU_LAUNCH(sum_parts, dim3(divide_up(n, 32)), dim3(THREADS), THREADS * sizeof(float), total,
               parts, n_parts, (unsigned)n);
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
