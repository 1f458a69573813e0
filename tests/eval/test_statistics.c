#include "masa_test.h"

#include <masa/random.h>
#include <masa/statistics.h>

static void test_mean_and_deviation(void **state)
{
    (void)state;
    double x[] = {2, 4, 4, 4, 5, 5, 7, 9};
    assert_near(masa_mean(x, 8), 5, 1e-15);
    assert_near(masa_deviation(x, 8), sqrt(32.0 / 7), 1e-15);
    assert_true(isnan(masa_mean(x, 0)));
    assert_true(isnan(masa_deviation(x, 1)));
    /* A large offset does not eat the spread. */
    double y[] = {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16};
    assert_near(masa_deviation(y, 4), sqrt(30), 1e-9);
}

/* The share of k-subsets of n samples, the first c right, that hold a right one. */
static double pass_by_counting(size_t n, size_t c, size_t k)
{
    size_t all = 0, hit = 0;
    for (unsigned set = 0; set < 1u << n; set++) {
        if ((size_t)__builtin_popcount(set) != k) continue;
        all++;
        hit += (set & ((1u << c) - 1)) != 0;
    }
    return (double)hit / (double)all;
}

static void test_pass_at_k(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 10; n++)
        for (size_t c = 0; c <= n; c++)
            for (size_t k = 1; k <= n; k++)
                assert_near(masa_pass_at_k(n, c, k), pass_by_counting(n, c, k), 1e-14);
    /* C(100000, 50000) has no double; the product has no trouble. */
    assert_near(masa_pass_at_k(100000, 1, 50000), 0.5, 1e-12);
    assert_near(masa_pass_at_k(100000, 100000, 1), 1, 0);
    assert_near(masa_pass_at_k(32, 0, 32), 0, 0);
}

static void test_majority(void **state)
{
    (void)state;
    size_t classes[] = {7, 3, 3, 9, 7, 3};
    bool right[] = {false, true, true, false, false, true};
    assert_near(masa_majority_at_k(classes, right, 6, 6, 1), 1, 0);
    /* Two against two: a coin. */
    assert_near(masa_majority_at_k(classes, right, 5, 5, 1), 0.5, 0);
    /* Those without an answer have no vote, however many. */
    size_t silent[] = {MASA_NO_VOTE, MASA_NO_VOTE, MASA_NO_VOTE, 3};
    bool one[] = {false, false, false, true};
    assert_near(masa_majority_at_k(silent, one, 4, 4, 1), 1, 0);
    assert_near(masa_majority_at_k(silent, one, 3, 3, 1), 0, 0);
    /* A vote of one is a sample: the mean over subsets is the share of right ones. */
    assert_near(masa_majority_at_k(classes, right, 6, 1, 5), 0.5, 0.06);
    /* Of 3 of the 6: right when at least two votes are 3 (10 of the 20 subsets), or one
     * is and the two others disagree (6 of them, a third each). */
    assert_near(masa_majority_at_k(classes, right, 6, 3, 5), (10 + 6.0 / 3) / 20, 0.05);
}

static void test_interval_of_a_constant(void **state)
{
    (void)state;
    double x[50];
    for (size_t i = 0; i < 50; i++) x[i] = 0.25;
    masa_interval i = masa_bootstrap_mean(x, 50, &MASA_BOOTSTRAP_DEFAULTS);
    assert_near(i.low, 0.25, 0);
    assert_near(i.high, 0.25, 0);
    i = masa_bootstrap_mean(x, 0, &MASA_BOOTSTRAP_DEFAULTS);
    assert_true(isnan(i.low) && isnan(i.high));
}

