/* Ways of computing the same thing in the training pass give the same. */
#include "model_fixture.h"
#include <malloc.h>
#include "pass_internal.h"

static const double TOLERANCE = 1e-5; /* float32: only the order of sums differs */

/* Runs three sequences in one batch and each alone; gradients add up. */
static void packed_equals_alone(void **state)
{
    (void)state;
    static const size_t lengths[] = {7, 1, 19};
    for (int a = 0; a < FIXTURE_ARCHITECTURES; a++) {
        masa_model *model = fixture_model((masa_architecture)a, MASA_F32, true);
        float together[64], alone[64], weights[64];
        int32_t tokens[32];
        fixture_batch packed = {0};
        fixture_tokens(tokens, 32, 1);
        for (size_t s = 0, at = 0; s < 3; at += lengths[s++])
            fixture_add(&packed, tokens + at, lengths[s], -1);
        fixture_weights(weights, packed.n_targets, 2);
        fixture_run(model, fixture_finish(&packed), false, together, weights);
        float *grads = fixture_copy_grads(model);
        size_t count = masa_model_parameter_count(model), target = 0;
        float *sum = masa_alloc(count, sizeof *sum);
        for (size_t s = 0, at = 0; s < 3; at += lengths[s++]) {
            fixture_batch one = {0};
            fixture_add(&one, tokens + at, lengths[s], -1);
            fixture_run(model, fixture_finish(&one), false, alone + target, weights + target);
            for (size_t i = 0; i < count; i++) sum[i] += masa_model_grads(model)[i];
            target += one.n_targets;
        }
        assert_int_equal(target, packed.n_targets);
        assert_near(fixture_difference(together, alone, target), 0, TOLERANCE);
        fixture_assert_grads(model, grads, sum, TOLERANCE);
        free(grads);
        free(sum);
        masa_model_destroy(model);
    }
}

/* A prompt computed once for its responses, against a full sequence for each. */
static void shared_prompt_equals_full_sequences(void **state)
{
    (void)state;
    enum { PROMPT = 11, CHILDREN = 3 };
    static const size_t lengths[CHILDREN] = {5, 12, 1};
    for (int a = 0; a < FIXTURE_ARCHITECTURES; a++) {
        masa_model *model = fixture_model((masa_architecture)a, MASA_F32, true);
        int32_t prompt[PROMPT], response[16], whole[32];
        fixture_batch shared = {0}, full = {0};
        float shared_weights[64], full_weights[64] = {0}, by_shared[64], by_full[64];
        fixture_tokens(prompt, PROMPT, 5);
        memcpy(whole, prompt, sizeof prompt);
        /* The prompt's own tokens are no targets. */
        int32_t parent = fixture_add(&shared, prompt, PROMPT, -1);
        shared.n_targets = 0;
        fixture_weights(shared_weights, 64, 6);
        size_t where[64];
        for (size_t c = 0; c < CHILDREN; c++) {
            fixture_tokens(response, lengths[c], 50 + c);
            memcpy(whole + PROMPT, response, lengths[c] * sizeof *response);
            size_t first = shared.n_targets;
            fixture_add(&shared, response, lengths[c], parent);
            size_t base = full.n_targets + PROMPT - 1;
            fixture_add(&full, whole, PROMPT + lengths[c], -1);
            for (size_t i = 0; i < lengths[c]; i++) {
                where[first + i] = base + i;
                full_weights[base + i] = shared_weights[first + i];
            }
        }
        fixture_run(model, fixture_finish(&shared), false, by_shared, shared_weights);
        float *grads = fixture_copy_grads(model);
        fixture_run(model, fixture_finish(&full), false, by_full, full_weights);
        for (size_t i = 0; i < shared.n_targets; i++)
            assert_near(by_shared[i], by_full[where[i]], 2e-5);
        fixture_assert_grads(model, grads, masa_model_grads(model), TOLERANCE);
        free(grads);
        masa_model_destroy(model);
    }
}

