/* What is done with predictions: forecast, gate, cutoff, hint, soft gate, calibration. */
#include "masa_test.h"

#include <masa/gate.h>
#include <masa/random.h>

/* Predictions from texts, so that the tests read as what models write. */
static masa_forecast forecast(const char *const *answers, size_t n,
                              masa_cutoff_statistic statistic)
{
    masa_meta_options o = MASA_META_DEFAULTS;
    o.length_min = 1;
    masa_prediction p[16] = {{0}};
    masa_forecast f;
    for (size_t i = 0; i < n; i++)
        masa_prediction_parse(&p[i], answers[i], strlen(answers[i]), &o);
    masa_forecast_init(&f, p, n, statistic);
    for (size_t i = 0; i < n; i++) masa_prediction_deinit(&p[i]);
    return f;
}

static void forecasts_leave_out_what_is_not_valid(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "{\"pass_rate\":2,\"solution_length\":100,\"math_notion\":[\"sieve\",\"Sieves\"]"
        "}",
        "nothing",
        "{\"pass_rate\":6,\"solution_length\":400,\"math_notion\":[\"divisor\",\"sieve\"]"
        "}",
        "{\"pass_rate\":9,\"solution_length\":220,\"math_notion\":[\"\",\"divisors\"]}",
        "{\"pass_rate\":1,\"solution_length\":0,\"math_notion\":\"guess\"}",
        "{\"solution_length\":200,\"math_notion\":[\"sieving\",\"parity\"]}",
    };
    masa_forecast f = forecast(answers, 6, MASA_CUTOFF_MEDIAN);
    assert_int_equal(f.n_pass_rates, 3);
    assert_near(f.pass_rate_mean, 0.375, 1e-15);
    assert_near(f.pass_rate_deviation, 0.27003086243366087, 1e-15); /* sqrt(14/3) / 8 */
    assert_int_equal(f.n_lengths, 4);
    assert_near(f.length, 210, 0);
    assert_near(f.length_mean, 230, 0);
    assert_near(f.length_deviation, 108.16653826391969, 1e-12); /* sqrt(11700) */
    assert_int_equal(f.n_notions, 3);
    assert_string_equal(f.notions[0], "sieve");
    assert_int_equal(f.notion_counts[0], 3);
    assert_string_equal(f.notions[1], "divisor");
    assert_int_equal(f.notion_counts[1], 2);
    assert_string_equal(f.notions[2], "parity");
    assert_int_equal(f.notion_counts[2], 1);
    masa_forecast_deinit(&f);
    f = forecast(answers, 6, MASA_CUTOFF_MEAN);
    assert_near(f.length, 230, 0);
    masa_forecast_deinit(&f);
    f = forecast(answers, 6, MASA_CUTOFF_MAX);
    assert_near(f.length, 400, 0);
    masa_forecast_deinit(&f);
    f = forecast(answers, 3, MASA_CUTOFF_MEDIAN);
    assert_near(f.length, 250, 0);
    masa_forecast_deinit(&f);
    f = forecast(answers, 4, MASA_CUTOFF_MEDIAN);
    assert_near(f.length, 220, 0);
    masa_forecast_deinit(&f);
    f = forecast(answers, 0, MASA_CUTOFF_MEDIAN);
    assert_int_equal(f.n_pass_rates + f.n_lengths + f.n_notions, 0);
    assert_near(f.pass_rate_mean, 0, 0);
    masa_forecast_deinit(&f);
}

static void the_gate(void **state)
{
    (void)state;
    static const struct {
        int rates[4]; /* -1: none */
        double sigma, tolerance;
        bool closed;
    } cases[] = {
        {{0, 0, 0, 0}, 0.1, 0.05, true},
        {{8, 8, 8, 8}, 0.1, 0.05, true},
        {{4, 4, 4, 4}, 0.1, 0.05, false}, /* agreed, and not at an end */
        {{0, 0, 0, 1}, 0.1, 0.05, true},  /* mean 0.031, deviation 0.054 */
        {{8, 8, 8, 7}, 0.1, 0.05, true},
        {{0, 0, 0, 1}, 0.05, 0.05, false}, /* the same, too divided */
        {{0, 0, 0, 1}, 0.1, 0.03, false},  /* the same, too far from 0 */
        {{0, 0, 1, 1}, 0.1, 0.0625, true}, /* the tolerance is inclusive */
        {{7, 7, 7, 7}, 0.1, 0.125, true},
        {{0, 0, 8, 8}, 0.6, 0.05, false},
        {{0, 0, 0, 0}, 0, 0.05, false},      /* sigma 0 never closes */
        {{0, -1, -1, -1}, 0.1, 0.05, false}, /* one alone agrees with itself only */
        {{0, -1, -1, 0}, 0.1, 0.05, true},
        {{0, 0, -1, 0}, 0.1, 0.05, true},
        {{-1, -1, -1, -1}, 0.1, 0.05, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_prediction p[4] = {{0}};
        for (int k = 0; k < 4; k++) {
            p[k].pass_rate = cases[i].rates[k];
            if (p[k].pass_rate < 0) p[k].pass_rate_cause = MASA_META_NO_JSON;
        }
        masa_forecast f;
        masa_forecast_init(&f, p, 4, MASA_CUTOFF_MEDIAN);
        if (masa_gate_closed(&f, cases[i].sigma, cases[i].tolerance) != cases[i].closed)
            fail_msg("case %zu: not %d", i, cases[i].closed);
        masa_forecast_deinit(&f);
    }
}

/* Two of five that can be read are no forecast, however well they agree. */
static void half_of_the_predictions_must_be_readable(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 9; n++)
        for (size_t valid = 0; valid <= n; valid++) {
            masa_forecast f = {.n = n, .n_pass_rates = valid};
            bool enough = valid >= 2 && valid >= n - valid;
            assert_int_equal(masa_forecast_readable(&f), enough);
            assert_int_equal(masa_gate_closed(&f, 0.1, 0.05), enough);
        }
    masa_prediction p[5] = {{0}};
    masa_forecast f;
    for (int k = 2; k < 5; k++) p[k].pass_rate_cause = MASA_META_MISSING;
    masa_forecast_init(&f, p, 5, MASA_CUTOFF_MEDIAN);
    assert_int_equal(f.n, 5);
    assert_false(masa_gate_closed(&f, 0.1, 0.05));
    masa_forecast_deinit(&f);
}