static void test_interval_is_that_of_theory(void **state)
{
    (void)state;
    double x[400];
    masa_random random = masa_random_init(3, MASA_STREAM_TEST);
    for (size_t i = 0; i < 400; i++) x[i] = masa_random_normal(&random);
    masa_interval i = masa_bootstrap_mean(x, 400, &MASA_BOOTSTRAP_DEFAULTS);
    double mean = masa_mean(x, 400), error = masa_deviation(x, 400) / 20;
    assert_near(i.low, mean - 1.96 * error, 0.06 * error);
    assert_near(i.high, mean + 1.96 * error, 0.06 * error);
    masa_interval again = masa_bootstrap_mean(x, 400, &MASA_BOOTSTRAP_DEFAULTS);
    assert_memory_equal(&i, &again, sizeof i);
    masa_bootstrap_options other = MASA_BOOTSTRAP_DEFAULTS;
    other.seed = 2;
    again = masa_bootstrap_mean(x, 400, &other);
    assert_memory_not_equal(&i, &again, sizeof i);
    other.level = 0.5;
    again = masa_bootstrap_mean(x, 400, &other);
    assert_near(again.high - again.low, 2 * 0.6745 * error, 0.06 * error);
}

/* Of 400 experiments, the interval holds the truth in about 95 of 100. */
static void test_interval_covers(void **state)
{
    (void)state;
    masa_bootstrap_options options = MASA_BOOTSTRAP_DEFAULTS;
    options.resamples = 500;
    masa_random random = masa_random_init(4, MASA_STREAM_TEST);
    size_t covered = 0;
    for (size_t experiment = 0; experiment < 400; experiment++) {
        double x[60];
        for (size_t i = 0; i < 60; i++) x[i] = masa_random_uniform(&random) < 0.3;
        options.seed = experiment;
        masa_interval i = masa_bootstrap_mean(x, 60, &options);
        covered += i.low <= 0.3 && 0.3 <= i.high;
    }
    assert_in_range(covered, 364, 394); /* 91 to 98.5 %: three deviations and discreteness */
}

/* Quantiles of printed tables (Student's t, two-sided 95 and 99 %). */
static void test_student(void **state)
{
    (void)state;
    assert_near(masa_student_quantile(0.975, 1), 12.706205, 1e-6);
    assert_near(masa_student_quantile(0.975, 2), 4.302653, 1e-6);
    assert_near(masa_student_quantile(0.975, 3), 3.182446, 1e-6);
    assert_near(masa_student_quantile(0.975, 5), 2.570582, 1e-6);
    assert_near(masa_student_quantile(0.025, 10), -2.228139, 1e-6);
    assert_near(masa_student_quantile(0.995, 29), 2.756386, 1e-6);
    assert_near(masa_student_quantile(0.5, 4), 0, 0);
    static const double x[] = {1, 2, 3, 6};
    masa_interval i = masa_student_mean(x, 4, 0.95); /* deviation sqrt(14 / 3) */
    assert_near(i.low, 3 - 3.182446 * sqrt(14.0 / 12), 1e-6);
    assert_near(i.high, 3 + 3.182446 * sqrt(14.0 / 12), 1e-6);
    assert_true(isnan(masa_student_mean(x, 1, 0.95).low));
}

static double only_odd(void *context, const size_t *items, size_t n)
{
    (void)context;
    double sum = 0;
    size_t odd = 0;
    for (size_t i = 0; i < n; i++)
        odd += items[i] % 2, sum += items[i] % 2 ? (double)items[i] : 0;
    return odd ? sum / (double)odd : NAN;
}

/* With z = 1.959964: of 0 from 10 up to z^2 / (10 + z^2). */
static void test_wilson(void **state)
{
    (void)state;
    masa_interval i = masa_wilson(0, 10, 0.95);
    assert_near(i.low, 0, 1e-12);
    assert_near(i.high, 0.2775328, 1e-6);
    i = masa_wilson(1, 10, 0.95);
    assert_near(i.low, 0.7224672, 1e-6);
    assert_near(i.high, 1, 1e-12);
    i = masa_wilson(0.3, 10, 0.95);
    assert_near(i.low, 0.1077913, 1e-6);
    assert_near(i.high, 0.6032219, 1e-6);
    assert_true(isnan(masa_wilson(0, 0, 0.95).low));
}

static void test_undefined_resamples(void **state)
{
    (void)state;
    /* Of {0, 1}: 1 when a 1 was drawn, undefined else. */
    masa_interval i = masa_bootstrap(only_odd, NULL, 2, &MASA_BOOTSTRAP_DEFAULTS);
    assert_near(i.low, 1, 0);
    assert_near(i.high, 1, 0);
    i = masa_bootstrap(only_odd, NULL, 1, &MASA_BOOTSTRAP_DEFAULTS);
    assert_true(isnan(i.low));
}

