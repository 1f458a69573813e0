/* The probe on planted populations: features whose share in the pass rate is known. */
#include "masa_test.h"

#include <masa/memory.h>
#include <masa/probe.h>
#include <masa/random.h>

#include <stdlib.h>
#include <string.h>

enum { FEATURES = MASA_PROBE_FEATURES, G = 8 };

/* Eight features decide, each with its own scale and mean; the others are noise. */
static double plant(float x[FEATURES], masa_random *random)
{
    double logit = -0.5;
    for (size_t j = 0; j < FEATURES; j++) {
        double z = masa_random_normal(random);
        x[j] = (float)((j % 3 ? 0.01 : 30) * z + (double)(j % 7));
        if (j < 8) logit += (j % 2 ? -0.8 : 0.8) * z;
    }
    return 1 / (1 + exp(-logit));
}

static double roll_out(double rate, masa_random *random)
{
    double right = 0;
    for (int i = 0; i < G; i++) right += masa_random_uniform(random) < rate;
    return right;
}

static void observe(masa_probe *probe, size_t n, masa_random *random)
{
    float x[FEATURES];
    for (size_t i = 0; i < n; i++) {
        double right = roll_out(plant(x, random), random);
        masa_probe_observe(probe, x, right, G - right);
    }
}

/* Correlation of what it says of 400 fresh prompts with their true pass rates, and the mean of
 * either. */
static double judge(const masa_probe *probe, masa_random *random, double mean[2])
{
    enum { N = 400 };
    double sum[2] = {0}, squares[2] = {0}, product = 0;
    for (int i = 0; i < N; i++) {
        float x[FEATURES];
        double rate = plant(x, random), said = masa_probe_pass_rate(probe, x);
        assert_true(said > 0 && said < 1);
        double both[2] = {rate, said};
        for (int k = 0; k < 2; k++) {
            sum[k] += both[k] / N;
            squares[k] += both[k] * both[k] / N;
        }
        product += rate * said / N;
    }
    memcpy(mean, sum, sizeof sum);
    return (product - sum[0] * sum[1]) /
           sqrt((squares[0] - sum[0] * sum[0]) * (squares[1] - sum[1] * sum[1]));
}

static void it_finds_what_decides(void **state)
{
    (void)state;
    static const size_t sizes[] = {60, 300, 1000};
    static const double least[] = {0.2, 0.45, 0.7};
    for (int k = 0; k < 3; k++) {
        masa_probe probe = {0};
        masa_random random = masa_random_init(1, MASA_STREAM_TEST);
        double mean[2];
        observe(&probe, sizes[k], &random);
        masa_probe_learn(&probe);
        double found = judge(&probe, &random, mean);
        if (!(found > least[k])) fail_msg("%zu groups: correlation %g", sizes[k], found);
        assert_near(mean[1], mean[0], 0.05);
        masa_probe_deinit(&probe);
    }
}

/* The gradient of what is minimised, from the definition in probe.h. */
static void the_fit_is_the_minimum(void **state)
{
    (void)state;
    static masa_probe probe;
    double gradient[FEATURES], v[FEATURES], size = 0, start = 0;
    masa_random random = masa_random_init(2, MASA_STREAM_TEST);
    observe(&probe, 200, &random);
    masa_probe_learn(&probe);
    double *z = masa_alloc(probe.n * FEATURES, sizeof *z), all = 0, variance[FEATURES];
    double right = 0, wrong = 0;
    for (size_t i = 0; i < probe.n; i++) {
        right += probe.groups[i].right;
        wrong += probe.groups[i].wrong;
    }
    assert_near(probe.bias, log((right + 0.5) / (wrong + 0.5)), 1e-12);
    for (size_t j = 0; j < FEATURES; j++) {
        double mean = 0;
        variance[j] = 0;
        for (size_t i = 0; i < probe.n; i++)
            mean += probe.groups[i].features[j] / (double)probe.n;
        assert_near(probe.mean[j], mean, 1e-9);
        for (size_t i = 0; i < probe.n; i++)
            variance[j] += pow(probe.groups[i].features[j] - mean, 2) / (double)probe.n;
        all += variance[j] / FEATURES;
    }
    for (size_t j = 0; j < FEATURES; j++) {
        double deviation = sqrt(variance[j]) + 1e-3 * sqrt(all) + 1e-6 * fabs(probe.mean[j]);
        double unit = deviation * sqrt(FEATURES);
        v[j] = probe.weight[j] * unit;
        for (size_t i = 0; i < probe.n; i++)
            z[i * FEATURES + j] = (probe.groups[i].features[j] - probe.mean[j]) / unit;
    }
    for (int at_start = 0; at_start < 2; at_start++) {
        for (size_t j = 0; j < FEATURES; j++) gradient[j] = at_start ? 0 : v[j];
        for (size_t i = 0; i < probe.n; i++) {
            double f = probe.bias;
            for (size_t j = 0; !at_start && j < FEATURES; j++) f += v[j] * z[i * FEATURES + j];
            double slope = G / (1 + exp(-f)) - probe.groups[i].right;
            for (size_t j = 0; j < FEATURES; j++) gradient[j] += slope * z[i * FEATURES + j];
        }
        for (size_t j = 0; j < FEATURES; j++)
            *(at_start ? &start : &size) += gradient[j] * gradient[j];
    }
    assert_true(sqrt(size) < 2e-4 * sqrt(start));
    free(z);
    masa_probe_deinit(&probe);
}

