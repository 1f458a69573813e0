/* A real model (path in MASA_TEST_MODEL; skipped without): the log-probabilities
 * with which it decodes are those that training recomputes. */
#include "model_fixture.h"
#include <masa/device.h>

enum { START = 4, LENGTH = 48, BLOCK = 16, MAX_BLOCKS = 3 };

/* Continues `tokens` greedily from START on; logprobs[i] is of tokens[i + 1]. */
static void decode(masa_model *model, int32_t *tokens, float *logprobs)
{
    size_t vocab = masa_model_get_config(model)->vocab_size;
    masa_kv_store store;
    masa_decoder *decoder = NULL;
    assert_int_equal(masa_kv_store_init(&store, model, MAX_BLOCKS, BLOCK, NULL), MASA_OK);
    masa_decoder_sizes sizes = {.rows = 1, .sequences = 1, .blocks = MAX_BLOCKS};
    assert_int_equal(masa_decoder_create(&decoder, model, &sizes, NULL), MASA_OK);
    float *logits = masa_alloc(vocab, sizeof *logits);
    int32_t zero = 0, table[MAX_BLOCKS] = {1, 0, 2};
    for (int32_t i = 0; i + 1 < LENGTH; i++) {
        masa_decode_batch batch = {.rows = 1,
                                   .tokens = &tokens[i],
                                   .positions = &i,
                                   .sequences = &zero,
                                   .block_tables = table,
                                   .max_blocks = MAX_BLOCKS,
                                   .n_logits = 1,
                                   .logit_rows = &zero};
        masa_decoder_run(decoder, &store, &batch, logits);
        size_t best = 0;
        for (size_t v = 0; v < vocab; v++)
            if (logits[v] > logits[best]) best = v;
        if (i + 1 >= START) tokens[i + 1] = (int32_t)best;
        double sum = 0;
        for (size_t v = 0; v < vocab; v++) sum += exp((double)(logits[v] - logits[best]));
        logprobs[i] = logits[tokens[i + 1]] - logits[best] - (float)log(sum);
    }
    free(logits);
    masa_decoder_destroy(decoder);
    masa_kv_store_deinit(&store);
}

static void check(masa_dtype compute, double tolerance)
{
    const char *path = getenv("MASA_TEST_MODEL");
    if (!path) skip_since("MASA_TEST_MODEL names no model");
    masa_model *model = NULL;
    masa_model_options options = {compute, false};
    masa_error err = {0};
    if (masa_model_load(&model, path, &options, &err)) fail_msg("%s", err.message);
    int32_t tokens[LENGTH] = {504, 3575, 282, 4649}; /* ordinary words in SmolLM2 */
    float decoded[LENGTH], recomputed[LENGTH];
    fixture_batch b = {0};
    decode(model, tokens, decoded);
    fixture_add(&b, tokens, LENGTH, -1);
    fixture_finish(&b);
    b.batch.temperature = 1;
    fixture_run(model, &b.batch, false, recomputed, NULL);
    double sum = 0;
    for (size_t i = 0; i < b.n_targets; i++) {
        assert_true(isfinite(decoded[i]));
        sum += fabs((double)decoded[i] - (double)recomputed[i]);
    }
    print_message("mean |decoded - recomputed| = %.3g\n", sum / (double)b.n_targets);
    assert_near(sum / (double)b.n_targets, 0, tolerance);
    masa_model_destroy(model);
}

static void decodes_as_it_trains_in_float32(void **state)
{
    (void)state;
    check(MASA_F32, 1e-5);
}

static void decodes_as_it_trains_in_bf16(void **state)
{
    (void)state;
    if (masa_device_compute() != MASA_BF16) skip_since("the device does not multiply bf16");
    check(MASA_BF16, 1e-2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(decodes_as_it_trains_in_float32),
                                       cmocka_unit_test(decodes_as_it_trains_in_bf16)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
