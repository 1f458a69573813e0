/* Measures of meta-awareness, against numbers worked out by hand or in exact fractions.
 */
#include "masa_test.h"

#include <masa/measures.h>
#include <masa/random.h>

static void correlations(void **state)
{
    (void)state;
    static const double x[] = {1, 2, 3, 4, 5}, y[] = {2, 1, 4, 3, 5}, flat[] = {3, 3, 3, 3, 3};
    static const double curve[] = {1, 8, 27, 64, 125}, down[] = {5, 4, 3, 2, 1};
    assert_near(masa_pearson(x, y, 5), 0.8, 1e-15);
    assert_near(masa_spearman(x, y, 5), 0.8, 1e-15);
    assert_near(masa_pearson(x, curve, 5), 0.9431175138077005, 1e-14);
    assert_near(masa_spearman(x, curve, 5), 1, 1e-15);
    assert_near(masa_pearson(x, down, 5), -1, 1e-15);
    assert_true(isnan(masa_pearson(x, flat, 5)));
    assert_true(isnan(masa_spearman(flat, x, 5)));
    assert_true(isnan(masa_pearson(x, y, 1)));
    assert_true(isnan(masa_pearson(x, y, 0)));
    /* Ties: ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3. */
    static const double tied[] = {10, 20, 20, 30}, plain[] = {1, 2, 3, 4};
    assert_near(masa_spearman(tied, plain, 4), 0.9486832980505138, 1e-14);
    assert_near(masa_mean_absolute_error(x, y, 5), 0.8, 1e-15);
    assert_true(isnan(masa_mean_absolute_error(x, y, 0)));
}

static void calibration(void **state)
{
    (void)state;
    static const double predicted[] = {0, 0.2, 0.25, 0.5, 1, 1}, truth[] = {0, 0, 1, 0.5, 1, 0};
    masa_calibration_bin bins[4];
    /* [0, .25): 0, .2 against 0, 0; [.25, .5): .25, 1; [.5, .75): .5, .5; last: 1, 1, 0.5
     */
    double error = masa_calibration_bins(bins, 4, predicted, truth, 6);
    assert_near(error, (0.2 + 0.75 + 0 + 1) / 6, 1e-15);
    static const size_t counts[] = {2, 1, 1, 2};
    static const double means[4][2] = {{0.1, 0}, {0.25, 1}, {0.5, 0.5}, {1, 0.5}};
    for (int k = 0; k < 4; k++) {
        assert_int_equal(bins[k].n, counts[k]);
        assert_near(bins[k].predicted, means[k][0], 1e-15);
        assert_near(bins[k].truth, means[k][1], 1e-15);
    }
    assert_true(isnan(masa_calibration_bins(bins, 4, predicted, truth, 0)));
    assert_int_equal(bins[0].n, 0);
}

static void gates(void **state)
{
    (void)state;
    masa_gate_counts c = {0};
    assert_true(isnan(masa_gate_precision(&c)));
    assert_true(isnan(masa_gate_recall(&c)));
    assert_true(isnan(masa_gate_f1(&c)));
    static const struct {
        bool closed;
        size_t n_correct;
    } prompts[] = {{true, 0},  {true, 8},  {true, 8},  {true, 7}, {false, 0},
                   {false, 8}, {false, 1}, {false, 4}, {false, 5}};
    for (size_t i = 0; i < sizeof prompts / sizeof *prompts; i++)
        masa_gate_count(&c, prompts[i].closed, prompts[i].n_correct, 8);
    assert_int_equal(c.open_rightly, 3);
    assert_near(masa_gate_precision(&c), 0.75, 1e-15);
    assert_near(masa_gate_recall(&c), 0.6, 1e-15);
    assert_near(masa_gate_f1(&c), 2 / (1 / 0.75 + 1 / 0.6), 1e-15);
    assert_near(masa_gate_base_rate(&c), 5.0 / 9, 1e-15);
    assert_near(masa_gate_lift(&c), 0.75 * 9 / 5, 1e-15);
}

