/* Tiny models of every architecture against what transformers and PyTorch
 * compute from them (tools/make_model_golden.py): logits, log-probabilities,
 * every parameter's gradient, and the parameters after one AdamW step. */
#include "model_fixture.h"
#include <masa/adamw.h>
#include <masa/device.h>
#include <masa/file.h>

/* Relative to the largest value of an array (float32) or in Euclidean norm (bf16). */
static const double TOLERANCE_F32 = 2e-5, TOLERANCE_BF16 = 0.04;

typedef struct golden {
    masa_mapping file;
    masa_model *model;
    fixture_batch batch;
    float *logits; /* [tokens, vocab] computed */
} golden;

/* The record's values, checked to be n floats. */
static const float *find(const golden *g, const char *name, size_t n)
{
    const uint8_t *at = g->file.data, *end = at + g->file.size;
    while (at < end) {
        uint64_t count;
        memcpy(&count, at + 96, sizeof count);
        if (strcmp((const char *)at, name) == 0) {
            assert_int_equal(count, n);
            return (const float *)(const void *)(at + 104);
        }
        at += 104 + count * sizeof(float);
    }
    fail_msg("golden.bin has no %s", name);
    return NULL;
}

static void assert_agree(masa_dtype compute, const char *what, const float *a, const float *b,
                         size_t n)
{
    bool exact = compute == MASA_F32;
    double d = exact ? fixture_difference(a, b, n) : fixture_distance(a, b, n);
    double tolerance = exact ? TOLERANCE_F32 : TOLERANCE_BF16;
    if (!(d <= tolerance)) print_error("%s: ", what);
    assert_near(d, 0, tolerance);
}

static void open_golden(golden *g, const char *name, masa_dtype compute)
{
    char path[512];
    masa_error err = {0};
    memset(g, 0, sizeof *g);
    snprintf(path, sizeof path, "%s/%s", MASA_TEST_DATA, name);
    masa_model_options options = {compute, true};
    if (masa_model_load(&g->model, path, &options, &err)) fail_msg("%s", err.message);
    snprintf(path, sizeof path, "%s/%s/golden.bin", MASA_TEST_DATA, name);
    assert_int_equal(masa_file_map(&g->file, path, NULL), MASA_OK);
    const float *lengths = find(g, "lengths", 3);
    size_t total = (size_t)(lengths[0] + lengths[1] + lengths[2]);
    const float *tokens = find(g, "tokens", total);
    for (size_t s = 0; s < 3; s++) {
        int32_t ids[64];
        for (size_t i = 0; i < (size_t)lengths[s]; i++) ids[i] = (int32_t)*tokens++;
        fixture_add(&g->batch, ids, (size_t)lengths[s], -1);
    }
    fixture_finish(&g->batch);
    g->batch.batch.temperature = *find(g, "temperature", 1);
}

static void close_golden(golden *g)
{
    masa_model_destroy(g->model);
    masa_file_unmap(&g->file);
}

/* All sequences prefilled in one batch, each in a block of its own. */
static void check_logits(golden *g, masa_dtype compute)
{
    enum { BLOCK = 32 };
    const masa_batch *b = &g->batch.batch;
    size_t vocab = masa_model_get_config(g->model)->vocab_size;
    masa_kv_store store;
    masa_decoder *decoder = NULL;
    assert_int_equal(masa_kv_store_init(&store, g->model, 3, BLOCK, NULL), MASA_OK);
    masa_decoder_sizes sizes = {.rows = b->n_tokens, .sequences = 3, .blocks = 1};
    assert_int_equal(masa_decoder_create(&decoder, g->model, &sizes, NULL), MASA_OK);
    int32_t sequences[64], all[64], tables[] = {2, 0, 1};
    for (int32_t s = 0; s < 3; s++)
        for (int32_t i = 0; i < b->segments[s].length; i++)
            sequences[b->segments[s].start + i] = s;
    for (int32_t i = 0; i < 64; i++) all[i] = i;
    masa_decode_batch batch = {.rows = b->n_tokens,
                               .tokens = b->tokens,
                               .positions = b->positions,
                               .sequences = sequences,
                               .block_tables = tables,
                               .max_blocks = 1,
                               .n_logits = b->n_tokens,
                               .logit_rows = all};
    float *logits = masa_alloc(b->n_tokens * vocab, sizeof *logits);
    masa_decoder_run(decoder, &store, &batch, logits);
    assert_agree(compute, "logits", logits, find(g, "logits", b->n_tokens * vocab),
                 b->n_tokens * vocab);
    free(logits);
    masa_decoder_destroy(decoder);
    masa_kv_store_deinit(&store);
}

