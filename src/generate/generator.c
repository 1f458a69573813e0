/* A generator's life, the checks of what it is asked, and the loop over steps. */
#include "engine.h"

#include <masa/clock.h>
#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

const char *masa_stop_cause_name(masa_stop_cause cause)
{
    static const char *const names[] = {
        [MASA_STOP_EOS] = "eos",
        [MASA_STOP_STRING] = "stop_string",
        [MASA_STOP_LENGTH] = "length",
        [MASA_STOP_CONTEXT] = "context",
        [MASA_STOP_CANCELLED] = "cancelled",
    };
    return names[cause];
}

void masa_completion_deinit(masa_completion *completion)
{
    free(completion->tokens);
    free(completion->logprobs);
    free(completion->kept_rows);
    *completion = (masa_completion){0};
}

/* Blocks of keys and values that so many bytes hold. */
static size_t cache_blocks_in(const masa_model_config *config, masa_dtype compute, size_t bytes)
{
    return bytes / masa_kv_store_bytes(config, compute, 1, block_tokens());
}

/* The sizes that follow from the options. */
typedef struct sizes {
    size_t context, rows, table_blocks, cache_blocks;
} sizes;

static sizes plan_sizes(const masa_model_config *config, masa_dtype compute,
                        const masa_generator_options *o)
{
    sizes s = {.context = o->max_context ? o->max_context : config->max_positions};
    s.rows = o->max_batch + masa_device_sizes_get().prefill_rows;
    s.table_blocks = blocks_of(s.context);
    /* One more block a sequence: the partly filled last one of its prompt. */
    s.cache_blocks = o->max_batch * (s.table_blocks + 1);
    if (o->cache_bytes) {
        size_t most = cache_blocks_in(config, compute, o->cache_bytes);
        s.cache_blocks = most ? most : 1;
    }
    return s;
}

size_t masa_generator_cache_tokens(const masa_model_config *config, masa_dtype compute,
                                   const masa_generator_options *options)
{
    return plan_sizes(config, compute, options).cache_blocks * block_tokens();
}

static masa_decoder_sizes decoder_sizes(size_t max_batch, const sizes *s)
{
    return (masa_decoder_sizes){
        .rows = s->rows, .sequences = max_batch, .blocks = s->table_blocks};
}

size_t masa_generator_bytes_needed(const masa_model_config *config, masa_dtype compute,
                                   const masa_generator_options *options)
{
    sizes s = plan_sizes(config, compute, options);
    masa_decoder_sizes decoder = decoder_sizes(options->max_batch, &s);
    return masa_kv_store_bytes(config, compute, s.cache_blocks, block_tokens()) +
           masa_decoder_bytes(config, compute, &decoder) +
           options->max_batch * config->vocab_size * sizeof(float);
}

void masa_generator_keep(masa_generator *g, masa_activations *kept)
{
    g->kept = kept;
}

size_t masa_generator_context(const masa_generator *g)
{
    return g->max_context;
}

static masa_status check_options(const masa_model_config *config, masa_dtype compute,
                                 const masa_generator_options *o, masa_error *err)
{
    if (o->max_batch == 0 || o->max_batch > 65536)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "a batch of %zu sequences is not possible; give 1 to 65536",
                         o->max_batch);
    if (o->max_context > config->max_positions)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "a context of %zu tokens is more than the model's %zu", o->max_context,
                         config->max_positions);
    if (plan_sizes(config, compute, o).cache_blocks > INT32_MAX / block_tokens())
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "a cache for %zu sequences of this context is too large; lower the "
                         "batch, the context or the size of the cache",
                         o->max_batch);
    return MASA_OK;
}