static void add_group(fixture_batch *b)
{
    int32_t tokens[64];
    fixture_tokens(tokens, 64, 9);
    int32_t parent = fixture_add(b, tokens, 10, -1);
    fixture_add(b, tokens + 10, 14, parent);
    fixture_add(b, tokens + 24, 8, parent);
    fixture_add(b, tokens + 32, 20, -1);
    fixture_finish(b);
}

/* The same kernels on the same numbers: not only near, but equal. */
static void recomputing_changes_nothing(void **state)
{
    (void)state;
    for (int a = 0; a < FIXTURE_ARCHITECTURES; a++) {
        masa_model *model = fixture_model((masa_architecture)a, MASA_F32, true);
        fixture_batch b = {0};
        float kept[64], recomputed[64], weights[64];
        add_group(&b);
        fixture_weights(weights, b.n_targets, 4);
        fixture_run(model, &b.batch, false, kept, weights);
        float *grads = fixture_copy_grads(model);
        fixture_run(model, &b.batch, true, recomputed, weights);
        assert_near(fixture_difference(recomputed, kept, b.n_targets), 0, 1e-6);
        fixture_assert_grads(model, masa_model_grads(model), grads, 1e-6);
        free(grads);
        masa_model_destroy(model);
    }
}

static void untrainable_gives_the_same_logprobs(void **state)
{
    (void)state;
    for (int a = 0; a < FIXTURE_ARCHITECTURES; a++) {
        masa_model *trained = fixture_model((masa_architecture)a, MASA_F32, true);
        masa_model *fixed = fixture_model((masa_architecture)a, MASA_F32, false);
        assert_null(masa_model_grads(fixed));
        fixture_batch b = {0};
        float one[64], other[64];
        add_group(&b);
        fixture_run(trained, &b.batch, false, one, NULL);
        fixture_run(fixed, &b.batch, false, other, NULL);
        assert_near(fixture_difference(other, one, b.n_targets), 0, 1e-6);
        masa_model_destroy(trained);
        masa_model_destroy(fixed);
    }
}

/* Two passes of a pass object: nothing of the first batch is left in the second,
 * and gradients are added to what was there. */
static void passes_are_reusable_and_add(void **state)
{
    (void)state;
    masa_model *model = fixture_model(MASA_QWEN3, MASA_F32, true);
    fixture_batch large = {0}, small = {0};
    int32_t tokens[16];
    float logprobs[64], again[64], weights[64];
    add_group(&large);
    fixture_tokens(tokens, 16, 77);
    fixture_add(&small, tokens, 16, -1);
    fixture_finish(&small);
    fixture_weights(weights, 64, 4);
    fixture_run(model, &small.batch, false, logprobs, weights);
    size_t count = masa_model_parameter_count(model);
    float *expected = fixture_copy_grads(model);
    for (size_t i = 0; i < count; i++) expected[i] *= 2;
    masa_pass *pass = NULL;
    assert_int_equal(masa_pass_create(&pass, model, 64, 64, true, NULL), MASA_OK);
    masa_pass_forward(pass, &large.batch);
    masa_pass_logprobs(pass, again, NULL);
    masa_pass_forward(pass, &small.batch);
    masa_pass_logprobs(pass, again, NULL);
    masa_pass_backward(pass, weights);
    assert_near(fixture_difference(again, logprobs, small.n_targets), 0, 1e-6);
    fixture_assert_grads(model, masa_model_grads(model), expected, 1e-6);
    free(expected);
    masa_pass_destroy(pass);
    masa_model_destroy(model);
}

