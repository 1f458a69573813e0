/* A training pass that begins with what decoding kept, against one that computes it. */
#include "model_fixture.h"
#include <masa/linear.h>

enum { SEQUENCES = 3, LENGTH = 40, BLOCK = 16, BLOCKS = 3 };
static const size_t LENGTHS[SEQUENCES] = {LENGTH, 9, 24};

/* Sizes as real models have them: whole vectors. */
static masa_model *real_sizes(masa_architecture architecture, masa_dtype compute)
{
    masa_model_config c = fixture_config(architecture);
    masa_model_options options = {compute, true};
    masa_model *model = NULL;
    c.hidden_size = 128;
    c.intermediate_size = 192;
    c.head_dim = 32;
    assert_int_equal(masa_model_create(&model, &c, &options, 3, NULL), MASA_OK);
    float *values = masa_model_values(model);
    for (size_t i = 0; i < masa_model_parameter_count(model); i++)
        if (fabsf(values[i]) < 0.5f) values[i] *= 4;
    masa_model_refresh(model);
    return model;
}

/* Decodes the sequences in chunks, first a prompt of 7 tokens, then one token at a time, and
 * keeps what that computes; rows [all tokens, sequence by sequence] says where. */
static masa_activations *decode(masa_model *model, int32_t *kept_rows)
{
    masa_kv_store store;
    masa_decoder *decoder = NULL;
    masa_activations *kept = NULL;
    size_t total = 0, first[SEQUENCES];
    int32_t tables[SEQUENCES * BLOCKS], tokens[SEQUENCES][LENGTH];
    for (int32_t i = 0; i < SEQUENCES * BLOCKS; i++) tables[i] = i * 5 % (SEQUENCES * BLOCKS);
    for (size_t s = 0; s < SEQUENCES; total += LENGTHS[s++]) {
        first[s] = total;
        fixture_tokens(tokens[s], LENGTHS[s], 30 + s);
    }
    assert_int_equal(masa_kv_store_init(&store, model, SEQUENCES * BLOCKS, BLOCK, NULL),
                     MASA_OK);
    masa_decoder_sizes sizes = {.rows = 64, .sequences = SEQUENCES, .blocks = BLOCKS};
    assert_int_equal(masa_decoder_create(&decoder, model, &sizes, NULL), MASA_OK);
    assert_int_equal(masa_activations_create(&kept, model, total, NULL), MASA_OK);
    assert_false(masa_activations_promise(kept, total + 1));
    assert_true(masa_activations_promise(kept, total));
    for (size_t from = 0, chunk = 7; from < LENGTH; from += chunk, chunk = 1) {
        int32_t batch_tokens[64], positions[64], sequences[64], rows[64];
        size_t n = 0;
        for (size_t s = 0; s < SEQUENCES; s++)
            for (size_t i = from; i < from + chunk && i < LENGTHS[s]; i++, n++) {
                batch_tokens[n] = tokens[s][i];
                positions[n] = (int32_t)i;
                sequences[n] = (int32_t)s;
                rows[n] = kept_rows[first[s] + i] = masa_activations_take(kept);
            }
        masa_decode_batch batch = {.rows = n,
                                   .tokens = batch_tokens,
                                   .positions = positions,
                                   .sequences = sequences,
                                   .block_tables = tables,
                                   .max_blocks = BLOCKS,
                                   .kept = kept,
                                   .kept_rows = rows};
        masa_decoder_run(decoder, &store, &batch, NULL);
    }
    assert_int_equal(masa_activations_used(kept), total);
    masa_decoder_destroy(decoder);
    masa_kv_store_deinit(&store);
    return kept;
}

/* Log-probabilities and gradients; equal to the last bit where the decoding pass and the
 * training pass are. */