static masa_status allocate(masa_generator *g, const sizes *s, masa_error *err)
{
    size_t vocab = masa_model_get_config(g->model)->vocab_size;
    masa_decoder_sizes decoder = decoder_sizes(g->max_batch, s);
    void DEVICE *logits = NULL;
    masa_status st =
        masa_device_alloc(&logits, g->max_batch, vocab * sizeof(float), "the logits", err);
    g->logits = logits;
    if (st == MASA_OK) st = masa_decoder_create(&g->decoder, g->model, &decoder, err);
    g->tables = masa_alloc(g->max_batch * g->max_blocks, sizeof *g->tables);
    g->spare_tables = masa_alloc(g->max_batch, sizeof *g->spare_tables);
    for (size_t i = 0; i < g->max_batch; i++) g->spare_tables[i] = g->max_batch - 1 - i;
    g->n_spare = g->max_batch;
    g->slots = masa_alloc(g->max_batch, sizeof *g->slots);
    g->tokens = masa_alloc(g->max_rows, sizeof *g->tokens);
    g->positions = masa_alloc(g->max_rows, sizeof *g->positions);
    g->sequences = masa_alloc(g->max_rows, sizeof *g->sequences);
    g->logit_rows = masa_alloc(g->max_rows, sizeof *g->logit_rows);
    g->kept_rows = masa_alloc(g->max_rows, sizeof *g->kept_rows);
    return st;
}

masa_generator_options masa_generator_fit(const masa_model *model, size_t batch, size_t context,
                                          size_t cache_bytes)
{
    const masa_model_config *c = masa_model_get_config(model);
    size_t allowed = cache_blocks_in(c, masa_model_dtype(model), cache_bytes) * block_tokens();
    size_t spare = 2 * block_tokens();
    if (context == 0) context = allowed > spare ? allowed - spare : 1;
    if (context > c->max_positions) context = c->max_positions;
    bool all = batch * (context + spare) <= allowed;
    return (masa_generator_options){.max_batch = batch,
                                    .max_context = context,
                                    .cache_bytes = all           ? 0
                                                   : cache_bytes ? cache_bytes
                                                                 : 1};
}

masa_status masa_generator_create(masa_generator **out, masa_model *model,
                                  const masa_tokenizer *tokenizer,
                                  const masa_generator_options *options, masa_error *err)
{
    const masa_model_config *config = masa_model_get_config(model);
    masa_dtype compute = masa_model_dtype(model);
    masa_status st = check_options(config, compute, options, err);
    if (st != MASA_OK) return st;
    sizes s = plan_sizes(config, compute, options);
    masa_generator *g = masa_alloc(1, sizeof *g);
    *g = (masa_generator){.model = model,
                          .tokenizer = tokenizer,
                          .max_batch = options->max_batch,
                          .max_context = s.context,
                          .max_rows = s.rows,
                          .max_blocks = s.table_blocks,
                          .stop = options->stop};
    st = masa_kv_store_init(&g->store, model, s.cache_blocks, block_tokens(), err);
    if (st == MASA_OK) st = allocate(g, &s, err);
    if (st == MASA_OK) {
        block_pool_init(&g->pool, s.cache_blocks);
        *out = g;
    } else {
        masa_generator_destroy(g);
    }
    return st;
}

void masa_generator_destroy(masa_generator *g)
{
    if (!g) return;
    masa_kv_store_deinit(&g->store);
    block_pool_deinit(&g->pool);
    masa_decoder_destroy(g->decoder);
    masa_device_free(g->logits);
    free(g->tables);
    free(g->spare_tables);
    free(g->slots);
    free(g->tokens);
    free(g->positions);
    free(g->sequences);
    free(g->logit_rows);
    free(g->kept_rows);
    free(g->draws);
    free(g);
}

