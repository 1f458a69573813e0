/*
 * Row kernels and the optimiser: GB/s moved, beside what plain reading reaches. Sizes
 * are those of a training pass of SmolLM2-135M over 4096 tokens, larger than the caches.
 *
 *     bench_rows [seconds per measurement]
 */
#include "bench.h"
#include <masa/adamw.h>
#include <masa/cpu.h>
#include <masa/parallel.h>
#include <masa/rows.h>

enum { ROWS = 4096, DIM = 576, GATE = 1536, HEADS = 12, HEAD_DIM = 64, PARAMETERS = 1 << 24 };

static void show(const char *name, double bytes, double seconds)
{
    printf("%-18s %6.1f GB/s  %7.3f ms\n", name, 1e-9 * bytes / seconds, seconds * 1e3);
}

static void norms(masa_dtype dtype)
{
    double s, n = (double)ROWS * DIM;
    float *x = bench_values(MASA_F32, (size_t)ROWS * DIM), *gain = bench_values(MASA_F32, DIM);
    float *dy = bench_values(MASA_F32, (size_t)ROWS * DIM);
    float *dx = bench_values(MASA_F32, (size_t)ROWS * DIM),
          *rstd = bench_values(MASA_F32, ROWS);
    void *y = bench_values(dtype, (size_t)ROWS * DIM);
    BENCH_SECONDS(s, masa_rmsnorm_forward(y, dtype, rstd, x, gain, ROWS, DIM, 1e-5f));
    show("rmsnorm forward", n * (4 + (double)masa_dtype_size(dtype)), s);
    BENCH_SECONDS(s, masa_rmsnorm_backward(dx, gain, dy, x, gain, rstd, ROWS, DIM));
    show("rmsnorm backward", n * 16, s);
    BENCH_SECONDS(s, masa_add(x, dy, (size_t)ROWS * DIM));
    show("add", n * 12, s);
    BENCH_SECONDS(s, masa_convert(y, dtype, x, MASA_F32, (size_t)ROWS * DIM));
    show("convert", n * (4 + (double)masa_dtype_size(dtype)), s);
    free(x), free(gain), free(dy), free(dx), free(rstd), free(y);
}

static void gates(masa_dtype dtype)
{
    double s, bytes = (double)ROWS * GATE * (double)masa_dtype_size(dtype);
    void *gate_up = bench_values(dtype, (size_t)ROWS * 2 * GATE);
    void *d = bench_values(dtype, (size_t)ROWS * 2 * GATE);
    void *y = bench_values(dtype, (size_t)ROWS * GATE);
    BENCH_SECONDS(s, masa_swiglu_forward(y, gate_up, dtype, ROWS, GATE));
    show("swiglu forward", 3 * bytes, s);
    BENCH_SECONDS(s, masa_swiglu_backward(d, y, gate_up, dtype, ROWS, GATE));
    show("swiglu backward", 5 * bytes, s);
    free(gate_up), free(d), free(y);
}

static void rotation(masa_dtype dtype)
{
    double s, bytes = 2.0 * ROWS * HEADS * HEAD_DIM * (double)masa_dtype_size(dtype);
    void *x = bench_values(dtype, (size_t)ROWS * HEADS * HEAD_DIM);
    float *cosine = bench_values(MASA_F32, ROWS * HEAD_DIM / 2);
    int32_t positions[ROWS];
    for (int i = 0; i < ROWS; i++) positions[i] = i % 512, cosine[i] = 0.7f;
    BENCH_SECONDS(s, masa_rope_apply(x, dtype, HEADS * HEAD_DIM, positions, cosine, cosine,
                                     ROWS, HEADS, HEAD_DIM, false));
    show("rope", bytes, s);
    free(x), free(cosine);
}

int main(int argc, char **argv)
{
    if (argc > 1) bench_budget = atof(argv[1]);
    double s;
    float *w = bench_values(MASA_F32, PARAMETERS), *m = bench_values(MASA_F32, PARAMETERS);
    float *v = calloc(PARAMETERS, sizeof *v), *grad = bench_values(MASA_F32, PARAMETERS);
    masa_adamw options = {1e-6f, 0.9f, 0.999f, 1e-8f, 0.01f, 1, 10, MASA_F32, 0};
    printf("%s, %d threads\n", masa_isa_name(masa_isa_get()), masa_threads());
    BENCH_SECONDS(s, masa_sum_squares(w, PARAMETERS));
    show("sum of squares", 4.0 * PARAMETERS, s);
    BENCH_SECONDS(s, masa_adamw_update(w, m, v, grad, PARAMETERS, &options));
    show("adamw", 28.0 * PARAMETERS, s);
    free(w), free(m), free(v), free(grad);
    for (int dtype = MASA_F32; dtype <= MASA_BF16; dtype++) {
        printf("%s\n", dtype == MASA_BF16 ? "bf16" : "float32");
        norms((masa_dtype)dtype);
        gates((masa_dtype)dtype);
        rotation((masa_dtype)dtype);
    }
    return 0;
}
