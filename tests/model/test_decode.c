/* The decoding pass against the training pass, and against itself in other chunks. */
#include "model_fixture.h"
#include <masa/device.h>

enum { LENGTH = 37, BLOCK = 4, MAX_BLOCKS = 12, SEQUENCES = 3 };

/* Three sequences of different lengths whose blocks lie scattered. */
typedef struct cache {
    masa_kv_store store;
    masa_decoder *decoder;
    int32_t tables[SEQUENCES * MAX_BLOCKS];
    int32_t tokens[SEQUENCES][LENGTH];
} cache;

static const size_t LENGTHS[SEQUENCES] = {LENGTH, 9, 24};
static const masa_decoder_sizes SIZES = {
    .rows = 128, .sequences = SEQUENCES, .blocks = MAX_BLOCKS};

static void open_cache(cache *c, masa_model *model)
{
    memset(c, 0, sizeof *c);
    size_t n = SEQUENCES * MAX_BLOCKS;
    assert_int_equal(masa_kv_store_init(&c->store, model, n, BLOCK, NULL), MASA_OK);
    assert_int_equal(masa_decoder_create(&c->decoder, model, &SIZES, NULL), MASA_OK);
    for (size_t i = 0; i < n; i++) c->tables[i] = (int32_t)(i * 17 % n);
    for (size_t s = 0; s < SEQUENCES; s++) fixture_tokens(c->tokens[s], LENGTH, 30 + s);
}

static void close_cache(cache *c)
{
    masa_kv_store_deinit(&c->store);
    masa_decoder_destroy(c->decoder);
}

/* Feeds every sequence in chunks of at most `chunk` tokens, all sequences in each
 * batch. logits [SEQUENCES][LENGTH][vocab]. */
static void decode(masa_model *model, size_t chunk, float *logits)
{
    cache c;
    open_cache(&c, model);
    float *found = masa_alloc(128 * FIXTURE_VOCAB, sizeof *found);
    for (size_t from = 0; from < LENGTH; from += chunk) {
        int32_t tokens[128], positions[128], sequences[128], rows[128];
        size_t n = 0;
        for (size_t s = 0; s < SEQUENCES; s++)
            for (size_t i = from; i < from + chunk && i < LENGTHS[s]; i++, n++) {
                tokens[n] = c.tokens[s][i];
                positions[n] = (int32_t)i;
                sequences[n] = (int32_t)s;
                rows[n] = (int32_t)n;
            }
        masa_decode_batch batch = {.rows = n,
                                   .tokens = tokens,
                                   .positions = positions,
                                   .sequences = sequences,
                                   .block_tables = c.tables,
                                   .max_blocks = MAX_BLOCKS,
                                   .n_logits = n,
                                   .logit_rows = rows};
        masa_decoder_run(c.decoder, &c.store, &batch, found);
        for (size_t i = 0; i < n; i++)
            memcpy(logits +
                       ((size_t)sequences[i] * LENGTH + (size_t)positions[i]) * FIXTURE_VOCAB,
                   found + i * FIXTURE_VOCAB, FIXTURE_VOCAB * sizeof *logits);
    }
    free(found);
    close_cache(&c);
}

/* Mean and largest |difference| of the log-probabilities of every token of the
 * vocabulary after every row, between decoding and the training pass. */
