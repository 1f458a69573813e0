/* A tiny random model and requests to it, for the tests of generation. */
#ifndef GENERATE_FIXTURE_H
#define GENERATE_FIXTURE_H

#include "tiny_llama.h"
#include "engine.h"
#include <masa/memory.h>
#include <masa/pass.h>
#include <masa/random.h>

enum { VOCAB = TINY_VOCAB, CONTEXT = TINY_CONTEXT };
enum { BLOCK_TOKENS = 16 }; /* the processor's */

static inline masa_model *tiny_model(masa_dtype compute)
{
    return tiny_llama(compute, 12);
}

static inline void fill_prompt(int32_t *prompt, size_t n, uint64_t seed)
{
    masa_random random = masa_random_init(seed, MASA_STREAM_TEST);
    for (size_t i = 0; i < n; i++) prompt[i] = (int32_t)masa_random_below(&random, VOCAB);
}

static inline masa_generator *tiny_generator(masa_model *model, const masa_tokenizer *tokenizer,
                                             size_t max_batch, size_t cache_tokens)
{
    masa_generator *g = NULL;
    size_t block = masa_kv_store_bytes(masa_model_get_config(model), masa_model_dtype(model), 1,
                                       BLOCK_TOKENS);
    masa_generator_options options = {.max_batch = max_batch,
                                      .cache_bytes = (cache_tokens + BLOCK_TOKENS - 1) /
                                                     BLOCK_TOKENS * block};
    masa_error err = {0};
    if (masa_generator_create(&g, model, tokenizer, &options, &err))
        fail_msg("%s", err.message);
    return g;
}

/* Log-probabilities of a response as the training pass computes them, or (kept not NULL)
 * as it has them from the activations that generating kept. */
static inline void recompute(masa_model *model, const masa_request *request,
                             const masa_completion *c, const masa_activations *kept,
                             float *logprobs)
{
    size_t n = request->prompt_size + c->n - 1;
    int32_t *tokens = masa_alloc(4 * (n + 1), sizeof *tokens), *positions = tokens + n + 1;
    int32_t *rows = positions + n + 1, *targets = rows + n + 1;
    memcpy(tokens, request->prompt, request->prompt_size * sizeof *tokens);
    memcpy(tokens + request->prompt_size, c->tokens, c->n * sizeof *tokens);
    for (size_t i = 0; i < n; i++) positions[i] = (int32_t)i;
    for (size_t i = 0; i < c->n; i++) {
        rows[i] = (int32_t)(request->prompt_size + i - 1);
        targets[i] = c->tokens[i];
    }
    masa_segment segment = {0, (int32_t)n, -1};
    float t = request->sampling.temperature;
    masa_batch batch = {.n_tokens = n,
                        .n_segments = 1,
                        .n_targets = c->n,
                        .tokens = tokens,
                        .positions = positions,
                        .segments = &segment,
                        .target_rows = rows,
                        .target_tokens = targets,
                        .temperature = t == 0 ? 1 : t,
                        .kept = kept,
                        .kept_rows = c->kept_rows};
    masa_pass *pass = NULL;
    assert_int_equal(masa_pass_create(&pass, model, n, c->n, false, NULL), MASA_OK);
    masa_pass_forward(pass, &batch);
    masa_pass_logprobs(pass, logprobs, NULL);
    masa_pass_destroy(pass);
    free(tokens);
}

static inline void free_completions(masa_completion *completions, size_t n)
{
    for (size_t i = 0; i < n; i++) masa_completion_deinit(&completions[i]);
}

/* Every block is free again and held by nobody. */
static inline void assert_no_block_held(const masa_generator *g)
{
    assert_int_equal(g->pool.n_free, g->pool.n);
    for (size_t i = 0; i < g->pool.n; i++) assert_int_equal(g->pool.refs[i], 0);
    assert_int_equal(g->n_slots, 0);
    assert_int_equal(g->n_spare, g->max_batch);
}

#endif
