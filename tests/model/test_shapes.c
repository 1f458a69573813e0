/* Models of whatever shape: their gradient is that of differences, and saved they come back. */
#include "model_fixture.h"
#include "property.h"

#include <masa/file.h>

static masa_model *draw_model(property_draws *d)
{
    masa_model_config c =
        fixture_config((masa_architecture)property_below(d, FIXTURE_ARCHITECTURES));
    masa_model_options options = {MASA_F32, true};
    masa_model *model = NULL;
    c.n_layers = 1 + property_below(d, 3);
    c.n_kv_heads = 1 + property_below(d, 3);
    c.n_heads = c.n_kv_heads * (1 + property_below(d, 4));
    c.head_dim = 2 * (1 + property_below(d, 20));
    c.hidden_size = 8 + property_below(d, 70); /* of fewer the norm is all but a sign */
    c.intermediate_size = 1 + property_below(d, 90);
    c.vocab_size = 3 + property_below(d, 100); /* its special tokens are 1 and 2 */
    c.tied_embeddings = property_below(d, 2);
    property_note(d,
                  "%s: %zu layers, %zu of %zu heads of %zu, hidden %zu, intermediate %zu, %zu "
                  "words, tied %d; ",
                  masa_architecture_traits(c.architecture)->name, c.n_layers, c.n_kv_heads,
                  c.n_heads, c.head_dim, c.hidden_size, c.intermediate_size, c.vocab_size,
                  c.tied_embeddings);
    masa_error err = {0};
    if (masa_model_create(&model, &c, &options, property_below(d, 1000), &err) != MASA_OK)
        fail_msg("%s%s", d->notes, err.message);
    masa_random random = masa_random_init(5, MASA_STREAM_TEST);
    for (size_t i = 0; i < masa_model_parameter_count(model); i++)
        masa_model_values(model)[i] += 0.2f * (float)masa_random_normal(&random);
    masa_model_refresh(model);
    return model;
}

static double objective(masa_model *model, masa_pass *pass, const masa_batch *batch)
{
    float logprobs[512];
    double sum = 0;
    masa_model_refresh(model);
    masa_pass_forward(pass, batch);
    masa_pass_logprobs(pass, logprobs, NULL);
    for (size_t i = 0; i < batch->n_targets; i++) sum += (double)logprobs[i];
    return sum;
}

/* Along the gradient itself: the difference is its squared length. */
static bool gradient_is_the_slope(property_draws *d, void *context)
{
    (void)context;
    masa_model *model = draw_model(d);
    size_t count = masa_model_parameter_count(model);
    size_t words = masa_model_get_config(model)->vocab_size;
    static fixture_batch b;
    b = (fixture_batch){0};
    int32_t tokens[40], parent = -1;
    size_t n = 2 + property_below(d, 38), first = 2 + property_below(d, 6);
    for (size_t i = 0; i < n; i++) tokens[i] = (int32_t)property_below(d, words);
    if (first < n - 1) {
        parent = fixture_add(&b, tokens, first, -1);
        fixture_add(&b, tokens + first, n - first, property_below(d, 2) ? parent : -1);
    } else {
        fixture_add(&b, tokens, n, -1);
    }
    fixture_finish(&b);
    float weights[512], logprobs[512];
    for (size_t i = 0; i < b.batch.n_targets; i++) weights[i] = 1;
    fixture_run(model, &b.batch, false, logprobs, weights);
    float *values = masa_model_values(model), *kept = masa_alloc(2 * count, sizeof *kept);
    float *grad = kept + count;
    double length = 0, at[2];
    memcpy(kept, values, count * sizeof *kept);
    memcpy(grad, masa_model_grads(model), count * sizeof *grad);
    for (size_t i = 0; i < count; i++) length += (double)grad[i] * (double)grad[i];
    float h = (float)(1e-3 / sqrt(length + 1e-12));
    masa_pass *pass = NULL;
    assert_int_equal(masa_pass_create(&pass, model, 64, 64, false, NULL), MASA_OK);
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < count; i++) values[i] = kept[i] + (side ? -h : h) * grad[i];
        at[side] = objective(model, pass, &b.batch);
    }
    double slope = (at[0] - at[1]) / (2 * (double)h);
    double tolerance = 3e-2 * length + 1e-5 * (double)n / (double)h;
    property_note(d, "%zu tokens of which %zu first: slope %.9g, gradient %.9g", n, first,
                  slope, length);
    masa_pass_destroy(pass);
    masa_model_destroy(model);
    free(kept);
    return fabs(slope - length) <= tolerance;
}

static bool same_file(const char *a, const char *b, const char *name)
{
    masa_text x = {0}, y = {0};
    char *first = masa_path_join(a, name), *second = masa_path_join(b, name);
    assert_int_equal(masa_file_read(&x, first, NULL), MASA_OK);
    assert_int_equal(masa_file_read(&y, second, NULL), MASA_OK);
    bool same = x.size == y.size && memcmp(masa_text_get(&x), masa_text_get(&y), x.size) == 0;
    masa_text_deinit(&x);
    masa_text_deinit(&y);
    free(first);
    free(second);
    return same;
}

static bool saving_loses_nothing(property_draws *d, void *context)
{
    const char *folder = context;
    char *once = masa_path_join(folder, "once"), *twice = masa_path_join(folder, "twice");
    masa_model *model = draw_model(d), *again = NULL;
    masa_model_options options = {MASA_F32, false};
    masa_error err = {0};
    bool bf16 = property_below(d, 2);
    assert_int_equal(masa_folder_create(once, NULL), MASA_OK);
    assert_int_equal(masa_folder_create(twice, NULL), MASA_OK);
    masa_save_dtype dtype = bf16 ? MASA_SAVE_BF16 : MASA_SAVE_F32;
    if (masa_model_save(model, once, dtype, &err) ||
        masa_model_load(&again, once, &options, &err) ||
        masa_model_save(again, twice, dtype, &err))
        fail_msg("%s%s", d->notes, err.message);
    bool same =
        same_file(once, twice, "model.safetensors") && same_file(once, twice, "config.json");
    if (!bf16)
        same = same && memcmp(masa_model_values(model), masa_model_values(again),
                              masa_model_parameter_count(model) * sizeof(float)) == 0;
    masa_model_destroy(model);
    masa_model_destroy(again);
    free(once);
    free(twice);
    return same;
}

static void any_shape_has_its_gradient(void **state)
{
    (void)state;
    property_check(gradient_is_the_slope, NULL, 60);
}

static void any_shape_comes_back(void **state)
{
    (void)state;
    char folder[] = "/tmp/masa-shapes-XXXXXX";
    assert_non_null(mkdtemp(folder));
    property_check(saving_loses_nothing, folder, 40);
    assert_int_equal(masa_folder_remove(folder, NULL), MASA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_shape_has_its_gradient),
        cmocka_unit_test(any_shape_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
