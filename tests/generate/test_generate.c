/* Generation on a tiny random model, against one token at a time through the
 * training pass, alone and in batches, with plenty of cache and with too little. */
#include "generate_fixture.h"
#include <masa/device.h>

enum { REQUESTS = 7, SAMPLES = 5, TOTAL = REQUESTS * SAMPLES, LONGEST = 40 };

typedef struct setting {
    masa_model *model;
    int32_t prompts[REQUESTS][64];
    masa_request requests[REQUESTS];
} setting;

static const int32_t end_token = 1;

static int set_up(void **state)
{
    setting *s = masa_alloc(1, sizeof *s);
    s->model = tiny_model(MASA_F32);
    const size_t sizes[REQUESTS] = {1, 16, 17, 48, 5, 33, 64};
    for (size_t i = 0; i < REQUESTS; i++) {
        fill_prompt(s->prompts[i], sizes[i], i);
        s->requests[i] = (masa_request){.prompt = s->prompts[i],
                                        .prompt_size = sizes[i],
                                        .n_samples = SAMPLES,
                                        .key = masa_key(7, i),
                                        .max_tokens = i == 1 ? 1 : LONGEST,
                                        .sampling = {1, 0, 1, 0},
                                        .stop_tokens = &end_token,
                                        .n_stop_tokens = 1};
    }
    s->requests[2].sampling = (masa_sampling){0, 0, 1, 0};
    s->requests[3].sampling = (masa_sampling){0.8f, 12, 0.9f, 0.02f};
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    setting *s = *state;
    masa_model_destroy(s->model);
    free(s);
    return 0;
}

static void generate(masa_generator *g, const masa_request *requests, size_t n,
                     masa_completion *out)
{
    masa_error err = {0};
    if (masa_generate(g, requests, n, out, NULL, NULL, &err)) fail_msg("%s", err.message);
    assert_no_block_held(g);
}

static void assert_same(const masa_completion *a, const masa_completion *b)
{
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->cause, b->cause);
    assert_memory_equal(a->tokens, b->tokens, a->n * sizeof *a->tokens);
    for (size_t i = 0; i < a->n; i++) assert_near(a->logprobs[i], b->logprobs[i], 1e-4);
}

/* The distribution after `tokens`, token by token through the training pass. */
static void naive_logits(masa_model *model, const int32_t *tokens, size_t n, float *logits)
{
    masa_request request = {.prompt = tokens, .prompt_size = n, .sampling = {1, 0, 1, 0}};
    masa_pass *pass = NULL;
    int32_t positions[CONTEXT], rows[VOCAB], targets[VOCAB];
    masa_segment segment = {0, (int32_t)n, -1};
    for (size_t i = 0; i < n; i++) positions[i] = (int32_t)i;
    for (int32_t v = 0; v < VOCAB; v++) rows[v] = (int32_t)n - 1, targets[v] = v;
    masa_batch batch = {.n_tokens = n,
                        .n_segments = 1,
                        .n_targets = VOCAB,
                        .tokens = request.prompt,
                        .positions = positions,
                        .segments = &segment,
                        .target_rows = rows,
                        .target_tokens = targets,
                        .temperature = 1};
    assert_int_equal(masa_pass_create(&pass, model, n, VOCAB, false, NULL), MASA_OK);
    masa_pass_forward(pass, &batch);
    masa_pass_logprobs(pass, logits, NULL);
    masa_pass_destroy(pass);
}

static void equals_a_naive_loop(void **state)
{
    setting *s = *state;
    masa_completion out[TOTAL];
    masa_generator *g = tiny_generator(s->model, NULL, 6, 0);
    generate(g, s->requests, REQUESTS, out);
    for (size_t i = 0; i < TOTAL; i += 3) {
        const masa_request *r = &s->requests[out[i].request];
        int32_t tokens[CONTEXT];
        float logits[VOCAB];
        size_t n = r->prompt_size;
        memcpy(tokens, r->prompt, n * sizeof *tokens);
        assert_int_equal(out[i].request, i / SAMPLES);
        assert_int_equal(out[i].sample, i % SAMPLES);
        for (size_t k = 0; k < out[i].n; k++, n++) {
            naive_logits(s->model, tokens, n, logits);
            masa_draw draw = {
                .sampling = r->sampling,
                .u = masa_uniform(masa_key(r->key, i % SAMPLES), MASA_STREAM_SAMPLE, k)};
            masa_sample(&draw, 1, logits, VOCAB);
            assert_true(draw.valid);
            tokens[n] = draw.token;
            assert_int_equal(tokens[n], out[i].tokens[k]);
            assert_near(draw.logprob, out[i].logprobs[k], 1e-4);
        }
        bool ended = tokens[n - 1] == end_token;
        assert_int_equal(out[i].cause, ended ? MASA_STOP_EOS : MASA_STOP_LENGTH);
        if (!ended) assert_int_equal(out[i].n, r->max_tokens);
    }
    free_completions(out, TOTAL);
    masa_generator_destroy(g);
}