/* Closed on 40, audited 4 of them, 3 rightly: they stand for 30 right ones and 10 wrong ones.
 * Of 60 open ones 15 have no variance. */
static void audits_stand_for_others(void **state)
{
    (void)state;
    masa_gate_audit a = {40, 4, 3, 60, 15};
    masa_gate_counts c = masa_gate_audited(&a);
    assert_near(c.closed_rightly, 30, 1e-12);
    assert_near(masa_gate_precision(&c), 0.75, 1e-12);
    assert_near(masa_gate_recall(&c), 30.0 / 45, 1e-12);
    assert_near(masa_gate_base_rate(&c), 0.45, 1e-12);
    assert_near(masa_gate_lift(&c), 0.75 / 0.45, 1e-12);
    assert_near(masa_gate_f1(&c), 2 / (1 / 0.75 + 45 / 30.0), 1e-12);
    a.audited = a.audited_flat = 0;
    c = masa_gate_audited(&a);
    assert_true(isnan(masa_gate_precision(&c)) && isnan(masa_gate_recall(&c)) &&
                isnan(masa_gate_base_rate(&c)));
    a.closed = 0; /* never closed: nothing was missed by chance */
    c = masa_gate_audited(&a);
    assert_true(isnan(masa_gate_precision(&c)));
    assert_near(masa_gate_recall(&c), 0, 0);
    assert_near(masa_gate_base_rate(&c), 0.25, 0);
}

static void length_errors(void **state)
{
    (void)state;
    masa_length_errors e = {0};
    assert_true(isnan(masa_length_errors_mean(&e)));
    assert_true(isnan(masa_length_errors_deviation(&e)));
    assert_true(masa_length_errors_add(&e, 300, 200, 50));  /* 2 */
    assert_true(masa_length_errors_add(&e, 100, 200, 100)); /* -1 */
    assert_false(masa_length_errors_add(&e, 100, 200, 0));
    assert_int_equal(e.n, 2);
    assert_near(masa_length_errors_mean(&e), 0.5, 1e-15);
    assert_near(masa_length_errors_deviation(&e), 1.5, 1e-15);
}

static void shapley_splits_independent_features(void **state)
{
    (void)state;
    /* Orthogonal columns; y = 3 a + 4 b: R^2 9/25 and 16/25. */
    static const double x[] = {1, 1, 1, -1, -1, 1, -1, -1}, y[] = {7, -1, 1, -7};
    double share[2];
    assert_near(masa_shapley_r2(share, x, y, 4, 2), 1, 1e-14);
    assert_near(share[0], 0.36, 1e-14);
    assert_near(share[1], 0.64, 1e-14);
    /* The same with the features far from 0: the intercept takes it. */
    double moved[8];
    for (int i = 0; i < 8; i++) moved[i] = x[i] + 1000;
    assert_near(masa_shapley_r2(share, moved, y, 4, 2), 1, 1e-12);
    assert_near(share[0], 0.36, 1e-12);
}

/* Expected: normal equations with an intercept in exact fractions, over the 6 orders. */
static void shapley_splits_correlated_features(void **state)
{
    (void)state;
    static const double x[] = {1, 2, 0.5, 2, 1, -1, 3, 5, 2, 4, 4,
                               0, 5, 7,   1, 6, 5,  3, 2, 3, -2};
    static const double y[] = {1.2, 1.9, 3.5, 3.1, 5.8, 5.2, 2.6};
    static const double expected[] = {0.4257497536659208, 0.4086636354936467,
                                      0.12117879696080269};
    double share[3];
    double r2 = masa_shapley_r2(share, x, y, 7, 3);
    assert_near(r2, 0.9555921861203702, 1e-12);
    for (int j = 0; j < 3; j++) assert_near(share[j], expected[j], 1e-12);
}

