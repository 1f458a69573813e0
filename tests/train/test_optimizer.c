#include "train_test.h"
#include <masa/optimizer.h>

enum { MOST = 64 };

/* The smallest Llama: its parameters are those of tools/make_optimizer_golden.py. */
static masa_model *smallest_model(void)
{
    masa_model_config c = {.architecture = MASA_LLAMA,
                           .vocab_size = 4,
                           .hidden_size = 2,
                           .intermediate_size = 3,
                           .n_layers = 1,
                           .n_heads = 1,
                           .n_kv_heads = 1,
                           .head_dim = 2,
                           .max_positions = 8,
                           .rms_norm_eps = 1e-5f,
                           .rope_theta = 10000,
                           .tied_embeddings = true,
                           .pad_token = -1};
    masa_model_options options = {MASA_F32, true};
    masa_model *model = NULL;
    assert_int_equal(masa_model_create(&model, &c, &options, 1, NULL), MASA_OK);
    return model;
}

static masa_optimizer *make_optimizer(masa_model *model, const masa_optimizer_options *options)
{
    masa_optimizer *optimizer = NULL;
    assert_int_equal(masa_optimizer_create(&optimizer, model, NULL, options, NULL), MASA_OK);
    return optimizer;
}

static void read_floats(FILE *f, float *to, size_t n)
{
    for (size_t i = 0; i < n; i++) assert_int_equal(fscanf(f, "%f", &to[i]), 1);
}

/* The golden file's parameters are the model's; returns the number of floats. */
static size_t read_shapes(FILE *f, const masa_model *model)
{
    size_t n, count, sum = 0;
    const masa_parameter *p = masa_model_parameters(model, &n);
    assert_int_equal(fscanf(f, "%zu", &count), 1);
    assert_int_equal(n, count);
    for (size_t i = 0; i < n; i++) {
        size_t size;
        int decay;
        assert_int_equal(fscanf(f, "%zu %d", &size, &decay), 2);
        assert_int_equal(p[i].rows * p[i].cols, size);
        assert_int_equal(p[i].decay, decay);
        sum += size;
    }
    assert_int_equal(sum, masa_model_parameter_count(model));
    assert_true(sum <= MOST);
    return sum;
}

/* Clipping, schedule, decay of matrices alone, AdamW. */
static void steps_like_torch(void **state)
{
    (void)state;
    FILE *f = fopen(MASA_TEST_DATA "/optimizer.txt", "r");
    assert_non_null(f);
    int steps;
    masa_optimizer_options o = {.schedule = MASA_SCHEDULE_COSINE};
    assert_int_equal(fscanf(f, "%d %lf %lf %lf %lf %lf %lf %zu %zu", &steps, &o.lr, &o.beta1,
                            &o.beta2, &o.eps, &o.weight_decay, &o.grad_clip, &o.warmup_steps,
                            &o.total_steps),
                     9);
    masa_model *model = smallest_model();
    masa_optimizer *optimizer = make_optimizer(model, &o);
    size_t n = read_shapes(f, model);
    float want[MOST], *values = masa_model_values(model);
    read_floats(f, values, n);
    for (int step = 1; step <= steps; step++) {
        double norm, want_norm;
        read_floats(f, masa_model_grads(model), n);
        assert_int_equal(fscanf(f, "%lf", &want_norm), 1);
        read_floats(f, want, n);
        assert_int_equal(masa_optimizer_step(optimizer, 1, &norm, NULL), MASA_OK);
        assert_near(norm, want_norm, 1e-5 * want_norm);
        for (size_t i = 0; i < n; i++) {
            assert_near(values[i], want[i], 2e-6);
            assert_true(masa_model_grads(model)[i] == 0);
        }
        assert_int_equal(masa_optimizer_steps(optimizer), step);
    }
    fclose(f);
    masa_optimizer_destroy(optimizer);
    masa_model_destroy(model);
}