static void does_not_depend_on_the_batch(void **state)
{
    setting *s = *state;
    masa_completion whole[TOTAL], other[TOTAL];
    masa_generator *g = tiny_generator(s->model, NULL, 64, 0);
    generate(g, s->requests, REQUESTS, whole);
    for (size_t i = 0; i < REQUESTS; i++) { /* alone, in a generator used before */
        generate(g, &s->requests[i], 1, other);
        for (size_t k = 0; k < SAMPLES; k++) assert_same(&whole[i * SAMPLES + k], &other[k]);
        free_completions(other, SAMPLES);
    }
    masa_generator_destroy(g);
    const size_t batches[] = {1, 2, 3, 17};
    for (size_t b = 0; b < 4; b++) {
        g = tiny_generator(s->model, NULL, batches[b], 0);
        generate(g, s->requests, REQUESTS, other);
        for (size_t i = 0; i < TOTAL; i++) assert_same(&whole[i], &other[i]);
        free_completions(other, TOTAL);
        masa_generator_destroy(g);
    }
    free_completions(whole, TOTAL);
}

/* Some now and some later are what they would have been together. */
static void does_not_depend_on_the_call(void **state)
{
    setting *s = *state;
    masa_completion whole[TOTAL], part[SAMPLES];
    masa_request requests[REQUESTS];
    size_t limits[SAMPLES] = {9, LONGEST, 3, LONGEST, 5};
    masa_generator *g = tiny_generator(s->model, NULL, 64, 0);
    memcpy(requests, s->requests, sizeof requests);
    requests[4].sample_max_tokens = limits;
    generate(g, requests, REQUESTS, whole);
    for (size_t i = 0; i < REQUESTS; i++)
        for (size_t done = 0, n = 2; done < SAMPLES; done += n) {
            masa_request r = requests[i];
            if (n > SAMPLES - done) n = SAMPLES - done;
            r.first_sample = done;
            r.n_samples = n;
            if (r.sample_max_tokens) r.sample_max_tokens += done;
            generate(g, &r, 1, part);
            for (size_t k = 0; k < n; k++)
                assert_same(&whole[i * SAMPLES + done + k], &part[k]);
            free_completions(part, n);
        }
    free_completions(whole, TOTAL);
    masa_generator_destroy(g);
}

/* Requests that come while others are decoded, in a cache with room and in one without. */
static void does_not_depend_on_when_requests_come(void **state)
{
    setting *s = *state;
    masa_completion whole[TOTAL], other[TOTAL];
    masa_error err = {0};
    masa_generator *g = tiny_generator(s->model, NULL, 64, 0);
    generate(g, s->requests, REQUESTS, whole);
    masa_generator_destroy(g);
    const size_t caches[] = {0, 12 * BLOCK_TOKENS};
    for (size_t k = 0; k < 2; k++) {
        g = tiny_generator(s->model, NULL, 8, caches[k]);
        bool busy = true;
        size_t added = 0, steps = 0;
        for (; busy || added < REQUESTS; steps++) {
            if (steps % 3 == 0 && added < REQUESTS) {
                size_t i = added++;
                if (masa_generator_add(g, &s->requests[i], other + i * SAMPLES, &err))
                    fail_msg("%s", err.message);
            }
            if (masa_generator_advance(g, NULL, NULL, &busy, &err)) fail_msg("%s", err.message);
        }
        assert_no_block_held(g);
        for (size_t i = 0; i < TOTAL; i++) {
            assert_same(&whole[i], &other[i]);
            assert_int_equal(other[i].request, i / SAMPLES); /* it was never idle in between */
        }
        free_completions(other, TOTAL);
        masa_request refused = s->requests[0];
        refused.prompt_size = 0;
        assert_int_equal(masa_generator_add(g, &refused, other, &err), MASA_ERR_DATA);
        if (masa_generator_advance(g, NULL, NULL, &busy, &err) || busy)
            fail_msg("busy with nothing");
        masa_generator_destroy(g);
    }
    free_completions(whole, TOTAL);
}

