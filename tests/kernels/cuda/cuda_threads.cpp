/*
 * Kernels that share memory among threads, once each with real threads under
 * ThreadSanitizer: a missing barrier is a data race with file and line. What they compute is
 * the other tests' business. Argument "planted": a kernel without its barrier.
 */
#include <string.h>
#include <vector>
#include "cuda.h"
#include "cuda_device.h"
#include "cuda_elements.h"

__global__ void unguarded(float *out)
{
    GPU_DYNAMIC_SHARED(float, part);
    part[threadIdx.x] = 1;
    out[threadIdx.x] = part[threadIdx.x ^ 32];
}

/* Small finite numbers, of bytes that are so in either type. */
static void *numbers(size_t bytes)
{
    std::vector<uint16_t> host(bytes / 2 + 1);
    for (size_t i = 0; i < host.size(); i++) host[i] = (uint16_t)(0x3e00 + i * 37 % 128);
    void *p = device_alloc(bytes, false);
    device_put(p, host.data(), bytes);
    return p;
}

static void run_rows()
{
    enum { ROWS = 3, DIM = 300 };
    float *x = (float *)numbers(4 * ROWS * DIM), *y = (float *)numbers(4 * ROWS * DIM);
    float *gain = (float *)numbers(4 * DIM), *rstd = (float *)numbers(4 * ROWS);
    int32_t host[ROWS] = {1, 0, 1}, *index = (int32_t *)device_alloc(sizeof host, false);
    device_put(index, host, sizeof host);
    cuda_rmsnorm_forward(y, MASA_F32, rstd, x, gain, ROWS, DIM, 1e-5f);
    cuda_rmsnorm_backward(y, gain, x, x, gain, rstd, ROWS, DIM);
    cuda_add_rows(y, x, index, ROWS, DIM);
    cuda_softmax_forward(rstd, gain, NULL, x, index, ROWS, DIM, 1);
    masa_draw draw = {};
    draw.sampling.temperature = 1;
    draw.u = 0.5;
    cuda_sample(&draw, 1, x, DIM);
    draw.sampling.temperature = 0;
    cuda_sample(&draw, 1, x, DIM);
    double sum;
    cuda_sums_of_squares(&sum, x, ROWS * DIM);
}

static void run_attention(unsigned head_dim, masa_dtype dtype)
{
    enum { ROWS = 38, BLOCK = 16 };
    static const masa_segment segments[] = {{0, 35, -1}, {35, 3, 0}};
    size_t size = masa_dtype_size(dtype), bytes = ROWS * 3 * head_dim * size;
    masa_attention_shape shape = {1, 1, head_dim, 3 * head_dim, 0.1f, dtype};
    char *x = (char *)numbers(bytes), *dx = (char *)numbers(bytes);
    char *out = (char *)numbers(ROWS * head_dim * size);
    float *lse = (float *)numbers(4 * ROWS), *parts = (float *)numbers(4 * ROWS);
    void *plan = cuda_plan_create(2);
    cuda_plan_set(plan, segments, 2);
    size_t k = head_dim * size, v = 2 * k;
    cuda_attention_forward(out, lse, x, x + k, x + v, plan, &shape);
    cuda_attention_backward(dx, dx + k, dx + v, parts, out, out, lse, x, x + k, x + v, plan,
                            ROWS, &shape);
    int32_t table[5] = {4, 3, 2, 1, 0}, sequences[2] = {0, 0}, lengths[2] = {37, 38};
    masa_kv_layer kv = {numbers(5 * BLOCK * head_dim * size),
                        numbers(5 * BLOCK * head_dim * size),
                        BLOCK,
                        1,
                        head_dim,
                        dtype};
    masa_cached_rows rows = {2,
                             1,
                             2,
                             38,
                             5,
                             (int32_t *)device_alloc(20, false),
                             (int32_t *)device_alloc(8, false),
                             (int32_t *)device_alloc(8, false),
                             NULL};
    device_put((void *)rows.block_tables, table, sizeof table);
    device_put((void *)rows.sequences, sequences, sizeof sequences);
    device_put((void *)rows.lengths, lengths, sizeof lengths);
    cuda_attention_cached(out, lse, x, &kv, &rows, &shape);
    device_wait();
}

int main(int argc, char **argv)
{
    if (device_start(0, false)) return 1;
    if (argc > 1 && strcmp(argv[1], "planted") == 0) {
        GPU_LAUNCH(unguarded, dim3(1), dim3(64), 64 * sizeof(float), (float *)numbers(256));
        device_wait();
        return 0;
    }
    run_rows();
    run_attention(64, MASA_BF16);
    run_attention(6, MASA_F32);
    return 0;
}
