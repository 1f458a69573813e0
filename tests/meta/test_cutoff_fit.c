/* Margins fitted to planted lengths. */
#include "masa_test.h"

#include <masa/cutoff_fit.h>
#include <masa/random.h>

#include <stdlib.h>

enum { G = 16 };

static void assert_in_bounds(double x, double least, double most)
{
    if (!(x >= least && x <= most)) fail_msg("%g is not in %g to %g", x, least, most);
}

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
    static const double predicted[] = {1010, 1500, 2100, 2900}; /* in three bands */
    for (size_t i = 0; i < 4; i++) {
        double margin = masa_cutoff_fit_margin(&fit, predicted[i], keep);
        /* a bin is 9 % wide; never too narrow but by chance */
        if (!(margin > 0.97 * expected && margin < 1.13 * expected))
            fail_msg("%g, bias %g, deviation %g, keep %g: %g, not %g", predicted[i], bias,
                     deviation, keep, margin, expected);
    }
    assert_near(masa_cutoff_fit_margin(&fit, 500, keep), 0, 0); /* nothing known so far down */
    assert_near(masa_cutoff_fit_margin(&fit, 4100, keep), 0, 0);
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
    assert_near(masa_cutoff_fit_margin(&fit, 1000, 0.95), 0, 0);
    /* 8 right solutions a prompt: 80, four of which may lie beyond, are there after ten */
    for (int i = 0; i < 9; i++) roll_out(&fit, 1000, 1, 0.1, 1, &random);
    assert_near(masa_cutoff_fit_margin(&fit, 1000, 0.95), 0, 0);
    for (int i = 0; i < 2; i++) roll_out(&fit, 1000, 1, 0.1, 1, &random);
    assert_true(masa_cutoff_fit_margin(&fit, 1000, 0.95) > 1);
    assert_near(masa_cutoff_fit_margin(&fit, 1000, 0.99), 0, 0);
    /* In another band nothing is known; a group that stands for ten is no more than one. */
    assert_near(masa_cutoff_fit_margin(&fit, 2100, 0.95), 0, 0);
    for (int i = 0; i < 9; i++) roll_out(&fit, 2100, 1, 0.1, 10, &random);
    assert_near(masa_cutoff_fit_margin(&fit, 2100, 0.95), 0, 0);
    for (int i = 0; i < 2; i++) roll_out(&fit, 2100, 1, 0.1, 10, &random);
    assert_true(masa_cutoff_fit_margin(&fit, 2100, 0.95) > 1);
}

static void what_says_nothing_is_not_learned(void **state)
{
    (void)state;
    masa_cutoff_fit fit = {0}, nothing = {0};
    masa_random random = masa_random_init(7, MASA_STREAM_TEST);
    roll_out(&fit, 0, 1, 0.1, 1, &random);  /* no length predicted */
    roll_out(&fit, 10, 1, 0.1, 0, &random); /* a cutoff hid the group */
    assert_memory_equal(&fit, &nothing, sizeof fit);
    assert_near(masa_cutoff_fit_margin(&fit, 0, 0.9), 0, 0);
    /* Beyond all bins there is no margin. */
    for (int i = 0; i < 100; i++) roll_out(&fit, 10, 40, 0.1, 1, &random);
    assert_near(masa_cutoff_fit_margin(&fit, 10, 0.9), 0, 0);
}

/* A policy whose solutions become longer: the margin goes with it. */
static void old_lengths_are_forgotten(void **state)
{
    (void)state;
    masa_cutoff_fit fit = {0};
    masa_random random = masa_random_init(8, MASA_STREAM_TEST);
    for (int i = 0; i < 2000; i++) roll_out(&fit, 1000, 1, 0.1, 1, &random);
    assert_true(masa_cutoff_fit_margin(&fit, 1000, 0.95) < 1.3);
    for (int i = 0; i < 3000; i++) roll_out(&fit, 1000, 2, 0.1, 1, &random);
    assert_true(masa_cutoff_fit_margin(&fit, 1000, 0.95) > 2);
}

/* ---- a policy whose short and long predictions err differently ---- */

/* Solutions predicted to be short take three times as long, give or take a fifth; long ones are
 * known to a tenth. */
typedef struct kind {
    double predicted, bias, deviation;
} kind;
static const kind short_ones = {90, 3, 0.2}, long_ones = {700, 0.9, 0.1};

static double right_length(const kind *k, masa_random *random)
{
    return k->predicted * k->bias * exp(k->deviation * masa_random_normal(random));
}