static void check(masa_model *model, bool recompute, double tolerance)
{
    fixture_batch b = {0};
    float computed[256], recalled[256], weights[256];
    int32_t rows[SEQUENCES * LENGTH], tokens[LENGTH];
    size_t count = masa_model_parameter_count(model);
    for (size_t s = 0; s < SEQUENCES; s++) {
        fixture_tokens(tokens, LENGTHS[s], 30 + s);
        fixture_add(&b, tokens, LENGTHS[s], -1);
    }
    fixture_finish(&b);
    fixture_weights(weights, b.n_targets, 4);
    masa_activations *kept = decode(model, rows);
    fixture_run(model, &b.batch, recompute, computed, weights);
    float *grads = fixture_copy_grads(model);
    b.batch.kept = kept;
    b.batch.kept_rows = rows;
    fixture_run(model, &b.batch, recompute, recalled, weights);
    if (tolerance > 0) {
        assert_near(fixture_difference(recalled, computed, b.n_targets), 0, tolerance);
        fixture_assert_grads(model, masa_model_grads(model), grads, tolerance);
    } else {
        assert_memory_equal(recalled, computed, b.n_targets * sizeof *recalled);
        assert_memory_equal(masa_model_grads(model), grads, count * sizeof *grads);
    }
    free(grads);
    masa_activations_destroy(kept);
}

static void gradients_are_those_of_a_whole_pass(void **state)
{
    (void)state;
    for (int a = 0; a < FIXTURE_ARCHITECTURES; a++)
        for (int recompute = 0; recompute < 2; recompute++) {
            masa_model *model = fixture_model((masa_architecture)a, MASA_F32, true);
            check(model, recompute, 1e-5);
            masa_model_destroy(model);
            model = real_sizes((masa_architecture)a, MASA_BF16);
            check(model, recompute, masa_model_rows_agree(model) ? 0 : 2e-2);
            masa_model_destroy(model);
        }
}

/* Rows that have been used have their memory; how many others may take some can be limited. */
static void memory_is_taken_within_a_limit(void **state)
{
    (void)state;
    masa_model *model = fixture_model(MASA_LLAMA, MASA_F32, false);
    size_t row = masa_activations_bytes(masa_model_get_config(model), MASA_F32, 1);
    masa_activations *kept = NULL;
    assert_int_equal(masa_activations_create(&kept, model, 10, NULL), MASA_OK);
    masa_activations_limit(kept, row - 1);
    assert_false(masa_activations_promise(kept, 1));
    masa_activations_limit(kept, 3 * row);
    assert_true(masa_activations_promise(kept, 2));
    for (int32_t i = 0; i < 2; i++) assert_int_equal(masa_activations_take(kept), i);
    masa_activations_clear(kept);
    masa_activations_limit(kept, 0);
    assert_false(masa_activations_promise(kept, 3));
    assert_true(masa_activations_promise(kept, 2));
    masa_activations_clear(kept);
    masa_activations_limit(kept, SIZE_MAX);
    assert_false(masa_activations_promise(kept, 11));
    assert_true(masa_activations_promise(kept, 10));
    masa_activations_destroy(kept);
    masa_model_destroy(model);
}

/* What was promised and not taken can be promised again; clearing forgets all. */
static void rows_are_promised_once(void **state)
{
    (void)state;
    masa_model *model = fixture_model(MASA_LLAMA, MASA_F32, false);
    masa_activations *kept = NULL;
    assert_int_equal(masa_activations_create(&kept, model, 10, NULL), MASA_OK);
    assert_true(masa_activations_promise(kept, 6));
    assert_int_equal(masa_activations_take(kept), 0);
    assert_false(masa_activations_promise(kept, 5));
    masa_activations_release(kept, 4);
    assert_true(masa_activations_promise(kept, 8));
    assert_int_equal(masa_activations_take(kept), 1);
    assert_int_equal(masa_activations_used(kept), 2);
    masa_activations_clear(kept);
    assert_true(masa_activations_promise(kept, 10));
    masa_activations_destroy(kept);
    masa_error err = {0};
    assert_int_equal(masa_activations_create(&kept, model, SIZE_MAX / 2, &err),
                     MASA_ERR_MEMORY);
    masa_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_a_whole_pass),
        cmocka_unit_test(memory_is_taken_within_a_limit),
        cmocka_unit_test(rows_are_promised_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
