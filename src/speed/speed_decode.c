/* Speed: prefill, decoding by batch, and a call as GRPO makes it. */
#include "speed_internal.h"

#include <masa/clock.h>
#include <masa/generate.h>
#include <masa/memory.h>

#include <stdio.h>
#include <stdlib.h>

enum { PROMPT = 64, NEW = 256, QUICK_NEW = 32 };

/* The steady state: from the last sequence's first token on. */
struct steady {
    size_t sequences, begun, tokens;
    double begin, end;
};

static bool watch(void *context, const masa_completion *c, bool finished)
{
    struct steady *s = context;
    (void)finished;
    if (s->begun == s->sequences) s->tokens++;
    if (c->n == 1 && ++s->begun == s->sequences) s->begin = masa_clock();
    s->end = masa_clock();
    return true;
}

static masa_status generate(speed *b, const masa_generator_options *options,
                            const masa_request *requests, size_t n, struct steady *steady,
                            masa_generate_stats *stats, masa_error *err)
{
    masa_generator *generator = NULL;
    size_t total = 0;
    for (size_t i = 0; i < n; i++) total += requests[i].n_samples;
    masa_completion *out = masa_alloc(total, sizeof *out);
    *steady = (struct steady){.sequences = total};
    masa_status st = masa_generator_create(&generator, b->model, NULL, options, err);
    if (!st) st = masa_generate(generator, requests, n, out, watch, steady, err);
    if (!st) *stats = masa_generator_stats(generator);
    for (size_t i = 0; !st && i < total; i++) masa_completion_deinit(&out[i]);
    free(out);
    masa_generator_destroy(generator);
    return st;
}

/* `batch` requests of one sample, each with a prompt of its own. */
static masa_status generate_batch(speed *b, size_t batch, size_t prompt, size_t new_tokens,
                                  struct steady *steady, masa_generate_stats *stats,
                                  masa_error *err)
{
    masa_generator_options options = {.max_batch = batch, .max_context = prompt + new_tokens};
    int32_t *prompts = masa_alloc(batch * prompt, sizeof *prompts);
    masa_request *requests = masa_alloc(batch, sizeof *requests);
    speed_tokens(b, prompts, batch * prompt, batch);
    for (size_t i = 0; i < batch; i++)
        requests[i] = (masa_request){.prompt = prompts + i * prompt,
                                     .prompt_size = prompt,
                                     .n_samples = 1,
                                     .key = i,
                                     .max_tokens = new_tokens,
                                     .sampling = {1, 0, 1, 0}};
    masa_status st = generate(b, &options, requests, batch, steady, stats, err);
    free(requests);
    free(prompts);
    return st;
}

masa_status speed_prefill(speed *b, masa_error *err)
{
    enum { LENGTH = 512 };
    size_t batch = b->options->quick ? 4 : 16;
    struct steady steady;
    masa_generate_stats stats;
    if (!speed_fits(b, LENGTH + 1)) return MASA_OK;
    speed_reset_memory();
    masa_status st = generate_batch(b, batch, LENGTH, 1, &steady, &stats, err);
    if (st) return st;
    double tokens = (double)stats.prompt_tokens;
    const masa_model_config *config = masa_model_get_config(b->model);
    speed_add(
        b, &(masa_speed_row){.section = MASA_SPEED_PREFILL,
                             .name = "prompts of 512",
                             .tokens = tokens,
                             .seconds = stats.seconds,
                             .flops = tokens * masa_model_flops(config, LENGTH / 2.0, false)});
    return MASA_OK;
}

/* Bytes that generating needs, the model's included. */
static double planned(const speed *b, const masa_generator_options *options)
{
    return (double)(masa_model_bytes(b->model) +
                    masa_generator_bytes_needed(masa_model_get_config(b->model), b->compute,
                                                options));
}

