/*
 * Attention of a decoding step over the block cache, all layers of SmolLM2-135M so that
 * keys and values come from memory: by batch and context, with blocks of its own for
 * every sequence and with a prompt that groups of 16 share.
 *
 *     bench_attention_cached [seconds per measurement]
 */
#include "bench.h"
#include <masa/attention.h>
#include <masa/device.h>

enum { LAYERS = 30, HEADS = 9, KV_HEADS = 3, DIM = 64, BLOCK = 16, MOST = 128, GROUP = 16 };
static masa_kv_layer layers[LAYERS];
static masa_attention_shape shape = {HEADS,  KV_HEADS, DIM, (HEADS + 2 * KV_HEADS) * DIM,
                                     0.125f, MASA_F32};
static int32_t tables[MOST * 16], sequences[MOST], lengths[MOST], runs[MOST + 1];

static void step(void *out, const void *q, size_t rows, size_t blocks)
{
    masa_cached_rows cached = {.rows = rows,
                               .n_runs = rows,
                               .longest_run = 1,
                               .longest_context = blocks * BLOCK,
                               .max_blocks = blocks,
                               .block_tables = tables,
                               .sequences = sequences,
                               .lengths = lengths,
                               .runs = runs};
    for (int l = 0; l < LAYERS; l++)
        masa_attention_cached(out, NULL, q, &layers[l], &cached, &shape);
}

static void measure(void *out, const void *q, size_t rows, size_t context, size_t shared)
{
    size_t blocks = context / BLOCK;
    double s;
    for (size_t r = 0; r < rows; r++) {
        sequences[r] = (int32_t)r;
        runs[r + 1] = (int32_t)r + 1;
        lengths[r] = (int32_t)context - (int32_t)(r % BLOCK);
        for (size_t b = 0; b < blocks; b++) {
            size_t owner = b < shared / BLOCK ? r / GROUP * GROUP : r;
            tables[r * blocks + b] = (int32_t)(b * MOST + owner);
        }
    }
    BENCH_SECONDS(s, step(out, q, rows, blocks));
    double keys = (double)(LAYERS * rows * context);
    printf("rows %3zu  context %4zu (shared %3zu)  %6.2f ms  %5.1f GB/s  %6.1f GFLOP/s\n", rows,
           context, shared, 1e3 * s,
           1e-9 * keys * 2 * KV_HEADS * DIM * (double)masa_dtype_size(shape.dtype) / s,
           1e-9 * keys * 4 * HEADS * DIM / s);
}

int main(int argc, char **argv)
{
    bench_budget = argc > 1 ? atof(argv[1]) : 0.5;
    shape.dtype = masa_device_compute();
    size_t most = (size_t)MOST * 256 * KV_HEADS * DIM;
    for (int l = 0; l < LAYERS; l++)
        layers[l] = (masa_kv_layer){bench_values(shape.dtype, most),
                                    bench_values(shape.dtype, most),
                                    BLOCK,
                                    KV_HEADS,
                                    DIM,
                                    shape.dtype};
    void *q = bench_values(shape.dtype, MOST * shape.stride);
    void *out = bench_values(shape.dtype, MOST * HEADS * DIM);
    static const size_t contexts[][2] = {{64, 0}, {192, 0}, {192, 128}};
    for (size_t rows = 16; rows <= MOST; rows *= 2)
        for (size_t i = 0; i < 3; i++) measure(out, q, rows, contexts[i][0], contexts[i][1]);
    for (int l = 0; l < LAYERS; l++) free(layers[l].k), free(layers[l].v);
    free(q), free(out);
    return 0;
}