static void schedules(void **state)
{
    (void)state;
    masa_optimizer_options o = {.lr = 2, .warmup_steps = 4, .total_steps = 13};
    const double warm[] = {0.5, 1, 1.5, 2};
    for (int kind = 0; kind <= MASA_SCHEDULE_LINEAR; kind++) {
        o.schedule = (masa_schedule)kind;
        for (size_t s = 1; s <= 4; s++)
            assert_near(masa_learning_rate(&o, s), warm[s - 1], 1e-12);
        double last = 2;
        for (size_t s = 5; s <= 13; s++) {
            double rate = masa_learning_rate(&o, s);
            assert_true(rate > 0);
            assert_true(kind ? rate < last : rate == 2);
            last = rate;
        }
        assert_near(masa_learning_rate(&o, 14), kind ? 0 : 2, 0);
    }
    o.schedule = MASA_SCHEDULE_LINEAR;
    assert_near(masa_learning_rate(&o, 9), 1, 1e-12);
    o.schedule = MASA_SCHEDULE_COSINE;
    assert_near(masa_learning_rate(&o, 9), 1, 1e-12);
    assert_near(masa_learning_rate(&o, 7), 1 + cos(0.3 * M_PI), 1e-12);
    /* Without a warm-up, and with one step in all. */
    o.warmup_steps = 0;
    o.total_steps = 1;
    assert_near(masa_learning_rate(&o, 1), 2, 1e-12);
    assert_near(masa_learning_rate(&o, 2), 0, 0);
    /* A run that ends within its warm-up. */
    o.warmup_steps = 8;
    o.total_steps = 5;
    assert_near(masa_learning_rate(&o, 5), 1.25, 1e-12);
}

/* One step from a gradient of ones; returns how far the first weight of a matrix moved.
 */
static double first_step(const masa_optimizer_options *options, double lr_scale, float gradient)
{
    masa_model *model = smallest_model();
    masa_optimizer *optimizer = make_optimizer(model, options);
    float before = masa_model_values(model)[0];
    for (size_t i = 0; i < masa_model_parameter_count(model); i++)
        masa_model_grads(model)[i] = gradient;
    assert_int_equal(masa_optimizer_step(optimizer, lr_scale, NULL, NULL), MASA_OK);
    double moved = (double)before - (double)masa_model_values(model)[0];
    masa_optimizer_destroy(optimizer);
    masa_model_destroy(model);
    return moved;
}

static void rate_and_clip_do_what_they_say(void **state)
{
    (void)state;
    masa_optimizer_options o = {.lr = 0.01, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8};
    /* AdamW's first step has the length of the rate, whatever the gradient. */
    assert_near(first_step(&o, 1, 3), 0.01, 1e-6);
    assert_near(first_step(&o, 0.5, 3), 0.005, 1e-6);
    /* With a large eps it is proportional to the gradient, and so shows the clip: 48
     * threes have the norm 3 sqrt(48). */
    o.eps = 1000;
    double free_step = first_step(&o, 1, 3);
    o.grad_clip = 3;
    assert_near(first_step(&o, 1, 3) / free_step, 1 / sqrt(48), 0.001);
    o.grad_clip = 21;
    assert_near(first_step(&o, 1, 3), free_step, 0);
}

static void a_gradient_that_is_no_number_changes_nothing(void **state)
{
    (void)state;
    masa_model *model = smallest_model();
    size_t n = masa_model_parameter_count(model);
    masa_optimizer_options o = {
        .lr = 0.01, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .grad_clip = 1};
    masa_optimizer *optimizer = make_optimizer(model, &o);
    float before[MOST], moments[MOST];
    memcpy(before, masa_model_values(model), n * sizeof *before);
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        masa_error err = {0};
        double norm = 0;
        masa_model_grads(model)[7 * i] = bad[i];
        assert_int_equal(masa_optimizer_step(optimizer, 1, &norm, &err), MASA_ERR_NUMERIC);
        assert_non_null(strstr(err.message, "not finite"));
        assert_false(isfinite(norm));
        assert_memory_equal(before, masa_model_values(model), n * sizeof *before);
        assert_int_equal(masa_optimizer_steps(optimizer), 0);
        for (int second = 0; second < 2; second++) {
            assert_int_equal(masa_optimizer_moments(optimizer, moments, second, 0, n, NULL),
                             MASA_OK);
            for (size_t k = 0; k < n; k++)
                assert_true(moments[k] == 0 && masa_model_grads(model)[k] == 0);
        }
    }
    masa_optimizer_destroy(optimizer);
    masa_model_destroy(model);
}

static void the_schedule_can_be_set_late(void **state)
{
    (void)state;
    masa_model *model = smallest_model();
    masa_optimizer_options o = {.lr = 0.5, .eps = 1e-30, .schedule = MASA_SCHEDULE_LINEAR};
    masa_optimizer *optimizer = make_optimizer(model, &o);
    masa_optimizer_set_total(optimizer, 4);
    for (int step = 1; step <= 5; step++) {
        /* Without momentum every step is as long as the rate. */
        float before = masa_model_values(model)[3];
        masa_model_grads(model)[3] = 2;
        assert_int_equal(masa_optimizer_step(optimizer, 1, NULL, NULL), MASA_OK);
        assert_near(before - masa_model_values(model)[3], 0.125 * (5 - step), 1e-6);
    }
    masa_optimizer_destroy(optimizer);
    masa_model_destroy(model);
}

