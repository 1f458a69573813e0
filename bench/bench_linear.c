/*
 * Linear maps by shape: GFLOP/s of forward, backward input and backward weight for the
 * layers of SmolLM2-135M, or of the shapes named, beside the peak (a large square product) of the
 * same run. For few rows the GB/s of weights read says more.
 *
 *     bench_linear [seconds per measurement [OUTxIN...]]
 */
#include "bench.h"
#include <masa/cpu.h>
#include <masa/linear.h>
#include <masa/parallel.h>

static const struct {
    const char *name;
    size_t out, in;
} layers[] = {{"qkv", 960, 576},
              {"o", 576, 576},
              {"gate_up", 3072, 576},
              {"down", 576, 1536},
              {"head", 49152, 576}};
static const size_t rows[] = {1, 2, 4, 8, 16, 32, 64, 128, 512, 2048};

struct operands {
    masa_linear *map;
    masa_dtype dtype;
    void *x, *y, *dx;
    float *weight, *dw;
};

static struct operands make(size_t out, size_t in, size_t most, masa_dtype dtype)
{
    struct operands o = {.dtype = dtype};
    if (masa_linear_create(&o.map, out, in, dtype, true, NULL)) exit(1);
    o.weight = bench_values(MASA_F32, out * in);
    o.dw = bench_values(MASA_F32, out * in);
    o.x = bench_values(dtype, most * in);
    o.dx = bench_values(dtype, most * in);
    o.y = bench_values(dtype, most * out);
    masa_linear_pack(o.map, o.weight);
    return o;
}

static void drop(struct operands *o)
{
    masa_linear_destroy(o->map);
    free(o->weight), free(o->dw), free(o->x), free(o->dx), free(o->y);
}

static double peak(masa_dtype dtype)
{
    const size_t n = 2048;
    double s;
    struct operands o = make(n, n, n, dtype);
    BENCH_SECONDS(s,
                  masa_linear_forward(o.map, o.y, dtype, o.x, NULL, n, false)); /* warms up */
    BENCH_SECONDS(s, masa_linear_forward(o.map, o.y, dtype, o.x, NULL, n, false));
    drop(&o);
    return 2e-9 * (double)(n * n * n) / s;
}

static void measure(const char *name, size_t out, size_t in, masa_dtype dtype)
{
    size_t most = out > 10000 ? 512 : 2048;
    struct operands o = make(out, in, most, dtype);
    double pack, bytes = (double)(out * in * masa_dtype_size(dtype));
    BENCH_SECONDS(pack, masa_linear_pack(o.map, o.weight));
    printf("%s [%zu, %zu] packing both ways %.2f ms\n", name, out, in, pack * 1e3);
    for (size_t r = 0; r < sizeof rows / sizeof *rows && rows[r] <= most; r++) {
        double f, bi, bw, flop = 2e-9 * (double)(rows[r] * out * in);
        BENCH_SECONDS(f, masa_linear_forward(o.map, o.y, dtype, o.x, NULL, rows[r], false));
        BENCH_SECONDS(bi, masa_linear_backward_input(o.map, o.dx, dtype, o.y, rows[r], false));
        BENCH_SECONDS(bw, masa_linear_backward_weight(o.map, o.dw, NULL, o.y, o.x, rows[r]));
        printf("  rows %4zu  forward %7.1f GFLOP/s (%5.1f us, %5.1f GB/s)  input %7.1f"
               "  weight %7.1f\n",
               rows[r], flop / f, f * 1e6, 1e-9 * bytes / f, flop / bi, flop / bw);
        fflush(stdout);
    }
    drop(&o);
}

int main(int argc, char **argv)
{
    if (argc > 1) bench_budget = atof(argv[1]);
    printf("%s, %d threads\n", masa_isa_name(masa_isa_get()), masa_threads());
    for (int dtype = MASA_BF16; dtype >= MASA_F32; dtype--) {
        printf("%s: peak %.0f GFLOP/s\n", dtype == MASA_BF16 ? "bf16" : "float32",
               peak((masa_dtype)dtype));
        for (size_t l = 0; argc < 3 && l < sizeof layers / sizeof *layers; l++)
            measure(layers[l].name, layers[l].out, layers[l].in, (masa_dtype)dtype);
        for (int i = 2; i < argc; i++) {
            size_t out, in;
            if (sscanf(argv[i], "%zux%zu", &out, &in) != 2) return 1;
            measure("map", out, in, (masa_dtype)dtype);
        }
    }
    return 0;
}