static void compare_with_training(masa_model *model, double *mean, double *worst)
{
    float *logits = masa_alloc(SEQUENCES * LENGTH * FIXTURE_VOCAB, sizeof *logits);
    decode(model, 1, logits);
    double sum = 0, n = 0;
    *worst = 0;
    for (size_t s = 0; s < SEQUENCES; s++) {
        int32_t tokens[LENGTH];
        fixture_tokens(tokens, LENGTH, 30 + s);
        for (size_t r = 0; r < LENGTHS[s]; r++) {
            fixture_batch b = {0};
            float logprobs[FIXTURE_VOCAB];
            const float *z = logits + (s * LENGTH + r) * FIXTURE_VOCAB;
            double total = 0;
            fixture_add(&b, tokens, LENGTHS[s], -1);
            for (int32_t t = 0; t < FIXTURE_VOCAB; t++)
                b.rows[t] = (int32_t)r, b.targets[t] = t;
            b.n_targets = FIXTURE_VOCAB;
            fixture_finish(&b);
            fixture_run(model, &b.batch, false, logprobs, NULL);
            float temperature = b.batch.temperature;
            for (size_t t = 0; t < FIXTURE_VOCAB; t++)
                total += exp((double)(z[t] / temperature));
            for (size_t t = 0; t < FIXTURE_VOCAB; t++, n++) {
                double d =
                    fabs((double)(z[t] / temperature) - log(total) - (double)logprobs[t]);
                sum += d;
                if (!(d <= *worst)) *worst = d;
            }
        }
    }
    *mean = sum / n;
    free(logits);
}

static void equals_training_in_float32(void **state)
{
    (void)state;
    for (int a = 0; a < FIXTURE_ARCHITECTURES; a++) {
        masa_model *model = fixture_model((masa_architecture)a, MASA_F32, false);
        double mean, worst;
        compare_with_training(model, &mean, &worst);
        assert_near(mean, 0, 1e-5);
        assert_near(worst, 0, 1e-4);
        masa_model_destroy(model);
    }
}

/* Weights of a trained model's size: with the fixture's, which are an order of
 * magnitude larger, bf16's rounding is amplified as no real model does. */
static void is_near_training_in_bf16(void **state)
{
    (void)state;
    for (int a = 0; a < FIXTURE_ARCHITECTURES; a++) {
        masa_model_config c = fixture_config((masa_architecture)a);
        masa_model_options options = {MASA_BF16, false};
        masa_model *model = NULL;
        assert_int_equal(masa_model_create(&model, &c, &options, 3, NULL), MASA_OK);
        float *values = masa_model_values(model);
        for (size_t i = 0; i < masa_model_parameter_count(model); i++)
            if (fabsf(values[i]) < 0.5f) values[i] *= 4;
        masa_model_refresh(model);
        double mean, worst;
        compare_with_training(model, &mean, &worst);
        assert_near(mean, 0, 1e-2);
        masa_model_destroy(model);
    }
}

static void chunks_equal_one_shot(void **state)
{
    (void)state;
    static const size_t chunks[] = {1, 5, 8};
    size_t n = SEQUENCES * LENGTH * FIXTURE_VOCAB;
    for (int a = 0; a < FIXTURE_ARCHITECTURES; a++) {
        masa_model *model = fixture_model((masa_architecture)a, MASA_F32, false);
        float *whole = masa_alloc(n, sizeof *whole), *pieces = masa_alloc(n, sizeof *pieces);
        decode(model, LENGTH, whole);
        for (size_t i = 0; i < 3; i++) {
            decode(model, chunks[i], pieces);
            assert_near(fixture_difference(pieces, whole, n), 0, 1e-5);
        }
        free(whole);
        free(pieces);
        masa_model_destroy(model);
    }
}

/* Only the wanted rows' logits, in the wanted order; none at all is fine too. */
static void gives_the_wanted_rows(void **state)
{
    (void)state;
    masa_model *model = fixture_model(MASA_LLAMA, MASA_F32, false);
    cache c;
    open_cache(&c, model);
    int32_t positions[10], sequences[10] = {0}, all[10], wanted[] = {7, 2};
    for (int32_t i = 0; i < 10; i++) positions[i] = all[i] = i;
    masa_decode_batch batch = {.rows = 10,
                               .tokens = c.tokens[0],
                               .positions = positions,
                               .sequences = sequences,
                               .block_tables = c.tables,
                               .max_blocks = MAX_BLOCKS,
                               .n_logits = 10,
                               .logit_rows = all};
    float every[10 * FIXTURE_VOCAB], some[2 * FIXTURE_VOCAB];
    masa_decoder_run(c.decoder, &c.store, &batch, every);
    batch.n_logits = 0;
    masa_decoder_run(c.decoder, &c.store, &batch, NULL);
    batch.n_logits = 2;
    batch.logit_rows = wanted;
    masa_decoder_run(c.decoder, &c.store, &batch, some);
    for (size_t i = 0; i < 2; i++)
        assert_near(fixture_difference(some + i * FIXTURE_VOCAB,
                                       every + (size_t)wanted[i] * FIXTURE_VOCAB,
                                       FIXTURE_VOCAB),
                    0, 1e-5);
    close_cache(&c);
    masa_model_destroy(model);
}

