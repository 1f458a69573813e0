/*
 * All linear maps of a SmolLM2-135M decoding step in order, so that the weights come
 * from memory as they do in generation, not from a cache: the upper bound of tokens/s
 * by the number of rows, and the GB/s of weights beside what plain reading reaches.
 *
 *     bench_decode_maps [seconds per measurement]
 */
#include "bench.h"
#include <masa/adamw.h>
#include <masa/cpu.h>
#include <masa/device.h>
#include <masa/linear.h>
#include <masa/parallel.h>

enum { LAYERS = 30, MAPS = 4, HIDDEN = 576, VOCAB = 49152, MOST = 128 };
static const size_t shape[MAPS][2] = {{960, 576}, {576, 576}, {3072, 576}, {576, 1536}};
static masa_linear *maps[LAYERS][MAPS], *head;

static masa_linear *make(size_t out, size_t in, const float *weight)
{
    masa_linear *l = NULL;
    if (masa_linear_create(&l, out, in, masa_device_compute(), false, NULL)) exit(1);
    masa_linear_pack(l, weight);
    return l;
}

static void step(void *y, float *logits, const void *x, size_t rows)
{
    for (int l = 0; l < LAYERS; l++)
        for (int m = 0; m < MAPS; m++)
            masa_linear_forward(maps[l][m], y, masa_device_compute(), x, NULL, rows, false);
    masa_linear_forward(head, logits, MASA_F32, x, NULL, rows, false);
}

/* GB/s of reading once through memory far larger than any cache. */
static double read_bandwidth(void)
{
    size_t n = (size_t)1 << 26;
    float *x = bench_values(MASA_F32, n);
    double s;
    BENCH_SECONDS(s, masa_sum_squares(x, n));
    free(x);
    return 4e-9 * (double)n / s;
}

int main(int argc, char **argv)
{
    bench_budget = argc > 1 ? atof(argv[1]) : 1;
    float *weight = bench_values(MASA_F32, (size_t)VOCAB * HIDDEN);
    double bytes = 0, taken;
    for (int l = 0; l < LAYERS; l++)
        for (int m = 0; m < MAPS; m++) {
            maps[l][m] = make(shape[m][0], shape[m][1], weight);
            bytes += (double)masa_linear_bytes(maps[l][m]);
        }
    head = make(VOCAB, HIDDEN, weight);
    bytes += (double)masa_linear_bytes(head);
    void *x = bench_values(masa_device_compute(), MOST * 1536),
         *y = bench_values(MASA_F32, MOST * 3072);
    float *logits = bench_values(MASA_F32, (size_t)MOST * VOCAB);
    printf("%s, %d threads, %.0f MB of weights, reading %.1f GB/s\n",
           masa_isa_name(masa_isa_get()), masa_threads(), bytes * 1e-6, read_bandwidth());
    for (size_t rows = 1; rows <= MOST; rows *= 2) {
        BENCH_SECONDS(taken, step(y, logits, x, rows));
        printf("rows %3zu  %6.2f ms  %7.0f tokens/s  %5.1f GB/s  %6.1f GFLOP/s\n", rows,
               taken * 1e3, (double)rows / taken, 1e-9 * bytes / taken,
               1e-9 * bytes / (double)masa_dtype_size(masa_device_compute()) * 2 *
                   (double)rows / taken);
    }
    for (int l = 0; l < LAYERS; l++)
        for (int m = 0; m < MAPS; m++) masa_linear_destroy(maps[l][m]);
    masa_linear_destroy(head);
    free(weight), free(x), free(y), free(logits);
    return 0;
}