static void one_pass_is_a_forecast(void **state)
{
    (void)state;
    masa_forecast f;
    /* A tenth of the probability went elsewhere: 8/9 on 0, 1/9 on 4. */
    masa_forecast_init_one_pass(&f, (double[9]){0.8, 0, 0, 0, 0.1});
    assert_true(masa_forecast_readable(&f));
    assert_near(f.pass_rate_mean, 0.5 / 9, 1e-15);
    assert_near(f.pass_rate_deviation, 0.5 * sqrt(8) / 9, 1e-15);
    masa_forecast_init_one_pass(&f, (double[9]){[8] = 1});
    assert_near(f.pass_rate_mean, 1, 0);
    assert_near(f.pass_rate_deviation, 0, 0);
    assert_true(masa_gate_closed(&f, 0.1, 0));
    masa_forecast_init_one_pass(&f, (double[9]){0.4, 0.05});
    assert_false(masa_forecast_readable(&f));
    assert_near(f.pass_rate_mean, 0, 0);
}

static void the_cutoff(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        double length, margin;
        size_t max, tokens;
    } cases[] = {
        {3, 100, 1, 500, 100},   {3, 100, 1.1, 500, 110},   {3, 100, 2, 500, 200},
        {3, 100, 5, 500, 500},   {3, 100, 1e300, 500, 500}, {3, 100, 0, 500, 500},
        {0, 0, 2, 500, 500},     {3, 100, 0.001, 500, 1},   {3, 0.4, 1, 500, 1},
        {1, 250.5, 1, 500, 251},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_forecast f = {.n_lengths = cases[i].n, .length = cases[i].length};
        assert_int_equal(masa_cutoff_tokens(&f, cases[i].margin, cases[i].max),
                         cases[i].tokens);
    }
}