/* A block's copy carries the keys and values of every layer and touches no other. */
static void copies_a_block_of_every_layer(void **state)
{
    (void)state;
    enum { TOKENS = 16 };
    masa_model *model = fixture_model(MASA_LLAMA, MASA_F32, false);
    const masa_model_config *c = masa_model_get_config(model);
    masa_kv_store store;
    assert_int_equal(masa_kv_store_init(&store, model, 4, TOKENS, NULL), MASA_OK);
    size_t block = c->n_kv_heads * TOKENS * c->head_dim, n = 2 * c->n_layers * 4 * block;
    float *values = masa_alloc(n, sizeof *values);
    assert_int_equal(n * sizeof *values, masa_kv_store_bytes(c, MASA_F32, 4, TOKENS));
    for (size_t i = 0; i < n; i++) values[i] = (float)i;
    masa_device_put(store.memory, values, n * sizeof *values);
    masa_kv_store_copy(&store, 3, 1);
    masa_device_get(values, store.memory, n * sizeof *values);
    for (size_t i = 0; i < n; i++) {
        size_t from = i / block % 4 == 3 ? i - 2 * block : i;
        assert_true(values[i] == (float)from);
    }
    free(values);
    masa_kv_store_deinit(&store);
    masa_model_destroy(model);
}

/* Plans saturate instead of wrapping, and such a store is refused. */
static void plans_do_not_wrap(void **state)
{
    (void)state;
    masa_model *model = fixture_model(MASA_QWEN3, MASA_F32, false);
    const masa_model_config *c = masa_model_get_config(model);
    /* 3 layers of keys and values, 2 heads of 32. */
    assert_int_equal(masa_kv_store_bytes(c, MASA_BF16, 10, 16), 3 * 2 * 160 * 2 * 32 * 2);
    assert_true(masa_kv_store_bytes(c, MASA_BF16, SIZE_MAX / 8, 16) == SIZE_MAX);
    masa_decoder_sizes sizes = {.rows = SIZE_MAX, .sequences = 1, .blocks = 1};
    assert_true(masa_decoder_bytes(c, MASA_F32, &sizes) == SIZE_MAX);
    assert_true(masa_decoder_bytes(c, MASA_BF16, &SIZES) <
                masa_decoder_bytes(c, MASA_F32, &SIZES));
    masa_kv_store store = {0};
    masa_error err = {0};
    assert_int_equal(masa_kv_store_init(&store, model, SIZE_MAX / 8, 16, &err),
                     MASA_ERR_MEMORY);
    assert_null(store.memory);
    masa_decoder *decoder = NULL;
    assert_int_equal(masa_decoder_create(&decoder, model, &sizes, &err), MASA_ERR_MEMORY);
    sizes = (masa_decoder_sizes){.rows = 1, .sequences = SIZE_MAX / 2, .blocks = 4};
    assert_int_equal(masa_decoder_create(&decoder, model, &sizes, &err), MASA_ERR_MEMORY);
    assert_null(decoder);
    masa_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_training_in_float32),
                                       cmocka_unit_test(is_near_training_in_bf16),
                                       cmocka_unit_test(chunks_equal_one_shot),
                                       cmocka_unit_test(gives_the_wanted_rows),
                                       cmocka_unit_test(copies_a_block_of_every_layer),
                                       cmocka_unit_test(plans_do_not_wrap)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