/* The share of right solutions that a margin leaves whole. */
static double kept_by(double margin, const kind *k)
{
    enum { N = 20000 };
    masa_random random = masa_random_init(12, MASA_STREAM_TEST);
    double whole = 0;
    for (int i = 0; i < N; i++) whole += right_length(k, &random) <= margin * k->predicted;
    return whole / N;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The quantile over both kinds. */
static double one_margin(double keep)
{
    enum { N = 20000 };
    static double ratio[N];
    masa_random random = masa_random_init(13, MASA_STREAM_TEST);
    for (int i = 0; i < N; i++) {
        const kind *k = i % 2 ? &short_ones : &long_ones;
        ratio[i] = right_length(k, &random) / k->predicted;
    }
    qsort(ratio, N, sizeof *ratio, compare);
    return ratio[(size_t)(keep * N)];
}

static void each_band_keeps_what_was_promised(void **state)
{
    (void)state;
    masa_cutoff_fit fit = {0};
    masa_random random = masa_random_init(9, MASA_STREAM_TEST);
    for (int i = 0; i < 2000; i++) {
        const kind *k = i % 2 ? &short_ones : &long_ones;
        roll_out(&fit, k->predicted, k->bias, k->deviation, 1, &random);
    }
    for (double keep = 0.8; keep < 0.96; keep += 0.05) {
        double few = masa_cutoff_fit_margin(&fit, short_ones.predicted, keep);
        double many = masa_cutoff_fit_margin(&fit, long_ones.predicted, keep);
        assert_in_bounds(kept_by(few, &short_ones), keep - 0.01, keep + 0.1);
        assert_in_bounds(kept_by(many, &long_ones), keep - 0.01, keep + 0.15);
        assert_true(many < 1.2); /* it stops what runs longer than right ones do */
        /* One for both cuts twice as many of the one kind as it may, and nothing of the other. */
        double both = one_margin(keep);
        assert_near(kept_by(both, &short_ones), 1 - 2 * (1 - keep), 0.02);
        assert_near(kept_by(both, &long_ones), 1, 0);
    }
}

/* Where short predictions come to more than long ones the cutoff does not fall. */
static void the_cutoff_rises_with_the_prediction(void **state)
{
    (void)state;
    masa_cutoff_fit fit = {0};
    masa_random random = masa_random_init(10, MASA_STREAM_TEST);
    static const double bias[] = {8, 1, 4, 1}; /* of predictions from 64, 128, 256, 512 */
    for (int i = 0; i < 4000; i++)
        roll_out(&fit, 64 * exp2(i % 4) * (1 + i % 7 / 8.), bias[i % 4], 0.1, 1, &random);
    double last = 0;
    for (double l = 64; l < 1024; l++) {
        double cutoff = l * masa_cutoff_fit_margin(&fit, l, 0.9);
        assert_true(cutoff >= last * (1 - 1e-12));
        last = cutoff;
    }
    assert_near(200 * masa_cutoff_fit_margin(&fit, 200, 0.9),
                128 * masa_cutoff_fit_margin(&fit, 127.9, 0.9), 1);
}

/* Cutoffs that act while they are fitted: a tenth of the prompts is left uncut. What is cut does
 * not shorten what is learned; counted as it comes it does. */
static double kept_in_the_end(const kind *k, bool weighed)
{
    const double keep = 0.8, audit_share = 0.1;
    masa_cutoff_fit fit = {0};
    masa_random random = masa_random_init(11, MASA_STREAM_TEST);
    for (int p = 0; p < 6000; p++) {
        const char *texts[G];
        bool correct[G], cut[G];
        long lengths[G];
        double margin = masa_cutoff_fit_margin(&fit, k->predicted, keep);
        long wished = margin > 0 ? lround(margin * k->predicted) : 1 << 20;
        bool limited = margin > 0 && masa_random_uniform(&random) >= audit_share;
        for (int i = 0; i < G; i++) {
            double length = right_length(k, &random);
            texts[i] = "";
            lengths[i] = lround(i % 8 ? length : 1.3 * length); /* two are wrong, and longer */
            cut[i] = limited && lengths[i] > wished;
            if (cut[i]) lengths[i] = wished;
            correct[i] = i % 8 && !cut[i];
        }
        masa_solutions all = {G, texts, correct, lengths, limited ? cut : NULL};
        masa_statistics *truth = masa_statistics_create("", &all, MASA_NOTION_LEMMA);
        masa_statistics_summary summary = masa_statistics_get(truth);
        masa_forecast forecast = {.n = 2, .n_lengths = 2, .length = k->predicted};
        double weight = weighed ? masa_statistics_weight(&summary, wished, audit_share) : 1;
        masa_cutoff_fit_observe(&fit, &forecast, truth, weight, 1000);
        masa_statistics_destroy(truth);
    }
    return kept_by(masa_cutoff_fit_margin(&fit, k->predicted, keep), k);
}

static void what_is_cut_does_not_shorten_it(void **state)
{
    (void)state;
    assert_in_bounds(kept_in_the_end(&short_ones, true), 0.79, 0.88);
    assert_in_bounds(kept_in_the_end(&long_ones, true), 0.79, 0.88);
    assert_in_bounds(kept_in_the_end(&short_ones, false), 0.5, 0.75);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_margin_is_the_quantile_of_past_ratios),
        cmocka_unit_test(little_is_known_at_first),
        cmocka_unit_test(what_says_nothing_is_not_learned),
        cmocka_unit_test(old_lengths_are_forgotten),
        cmocka_unit_test(each_band_keeps_what_was_promised),
        cmocka_unit_test(the_cutoff_rises_with_the_prediction),
        cmocka_unit_test(what_is_cut_does_not_shorten_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
