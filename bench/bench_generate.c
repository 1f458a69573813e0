/*
 * Decoding of a real model: tokens a second by batch, and of a GRPO-shaped call
 * (16 problems, 16 rollouts of a prompt and 8 of another, lengths spread).
 *
 *     bench_generate MODEL [new tokens [batch...]]
 *
 * Batch 0 stands for the GRPO-shaped call, which decodes 128 sequences at once.
 */
#include "bench.h"
#include <time.h>
#include <masa/cpu.h>
#include <masa/device.h>
#include <masa/generate.h>
#include <masa/memory.h>
#include <masa/model.h>
#include <masa/parallel.h>

enum { PROMPT = 64, PROBLEMS = 16, ROLLOUTS = 16, META_ROLLOUTS = 8, GROUP_BATCH = 128 };

static masa_model *model;
static size_t new_tokens = 256;

static void fill(int32_t *prompt, size_t n, uint64_t seed)
{
    masa_random random = masa_random_init(seed, MASA_STREAM_TEST);
    size_t vocab = masa_model_get_config(model)->vocab_size;
    for (size_t i = 0; i < n; i++) prompt[i] = (int32_t)masa_random_below(&random, vocab);
}

/* From the last sequence's first token on. */
static struct {
    size_t sequences, begun, tokens;
    double begin, end;
    clock_t cpu_begin, cpu_end; /* of all threads: other programs disturb it less */
} steady;

static bool watch(void *context, const masa_completion *c, bool finished)
{
    (void)context, (void)finished;
    if (steady.begun == steady.sequences) steady.tokens++;
    if (c->n == 1 && ++steady.begun == steady.sequences) {
        steady.begin = masa_clock();
        steady.cpu_begin = clock();
    }
    steady.end = masa_clock();
    steady.cpu_end = clock();
    return true;
}

static void run(const char *name, size_t batch, size_t prompt, masa_request *requests, size_t n)
{
    masa_generator *g = NULL;
    masa_generator_options options = {.max_batch = batch, .max_context = prompt + new_tokens};
    masa_error err = {0};
    size_t total = 0;
    for (size_t i = 0; i < n; i++) total += requests[i].n_samples;
    masa_completion *out = masa_alloc(total, sizeof *out);
    steady.sequences = total;
    steady.begun = steady.tokens = 0;
    if (masa_generator_create(&g, model, NULL, &options, &err) ||
        masa_generate(g, requests, n, out, watch, NULL, &err)) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    masa_generate_stats s = masa_generator_stats(g);
    printf("%-10s %7zu tokens  %8.1f tokens/s", name, s.generated_tokens,
           (double)s.generated_tokens / s.seconds);
    if (total == batch) {
        double flops = masa_model_flops(masa_model_get_config(model),
                                        (double)prompt + (double)new_tokens / 2, true);
        double rate = (double)steady.tokens / (steady.end - steady.begin);
        printf("  decoding %8.1f tokens/s  %6.2f ms a step (%.2f of processors)  "
               "%6.1f GFLOP/s",
               rate, 1e3 * (double)total / rate,
               1e3 * (double)(steady.cpu_end - steady.cpu_begin) / CLOCKS_PER_SEC *
                   (double)total / (double)steady.tokens,
               1e-9 * flops * rate);
    }
    printf("\n");
    fflush(stdout);
    for (size_t i = 0; i < total; i++) masa_completion_deinit(&out[i]);
    free(out);
    masa_generator_destroy(g);
}

static void run_batch(size_t batch)
{
    int32_t *prompts = masa_alloc(batch * PROMPT, sizeof *prompts);
    masa_request *requests = masa_alloc(batch, sizeof *requests);
    char name[32];
    for (size_t i = 0; i < batch; i++) {
        fill(prompts + i * PROMPT, PROMPT, i);
        requests[i] = (masa_request){.prompt = prompts + i * PROMPT,
                                     .prompt_size = PROMPT,
                                     .n_samples = 1,
                                     .key = i,
                                     .max_tokens = new_tokens,
                                     .sampling = {1, 0, 1, 0}};
    }
    snprintf(name, sizeof name, "batch %zu", batch);
    run(name, batch, PROMPT, requests, batch);
    free(requests);
    free(prompts);
}

/* Lengths are uniform between a quarter and the whole of new_tokens. */
static void run_groups(void)
{
    enum { N = 2 * PROBLEMS, LONG = 3 * PROMPT };
    static int32_t prompts[N][LONG];
    static size_t limits[ROLLOUTS];
    masa_request requests[N];
    for (size_t k = 0; k < ROLLOUTS; k++)
        limits[k] = new_tokens / 4 + new_tokens * 3 * k / (4 * (ROLLOUTS - 1));
    for (size_t i = 0; i < N; i++) {
        bool meta = i % 2;
        /* The meta prompt begins as every meta prompt does and ends with the problem. */
        fill(prompts[i], PROMPT, meta ? 999 : i);
        fill(prompts[i] + PROMPT, LONG - PROMPT, 1000 + i);
        requests[i] = (masa_request){.prompt = prompts[i],
                                     .prompt_size = meta ? LONG : 2 * PROMPT,
                                     .n_samples = meta ? META_ROLLOUTS : ROLLOUTS,
                                     .key = i,
                                     .sample_max_tokens = limits,
                                     .sampling = {1, 0, 1, 0}};
    }
    run("groups", GROUP_BATCH, LONG, requests, N);
}

int main(int argc, char **argv)
{
    masa_model_options options = {masa_device_compute(), false};
    masa_error err = {0};
    double start = masa_clock();
    if (argc < 2 || masa_model_load(&model, argv[1], &options, &err)) {
        fprintf(stderr, "%s\n",
                argc < 2 ? "bench_generate MODEL [tokens [batch...]]" : err.message);
        return 1;
    }
    if (argc > 2) new_tokens = (size_t)atol(argv[2]);
    printf("%s, %d threads, loaded in %.2f s\n", masa_isa_name(masa_isa_get()), masa_threads(),
           masa_clock() - start);
    static const size_t batches[] = {1, 4, 16, 64, 128, 0};
    size_t n = argc > 3 ? (size_t)argc - 3 : sizeof batches / sizeof *batches;
    for (size_t i = 0; i < n; i++) {
        size_t batch = argc > 3 ? (size_t)atol(argv[3 + i]) : batches[i];
        if (batch) run_batch(batch);
        else run_groups();
    }
    masa_model_destroy(model);
    return 0;
}
