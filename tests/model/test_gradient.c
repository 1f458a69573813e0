/* The whole model's gradient against central differences of its own forward. */
#include "model_fixture.h"

/* sum_i weights[i] logprob[i], in float64. */
static double objective(masa_model *model, masa_pass *pass, const masa_batch *batch,
                        const float *weights)
{
    float logprobs[512];
    double sum = 0;
    masa_model_refresh(model);
    masa_pass_forward(pass, batch);
    masa_pass_logprobs(pass, logprobs, NULL);
    for (size_t i = 0; i < batch->n_targets; i++)
        sum += (double)weights[i] * (double)logprobs[i];
    return sum;
}

/* Along `direction` [count] from the present values, which are restored. */
static double difference(masa_model *model, masa_pass *pass, const masa_batch *batch,
                         const float *weights, const float *direction, float h)
{
    size_t count = masa_model_parameter_count(model);
    float *values = masa_model_values(model);
    float *kept = masa_alloc(count, sizeof *kept);
    double at[2];
    memcpy(kept, values, count * sizeof *kept);
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < count; i++) values[i] = kept[i] + (side ? -h : h) * direction[i];
        at[side] = objective(model, pass, batch, weights);
    }
    memcpy(values, kept, count * sizeof *kept);
    free(kept);
    return (at[0] - at[1]) / (2 * (double)h);
}

static void make_batch(fixture_batch *b)
{
    int32_t tokens[32];
    fixture_tokens(tokens, 32, 3);
    int32_t prompt = fixture_add(b, tokens, 9, -1);
    fixture_add(b, tokens + 9, 6, prompt);
    fixture_add(b, tokens + 15, 8, prompt);
    fixture_add(b, tokens + 23, 7, -1);
    fixture_finish(b);
}

/* A random direction in each parameter alone: one wrong term anywhere shows. */
static void check(masa_architecture architecture)
{
    masa_model *model = fixture_model(architecture, MASA_F32, true);
    fixture_batch b = {0};
    make_batch(&b);
    float weights[512], logprobs[512];
    fixture_weights(weights, b.n_targets, 8);
    fixture_run(model, &b.batch, false, logprobs, weights);
    masa_pass *pass = NULL;
    assert_int_equal(masa_pass_create(&pass, model, 64, 64, false, NULL), MASA_OK);
    size_t n, count = masa_model_parameter_count(model);
    const masa_parameter *p = masa_model_parameters(model, &n);
    float *direction = masa_alloc(count, sizeof *direction);
    masa_random random = masa_random_init(21, MASA_STREAM_TEST);
    for (size_t i = 0; i < n; i++) {
        const float *grad = masa_model_grads(model) + p[i].offset;
        size_t size = p[i].rows * p[i].cols;
        double expected = 0, norm = 0;
        memset(direction, 0, count * sizeof *direction);
        for (size_t j = 0; j < size; j++) {
            /* Half noise, half along the gradient, so that the sum is not near zero. */
            float sign = grad[j] > 0 ? 1.0f : -1.0f;
            float d = (float)masa_random_normal(&random) + sign;
            direction[p[i].offset + j] = d;
            expected += (double)d * (double)grad[j];
            norm += (double)d * (double)d;
        }
        /* The step balances the cubic term against the objective's float32 noise,
         * which the second part of the tolerance allows for. */
        float h = (float)(1e-2 / sqrt(norm));
        double tolerance = 5e-3 * fabs(expected) + 1e-6 / (double)h;
        double found = difference(model, pass, &b.batch, weights, direction, h);
        if (!(fabs(found - expected) <= tolerance)) print_error("gradient of %s: ", p[i].name);
        assert_near(found, expected, tolerance);
    }
    free(direction);
    masa_pass_destroy(pass);
    masa_model_destroy(model);
}

static void llama_matches_differences(void **state)
{
    (void)state;
    check(MASA_LLAMA);
}

static void qwen2_matches_differences(void **state)
{
    (void)state;
    check(MASA_QWEN2);
}

static void qwen3_matches_differences(void **state)
{
    (void)state;
    check(MASA_QWEN3);
}

static void a_newcomer_matches_differences(void **state)
{
    (void)state;
    check(FIXTURE_NEWCOMER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(llama_matches_differences),
                                       cmocka_unit_test(qwen2_matches_differences),
                                       cmocka_unit_test(qwen3_matches_differences),
                                       cmocka_unit_test(a_newcomer_matches_differences)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