/* Entropy from the log-probability of every token of the vocabulary. */
static void entropy_is_of_the_whole_vocabulary(void **state)
{
    (void)state;
    masa_model *model = fixture_model(MASA_LLAMA, MASA_F32, false);
    fixture_batch b = {0};
    int32_t tokens[6];
    float logprobs[FIXTURE_VOCAB], entropy[FIXTURE_VOCAB];
    fixture_tokens(tokens, 6, 13);
    fixture_add(&b, tokens, 6, -1);
    for (int32_t t = 0; t < FIXTURE_VOCAB; t++) b.rows[t] = 5, b.targets[t] = t;
    b.n_targets = FIXTURE_VOCAB;
    fixture_finish(&b);
    masa_pass *pass = NULL;
    assert_int_equal(masa_pass_create(&pass, model, 6, FIXTURE_VOCAB, false, NULL), MASA_OK);
    masa_pass_forward(pass, &b.batch);
    masa_pass_logprobs(pass, logprobs, entropy);
    double mass = 0, sum = 0;
    for (size_t t = 0; t < FIXTURE_VOCAB; t++) {
        mass += exp((double)logprobs[t]);
        sum -= exp((double)logprobs[t]) * (double)logprobs[t];
    }
    assert_near(mass, 1, 1e-5);
    for (size_t t = 0; t < FIXTURE_VOCAB; t++) assert_near(entropy[t], sum, 1e-4);
    masa_pass_destroy(pass);
    masa_model_destroy(model);
}

static void bf16_is_near_float32(void **state)
{
    (void)state;
    for (int a = 0; a < FIXTURE_ARCHITECTURES; a++) {
        masa_model *exact = fixture_model((masa_architecture)a, MASA_F32, true);
        masa_model *rounded = fixture_model((masa_architecture)a, MASA_BF16, true);
        fixture_batch b = {0};
        float one[64], other[64], weights[64];
        add_group(&b);
        fixture_weights(weights, b.n_targets, 4);
        fixture_run(exact, &b.batch, false, one, weights);
        fixture_run(rounded, &b.batch, false, other, weights);
        assert_near(fixture_distance(other, one, b.n_targets), 0, 0.05);
        size_t count = masa_model_parameter_count(exact);
        assert_near(fixture_distance(masa_model_grads(rounded), masa_model_grads(exact), count),
                    0, 0.05);
        masa_model_destroy(exact);
        masa_model_destroy(rounded);
    }
}

/* The plan's number is the size of the one block that is allocated. */
static void planned_bytes_are_allocated_bytes(void **state)
{
    (void)state;
    for (int a = 0; a < FIXTURE_ARCHITECTURES; a++)
        for (int keep = KEEP_NOTHING; keep <= KEEP_ALL; keep++) {
            masa_model_config c = fixture_config((masa_architecture)a);
            bool trainable = keep != KEEP_NOTHING, recompute = keep == KEEP_INPUTS;
            masa_model *model = fixture_model((masa_architecture)a, MASA_F32, trainable);
            masa_pass *pass = NULL;
            size_t planned = trainable ? masa_pass_bytes(&c, MASA_F32, 100, 70, recompute)
                                       : masa_pass_bytes_untrainable(&c, MASA_F32, 100, 70);
            assert_int_equal(masa_pass_create(&pass, model, 100, 70, recompute, NULL), MASA_OK);
            assert_int_equal(pass->keep, keep);
            size_t usable = malloc_usable_size(pass->memory) + masa_attention_plan_bytes(100);
            assert_true(usable >= planned && usable <= planned + 4096);
            masa_pass_destroy(pass);
            masa_model_destroy(model);
        }
    masa_model_config c = fixture_config(MASA_LLAMA);
    assert_true(masa_pass_bytes(&c, MASA_BF16, 1000, 1000, true) <
                masa_pass_bytes(&c, MASA_BF16, 1000, 1000, false));
    assert_true(masa_pass_bytes(&c, MASA_F32, SIZE_MAX, 1, true) == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(packed_equals_alone),
                                       cmocka_unit_test(shared_prompt_equals_full_sequences),
                                       cmocka_unit_test(recomputing_changes_nothing),
                                       cmocka_unit_test(untrainable_gives_the_same_logprobs),
                                       cmocka_unit_test(passes_are_reusable_and_add),
                                       cmocka_unit_test(entropy_is_of_the_whole_vocabulary),
                                       cmocka_unit_test(bf16_is_near_float32),
                                       cmocka_unit_test(planned_bytes_are_allocated_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
