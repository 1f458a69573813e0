/* What a pass computes is the same to the last bit, whatever the number of threads. */
#include "masa_test.h"
#include <masa/parallel.h>
#include <masa/pass.h>

enum { VOCAB = 700, TOKENS = 300 };

/* Large enough for every kernel to divide its work. */
static masa_model *model_create(masa_dtype compute)
{
    masa_model_config c = {.architecture = MASA_QWEN3,
                           .vocab_size = VOCAB,
                           .hidden_size = 160,
                           .intermediate_size = 352,
                           .n_layers = 2,
                           .n_heads = 6,
                           .n_kv_heads = 2,
                           .head_dim = 32,
                           .max_positions = TOKENS,
                           .rms_norm_eps = 1e-5f,
                           .rope_theta = 10000,
                           .bos_token = 0,
                           .eos_token = 1,
                           .pad_token = -1};
    masa_model_options options = {compute, true};
    masa_model *model = NULL;
    assert_int_equal(masa_model_create(&model, &c, &options, 3, NULL), MASA_OK);
    return model;
}

/* Of one pass over a batch of a prompt and two continuations: log-probabilities [TOKENS] and
 * gradients. */
static void run_pass(masa_model *model, float *logprob)
{
    static int32_t tokens[TOKENS], positions[TOKENS], rows[TOKENS];
    static float dlogprob[TOKENS];
    static const masa_segment segments[] = {{0, 100, -1}, {100, 100, 0}, {200, 100, 0}};
    masa_pass *pass = NULL;
    for (int i = 0; i < TOKENS; i++) {
        tokens[i] = i * 7919 % VOCAB;
        positions[i] = i < 200 ? i : i - 100;
        rows[i] = i;
        dlogprob[i] = i % 2 ? 0.1f : -0.2f;
    }
    masa_batch batch = {.n_tokens = TOKENS,
                        .n_segments = 3,
                        .n_targets = TOKENS,
                        .tokens = tokens,
                        .positions = positions,
                        .segments = segments,
                        .target_rows = rows,
                        .target_tokens = tokens,
                        .temperature = 1};
    assert_int_equal(masa_pass_create(&pass, model, TOKENS, TOKENS, false, NULL), MASA_OK);
    masa_pass_forward(pass, &batch);
    masa_pass_logprobs(pass, logprob, NULL);
    masa_pass_backward(pass, dlogprob);
    masa_pass_destroy(pass);
}

static void any_number_of_threads(masa_dtype compute)
{
    float logprob[2][TOKENS], *grads = NULL;
    int before = masa_threads();
    for (int threads = 1; threads <= 5; threads += 2) {
        masa_threads_set(threads);
        masa_model *model = model_create(compute);
        size_t bytes = masa_model_parameter_count(model) * sizeof *grads;
        run_pass(model, logprob[threads > 1]);
        if (threads == 1) {
            grads = malloc(bytes);
            memcpy(grads, masa_model_grads(model), bytes);
        } else {
            assert_memory_equal(logprob[1], logprob[0], sizeof logprob[0]);
            assert_memory_equal(masa_model_grads(model), grads, bytes);
        }
        masa_model_destroy(model);
    }
    free(grads);
    masa_threads_set(before);
}

static void any_number_of_threads_f32(void **state)
{
    (void)state;
    any_number_of_threads(MASA_F32);
}

static void any_number_of_threads_bf16(void **state)
{
    (void)state;
    any_number_of_threads(MASA_BF16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_number_of_threads_f32),
                                       cmocka_unit_test(any_number_of_threads_bf16)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