/* The smallest cache that one sequence fits, and some that hold a few. */
static void finishes_when_the_cache_is_too_small(void **state)
{
    setting *s = *state;
    masa_completion whole[TOTAL], other[TOTAL];
    masa_generator *g = tiny_generator(s->model, NULL, 32, 0);
    generate(g, s->requests, REQUESTS, whole);
    assert_int_equal(masa_generator_stats(g).recomputed_tokens, 0);
    masa_generator_destroy(g);
    size_t recomputed = 0;
    for (size_t blocks = 8; blocks < 40; blocks++) {
        g = tiny_generator(s->model, NULL, 32, blocks * BLOCK_TOKENS);
        generate(g, s->requests, REQUESTS, other);
        masa_generate_stats stats = masa_generator_stats(g);
        recomputed += stats.recomputed_tokens;
        assert_true(stats.recomputed_tokens < 4 * TOTAL * CONTEXT);
        for (size_t i = 0; i < TOTAL; i++) assert_same(&whole[i], &other[i]);
        free_completions(other, TOTAL);
        masa_generator_destroy(g);
    }
    assert_true(recomputed > 0);
    free_completions(whole, TOTAL);
}

static void computes_a_prompt_once(void **state)
{
    setting *s = *state;
    masa_completion out[TOTAL];
    masa_generator *g = tiny_generator(s->model, NULL, 4, 0);
    generate(g, s->requests, REQUESTS, out);
    masa_generate_stats stats = masa_generator_stats(g);
    size_t prompts = 0, generated = 0;
    for (size_t i = 0; i < REQUESTS; i++) prompts += s->requests[i].prompt_size;
    for (size_t i = 0; i < TOTAL; i++) generated += out[i].n;
    assert_int_equal(stats.prompt_tokens, prompts);
    assert_int_equal(stats.generated_tokens, generated);
    assert_int_equal(stats.recomputed_tokens, 0);
    assert_true(stats.decode_steps >= generated / 4 && stats.decode_steps < generated);
    free_completions(out, TOTAL);
    masa_generator_destroy(g);
}

/* Prompts that begin alike: what they have in common is run once, and what is sampled stays
 * the same, whatever the cache holds. */
static void computes_a_common_beginning_once(void **state)
{
    enum { COMMON = 40, BLOCKS = COMMON / BLOCK_TOKENS };
    setting *s = *state;
    masa_completion alone[TOTAL], other[TOTAL];
    int32_t prompts[REQUESTS][64];
    masa_request requests[REQUESTS];
    size_t sum = 0, shared = 0;
    for (size_t i = 0; i < REQUESTS; i++) {
        requests[i] = s->requests[i];
        requests[i].prompt = prompts[i];
        /* The last begins with whole blocks only; one more is no other prompt's. */
        requests[i].prompt_size = i == 6 ? BLOCKS * BLOCK_TOKENS : COMMON + 1 + i;
        fill_prompt(prompts[i], 64, 50 + i);
        if (i != 3) fill_prompt(prompts[i], COMMON, 49);
        sum += requests[i].prompt_size;
        if (i != 0 && i != 3) shared += (i == 6 ? BLOCKS - 1 : BLOCKS) * BLOCK_TOKENS;
    }
    masa_generator *g = tiny_generator(s->model, NULL, 64, 0);
    for (size_t i = 0; i < REQUESTS; i++) generate(g, &requests[i], 1, alone + i * SAMPLES);
    generate(g, requests, REQUESTS, other);
    assert_int_equal(masa_generator_stats(g).prompt_tokens, sum - shared);
    for (size_t i = 0; i < TOTAL; i++) assert_same(&alone[i], &other[i]);
    free_completions(other, TOTAL);
    masa_generator_destroy(g);
    for (size_t blocks = 7; blocks < 40; blocks++) {
        g = tiny_generator(s->model, NULL, 1 + blocks % 20, blocks * BLOCK_TOKENS);
        generate(g, requests, REQUESTS, other);
        for (size_t i = 0; i < TOTAL; i++) assert_same(&alone[i], &other[i]);
        free_completions(other, TOTAL);
        masa_generator_destroy(g);
    }
    free_completions(alone, TOTAL);
}