static void test_paired_exact(void **state)
{
    (void)state;
    /* Differences 1, 1, 1, 1, 1, -1 and two zeros: McNemar's exact test gives 14/64. */
    double a[] = {0, 0, 0, 0, 0, 1, 1, 0}, b[] = {1, 1, 1, 1, 1, 0, 1, 0};
    masa_paired p = masa_paired_compare(a, b, 8, &MASA_BOOTSTRAP_DEFAULTS);
    assert_true(p.exact);
    assert_near(p.p_value, 14.0 / 64, 1e-15);
    assert_near(p.difference, 0.5, 1e-15);
    assert_near(p.mean_b - p.mean_a, p.difference, 1e-15);
    assert_int_equal(p.better, 5);
    assert_int_equal(p.worse, 1);
    assert_true(p.interval.low <= 0.5 && p.interval.high >= 0.5 && p.interval.high <= 1);
    /* Fisher's darwin-like case by hand: 3, 2, 1 is the farthest sum of 8, twice. */
    double zero[] = {0, 0, 0}, c[] = {0.3, 0.2, 0.1};
    assert_near(masa_paired_compare(zero, c, 3, &MASA_BOOTSTRAP_DEFAULTS).p_value, 0.25, 1e-15);
    assert_near(masa_paired_compare(a, a, 8, &MASA_BOOTSTRAP_DEFAULTS).p_value, 1, 0);
    assert_true(isnan(masa_paired_compare(a, b, 0, &MASA_BOOTSTRAP_DEFAULTS).p_value));
}

static void test_paired_drawn(void **state)
{
    (void)state;
    /* 60 differences, 40 up and 20 down: twice the binomial tail P(X >= 40) of 60. */
    double a[100] = {0}, b[100] = {0};
    for (size_t i = 0; i < 60; i++) (i < 40 ? b : a)[i] = 1;
    double tail = 0, term = pow(0.5, 60);
    for (size_t k = 0; k <= 20; k++) tail += term, term *= (double)(60 - k) / (double)(k + 1);
    masa_bootstrap_options options = MASA_BOOTSTRAP_DEFAULTS;
    options.resamples = 40000;
    masa_paired p = masa_paired_compare(a, b, 100, &options);
    assert_false(p.exact);
    assert_near(p.p_value, 2 * tail, 0.002);
    assert_near(p.difference, 0.2, 1e-12);
    /* No draw can say "impossible". */
    double c[100];
    for (size_t i = 0; i < 100; i++) c[i] = 1;
    memset(a, 0, sizeof a);
    assert_near(masa_paired_compare(a, c, 100, &options).p_value, 1.0 / 40001, 1e-15);
}

/* Where nothing differs but by chance, p is below 0.05 in no more than about 5 of 100. */
static void test_paired_level(void **state)
{
    (void)state;
    masa_bootstrap_options options = MASA_BOOTSTRAP_DEFAULTS;
    options.resamples = 400;
    masa_random random = masa_random_init(6, MASA_STREAM_TEST);
    size_t rejected = 0;
    for (size_t experiment = 0; experiment < 400; experiment++) {
        double a[40], b[40];
        for (size_t i = 0; i < 40; i++) {
            a[i] = masa_random_normal(&random);
            b[i] = masa_random_normal(&random);
        }
        options.seed = experiment;
        rejected += masa_paired_compare(a, b, 40, &options).p_value <= 0.05;
    }
    assert_in_range(rejected, 7, 34);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mean_and_deviation),
        cmocka_unit_test(test_pass_at_k),
        cmocka_unit_test(test_majority),
        cmocka_unit_test(test_interval_of_a_constant),
        cmocka_unit_test(test_interval_is_that_of_theory),
        cmocka_unit_test(test_interval_covers),
        cmocka_unit_test(test_student),
        cmocka_unit_test(test_wilson),
        cmocka_unit_test(test_undefined_resamples),
        cmocka_unit_test(test_paired_exact),
        cmocka_unit_test(test_paired_drawn),
        cmocka_unit_test(test_paired_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
