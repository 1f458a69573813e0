/* masa bench: speed on the machine at hand, beside what the machine can do. */
#include "cmd_bench.h"
#include "commands.h"
#include "options.h"
#include "output.h"
#include "text_model.h"

#include <masa/clock.h>
#include <masa/cpu.h>
#include <masa/linear.h>
#include <masa/memory.h>
#include <masa/parallel.h>
#include <masa/random.h>
#include <masa/rows.h>
#include <masa/run_folder.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool bench_fits(const bench *b, size_t tokens)
{
    return tokens <= masa_model_get_config(b->model)->max_positions;
}

size_t bench_size(long asked, size_t own)
{
    return asked > 0 ? (size_t)asked : own;
}

void bench_tokens(const bench *b, int32_t *tokens, size_t n, uint64_t seed)
{
    masa_random random = masa_random_init(seed, MASA_STREAM_TEST);
    size_t vocab = masa_model_get_config(b->model)->vocab_size;
    for (size_t i = 0; i < n; i++)
        tokens[i] = (int32_t)masa_random_below(&random, (uint32_t)vocab);
}

void bench_reset_memory(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file) return;
    fputs("5", file);
    fclose(file);
}

static double roofline_share(const bench *b, const bench_row *row)
{
    double peak = b->compute == MASA_BF16 ? b->gemm_bf16 : b->gemm_f32;
    if (peak == 0 || b->bandwidth == 0) return 0;
    double compute = row->flops / peak, memory = row->bytes / b->bandwidth;
    return (compute > memory ? compute : memory) / row->seconds;
}

static void print_json(const bench_row *row, double share, double memory)
{
    json_t *o =
        json_pack("{s:s, s:s, s:f, s:f, s:f, s:f, s:f}", "section", row->section, "name",
                  row->name, "tokens", row->tokens, "seconds", row->seconds,
                  "tokens_per_second", row->tokens / row->seconds, "gflops",
                  1e-9 * row->flops / row->seconds, "peak_memory_mib", memory / (1 << 20));
    if (share > 0) json_object_set_new(o, "roofline_share", json_real(share));
    if (row->planned > 0)
        json_object_set_new(o, "planned_memory_mib", json_real(row->planned / (1 << 20)));
    json_print_line(o);
    json_decref(o);
}

void bench_print(const bench *b, const bench_row *row)
{
    double share = roofline_share(b, row), memory = (double)masa_device_peak();
    if (b->json) {
        print_json(row, share, memory);
        return;
    }
    printf("%-8s %-22s %9.3f s", row->section, row->name, row->seconds);
    if (row->tokens > 0)
        printf(" %9.1f tokens/s %8.1f GFLOP/s", row->tokens / row->seconds,
               1e-9 * row->flops / row->seconds);
    if (share > 0) printf("  %3.0f %% of the roofline", 100 * share);
    printf("  %6.0f MiB", memory / (1 << 20));
    if (row->planned > 0) printf(" (planned %.0f)", row->planned / (1 << 20));
    printf("\n");
    cli_output_flush();
}

/* Waits until all that was queued is done. */
static void wait_for(const void DEVICE *p)
{
    char byte;
    masa_device_get(&byte, p, 1);
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
            wait_for(y);
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
        wait_for(x);
        double taken = masa_clock() - start;
        if (taken < best) best = taken;
    }
    *rate = 3.0 * N * sizeof(float) / best;
    masa_device_free(memory);
    return MASA_OK;
}