/* Requests are kept as wholes, as far as there is room, and what was kept is right, also of
 * prompts that begin alike and of sequences that were put back and run again. */
static void check_kept(setting *s, const masa_request *requests, size_t cache_tokens,
                       size_t rows, size_t *kept_requests)
{
    masa_completion out[TOTAL];
    masa_activations *kept = NULL;
    float computed[CONTEXT], recalled[CONTEXT];
    masa_generator *g = tiny_generator(s->model, NULL, 9, cache_tokens);
    assert_int_equal(masa_activations_create(&kept, s->model, rows, NULL), MASA_OK);
    masa_generator_keep(g, kept);
    generate(g, requests, REQUESTS, out);
    for (size_t i = 0; i < TOTAL; i++) {
        const masa_completion *c = &out[i];
        bool is_kept = c->kept_rows != NULL;
        assert_int_equal(is_kept, out[c->request * SAMPLES].kept_rows != NULL);
        *kept_requests += is_kept && c->sample == 0;
        if (!is_kept) continue;
        recompute(s->model, &requests[c->request], c, NULL, computed);
        recompute(s->model, &requests[c->request], c, kept, recalled);
        for (size_t k = 0; k < c->n; k++) assert_near(recalled[k], computed[k], 1e-4);
    }
    /* No promise is left over. */
    assert_true(masa_activations_promise(kept, rows - masa_activations_used(kept)));
    masa_generator_keep(g, NULL);
    masa_activations_clear(kept);
    masa_completion again[SAMPLES];
    generate(g, requests, 1, again);
    assert_null(again[0].kept_rows);
    assert_int_equal(masa_activations_used(kept), 0);
    free_completions(again, SAMPLES);
    free_completions(out, TOTAL);
    masa_generator_destroy(g);
    masa_activations_destroy(kept);
}

static void keeps_activations(void **state)
{
    setting *s = *state;
    int32_t prompts[REQUESTS][64];
    masa_request requests[REQUESTS];
    size_t all = 0, some = 0, alike = 0, most = 0;
    for (size_t i = 0; i < REQUESTS; i++) {
        requests[i] = s->requests[i];
        requests[i].prompt = prompts[i];
        requests[i].prompt_size = 50 + i;
        fill_prompt(prompts[i], 64, 50 + i);
        fill_prompt(prompts[i], i == 3 ? 20 : 40, 49);
        most += 64 + SAMPLES * LONGEST;
    }
    for (size_t blocks = 8; blocks <= 64; blocks *= 2) {
        check_kept(s, s->requests, blocks * BLOCK_TOKENS, most, &all);
        check_kept(s, requests, blocks * BLOCK_TOKENS, most, &alike);
        check_kept(s, requests, blocks * BLOCK_TOKENS, most / 3, &some);
    }
    assert_int_equal(all, 4 * REQUESTS);
    assert_int_equal(alike, 4 * REQUESTS);
    assert_true(some > 0 && some < 4 * REQUESTS);
}

static void check_logprobs(masa_dtype compute, double tolerance)
{
    masa_model *model = tiny_model(compute);
    int32_t prompt[40];
    fill_prompt(prompt, 40, 1);
    const float temperatures[] = {1, 0.6f, 0};
    double sum = 0, n = 0;
    masa_generator *g = tiny_generator(model, NULL, 8, 0);
    for (size_t t = 0; t < 3; t++) {
        masa_request request = {.prompt = prompt,
                                .prompt_size = 40,
                                .n_samples = 12,
                                .key = t,
                                .max_tokens = 60,
                                .sampling = {temperatures[t], 30, 0.95f, 0}};
        masa_completion out[12];
        float logprobs[CONTEXT];
        generate(g, &request, 1, out);
        for (size_t i = 0; i < 12; i++) {
            recompute(model, &request, &out[i], NULL, logprobs);
            for (size_t k = 0; k < out[i].n; k++, n++)
                sum += fabs((double)logprobs[k] - (double)out[i].logprobs[k]);
        }
        free_completions(out, 12);
    }
    assert_near(sum / n, 0, tolerance);
    masa_generator_destroy(g);
    masa_model_destroy(model);
}