static void the_hint(void **state)
{
    (void)state;
    char *notions[] = {"sieve", "a\nb", "parity", "prime factor",
                       "a notion that is a whole sentence and so is far too long to be named"};
    static const struct {
        size_t n, most, named;
        const char *hint;
    } cases[] = {
        {5, 9, 3, " It could be solved using sieve, parity and prime factor."},
        {5, 2, 2, " It could be solved using sieve and parity."},
        {5, 1, 1, " It could be solved using sieve."},
        {5, 0, 0, ""},
        {0, 3, 0, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_forecast f = {.notions = notions, .n_notions = cases[i].n};
        masa_text out = {0};
        assert_int_equal(masa_hint_add(&out, &f, cases[i].most), cases[i].named);
        assert_string_equal(masa_text_get(&out), cases[i].hint);
        masa_text_deinit(&out);
    }
}

static void beliefs_age(void **state)
{
    (void)state;
    masa_belief b = {0};
    masa_belief_update(&b, 10, 6, 2, 0.5);
    assert_near(b.right, 6, 0);
    assert_near(b.wrong, 2, 0);
    masa_belief_update(&b, 12, 0, 8, 0.5);
    assert_near(b.right, 1.5, 1e-15);
    assert_near(b.wrong, 8.5, 1e-15);
    assert_int_equal(b.step, 12);
    masa_belief aged = masa_belief_at(&b, 13, 0.5);
    assert_near(aged.right, 0.75, 1e-15);
    assert_near(aged.wrong, 4.25, 1e-15);
    assert_int_equal(aged.step, 13);
    masa_belief_update(&b, 12, 1, 1, 0.5);
    assert_near(b.right, 2.5, 1e-15);
    assert_near(b.wrong, 9.5, 1e-15);
}

static void calibration_is_a_decayed_mean(void **state)
{
    (void)state;
    masa_calibration_options o = MASA_CALIBRATION_DEFAULTS;
    masa_calibration c = {0};
    o.window = 2; /* each new prompt halves what the old ones weigh */
    assert_true(isnan(masa_calibration_pass_rate_error(&c)));
    assert_true(isnan(masa_calibration_length_error(&c)));
    assert_true(isnan(masa_calibration_gate_precision(&c)));
    masa_forecast f = {
        .n_pass_rates = 4, .pass_rate_mean = 0.75, .n_lengths = 4, .length = 100};
    masa_statistics_summary half = {.n = 8,
                                    .n_correct = 4,
                                    .pass_rate_low = 0.5,
                                    .pass_rate_high = 0.5,
                                    .length_mean = 200};
    masa_statistics_summary all = {
        .n = 8, .n_correct = 8, .pass_rate_low = 1, .pass_rate_high = 1, .length_mean = 50};
    masa_calibration_update(&c, &f, &half, false, &o);
    assert_near(masa_calibration_pass_rate_error(&c), 0.25, 1e-15);
    assert_near(masa_calibration_length_error(&c), log(2), 1e-15);
    assert_true(isnan(masa_calibration_gate_precision(&c)));
    masa_calibration_update(&c, &f, &all, true, &o);  /* errors 0.25, log 2; right */
    masa_calibration_update(&c, &f, &half, true, &o); /* wrong */
    assert_near(masa_calibration_gate_precision(&c), 0.5 / 1.5, 1e-15);
    assert_near(masa_calibration_length_error(&c), log(2), 1e-15);
    masa_statistics_summary none = {.n = 8, .length_mean_all = 60};
    masa_forecast blank = {0};
    masa_calibration_update(&c, &blank, &none, true, &o); /* error 1; right; no length */
    assert_near(masa_calibration_gate_precision(&c), 1.25 / 1.75, 1e-15);
    assert_near(masa_calibration_pass_rate_error(&c), (1 + 0.25 * 0.875) / 1.875, 1e-15);
    assert_near(c.length_weight, 1.75, 0);
    /* Under a cutoff: no length; no verdict on the gate while the others agree; a rate
     * within what the rollouts may have shown is no error. */
    masa_statistics_summary cut = {.n = 5,
                                   .n_correct = 5,
                                   .limited = true,
                                   .n_cut = 3,
                                   .pass_rate_low = 0.625,
                                   .pass_rate_high = 1,
                                   .length_mean = 50};
    masa_calibration before = c;
    masa_calibration_update(&c, &f, &cut, true, &o);
    assert_near(c.pass_rate_error, before.pass_rate_error / 2, 1e-15);
    assert_near(c.length_weight, before.length_weight, 0);
    assert_near(c.gate_weight, before.gate_weight, 0);
    cut.n_correct = 4;
    masa_calibration_update(&c, &f, &cut, true, &o);
    assert_near(c.gate_weight, before.gate_weight / 2 + 1, 1e-15);
    assert_near(c.gate_right, before.gate_right / 2, 1e-15);
}

static void the_switch_has_hysteresis(void **state)
{
    (void)state;
    masa_calibration_options o = {512, 100, 0.2, 0.5, 0.8, 1.5};
    static const struct {
        double seen, error, length, precision; /* < 0: nothing measured */
        bool on, stays;
    } cases[] = {
        {99, 0, 0, 1, false, true}, /* too few to switch on */
        {100, 0, 0, 1, true, true},     {100, 0.2, 0.5, 0.8, true, true},
        {100, 0.21, 0, 1, false, true}, {100, 0.31, 0, 1, false, false},
        {100, 0, 0.6, 1, false, true},  {100, 0, 0.8, 1, false, false},
        {100, 0, 0, 0.75, false, true}, {100, 0, 0, 0.69, false, false},
        {100, 0.1, -1, -1, true, true}, {0, -1, -1, -1, false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_calibration c = {.pass_rate_weight = cases[i].seen,
                              .pass_rate_error = cases[i].error * cases[i].seen};
        if (cases[i].length >= 0) c.length_weight = 64, c.length_error = 64 * cases[i].length;
        if (cases[i].precision >= 0) c.gate_weight = 64, c.gate_right = 64 * cases[i].precision;
        if (masa_calibration_switch(&c, &o, false) != cases[i].on ||
            masa_calibration_switch(&c, &o, true) != cases[i].stays)
            fail_msg("case %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forecasts_leave_out_what_is_not_valid),
        cmocka_unit_test(the_gate),
        cmocka_unit_test(half_of_the_predictions_must_be_readable),
        cmocka_unit_test(one_pass_is_a_forecast),
        cmocka_unit_test(the_cutoff),
        cmocka_unit_test(the_hint),
        cmocka_unit_test(beliefs_age),
        cmocka_unit_test(calibration_is_a_decayed_mean),
        cmocka_unit_test(the_switch_has_hysteresis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