/* values: the model's gradients or parameters; names begin with `kind`. */
static void check_parameters(golden *g, masa_dtype compute, const char *kind,
                             const float *values)
{
    size_t n;
    const masa_parameter *p = masa_model_parameters(g->model, &n);
    for (size_t i = 0; i < n; i++) {
        char name[96];
        size_t count = p[i].rows * p[i].cols;
        snprintf(name, sizeof name, "%s/%s", kind, p[i].name);
        assert_agree(compute, name, values + p[i].offset, find(g, name, count), count);
    }
}

static void step(golden *g)
{
    const float *o = find(g, "adamw", 5);
    size_t n;
    const masa_parameter *p = masa_model_parameters(g->model, &n);
    float *moments = masa_alloc(2 * masa_model_parameter_count(g->model), sizeof(float));
    for (size_t i = 0; i < n; i++) {
        masa_adamw options = {.lr = o[0],
                              .beta1 = o[1],
                              .beta2 = o[2],
                              .eps = o[3],
                              .weight_decay = p[i].decay ? o[4] : 0,
                              .grad_scale = 1,
                              .step = 1};
        size_t at = p[i].offset, count = p[i].rows * p[i].cols;
        masa_adamw_update(masa_model_values(g->model) + at, moments + 2 * at,
                          moments + 2 * at + count, masa_model_grads(g->model) + at, count,
                          &options);
    }
    free(moments);
}

static void check(const char *name, masa_dtype compute)
{
    if (compute == MASA_BF16 && masa_device_compute() != MASA_BF16)
        skip_since("the device does not multiply bf16");
    golden g;
    open_golden(&g, name, compute);
    size_t n = g.batch.n_targets;
    float logprobs[64];
    const float *weights = find(&g, "weights", n), *expected = find(&g, "logprobs", n);
    check_logits(&g, compute);
    fixture_run(g.model, &g.batch.batch, false, logprobs, weights);
    assert_agree(compute, "logprobs", logprobs, expected, n);
    check_parameters(&g, compute, "grad", masa_model_grads(g.model));
    step(&g);
    check_parameters(&g, compute, "adamw", masa_model_values(g.model));
    close_golden(&g);
}

#define GOLDEN(name)                                                                           \
    static void name##_f32(void **state)                                                       \
    {                                                                                          \
        (void)state;                                                                           \
        check(#name, MASA_F32);                                                                \
    }                                                                                          \
    static void name##_bf16(void **state)                                                      \
    {                                                                                          \
        (void)state;                                                                           \
        check(#name, MASA_BF16);                                                               \
    }

GOLDEN(llama_tied)
GOLDEN(llama_scaled)
GOLDEN(qwen2)
GOLDEN(qwen3)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llama_tied_f32),   cmocka_unit_test(llama_tied_bf16),
        cmocka_unit_test(llama_scaled_f32), cmocka_unit_test(llama_scaled_bf16),
        cmocka_unit_test(qwen2_f32),        cmocka_unit_test(qwen2_bf16),
        cmocka_unit_test(qwen3_f32),        cmocka_unit_test(qwen3_bf16)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