static void logprobs_are_the_trainers(void **state)
{
    (void)state;
    check_logprobs(MASA_F32, 1e-5);
    if (masa_device_compute() == MASA_BF16) check_logprobs(MASA_BF16, 1e-2);
}

static void stops_at_the_end_of_the_context(void **state)
{
    setting *s = *state;
    masa_generator *g = tiny_generator(s->model, NULL, 2, 0);
    int32_t prompt[CONTEXT];
    fill_prompt(prompt, CONTEXT, 1);
    masa_request request = {.prompt = prompt,
                            .prompt_size = CONTEXT - 3,
                            .n_samples = 1,
                            .max_tokens = 100,
                            .sampling = {1, 0, 1, 0}};
    masa_completion out;
    generate(g, &request, 1, &out);
    assert_int_equal(out.n, 3);
    assert_int_equal(out.cause, MASA_STOP_CONTEXT);
    masa_completion_deinit(&out);
    request.max_tokens = 3;
    generate(g, &request, 1, &out);
    assert_int_equal(out.cause, MASA_STOP_LENGTH);
    masa_completion_deinit(&out);
    masa_generator_destroy(g);
}

/* A sample's own limit cuts it where the others go on, and changes no token before. */
static void samples_have_their_own_limits(void **state)
{
    setting *s = *state;
    const size_t limits[SAMPLES] = {1, LONGEST, 3, 100, 17};
    masa_request request = s->requests[4]; /* a prompt of 5 tokens */
    masa_completion cut[SAMPLES], whole[SAMPLES];
    masa_generator *g = tiny_generator(s->model, NULL, 3, 0);
    request.n_stop_tokens = 0;
    generate(g, &request, 1, whole);
    request.sample_max_tokens = limits;
    request.max_tokens = 0; /* has no say */
    generate(g, &request, 1, cut);
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t common = limits[i] < LONGEST ? limits[i] : LONGEST;
        assert_int_equal(cut[i].n, limits[i]);
        assert_int_equal(cut[i].cause, MASA_STOP_LENGTH);
        assert_memory_equal(cut[i].tokens, whole[i].tokens, common * sizeof(int32_t));
    }
    free_completions(cut, SAMPLES);
    free_completions(whole, SAMPLES);
    const size_t beyond[SAMPLES] = {CONTEXT, 2, 2, CONTEXT - 5, 2};
    request.sample_max_tokens = beyond;
    generate(g, &request, 1, cut);
    assert_int_equal(cut[0].cause, MASA_STOP_CONTEXT);
    assert_int_equal(cut[0].n, CONTEXT - 5);
    assert_int_equal(cut[3].cause, MASA_STOP_LENGTH);
    assert_int_equal(cut[1].n, 2);
    free_completions(cut, SAMPLES);
    masa_generator_destroy(g);
}

static void assert_refused(masa_generator *g, const masa_request *request, masa_status code)
{
    masa_completion out[2];
    masa_error err = {0};
    assert_int_equal(masa_generate(g, request, 1, out, NULL, NULL, &err), code);
    assert_true(strlen(err.message) > 10);
    assert_no_block_held(g);
}