static masa_status check_sampling(const masa_sampling *s, masa_error *err)
{
    if (!(s->temperature == 0 || (s->temperature >= 1e-4f && s->temperature <= 1e4f)))
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "temperature %g is not possible; give 0 (greedy) or 0.0001 to 10000",
                         (double)s->temperature);
    if (s->top_k < 0)
        return MASA_FAIL(err, MASA_ERR_CONFIG, "top-k must be 0 (off) or more, not %d",
                         s->top_k);
    if (!(s->top_p > 0 && s->top_p <= 1))
        return MASA_FAIL(err, MASA_ERR_CONFIG, "top-p must be above 0 and at most 1, not %g",
                         (double)s->top_p);
    if (!(s->min_p >= 0 && s->min_p <= 1))
        return MASA_FAIL(err, MASA_ERR_CONFIG, "min-p must be between 0 and 1, not %g",
                         (double)s->min_p);
    return MASA_OK;
}

static masa_status check_strings(const masa_generator *g, const masa_request *request,
                                 masa_error *err)
{
    if (request->n_stop_strings > 0 && !g->tokenizer)
        return MASA_FAIL(err, MASA_ERR_CONFIG, "stop strings need a tokenizer");
    for (size_t i = 0; i < request->n_stop_strings; i++)
        if (request->stop_strings[i][0] == '\0')
            return MASA_FAIL(err, MASA_ERR_CONFIG, "a stop string is empty");
    return MASA_OK;
}

static masa_status check_prompt(const masa_generator *g, const masa_request *request,
                                size_t index, masa_error *err)
{
    size_t vocab = masa_model_get_config(g->model)->vocab_size;
    if (request->prompt_size == 0)
        return MASA_FAIL(err, MASA_ERR_DATA, "the prompt of request %zu is empty", index);
    if (request->prompt_size >= g->max_context)
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "the prompt of request %zu has %zu tokens, which leaves no room for a "
                         "response in a context of %zu",
                         index, request->prompt_size, g->max_context);
    for (size_t i = 0; i < request->prompt_size; i++)
        if (request->prompt[i] < 0 || (size_t)request->prompt[i] >= vocab)
            return MASA_FAIL(err, MASA_ERR_DATA,
                             "token %d in the prompt of request %zu is not in the vocabulary "
                             "of %zu",
                             (int)request->prompt[i], index, vocab);
    return MASA_OK;
}

size_t engine_wanted(const masa_request *request, size_t sample)
{
    return request->sample_max_tokens ? request->sample_max_tokens[sample]
                                      : request->max_tokens;
}

size_t engine_limit(const masa_generator *g, const masa_request *request, size_t sample)
{
    size_t room = g->max_context - request->prompt_size;
    size_t wanted = engine_wanted(request, sample);
    return wanted < room ? wanted : room;
}

static masa_status check_request(const masa_generator *g, const masa_request *request,
                                 size_t index, masa_error *err)
{
    masa_status st = check_prompt(g, request, index, err);
    if (st == MASA_OK) st = check_sampling(&request->sampling, err);
    if (st == MASA_OK) st = check_strings(g, request, err);
    if (st != MASA_OK) return st;
    size_t response = 0;
    for (size_t i = 0; i < request->n_samples; i++) {
        size_t limit = engine_limit(g, request, i);
        if (limit == 0)
            return MASA_FAIL(err, MASA_ERR_CONFIG, "a response needs at least 1 token");
        if (limit > response) response = limit;
    }
    size_t longest = request->prompt_size + response;
    /* and one block for the prompt's partly filled last block */
    if (blocks_of(longest) + 1 > g->store.n_blocks)
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "a cache of %zu tokens cannot hold request %zu: it needs %zu for a "
                         "prompt of %zu and a response of %zu",
                         g->store.n_blocks * block_tokens(), index,
                         (blocks_of(longest) + 1) * block_tokens(), request->prompt_size,
                         response);
    return MASA_OK;
}

/* Room for so many more samples; the queue's ring begins at its beginning again. */
static void reserve_responses(run *r, size_t more)
{
    size_t needed = r->n_responses + more, capacity = 2 * r->capacity;
    if (needed <= r->capacity) return;
    if (capacity < needed) capacity = needed;
    size_t *queue = masa_alloc(capacity, sizeof *queue);
    for (size_t i = 0; i < r->queue_n; i++)
        queue[i] = r->queue[(r->queue_head + i) % r->capacity];
    free(r->queue);
    r->queue = queue;
    r->queue_head = 0;
    r->responses = masa_realloc(r->responses, capacity, sizeof *r->responses);
    r->capacity = capacity;
}

