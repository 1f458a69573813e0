/* Speed: the machine's peaks, and what the sections share. */
#include "speed_internal.h"

#include <masa/clock.h>
#include <masa/linear.h>
#include <masa/memory.h>
#include <masa/random.h>
#include <masa/rows.h>

#include <stdio.h>
#include <stdlib.h>

bool speed_fits(const speed *s, size_t tokens)
{
    return tokens <= masa_model_get_config(s->model)->max_positions;
}

size_t speed_size(size_t asked, size_t own)
{
    return asked ? asked : own;
}

void speed_tokens(const speed *s, int32_t *tokens, size_t n, uint64_t seed)
{
    masa_random random = masa_random_init(seed, MASA_STREAM_TEST);
    size_t vocab = masa_model_get_config(s->model)->vocab_size;
    for (size_t i = 0; i < n; i++)
        tokens[i] = (int32_t)masa_random_below(&random, (uint32_t)vocab);
}

void speed_reset_memory(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file) return;
    fputs("5", file);
    fclose(file);
}

void speed_wait(const void DEVICE *p)
{
    char byte;
    masa_device_get(&byte, p, 1);
}

static double roofline_share(const speed *s, const masa_speed_row *row)
{
    double peak = s->compute == MASA_BF16 ? s->peaks.gemm_bf16 : s->peaks.gemm_f32;
    if (peak == 0 || s->peaks.bandwidth == 0) return 0;
    double compute = row->flops / peak, memory = row->bytes / s->peaks.bandwidth;
    return (compute > memory ? compute : memory) / row->seconds;
}

void speed_add(const speed *s, const masa_speed_row *row)
{
    masa_speed_row whole = *row;
    whole.peak = (double)masa_device_peak();
    whole.share = roofline_share(s, row);
    if (s->report->row) s->report->row(s->report->context, &whole);
}

/* The best of several runs of a large product: noise only ever adds. */
static masa_status measure_gemm(double *rate, masa_dtype dtype, masa_error *err)
{
    enum { N = 2048 };
    masa_linear *map = NULL;
    void DEVICE *memory = NULL;
    float *values = masa_alloc(N * N, sizeof *values);
    masa_status st = masa_linear_create(&map, N, N, dtype, false, err);
    if (!st) st = masa_device_alloc(&memory, 2 * N * N, sizeof(float), "a product", err);
    if (!st) {
        double best = 1e30, begin = masa_clock();
        float DEVICE *x = memory, *y = x + N * N;
        for (size_t i = 0; i < N * N; i++) values[i] = (float)(i % 31) - 15;
        masa_device_put(y, values, N * N * sizeof *values);
        masa_linear_pack(map, y);
        masa_convert(x, dtype, y, MASA_F32, N * N);
        while (masa_clock() - begin < 1) {
            double start = masa_clock();
            masa_linear_forward(map, y, MASA_F32, x, NULL, N, false);
            speed_wait(y);
            double taken = masa_clock() - start;
            if (taken < best) best = taken;
        }
        *rate = 2.0 * N * N * N / best;
    }
    masa_linear_destroy(map);
    masa_device_free(memory);
    free(values);
    return st;
}

/* Adding one long array to another: two reads and a write. */
static masa_status measure_bandwidth(double *rate, masa_error *err)
{
    enum { N = 1 << 25 };
    void DEVICE *memory = NULL;
    masa_status st = masa_device_alloc(&memory, 2 * N, sizeof(float), "long arrays", err);
    if (st) return st;
    double best = 1e30, begin = masa_clock();
    float DEVICE *x = memory;
    while (masa_clock() - begin < 1) {
        double start = masa_clock();
        masa_add(x, x + N, N);
        speed_wait(x);
        double taken = masa_clock() - start;
        if (taken < best) best = taken;
    }
    *rate = 3.0 * N * sizeof(float) / best;
    masa_device_free(memory);
    return MASA_OK;
}

static masa_status measure_peaks(speed *s, masa_error *err)
{
    masa_status st = measure_gemm(&s->peaks.gemm_f32, MASA_F32, err);
    if (!st) st = measure_gemm(&s->peaks.gemm_bf16, MASA_BF16, err);
    if (!st) st = measure_bandwidth(&s->peaks.bandwidth, err);
    if (!st && s->report->peaks) s->report->peaks(s->report->context, &s->peaks);
    return st;
}

static const struct section {
    const char *name;
    masa_status (*run)(speed *s, masa_error *err);
    bool trains;
} sections[MASA_SPEED_SECTIONS] = {
    [MASA_SPEED_PEAKS] = {"peaks", measure_peaks, false},
    [MASA_SPEED_PREFILL] = {"prefill", speed_prefill, false},
    [MASA_SPEED_DECODE] = {"decode", speed_decode, false},
    [MASA_SPEED_GROUPS] = {"groups", speed_groups, false},
    [MASA_SPEED_TRAIN] = {"train", speed_train, true},
    [MASA_SPEED_STEP] = {"step", speed_step, true},
    [MASA_SPEED_CURVE] = {"curve", speed_curve, true},
};

const char *masa_speed_section_name(masa_speed_section section)
{
    return sections[section].name;
}

bool masa_speed_trains(unsigned wanted)
{
    bool trains = false;
    for (unsigned i = 0; i < MASA_SPEED_SECTIONS; i++)
        trains |= (wanted >> i & 1) && sections[i].trains;
    return trains;
}

masa_status masa_speed_measure(masa_model *model, const masa_speed_options *options,
                               const masa_speed_report *report, masa_error *err)
{
    speed s = {.model = model,
               .compute = masa_model_dtype(model),
               .options = options,
               .report = report};
    masa_status st = MASA_OK;
    for (unsigned i = 0; !st && i < MASA_SPEED_SECTIONS; i++)
        if (options->sections >> i & 1) st = sections[i].run(&s, err);
    return st;
}
