#include "masa_test.h"

#include <masa/file.h>
#include <masa/forecasts.h>

/* A prompt's two meta rollouts predict these eighths and lengths; NaN: not readable. */
static void add_prompt(masa_store *store, long step, long prompt, double a, double b,
                       double length_a, double length_b, double true_rate, double true_length)
{
    const double rates[] = {a, b}, lengths[] = {length_a, length_b};
    for (int i = 0; i < 2; i++) {
        masa_store_prediction p = {.pass_rate = isfinite(rates[i]) ? (long)rates[i] : -1,
                                   .length = isfinite(lengths[i]) ? (long)lengths[i] : -1,
                                   .true_pass_rate = true_rate,
                                   .true_length = true_length};
        masa_store_rollout row = {.step = step,
                                  .prompt = prompt,
                                  .problem = "p",
                                  .kind = "meta",
                                  .sample = i,
                                  .prediction = &p};
        assert_int_equal(masa_store_add_rollout(store, &row, NULL), MASA_OK);
    }
}

static void add_gate(masa_store *store, long step, double gated, double audited, double flat,
                     double open, double open_flat)
{
    masa_store_add_metric(store, step, "gated", gated, NULL);
    masa_store_add_metric(store, step, "audited", audited, NULL);
    masa_store_add_metric(store, step, "audited_flat", flat, NULL);
    masa_store_add_metric(store, step, "gate_open", open, NULL);
    masa_store_add_metric(store, step, "gate_open_flat", open_flat, NULL);
}

static void forecasts_are_judged_by_window(void **state)
{
    (void)state;
    char folder[] = "/tmp/masa-forecasts-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = masa_path_join(folder, "store.sqlite");
    masa_store *store = NULL;
    masa_forecasts f = {0};
    assert_int_equal(masa_store_open(&store, path, MASA_STORE_WRITE, NULL), MASA_OK);
    add_prompt(store, 1, 0, 8, 6, 40, 60, 1, 45);
    add_prompt(store, 1, 1, 0, NAN, 90, NAN, 0.25, 100);
    add_prompt(store, 2, 0, 2, 2, 10, 30, 0.5, NAN);
    add_prompt(store, 2, 1, 7, 7, NAN, NAN, NAN, NAN); /* gated: nothing is known */
    add_gate(store, 1, 3, 1, 1, 6, 2);
    add_gate(store, 2, 3, 1, 0, 2, 0);
    assert_int_equal(masa_forecasts_read(&f, store, &MASA_STORE_ALL, NULL), MASA_OK);
    masa_store_close(store);
    assert_int_equal(f.n, 4);
    assert_near(f.rows[0].rate, 7.0 / 8, 1e-12);
    assert_near(f.rows[0].length, 50, 1e-12);
    assert_near(f.rows[1].rate, 0, 0);
    assert_true(isnan(f.rows[3].true_rate) && isnan(f.rows[3].length));
    masa_forecast_agreement a = masa_forecasts_agreement(&f, 0, -1);
    assert_int_equal(a.n_rates, 3);
    assert_int_equal(a.n_lengths, 2);
    assert_near(a.rate_error, (0.125 + 0.25 + 0.25) / 3, 1e-12);
    assert_near(a.calibration_error, a.rate_error, 1e-12); /* each in a tenth of its own */
    assert_int_equal(a.deciles[8].n, 1);
    assert_near(a.deciles[2].truth, 0.5, 1e-12);
    assert_near(a.length_correlation, 1, 1e-12);
    assert_near(a.length_error, (5 + 10) / 2.0, 1e-12);
    /* closed on 8, audited 2 of them, one rightly: 4 and 4; open: 2 of 8 without variance */
    assert_true(a.gated);
    assert_near(masa_gate_precision(&a.gate), 0.5, 1e-12);
    assert_near(masa_gate_base_rate(&a.gate), 6.0 / 16, 1e-12);
    assert_near(masa_gate_recall(&a.gate), 4.0 / 6, 1e-12);
    a = masa_forecasts_agreement(&f, 2, 2);
    assert_int_equal(a.n_rates, 1);
    assert_near(masa_gate_precision(&a.gate), 0, 0);
    a = masa_forecasts_agreement(&f, 3, -1);
    assert_false(a.gated);
    assert_true(isnan(a.rate_correlation));
    masa_forecasts_deinit(&f);
    assert_int_equal(masa_folder_remove(folder, NULL), MASA_OK);
    free(path);
}

static void a_single_pass_is_a_prediction_too(void **state)
{
    (void)state;
    char folder[] = "/tmp/masa-forecasts-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = masa_path_join(folder, "store.sqlite");
    masa_store *store = NULL;
    masa_forecasts f = {0};
    assert_int_equal(masa_store_open(&store, path, MASA_STORE_WRITE, NULL), MASA_OK);
    add_prompt(store, 1, 1, 8, 6, 40, 60, 1, 45);
    masa_store_decision row = {.step = 1,
                               .kind = "forecast",
                               .problem = "q",
                               .taken = true,
                               .mean = 0.3,
                               .deviation = 0.1,
                               .value = 0.25};
    assert_int_equal(masa_store_add_decision(store, &row, NULL), MASA_OK);
    row.kind = "gate"; /* no forecast */
    row.prompt = 2;
    assert_int_equal(masa_store_add_decision(store, &row, NULL), MASA_OK);
    assert_int_equal(masa_forecasts_read(&f, store, &MASA_STORE_ALL, NULL), MASA_OK);
    masa_store_close(store);
    assert_int_equal(f.n, 2);
    assert_string_equal(f.rows[0].problem, "q");
    assert_near(f.rows[0].rate, 0.3, 1e-12);
    assert_near(f.rows[0].true_rate, 0.25, 1e-12);
    assert_true(isnan(f.rows[0].length));
    assert_int_equal(f.rows[1].prompt, 1);
    masa_forecasts_deinit(&f);
    assert_int_equal(masa_folder_remove(folder, NULL), MASA_OK);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forecasts_are_judged_by_window),
        cmocka_unit_test(a_single_pass_is_a_prediction_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
