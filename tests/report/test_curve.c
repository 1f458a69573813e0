#include "masa_test.h"

#include <masa/curve.h>
#include <masa/file.h>

/* Accuracy 0.2, 0.4, 0.3, 0.6 at steps 0, 10, 20, 30; a step costs 100 tokens. */
static masa_curve example(void)
{
    static const double accuracies[] = {0.2, 0.4, 0.3, 0.6};
    masa_curve curve = {0};
    for (int i = 0; i < 4; i++) {
        masa_curve_point p = {.spent = {10 * i, 1000 * i, 5 * i, 8 * i, 1e12 * i},
                              .accuracy = accuracies[i]};
        masa_curve_add(&curve, &p);
    }
    return curve;
}

static void accuracy_is_interpolated(void **state)
{
    (void)state;
    masa_curve c = example();
    assert_near(masa_curve_at(&c, MASA_COST_STEPS, 0), 0.2, 0);
    assert_near(masa_curve_at(&c, MASA_COST_STEPS, 5), 0.3, 1e-12);
    assert_near(masa_curve_at(&c, MASA_COST_TOKENS, 1500), 0.35, 1e-12);
    assert_near(masa_curve_at(&c, MASA_COST_FLOPS, 3e12), 0.6, 0);
    assert_true(isnan(masa_curve_at(&c, MASA_COST_SECONDS, 15.1)));
    assert_true(isnan(masa_curve_at(&c, MASA_COST_SECONDS, -1)));
    assert_near(masa_curve_final(&c), 0.6, 0);
    assert_near(masa_curve_spent(&c, MASA_COST_TOKENS), 3000, 0);
    masa_curve_deinit(&c);
    assert_true(isnan(masa_curve_final(&c)) && isnan(masa_curve_spent(&c, MASA_COST_STEPS)));
}

static void a_goal_is_reached_where_it_first_is(void **state)
{
    (void)state;
    masa_curve c = example();
    assert_near(masa_curve_reach(&c, MASA_COST_STEPS, 0.35), 7.5, 1e-12); /* not 22 */
    assert_near(masa_curve_reach(&c, MASA_COST_TOKENS, 0.45), 2500, 1e-9);
    assert_near(masa_curve_reach(&c, MASA_COST_STEPS, 0.6), 30, 1e-12);
    assert_near(masa_curve_reach(&c, MASA_COST_STEPS, 0.1), 0, 0);
    assert_true(isnan(masa_curve_reach(&c, MASA_COST_STEPS, 0.61)));
    masa_curve_deinit(&c);
}

/* Ten rollouts in each ten steps, but none in the last ten. */
static void what_was_trained_has_a_price(void **state)
{
    (void)state;
    masa_curve c = example();
    assert_true(isnan(masa_curve_per_trained(&c, MASA_COST_TOKENS, 20))); /* not known */
    for (int i = 0; i < 4; i++) c.points[i].trained = 10 * (i < 3 ? i : 2);
    assert_near(masa_curve_per_trained(&c, MASA_COST_TOKENS, 20), 100, 1e-12);
    assert_near(masa_curve_per_trained(&c, MASA_COST_TOKENS, 15), 100, 1e-12);
    assert_near(masa_curve_per_trained(&c, MASA_COST_TOKENS, 30), 150, 1e-12);
    assert_true(isnan(masa_curve_per_trained(&c, MASA_COST_TOKENS, 31)));
    masa_curve_deinit(&c);
}

/* 0.2, 0.4, 0.3, 0.6: the fall in the middle becomes two times 0.35. */
static void what_falls_is_pooled(void **state)
{
    (void)state;
    masa_curve c = example(), m = masa_curve_monotone(&c);
    static const double want[] = {0.2, 0.35, 0.35, 0.6};
    assert_int_equal(m.n, 4);
    for (int i = 0; i < 4; i++) {
        assert_near(m.points[i].accuracy, want[i], 1e-12);
        assert_near(m.points[i].spent[MASA_COST_TOKENS], 1000 * i, 0);
    }
    assert_near(masa_curve_reach(&m, MASA_COST_STEPS, 0.35), 10, 1e-9);
    assert_near(masa_curve_late(&c, 3), 1.3 / 3, 1e-12);
    assert_near(masa_curve_late(&c, 9), 1.3 / 3, 1e-12); /* never the start */
    masa_curve_deinit(&m);
    c.points[3].accuracy = -0.2; /* pools back to the start: (0.2 + 0.4 + 0.3 - 0.2) / 4 */
    m = masa_curve_monotone(&c);
    for (int i = 0; i < 4; i++) assert_near(m.points[i].accuracy, 0.175, 1e-12);
    masa_curve_deinit(&m);
    masa_curve_deinit(&c);
}

static void a_stratum_has_a_curve(void **state)
{
    (void)state;
    masa_curve c = {0}, part;
    for (int i = 0; i < 3; i++) {
        masa_curve_add(&c, &(masa_curve_point){.spent = {i}, .accuracy = 0.5});
        if (i != 1) masa_curve_add_stratum(&c, "level=1", 0.1 * i);
        if (i == 2) masa_curve_add_stratum(&c, "level=2", 0.9);
    }
    part = masa_curve_of_stratum(&c, "level=1");
    assert_int_equal(part.n, 2);
    assert_near(part.points[1].spent[MASA_COST_STEPS], 2, 0);
    assert_near(part.points[1].accuracy, 0.2, 1e-12);
    masa_curve_deinit(&part);
    masa_curve_keep_stratum(&c, NULL);
    assert_int_equal(c.n_strata, 2);
    masa_curve_keep_stratum(&c, "level=2");
    assert_int_equal(c.n, 1);
    assert_near(c.points[0].accuracy, 0.9, 0);
    masa_curve_deinit(&c);
}