static void fill_grads(masa_model *model, masa_random *random)
{
    for (size_t i = 0; i < masa_model_parameter_count(model); i++)
        masa_model_grads(model)[i] = (float)masa_random_normal(random);
}

/* What a checkpoint keeps is all there is. */
static void continue_from_moments(masa_dtype moments, bool on_host)
{
    masa_optimizer_options o = {.moments = moments,
                                .on_host = on_host,
                                .lr = 0.01,
                                .beta1 = 0.9,
                                .beta2 = 0.99,
                                .eps = 1e-8,
                                .weight_decay = 0.1,
                                .grad_clip = 1,
                                .warmup_steps = 3};
    masa_model *one = smallest_model(), *two = smallest_model();
    size_t n = masa_model_parameter_count(one);
    masa_optimizer *first = make_optimizer(one, &o), *second = make_optimizer(two, &o);
    masa_random random = masa_random_init(2, MASA_STREAM_TEST), again;
    for (int step = 0; step < 3; step++) {
        fill_grads(one, &random);
        assert_int_equal(masa_optimizer_step(first, 1, NULL, NULL), MASA_OK);
    }
    for (int k = 0; k < 2; k++) {
        float kept[MOST];
        assert_int_equal(masa_optimizer_moments(first, kept, k, 0, n, NULL), MASA_OK);
        assert_true(kept[n - 1] != 0);
        masa_optimizer_restore(second, kept, k);
    }
    masa_optimizer_set_steps(second, (long)masa_optimizer_steps(first));
    memcpy(masa_model_values(two), masa_model_values(one), n * sizeof(float));
    again = random;
    fill_grads(one, &random);
    fill_grads(two, &again);
    assert_int_equal(masa_optimizer_step(first, 1, NULL, NULL), MASA_OK);
    assert_int_equal(masa_optimizer_step(second, 1, NULL, NULL), MASA_OK);
    assert_memory_equal(masa_model_values(one), masa_model_values(two), n * sizeof(float));
    masa_optimizer_destroy(first), masa_optimizer_destroy(second);
    masa_model_destroy(one), masa_model_destroy(two);
}

static void state_continues_bit_for_bit(void **state)
{
    (void)state;
    continue_from_moments(MASA_F32, false);
    continue_from_moments(MASA_BF16, false);
    continue_from_moments(MASA_BF16, true);
}

/* Weights after some steps of the same gradients. */
static void weights_after(float *weights, masa_dtype moments, bool on_host)
{
    masa_optimizer_options o = {.lr = 0.01,
                                .beta1 = 0.9,
                                .beta2 = 0.99,
                                .eps = 1e-8,
                                .weight_decay = 0.1,
                                .moments = moments,
                                .on_host = on_host};
    masa_model *model = smallest_model();
    masa_optimizer *optimizer = make_optimizer(model, &o);
    masa_random random = masa_random_init(3, MASA_STREAM_TEST);
    for (int step = 0; step < 20; step++) {
        fill_grads(model, &random);
        assert_int_equal(masa_optimizer_step(optimizer, 1, NULL, NULL), MASA_OK);
    }
    memcpy(weights, masa_model_values(model),
           masa_model_parameter_count(model) * sizeof *weights);
    masa_optimizer_destroy(optimizer);
    masa_model_destroy(model);
}

static void where_moments_lie_changes_no_bit_and_bf16_little(void **state)
{
    (void)state;
    float here[MOST] = {0}, there[MOST] = {0}, half[MOST] = {0}, half_there[MOST] = {0};
    weights_after(here, MASA_F32, false);
    weights_after(there, MASA_F32, true);
    assert_memory_equal(here, there, sizeof here);
    weights_after(half, MASA_BF16, false);
    weights_after(half_there, MASA_BF16, true);
    assert_memory_equal(half, half_there, sizeof half);
    assert_memory_not_equal(here, half, sizeof half);
    for (size_t i = 0; i < MOST; i++) assert_near(half[i], here[i], 0.003);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_like_torch),
        cmocka_unit_test(schedules),
        cmocka_unit_test(rate_and_clip_do_what_they_say),
        cmocka_unit_test(a_gradient_that_is_no_number_changes_nothing),
        cmocka_unit_test(the_schedule_can_be_set_late),
        cmocka_unit_test(state_continues_bit_for_bit),
        cmocka_unit_test(where_moments_lie_changes_no_bit_and_bf16_little)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