static masa_status measure_peaks(bench *b, masa_error *err)
{
    masa_status st = measure_gemm(&b->gemm_f32, MASA_F32, err);
    if (!st) st = measure_gemm(&b->gemm_bf16, MASA_BF16, err);
    if (!st) st = measure_bandwidth(&b->bandwidth, err);
    if (st) return st;
    if (!b->json) {
        printf("peaks    %s: products %.0f GFLOP/s in bf16, %.0f in f32; "
               "memory %.1f GB/s\n",
               masa_device_name(), 1e-9 * b->gemm_bf16, 1e-9 * b->gemm_f32,
               1e-9 * b->bandwidth);
        return MASA_OK;
    }
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:i, s:f, s:f, s:f}", "section", "peaks", "device",
                  masa_device_name(), "isa", masa_isa_name(masa_isa_get()), "threads",
                  masa_threads(), "gemm_bf16_gflops", 1e-9 * b->gemm_bf16, "gemm_f32_gflops",
                  1e-9 * b->gemm_f32, "memory_gb_per_second", 1e-9 * b->bandwidth);
    json_print_line(o);
    json_decref(o);
    return MASA_OK;
}

static const struct section {
    const char *name;
    masa_status (*run)(bench *b, masa_error *err);
    bool trains, named; /* named: run only if the list names it */
} sections[] = {
    {"peaks", measure_peaks, false, false}, {"prefill", bench_prefill, false, false},
    {"decode", bench_decode, false, false}, {"groups", bench_groups, false, false},
    {"train", bench_train, true, false},    {"step", bench_step, true, false},
    {"curve", bench_curve, true, true},
};
enum { SECTIONS = sizeof sections / sizeof *sections };

/* Which sections the comma-separated list names; NULL: all but those to be named. */
static masa_status choose(bool chosen[SECTIONS], const char *list, masa_error *err)
{
    for (size_t i = 0; i < SECTIONS; i++) chosen[i] = !list && !sections[i].named;
    while (list && *list) {
        size_t n = strcspn(list, ","), i = 0;
        while (i < SECTIONS &&
               !(strlen(sections[i].name) == n && memcmp(sections[i].name, list, n) == 0))
            i++;
        if (i == SECTIONS)
            return MASA_FAIL(err, MASA_ERR_USAGE,
                             "no section \"%.*s\": they are peaks, prefill, decode, groups, "
                             "train, step and curve",
                             (int)n, list);
        chosen[i] = true;
        list += n + (list[n] == ',');
    }
    return MASA_OK;
}

/* A number above 0 at *text, which moves behind it; 0: there is none. */
static size_t read_size(const char **text)
{
    char *end = NULL;
    if (**text < '0' || **text > '9') return 0;
    unsigned long long value = strtoull(*text, &end, 10);
    *text = end;
    return value <= INT32_MAX ? (size_t)value : 0;
}

/* "4x512,1x4096" into passes, or "1,16,64" with lengths of 1 when there are no lengths. */
static masa_status read_sizes(bench_pass *out, size_t *n, const char *list, bool lengths,
                              masa_error *err)
{
    const char *p = list;
    while (p && *p && *n < BENCH_MOST) {
        bench_pass *pass = &out[(*n)++];
        pass->count = read_size(&p);
        pass->length = 1;
        if (lengths) pass->length = *p == 'x' && p++ ? read_size(&p) : 0;
        if (pass->count == 0 || pass->length == 0 || (*p && *p != ',') ||
            pass->count > INT32_MAX / pass->length)
            break;
        if (!*p) return MASA_OK;
        p++;
    }
    if (!p) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_USAGE, "\"%s\" is no list of at most %d %s", list,
                     BENCH_MOST, lengths ? "sizes as 4x512,1x4096" : "numbers as 16,64");
}

static masa_status read_numbers(size_t *out, size_t *n, const char *list, masa_error *err)
{
    bench_pass sizes[BENCH_MOST];
    masa_status st = read_sizes(sizes, n, list, false, err);
    for (size_t i = 0; !st && i < *n; i++) out[i] = sizes[i].count;
    return st;
}