static void refuses_what_cannot_be(void **state)
{
    setting *s = *state;
    masa_generator *g = tiny_generator(s->model, NULL, 2, 6 * BLOCK_TOKENS);
    int32_t prompt[CONTEXT] = {0}, wrong[2] = {3, VOCAB}, negative = -1;
    masa_request good = {.prompt = prompt,
                         .prompt_size = 10,
                         .n_samples = 1,
                         .max_tokens = 5,
                         .sampling = {1, 0, 1, 0}};
    masa_request r = good;
    const size_t limits[] = {5, 0}, long_limits[] = {5, 80};
    const char *stops[] = {"x", ""};
    r.prompt_size = CONTEXT;
    assert_refused(g, &r, MASA_ERR_DATA);
    r = good, r.prompt_size = 0;
    assert_refused(g, &r, MASA_ERR_DATA);
    r = good, r.prompt = wrong, r.prompt_size = 2;
    assert_refused(g, &r, MASA_ERR_DATA);
    r = good, r.prompt = &negative, r.prompt_size = 1;
    assert_refused(g, &r, MASA_ERR_DATA);
    r = good, r.max_tokens = 0;
    assert_refused(g, &r, MASA_ERR_CONFIG);
    r = good, r.max_tokens = 80; /* more than the cache of 96 with the prompt's block */
    assert_refused(g, &r, MASA_ERR_CONFIG);
    r = good, r.n_samples = 2, r.sample_max_tokens = limits;
    assert_refused(g, &r, MASA_ERR_CONFIG);
    r.sample_max_tokens = long_limits;
    assert_refused(g, &r, MASA_ERR_CONFIG);
    r = good, r.stop_strings = stops, r.n_stop_strings = 1;
    assert_refused(g, &r, MASA_ERR_CONFIG);
    const masa_sampling bad[] = {
        {-1, 0, 1, 0}, {NAN, 0, 1, 0},  {1e-9f, 0, 1, 0}, {INFINITY, 0, 1, 0}, {1, -1, 1, 0},
        {1, 0, 0, 0},  {1, 0, 1.5f, 0}, {1, 0, NAN, 0},   {1, 0, 1, -0.1f},    {1, 0, 1, 2}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        r = good, r.sampling = bad[i];
        assert_refused(g, &r, MASA_ERR_CONFIG);
    }
    masa_generator *none = NULL;
    const masa_generator_options options[] = {{.max_batch = 0},
                                              {.max_batch = 1, .max_context = CONTEXT + 1},
                                              {.max_batch = 1, .cache_bytes = SIZE_MAX / 2}};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(masa_generator_create(&none, s->model, NULL, &options[i], NULL),
                         MASA_ERR_CONFIG);
    assert_null(none);
    masa_generator_destroy(g);
}

static void asks_for_nothing(void **state)
{
    setting *s = *state;
    masa_generator *g = tiny_generator(s->model, NULL, 2, 0);
    masa_completion out[SAMPLES];
    generate(g, NULL, 0, out);
    masa_request requests[3] = {s->requests[0], s->requests[4], s->requests[5]};
    requests[0].n_samples = requests[2].n_samples = 0;
    generate(g, requests, 3, out);
    assert_int_equal(out[0].request, 1);
    free_completions(out, SAMPLES);
    masa_generator_destroy(g);
}

/* Broken weights end the call with an error that says so, and leave nothing behind. */
static void reports_broken_weights(void **state)
{
    setting *s = *state;
    masa_model *model = tiny_model(MASA_F32);
    masa_model_values(model)[s->prompts[4][0] * 32] = NAN;
    masa_model_refresh(model);
    masa_generator *g = tiny_generator(model, NULL, 4, 0);
    masa_completion out[TOTAL];
    masa_error err = {0};
    assert_int_equal(masa_generate(g, s->requests, REQUESTS, out, NULL, NULL, &err),
                     MASA_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "not finite"));
    assert_no_block_held(g);
    for (size_t i = 0; i < TOTAL; i++) assert_null(out[i].tokens);
    masa_generator_destroy(g);
    masa_model_destroy(model);
}

typedef struct watch {
    size_t seen[TOTAL], finished[TOTAL];
    size_t cancel_at; /* a completion of this many tokens is cancelled */
} watch;

static bool watch_token(void *context, const masa_completion *c, bool finished)
{
    watch *w = context;
    size_t i = c->request * SAMPLES + c->sample;
    if (c->n != ++w->seen[i] || w->finished[i]) print_error("called out of order\n"), abort();
    w->finished[i] += finished;
    return c->n < w->cancel_at;
}

static void calls_back_and_cancels(void **state)
{
    setting *s = *state;
    const size_t cancels[] = {SIZE_MAX, 1, 9};
    for (size_t k = 0; k < 3; k++) {
        masa_generator *g = tiny_generator(s->model, NULL, 5, 20 * BLOCK_TOKENS);
        masa_completion out[TOTAL];
        watch w = {.cancel_at = cancels[k]};
        assert_int_equal(masa_generate(g, s->requests, REQUESTS, out, watch_token, &w, NULL),
                         MASA_OK);
        assert_no_block_held(g);
        for (size_t i = 0; i < TOTAL; i++) {
            assert_int_equal(w.seen[i], out[i].n);
            assert_true(out[i].n <= cancels[k]);
            bool cancelled = out[i].cause == MASA_STOP_CANCELLED;
            assert_int_equal(w.finished[i], !cancelled);
            if (cancelled) assert_int_equal(out[i].n, cancels[k]);
        }
        free_completions(out, TOTAL);
        masa_generator_destroy(g);
    }
}