static masa_status measure_batch(speed *b, size_t batch, size_t new_tokens, masa_error *err)
{
    const masa_model_config *config = masa_model_get_config(b->model);
    double element = (double)masa_dtype_size(b->compute);
    double weights = masa_model_flops(config, 0, true) / 2 * element;
    double cached = 2.0 * (double)(config->n_layers * config->n_kv_heads * config->head_dim) *
                    element; /* bytes of a token's keys and values */
    masa_generator_options options = {.max_batch = batch, .max_context = PROMPT + new_tokens};
    struct steady steady;
    masa_generate_stats stats;
    char name[32];
    snprintf(name, sizeof name, "batch %zu", batch);
    speed_reset_memory();
    masa_status st = generate_batch(b, batch, PROMPT, new_tokens, &steady, &stats, err);
    if (st) return st;
    double tokens = (double)steady.tokens, context = PROMPT + (double)new_tokens / 2;
    speed_add(b, &(masa_speed_row){.section = MASA_SPEED_DECODE,
                                   .name = name,
                                   .tokens = tokens,
                                   .seconds = steady.end - steady.begin,
                                   .flops = tokens * masa_model_flops(config, context, true),
                                   .bytes = tokens / (double)batch * weights +
                                            tokens * context * cached,
                                   .planned = planned(b, &options)});
    return MASA_OK;
}

masa_status speed_decode(speed *b, masa_error *err)
{
    static const size_t all[] = {1, 4, 16, 64, 128}, quick[] = {16, 64};
    const size_t *batches = b->options->quick ? quick : all;
    size_t n = b->options->quick ? sizeof quick / sizeof *quick : sizeof all / sizeof *all;
    size_t new_tokens = speed_size(b->options->new_tokens, b->options->quick ? QUICK_NEW : NEW);
    masa_status st = MASA_OK;
    if (b->options->n_batches) batches = b->options->batches, n = b->options->n_batches;
    if (!speed_fits(b, PROMPT + new_tokens)) return MASA_OK;
    for (size_t i = 0; !st && i < n; i++) st = measure_batch(b, batches[i], new_tokens, err);
    return st;
}

masa_status speed_groups(speed *b, masa_error *err)
{
    enum { PROBLEMS = 16, ROLLOUTS = 16, META = 8, LONG = 3 * PROMPT };
    size_t problems = b->options->quick ? 2 : PROBLEMS;
    size_t new_tokens = speed_size(b->options->new_tokens, b->options->quick ? QUICK_NEW : NEW);
    size_t n = 2 * problems, limits[ROLLOUTS];
    int32_t prompts[2 * PROBLEMS][LONG];
    masa_request requests[2 * PROBLEMS];
    masa_generator_options options = {.max_batch = 128, .max_context = LONG + new_tokens};
    struct steady steady;
    masa_generate_stats stats;
    if (!speed_fits(b, LONG + new_tokens)) return MASA_OK;
    for (size_t k = 0; k < ROLLOUTS; k++)
        limits[k] = new_tokens / 4 + new_tokens * 3 * k / (4 * (ROLLOUTS - 1));
    for (size_t i = 0; i < n; i++) {
        bool meta = i % 2; /* every meta prompt begins alike and is longer */
        speed_tokens(b, prompts[i], PROMPT, meta ? 999 : i);
        speed_tokens(b, prompts[i] + PROMPT, LONG - PROMPT, 1000 + i);
        requests[i] = (masa_request){.prompt = prompts[i],
                                     .prompt_size = meta ? LONG : 2 * PROMPT,
                                     .n_samples = meta ? META : ROLLOUTS,
                                     .key = i,
                                     .sample_max_tokens = limits,
                                     .sampling = {1, 0, 1, 0}};
    }
    speed_reset_memory();
    masa_status st = generate(b, &options, requests, n, &steady, &stats, err);
    if (st) return st;
    const masa_model_config *config = masa_model_get_config(b->model);
    double tokens = (double)stats.generated_tokens, prompt = (double)stats.prompt_tokens;
    double flops =
        tokens * masa_model_flops(config, 2.5 * PROMPT + (double)new_tokens / 3, true) +
        prompt * masa_model_flops(config, PROMPT, false);
    speed_add(b, &(masa_speed_row){.section = MASA_SPEED_GROUPS,
                                   .name = "rollouts and meta",
                                   .tokens = tokens,
                                   .seconds = stats.seconds,
                                   .flops = flops,
                                   .planned = planned(b, &options)});
    return MASA_OK;
}