static masa_status run_sections(bench *b, const bool chosen[SECTIONS], const char *path,
                                masa_error *err)
{
    masa_model_options options = {b->compute, false};
    for (size_t i = 0; i < SECTIONS; i++) options.trainable |= chosen[i] && sections[i].trains;
    double start = masa_clock();
    char *found = NULL;
    masa_status st = masa_model_find(&found, path, err);
    if (!st) st = masa_model_load(&b->model, found, &options, err);
    if (!st && !b->json) printf("loaded in %.2f s\n", masa_clock() - start);
    for (size_t i = 0; !st && i < SECTIONS; i++)
        if (chosen[i]) st = sections[i].run(b, err);
    masa_model_destroy(b->model);
    free(found);
    return st;
}

cli_command cli_bench;
masa_status cli_bench(int argc, char **argv, masa_error *err)
{
    bench b = {.kept_memory = -1};
    const char *path = NULL, *device = NULL, *list = NULL, *batches = NULL, *passes = NULL;
    const char *contexts = NULL;
    bool helped = false, chosen[SECTIONS];
    const cli_option options[] = {
        CLI_MODEL(&path),
        CLI_DEVICE(&device),
        CLI_STRING("sections", 0, &list, "LIST", "what to measure, separated by commas"),
        CLI_FLAG("quick", 'q', &b.quick, "small sizes: under a minute for a small model"),
        CLI_FLAG("json", 'j', &b.json, "write JSON Lines"),
        CLI_STRING("batch", 0, &batches, "LIST", "decode: other batches, as 16,64"),
        CLI_LONG("new-tokens", 0, &b.new_tokens, "N",
                 "decode, groups and step: other new tokens (0: by section)"),
        CLI_STRING("passes", 0, &passes, "LIST", "train: other sizes, as 4x512,1x4096"),
        CLI_FLAG("recompute", 0, &b.recompute, "train and curve: with optimizer.recompute"),
        CLI_LONG("prompts", 0, &b.prompts, "N", "step: other prompts (0: its own)"),
        CLI_LONG("group", 0, &b.group, "N", "step: other rollouts of a prompt (0: 8)"),
        CLI_LONG("kept-memory", 0, &b.kept_memory, "MIB",
                 "step: as rollout.kept_memory (-1: half of what is free)"),
        CLI_STRING("contexts", 0, &contexts, "LIST", "curve: other contexts"),
        CLI_END,
    };
    const cli_usage usage = {
        .command = "bench",
        .arguments = "",
        .summary = "Measures speed on this machine, beside the machine's own peaks.",
        .details = "Sections:\n"
                   "  peaks    large products in both types, and memory's bandwidth; the share "
                   "of\n"
                   "           the roofline needs it\n"
                   "  prefill  prompts of 512 tokens\n"
                   "  decode   256 new tokens after 64, in batches of 1 to 128\n"
                   "  groups   16 problems with 16 + 8 rollouts each, lengths spread\n"
                   "  train    forward and backward pass by sequence length; an optimiser's "
                   "step\n"
                   "  step     16 prompts, 8 rollouts of 256 tokens each, and the update on "
                   "them,\n"
                   "           the second time\n"
                   "  curve    time per token by context, 256 to 8192, decoding and training, "
                   "with\n"
                   "           attention apart; only if named, some 3 minutes\n"
                   "What is longer than the model's context is left out. Tokens are random: "
                   "speed\n"
                   "does not depend on them. A row's memory is the most that the process had "
                   "during\n"
                   "it, the model included.\n"};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st || helped) return st;
    if (!path) return MASA_FAIL(err, MASA_ERR_USAGE, "which model? --model PATH");
    st = choose(chosen, list, err);
    if (!st) st = read_numbers(b.batches, &b.n_batches, batches, err);
    if (!st) st = read_numbers(b.contexts, &b.n_contexts, contexts, err);
    if (!st) st = read_sizes(b.passes, &b.n_passes, passes, true, err);
    if (!st) st = masa_device_start(device, err);
    if (st) return st;
    b.compute = masa_device_compute();
    return run_sections(&b, chosen, path, err);
}
