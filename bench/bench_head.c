/*
 * The fused output head: tokens/s and GFLOP/s of its forward and backward pass, and the
 * log-sum-exp of one row, which a sampler takes for every token.
 *
 *     bench_head [rows [vocab [hidden [seconds per measurement]]]]
 */
#include "bench.h"
#include <masa/cpu.h>
#include <masa/head.h>
#include <masa/parallel.h>
#include <masa/sample.h>

static void show(const char *name, size_t rows, double flops, double seconds)
{
    printf("%-10s %8.3f ms  %9.0f rows/s  %7.1f GFLOP/s\n", name, seconds * 1e3,
           (double)rows / seconds, flops * 1e-9 / seconds);
}

static masa_status measure(masa_dtype dtype, size_t rows, size_t vocab, size_t hidden,
                           masa_error *err)
{
    masa_linear *linear = NULL;
    masa_head *head = NULL;
    masa_status st = masa_linear_create(&linear, vocab, hidden, dtype, true, err);
    if (!st) st = masa_head_create(&head, vocab, hidden, dtype, 0, err);
    if (!st) {
        double s, flops = 2.0 * (double)rows * (double)vocab * (double)hidden;
        float *weight = bench_values(MASA_F32, vocab * hidden),
              *dlogprob = bench_values(MASA_F32, rows);
        float *dx = bench_values(MASA_F32, rows * hidden),
              *out = bench_values(MASA_F32, 3 * rows);
        void *x = bench_values(dtype, rows * hidden);
        int32_t *targets = calloc(rows, sizeof *targets);
        masa_linear_pack(linear, weight);
        BENCH_SECONDS(s, masa_head_forward(head, linear, out, out + rows, out + 2 * rows, x,
                                           targets, rows, 1));
        show("forward", rows, flops, s);
        BENCH_SECONDS(s, masa_head_backward(head, linear, dx, weight, dlogprob, out + rows, x,
                                            targets, rows, 1));
        show("backward", rows, 3 * flops, s);
        free(weight), free(dlogprob), free(dx), free(out), free(x), free(targets);
    }
    masa_head_destroy(head);
    masa_linear_destroy(linear);
    return st;
}

int main(int argc, char **argv)
{
    size_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 1024;
    size_t vocab = argc > 2 ? strtoull(argv[2], NULL, 10) : 49152;
    size_t hidden = argc > 3 ? strtoull(argv[3], NULL, 10) : 576;
    if (argc > 4) bench_budget = atof(argv[4]);
    masa_error err;
    double s;
    float *logits = bench_values(MASA_F32, vocab);
    masa_draw draw = {.sampling = {.temperature = 1, .top_p = 1}, .u = 0.5};
    printf("%s, %d threads\n", masa_isa_name(masa_isa_get()), masa_threads());
    BENCH_SECONDS(s, masa_sample(&draw, 1, logits, vocab));
    show("sample", 1, 0, s);
    free(logits);
    for (int dtype = MASA_F32; dtype <= MASA_BF16; dtype++) {
        printf("%s\n", dtype == MASA_BF16 ? "bf16" : "float32");
        masa_status st = measure((masa_dtype)dtype, rows, vocab, hidden, &err);
        if (st) {
            fprintf(stderr, "bench_head: %s\n", err.message);
            return masa_status_exit(st);
        }
    }
    return 0;
}