typedef struct stopper {
    volatile sig_atomic_t stop;
    size_t tokens, at; /* the stop comes with token number `at` */
} stopper;

static bool stop_later(void *context, const masa_completion *c, bool finished)
{
    (void)c, (void)finished;
    stopper *s = context;
    s->stop = ++s->tokens >= s->at;
    return true;
}

/* A stop does not wait for prompts that were not begun, and leaves the generator as new. */
static void ends_when_stopped(void **state)
{
    setting *s = *state;
    stopper late = {.at = SIZE_MAX};
    masa_generator *g = NULL;
    masa_generator_options options = {.max_batch = 2, .stop = &late.stop};
    assert_int_equal(masa_generator_create(&g, s->model, NULL, &options, NULL), MASA_OK);
    masa_completion whole[TOTAL], out[TOTAL] = {0};
    assert_int_equal(masa_generate(g, s->requests, REQUESTS, whole, stop_later, &late, NULL),
                     MASA_OK);
    late = (stopper){.at = 3};
    assert_int_equal(masa_generate(g, s->requests, REQUESTS, out, stop_later, &late, NULL),
                     MASA_ERR_INTERRUPTED);
    assert_in_range(late.tokens, 3, 8); /* those of its step */
    assert_no_block_held(g);
    for (size_t i = 0; i < TOTAL; i++) assert_null(out[i].tokens);
    late = (stopper){.at = SIZE_MAX};
    assert_int_equal(masa_generate(g, s->requests, REQUESTS, out, stop_later, &late, NULL),
                     MASA_OK);
    for (size_t i = 0; i < TOTAL; i++) assert_same(&out[i], &whole[i]);
    free_completions(whole, TOTAL);
    free_completions(out, TOTAL);
    masa_generator_destroy(g);
}

/* Many prompts, short and long, through a small batch: whatever order slots come
 * free in, every sample is finished. */
static void refills_slots(void **state)
{
    setting *s = *state;
    enum { N = 60 };
    static int32_t prompts[N][90];
    masa_request requests[N];
    masa_completion *out = masa_alloc(3 * N, sizeof *out);
    size_t total = 0;
    for (size_t i = 0; i < N; i++) {
        size_t size = 1 + i * 7 % 90;
        fill_prompt(prompts[i], size, i);
        requests[i] = (masa_request){.prompt = prompts[i],
                                     .prompt_size = size,
                                     .n_samples = i % 4,
                                     .key = i,
                                     .max_tokens = 1 + i * 5 % 33,
                                     .sampling = {1, 0, 1, 0}};
        total += requests[i].n_samples;
    }
    const size_t caches[] = {0, 9, 12, 30};
    for (size_t k = 0; k < 4; k++) {
        masa_generator *g = tiny_generator(s->model, NULL, 8, caches[k] * BLOCK_TOKENS);
        generate(g, requests, N, out);
        for (size_t i = 0; i < total; i++)
            assert_int_equal(out[i].n, requests[out[i].request].max_tokens);
        if (k == 0) /* slots do not idle: near total tokens / 8 slots */
            assert_true(masa_generator_stats(g).decode_steps <
                        masa_generator_stats(g).generated_tokens / 5);
        free_completions(out, total);
        masa_generator_destroy(g);
    }
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_a_naive_loop),
                                       cmocka_unit_test(does_not_depend_on_the_batch),
                                       cmocka_unit_test(does_not_depend_on_the_call),
                                       cmocka_unit_test(does_not_depend_on_when_requests_come),
                                       cmocka_unit_test(finishes_when_the_cache_is_too_small),
                                       cmocka_unit_test(computes_a_prompt_once),
                                       cmocka_unit_test(computes_a_common_beginning_once),
                                       cmocka_unit_test(keeps_activations),
                                       cmocka_unit_test(logprobs_are_the_trainers),
                                       cmocka_unit_test(stops_at_the_end_of_the_context),
                                       cmocka_unit_test(samples_have_their_own_limits),
                                       cmocka_unit_test(refuses_what_cannot_be),
                                       cmocka_unit_test(asks_for_nothing),
                                       cmocka_unit_test(reports_broken_weights),
                                       cmocka_unit_test(calls_back_and_cancels),
                                       cmocka_unit_test(ends_when_stopped),
                                       cmocka_unit_test(refills_slots)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