static void shapley_bears_dependent_features(void **state)
{
    (void)state;
    masa_random random = masa_random_init(11, MASA_STREAM_TEST);
    double x[20 * 4], y[20], share[4];
    for (int i = 0; i < 20; i++) {
        double a = masa_random_normal(&random);
        x[4 * i] = a;
        x[4 * i + 1] = 3 * a + 2; /* the same feature twice: they share */
        x[4 * i + 2] = 0.1;       /* never varies */
        x[4 * i + 3] = masa_random_normal(&random);
        y[i] = a + x[4 * i + 3] + 0.1 * masa_random_normal(&random);
    }
    double r2 = masa_shapley_r2(share, x, y, 20, 4);
    assert_true(r2 > 0.9 && r2 <= 1);
    assert_near(share[0], share[1], 1e-9);
    assert_near(share[2], 0, 1e-12);
    assert_true(share[3] > 0.1);
    assert_near(share[0] + share[1] + share[2] + share[3], r2, 1e-12);
    /* As many features as pairs: everything is explained. A flat target: nothing is. */
    assert_near(masa_shapley_r2(share, x, y, 3, 4), 1, 1e-12);
    static const double flat[20] = {0};
    assert_true(isnan(masa_shapley_r2(share, x, flat, 20, 4)));
    assert_true(isnan(share[0]));
    assert_true(isnan(masa_shapley_r2(share, x, y, 0, 4)));
    assert_near(masa_shapley_r2(share, x, y, 20, 0), 0, 0);
}

/* Evaluations of five checkpoints on 60 problems, fed as a command would: each problem has its
 * own level, which must cancel, and accuracy grows by 2 x the first reward + 1 x the second;
 * the third is noise and the step number moves the first. */
static void shapley_takes_pairs_of_checkpoints(void **state)
{
    (void)state;
    enum { CHECKPOINTS = 5, PROBLEMS = 60, FEATURES = 4, PAIRS = PROBLEMS * 10 };
    static double value[CHECKPOINTS][PROBLEMS][FEATURES], accuracy[CHECKPOINTS][PROBLEMS],
        features[PAIRS][FEATURES], target[PAIRS];
    masa_random random = masa_random_init(17, MASA_STREAM_TEST);
    for (int problem = 0; problem < PROBLEMS; problem++) {
        double level = 10 * masa_random_normal(&random);
        for (int c = 0; c < CHECKPOINTS; c++) {
            double *x = value[c][problem];
            x[0] = level + 0.2 * c + masa_random_normal(&random);
            x[1] = -level + masa_random_normal(&random);
            x[2] = masa_random_normal(&random);
            x[3] = 20 * c;
            accuracy[c][problem] = level + 2 * (x[0] - level) + (x[1] + level);
        }
    }
    size_t n = 0;
    for (int problem = 0; problem < PROBLEMS; problem++)
        for (int a = 0; a < CHECKPOINTS; a++)
            for (int b = a + 1; b < CHECKPOINTS; b++, n++) {
                target[n] = accuracy[b][problem] - accuracy[a][problem];
                for (int j = 0; j < FEATURES; j++)
                    features[n][j] = value[b][problem][j] - value[a][problem][j];
            }
    assert_int_equal(n, PAIRS);
    double share[FEATURES];
    assert_near(masa_shapley_r2(share, &features[0][0], target, n, FEATURES), 1, 1e-12);
    assert_near(share[0] + share[1] + share[2] + share[3], 1, 1e-12);
    /* Variances 4 to 1; the steps share what they explain of the first. */
    assert_near(share[0] + share[3], 0.8, 0.06);
    assert_near(share[1], 0.2, 0.06);
    assert_true(share[2] < 0.02 && share[3] > 0 && share[3] < share[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(correlations),
        cmocka_unit_test(calibration),
        cmocka_unit_test(gates),
        cmocka_unit_test(audits_stand_for_others),
        cmocka_unit_test(length_errors),
        cmocka_unit_test(shapley_splits_independent_features),
        cmocka_unit_test(shapley_splits_correlated_features),
        cmocka_unit_test(shapley_bears_dependent_features),
        cmocka_unit_test(shapley_takes_pairs_of_checkpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
