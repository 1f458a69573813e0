/* Margins fitted to planted lengths. */
#include "masa_test.h"

#include <masa/cutoff_fit.h>
#include <masa/random.h>

enum { G = 16 };

/* A prompt whose right solutions take bias x predicted tokens, with a relative deviation, and
 * whose wrong ones, every other, run four times as long. */
static void roll_out(masa_cutoff_fit *fit, double predicted, double bias, double deviation,
                     double weight, masa_random *random)
{
    const char *texts[G];
    bool correct[G];
    long lengths[G];
    for (int i = 0; i < G; i++) {
        double length = predicted * bias * exp(deviation * masa_random_normal(random));
        texts[i] = "";
        correct[i] = i % 2;
        lengths[i] = lround(correct[i] ? length : 4 * length);
    }
    masa_solutions all = {G, texts, correct, lengths, NULL};
    masa_statistics *truth = masa_statistics_create("", &all, MASA_NOTION_LEMMA);
    masa_forecast forecast = {.n = 2, .n_lengths = predicted > 0, .length = predicted};
    masa_cutoff_fit_observe(fit, &forecast, truth, weight, 1000);
    masa_statistics_destroy(truth);
}

static void assert_margin(double bias, double deviation, double keep, double expected)
{
    masa_cutoff_fit fit = {0};
    masa_random random = masa_random_init(5, MASA_STREAM_TEST);
    for (int i = 0; i < 2000; i++)
        roll_out(&fit, 1000 + 50 * (i % 40), bias, deviation, 1, &random);
    double margin = masa_cutoff_fit_margin(&fit, keep);
    /* a bin is 9 % wide; never too narrow but by chance */
    if (!(margin > 0.97 * expected && margin < 1.13 * expected))
        fail_msg("bias %g, deviation %g, keep %g: %g, not %g", bias, deviation, keep, margin,
                 expected);
}

static void a_margin_is_the_quantile_of_past_ratios(void **state)
{
    (void)state;
    assert_margin(1, 0.3, 0.95, exp(0.3 * 1.645));
    assert_margin(1, 0.3, 0.5, 1);
    assert_margin(3, 0.1, 0.9, 3 * exp(0.1 * 1.2816)); /* who says too little gets more */
    assert_margin(0.5, 0.1, 0.9, 0.5 * exp(0.1 * 1.2816));
}

static void little_is_known_at_first(void **state)
{
    (void)state;
    masa_cutoff_fit fit = {0};
    masa_random random = masa_random_init(6, MASA_STREAM_TEST);
    assert_near(masa_cutoff_fit_margin(&fit, 0.95), 0, 0);
    /* 8 right solutions a prompt: 80, four of which may lie beyond, are there after ten */
    for (int i = 0; i < 9; i++) roll_out(&fit, 1000, 1, 0.1, 1, &random);
    assert_near(masa_cutoff_fit_margin(&fit, 0.95), 0, 0);
    for (int i = 0; i < 2; i++) roll_out(&fit, 1000, 1, 0.1, 1, &random);
    assert_true(masa_cutoff_fit_margin(&fit, 0.95) > 1);
    assert_near(masa_cutoff_fit_margin(&fit, 0.99), 0, 0);
}

static void what_says_nothing_is_not_learned(void **state)
{
    (void)state;
    masa_cutoff_fit fit = {0}, nothing = {0};
    masa_random random = masa_random_init(7, MASA_STREAM_TEST);
    roll_out(&fit, 0, 1, 0.1, 1, &random);  /* no length predicted */
    roll_out(&fit, 10, 1, 0.1, 0, &random); /* a cutoff hid the group */
    assert_memory_equal(&fit, &nothing, sizeof fit);
    /* Beyond all bins there is no margin. */
    for (int i = 0; i < 100; i++) roll_out(&fit, 10, 40, 0.1, 1, &random);
    assert_near(masa_cutoff_fit_margin(&fit, 0.9), 0, 0);
}

/* A policy whose solutions become longer: the margin goes with it. */
static void old_lengths_are_forgotten(void **state)
{
    (void)state;
    masa_cutoff_fit fit = {0};
    masa_random random = masa_random_init(8, MASA_STREAM_TEST);
    for (int i = 0; i < 2000; i++) roll_out(&fit, 1000, 1, 0.1, 1, &random);
    assert_true(masa_cutoff_fit_margin(&fit, 0.95) < 1.3);
    for (int i = 0; i < 3000; i++) roll_out(&fit, 1000, 2, 0.1, 1, &random);
    assert_true(masa_cutoff_fit_margin(&fit, 0.95) > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_margin_is_the_quantile_of_past_ratios),
        cmocka_unit_test(little_is_known_at_first),
        cmocka_unit_test(what_says_nothing_is_not_learned),
        cmocka_unit_test(old_lengths_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
