/* A real model (path in MASA_TEST_MODEL; skipped without): its rollouts carry the
 * log-probabilities that training recomputes, and what a sample is hardly ever
 * depends on its batch. */
#include "generate_fixture.h"
#include <masa/device.h>

enum { PROMPTS = 6, SAMPLES = 4, TOTAL = PROMPTS * SAMPLES, LENGTH = 48, MOST_PROMPT = 24 };

static masa_model *load(masa_dtype compute)
{
    const char *path = getenv("MASA_TEST_MODEL");
    if (!path) return NULL;
    masa_model *model = NULL;
    masa_model_options options = {compute, false};
    masa_error err = {0};
    if (masa_model_load(&model, path, &options, &err)) fail_msg("%s", err.message);
    return model;
}

static void run_all(masa_model *model, const masa_request *requests, size_t batch,
                    masa_completion *out)
{
    masa_generator *g = NULL;
    masa_generator_options options = {.max_batch = batch, .max_context = 96};
    masa_error err = {0};
    if (masa_generator_create(&g, model, NULL, &options, &err)) fail_msg("%s", err.message);
    if (masa_generate(g, requests, PROMPTS, out, NULL, NULL, &err)) fail_msg("%s", err.message);
    masa_generator_destroy(g);
}

static double recompute_difference(masa_model *model, const masa_request *requests,
                                   const masa_completion *out)
{
    double sum = 0, n = 0;
    for (size_t i = 0; i < TOTAL; i++) {
        float logprobs[LENGTH];
        recompute(model, &requests[out[i].request], &out[i], NULL, logprobs);
        for (size_t k = 0; k < out[i].n; k++, n++)
            sum += fabs((double)logprobs[k] - (double)out[i].logprobs[k]);
    }
    return sum / n;
}

static void check(masa_dtype compute, double tolerance, double most_changed)
{
    masa_model *model = load(compute);
    if (!model) skip_since("MASA_TEST_MODEL names no model");
    int32_t prompts[PROMPTS][MOST_PROMPT];
    masa_request requests[PROMPTS];
    masa_random random = masa_random_init(1, MASA_STREAM_TEST);
    for (size_t i = 0; i < PROMPTS; i++) {
        for (size_t k = 0; k < MOST_PROMPT; k++) /* ordinary words */
            prompts[i][k] = (int32_t)masa_random_range(&random, 300, 5000);
        requests[i] = (masa_request){.prompt = prompts[i],
                                     .prompt_size = MOST_PROMPT - i,
                                     .n_samples = SAMPLES,
                                     .key = i,
                                     .max_tokens = LENGTH,
                                     .sampling = {1, 0, 1, 0}};
    }
    masa_completion whole[TOTAL], few[TOTAL];
    run_all(model, requests, TOTAL, whole);
    run_all(model, requests, 3, few);
    double difference = recompute_difference(model, requests, whole);
    size_t drawn = 0, changed = 0;
    for (size_t i = 0; i < TOTAL; i++) { /* up to the first token that differs */
        size_t k = 0;
        while (k < LENGTH && whole[i].tokens[k] == few[i].tokens[k]) k++;
        drawn += k, changed += k < LENGTH;
    }
    print_message("%s: mean |rollout - recomputed| = %.3g; %zu of %zu tokens depend on the "
                  "batch\n",
                  compute == MASA_F32 ? "float32" : "bf16", difference, changed,
                  drawn + changed);
    assert_near(difference, 0, tolerance);
    assert_true((double)changed <= most_changed * (double)(drawn + changed));
    free_completions(whole, TOTAL);
    free_completions(few, TOTAL);
    masa_model_destroy(model);
}

static void in_float32(void **state)
{
    (void)state;
    check(MASA_F32, 1e-5, 0.002);
}

static void in_bf16(void **state)
{
    (void)state;
    if (masa_device_compute() != MASA_BF16) skip_since("the device does not multiply bf16");
    check(MASA_BF16, 1e-2, 0.02);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_float32), cmocka_unit_test(in_bf16)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