/* Two evaluations between which nothing was spent, as after a warm start without cost. */
static void a_jump_is_no_division_by_zero(void **state)
{
    (void)state;
    masa_curve c = {0};
    masa_curve_add(&c, &(masa_curve_point){.spent = {0, 7}, .accuracy = 0.1});
    masa_curve_add(&c, &(masa_curve_point){.spent = {1, 7}, .accuracy = 0.5});
    assert_near(masa_curve_at(&c, MASA_COST_TOKENS, 7), 0.1, 0);
    assert_near(masa_curve_reach(&c, MASA_COST_TOKENS, 0.3), 7, 0);
    masa_curve_deinit(&c);
}

static void add(masa_store *store, long step, const char *name, double value)
{
    assert_int_equal(masa_store_add_metric(store, step, name, value, NULL), MASA_OK);
}

/* As the training loop writes it: the start's evaluation, a warm start, steps of which
 * every second is evaluated. The warm start may time itself, or leave it at
 * total_seconds. */
static masa_curve read_made(bool timed)
{
    char folder[] = "/tmp/masa-curve-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = masa_path_join(folder, "store.sqlite");
    masa_store *store = NULL;
    masa_curve c = {0};
    assert_int_equal(masa_store_open(&store, path, MASA_STORE_WRITE, NULL), MASA_OK);
    add(store, 0, "eval_accuracy", 0.25);
    if (timed) add(store, 0, "seconds_rollouts", 3);
    add(store, 0, "total_tokens", 50);
    add(store, 0, "total_seconds", 7);
    add(store, 0, "flops", 1e9);
    for (long step = 1; step <= 4; step++) {
        add(store, step, "seconds_rollouts", 2);
        add(store, step, "seconds_update", 1);
        add(store, step, "total_tokens", 50 + 100 * (double)step);
        add(store, step, "total_seconds", 1000 * (double)step); /* with the evaluations */
        if (timed) add(store, step, "cpu_seconds", 1 + 2 * (double)step);
        add(store, step, "rollouts_trained", (double)step);
        add(store, step, "trained_tokens", 100 * (double)step);
        add(store, step, "recalled_tokens", step > 2 ? 10 : 0);
        add(store, step, "flops", step == 3 ? NAN : 1e10);
        if (step % 2 == 0) add(store, step, "eval_accuracy", step == 2 ? 0.5 : 0.75);
        if (step == 4) add(store, step, "eval_accuracy/level=2", 0.125);
    }
    assert_int_equal(masa_curve_read(&c, store, NULL), MASA_OK);
    masa_store_close(store);
    assert_int_equal(masa_folder_remove(folder, NULL), MASA_OK);
    free(path);
    return c;
}

static void a_store_is_read(void **state)
{
    (void)state;
    static const masa_curve_point want[] = {{{0, 0, 0, 0, 0}, 0.25, 0, 0, 0},
                                            {{2, 250, 9, 5, 2.1e10}, 0.5, 3, 300, 0},
                                            {{4, 450, 15, 9, 3.1e10}, 0.75, 10, 1000, 20}};
    masa_curve c = read_made(true);
    assert_int_equal(c.n, 3);
    assert_int_equal(c.n_strata, 1);
    assert_string_equal(c.strata[0].name, "level=2");
    assert_near(c.strata[0].accuracy[2], 0.125, 0);
    for (int i = 0; i < 3; i++) {
        assert_near(c.points[i].accuracy, want[i].accuracy, 0);
        assert_near(c.points[i].trained, want[i].trained, 0);
        assert_near(c.points[i].trained_tokens, want[i].trained_tokens, 0);
        assert_near(c.points[i].recalled_tokens, want[i].recalled_tokens, 0);
        for (int cost = 0; cost < MASA_COSTS; cost++)
            assert_near(c.points[i].spent[cost], want[i].spent[cost], 1e-6);
    }
    masa_curve_deinit(&c);
    c = read_made(false);
    assert_true(isnan(c.points[0].spent[MASA_COST_CPU])); /* an older run */
    assert_true(isnan(masa_curve_reach(&c, MASA_COST_CPU, 0.5)));
    assert_near(c.points[0].spent[MASA_COST_SECONDS], 0, 0);
    assert_near(c.points[2].spent[MASA_COST_SECONDS], 7 + 4 * 3, 1e-9);
    masa_curve_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accuracy_is_interpolated),
        cmocka_unit_test(a_goal_is_reached_where_it_first_is),
        cmocka_unit_test(what_was_trained_has_a_price),
        cmocka_unit_test(what_falls_is_pooled),
        cmocka_unit_test(a_stratum_has_a_curve),
        cmocka_unit_test(a_jump_is_no_division_by_zero),
        cmocka_unit_test(a_store_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