static void little_is_enough_and_nothing_breaks_it(void **state)
{
    (void)state;
    masa_probe probe = {0};
    float same[FEATURES], other[FEATURES];
    masa_probe_learn(&probe);
    assert_false(probe.learned);
    for (size_t j = 0; j < FEATURES; j++) {
        same[j] = 3;
        other[j] = j % 2 ? 1e30f : -1e30f;
    }
    masa_probe_observe(&probe, same, 1, 3);
    masa_probe_learn(&probe);
    assert_near(masa_probe_pass_rate(&probe, same), 1.5 / 5, 1e-12);
    assert_near(masa_probe_pass_rate(&probe, other), 1.5 / 5, 1e-12);
    /* Prompts that cannot be told apart have the mean of all; without a right or a wrong one. */
    for (int i = 0; i < 9; i++) masa_probe_observe(&probe, same, i % 2, 1 - i % 2);
    masa_probe_learn(&probe);
    assert_near(masa_probe_pass_rate(&probe, same), 5.5 / 14, 1e-6);
    masa_probe_observe(&probe, other, 0, 1e6);
    masa_probe_learn(&probe);
    double rate = masa_probe_pass_rate(&probe, other);
    assert_true(rate > 0 && rate < 0.01 && masa_probe_pass_rate(&probe, same) > 2 * rate);
    masa_probe_deinit(&probe);
}

static void it_keeps_the_newest_groups(void **state)
{
    (void)state;
    masa_probe probe = {0};
    float x[FEATURES] = {0};
    for (int i = 0; i < MASA_PROBE_MOST + 3; i++) {
        x[7] = (float)i;
        masa_probe_observe(&probe, x, i, 1);
    }
    assert_int_equal(probe.n, MASA_PROBE_MOST);
    assert_near(probe.groups[0].right, 3, 0);
    assert_near(probe.groups[MASA_PROBE_MOST - 1].features[7], MASA_PROBE_MOST + 2, 0);
    masa_probe_deinit(&probe);
}

/* Angles between hidden states stay, up to the noise of 256 signs; lengths do not matter. */
static void features_keep_what_hidden_states_are_like(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 48, 1500};
    masa_random random = masa_random_init(3, MASA_STREAM_TEST);
    for (int k = 0; k < 3; k++) {
        size_t d = sizes[k];
        float *a = masa_alloc(3 * d, sizeof *a), *b = a + d, *twice = b + d;
        float x[FEATURES], y[FEATURES], scaled[FEATURES];
        double inner = 0, squares[2] = {0}, found[2] = {0};
        for (size_t i = 0; i < d; i++) {
            a[i] = (float)masa_random_normal(&random);
            b[i] = 0.7f * a[i] + 0.7f * (float)masa_random_normal(&random);
            twice[i] = 2 * a[i];
            inner += (double)a[i] * b[i];
            squares[0] += (double)a[i] * a[i];
            squares[1] += (double)b[i] * b[i];
        }
        double cosine = inner / sqrt(squares[0] * squares[1]);
        masa_probe_features(x, a, b, d);
        masa_probe_features(y, b, a, d);
        masa_probe_features(scaled, twice, b, d);
        for (size_t j = 0; j < FEATURES; j++) {
            found[j / MASA_PROBE_HALF] += (double)x[j] * y[j] / MASA_PROBE_HALF;
            assert_near(scaled[j], x[j], 1e-6);
        }
        for (int half = 0; half < 2; half++) assert_near(found[half], cosine, 0.25);
        free(a);
    }
    float x[FEATURES], none[4] = {0};
    masa_probe_features(x, none, none, 4);
    for (size_t j = 0; j < FEATURES; j++) assert_near(x[j], 0, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_finds_what_decides),
        cmocka_unit_test(the_fit_is_the_minimum),
        cmocka_unit_test(little_is_enough_and_nothing_breaks_it),
        cmocka_unit_test(it_keeps_the_newest_groups),
        cmocka_unit_test(features_keep_what_hidden_states_are_like),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