static void add_request(masa_generator *g, const masa_request *request,
                        masa_completion *completions)
{
    run *r = &g->run;
    if (r->n_groups == 0) {
        g->stats = (masa_generate_stats){0};
        r->begun = masa_clock();
    }
    group owner = {.request = request,
                   .first = r->n_responses,
                   .partial = -1,
                   .unfinished = request->n_samples,
                   .blocks = masa_alloc(blocks_of(request->prompt_size), sizeof *owner.blocks)};
    reserve_responses(r, request->n_samples);
    for (size_t k = 0; k < request->n_samples; k++) {
        completions[k] = (masa_completion){.request = r->n_groups, .sample = k};
        r->responses[r->n_responses++] = (reply){.completion = &completions[k]};
    }
    r->remaining += request->n_samples;
    MASA_PUSH(r->groups, r->n_groups, r->groups_capacity, owner);
}

/* Frees the run's state; an error left slots and prompts behind. */
static void end_run(masa_generator *g)
{
    run *r = &g->run;
    if (r->n_groups) g->stats.seconds = masa_clock() - r->begun;
    while (g->n_slots > 0) {
        engine_release(g, &g->slots[g->n_slots - 1]);
        engine_drop(g, g->n_slots - 1);
    }
    for (size_t i = 0; i < r->n_groups; i++) {
        engine_forget_prompt(g, &r->groups[i]);
        free(r->groups[i].blocks);
        free(r->groups[i].kept_rows);
    }
    for (size_t i = 0; i < r->n_responses; i++) masa_text_deinit(&r->responses[i].tail);
    free(r->groups);
    free(r->responses);
    free(r->queue);
    *r = (run){0};
}

masa_status masa_generator_add(masa_generator *g, const masa_request *request,
                               masa_completion *completions, masa_error *err)
{
    masa_status st = check_request(g, request, g->run.n_groups, err);
    if (st == MASA_OK) add_request(g, request, completions);
    return st;
}

masa_status masa_generator_advance(masa_generator *g, masa_generate_callback *callback,
                                   void *context, bool *busy, masa_error *err)
{
    run *r = &g->run;
    masa_status st = MASA_OK;
    r->callback = callback;
    r->context = context;
    if (g->stop && *g->stop) {
        st = MASA_FAIL(err, MASA_ERR_INTERRUPTED, "stopped while sampling");
    } else if (r->remaining > 0) {
        engine_admit(g);
        engine_reserve(g);
        if (g->n_slots > 0) st = engine_step(g, err);
    }
    *busy = st == MASA_OK && r->remaining > 0;
    if (!*busy) end_run(g);
    return st;
}

void masa_generator_abandon(masa_generator *g)
{
    end_run(g);
}

masa_status masa_generate(masa_generator *g, const masa_request *requests, size_t n_requests,
                          masa_completion *completions, masa_generate_callback *callback,
                          void *context, masa_error *err)
{
    masa_status st = MASA_OK;
    size_t total = 0;
    bool busy = true;
    for (size_t i = 0; i < n_requests; i++) {
        st = check_request(g, &requests[i], i, err);
        if (st != MASA_OK) return st;
    }
    g->stats = (masa_generate_stats){0};
    for (size_t i = 0; i < n_requests; total += requests[i++].n_samples)
        add_request(g, &requests[i], completions + total);
    while (st == MASA_OK && busy) st = masa_generator_advance(g, callback, context, &busy, err);
    for (size_t i = 0; st != MASA_OK && i < total; i++) masa_completion_deinit(&completions[i]);
    return st;
}

masa_generate_stats masa_generator_stats(const masa_generator *g)
{
    return g->stats;
}
