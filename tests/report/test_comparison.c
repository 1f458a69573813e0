#include "masa_test.h"

#include <jansson.h>
#include <masa/comparison.h>

enum { RUNS = 6 };
static masa_curve curves[RUNS];
static masa_compared_run runs[RUNS];

/* A run that goes from 0.2 to `end` in `steps` steps, straight, at `tokens` a step; a
 * token takes a hundredth of a second and 1e12 operations. */
static void set_run(size_t i, const char *preset, long seed, double end, double steps,
                    double tokens)
{
    masa_curve_deinit(&curves[i]);
    for (int k = 0; k <= 2; k++) {
        double at = steps * k / 2, all = at * tokens;
        masa_curve_add(&curves[i],
                       &(masa_curve_point){.spent = {at, all, all / 100, all / 50, all * 1e12},
                                           .accuracy = 0.2 + (end - 0.2) * k / 2});
    }
    runs[i] = (masa_compared_run){preset, seed, &curves[i], true};
}

/* fast spends half the tokens of a step, and is better. Seeds come in no order. */
static int set_up(void **state)
{
    (void)state;
    set_run(0, "fast", 7, 0.65, 20, 50);
    set_run(1, "base", 7, 0.5, 20, 100);
    set_run(2, "base", 3, 0.4, 20, 100);
    set_run(3, "fast", 3, 0.6, 20, 50);
    set_run(4, "weak", 3, 0.3, 20, 100);
    set_run(5, "weak", 7, 0.5, 20, 100);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < RUNS; i++) masa_curve_deinit(&curves[i]);
    return 0;
}

static void rows_and_seeds_are_in_order(void **state)
{
    (void)state;
    masa_comparison *c = masa_comparison_create(runs, RUNS, "base");
    assert_int_equal(c->n, 3);
    assert_true(c->baseline);
    assert_string_equal(c->rows[0].preset, "base");
    assert_string_equal(c->rows[1].preset, "fast");
    assert_string_equal(c->rows[2].preset, "weak");
    assert_int_equal(c->n_seeds, 2);
    assert_int_equal(c->seeds[0], 3);
    assert_int_equal(c->seeds[1], 7);
    assert_near(c->goals[0], 0.4, 0);
    assert_near(c->goals[1], 0.5, 0);
    masa_comparison_destroy(c);
}

static void accuracy_is_compared_at_equal_cost(void **state)
{
    (void)state;
    masa_comparison *c = masa_comparison_create(runs, RUNS, "base");
    assert_near(c->budget[MASA_COST_STEPS], 20, 0);
    assert_near(c->budget[MASA_COST_TOKENS], 1000, 0); /* what fast spent */
    assert_near(c->budget[MASA_COST_SECONDS], 10, 0);
    assert_near(c->budget[MASA_COST_CPU], 20, 0);
    assert_near(c->budget[MASA_COST_FLOPS], 1e15, 0);
    const masa_seed_values *end = c->rows[0].accuracy, *v = &end[MASA_AT_END];
    assert_near(v->mean, 0.45, 1e-12);
    assert_near(v->deviation, sqrt(0.005), 1e-12);
    assert_near(v->low, 0.4, 1e-12); /* of two values the interval is their range */
    assert_near(v->high, 0.5, 1e-12);
    /* base is half way after 1000 tokens */
    v = &c->rows[0].accuracy[MASA_COST_TOKENS];
    assert_near(v->values[0], 0.3, 1e-12);
    assert_near(v->values[1], 0.35, 1e-12);
    v = &c->rows[1].accuracy[MASA_COST_TOKENS];
    assert_near(v->mean, 0.625, 1e-12);
    masa_comparison_destroy(c);
}

static void differences_are_paired_by_seed(void **state)
{
    (void)state;
    masa_comparison *c = masa_comparison_create(runs, RUNS, "base");
    const masa_seed_values *v = &c->rows[1].difference[MASA_AT_END];
    assert_int_equal(v->n, 2);
    assert_near(v->values[0], 0.2, 1e-12); /* seed 3: 0.6 - 0.4 */
    assert_near(v->values[1], 0.15, 1e-12);
    assert_near(v->mean, 0.175, 1e-12);
    assert_near(v->p, 0.5, 1e-12); /* 2 of the 4 ways to flip two signs are as far off */
    v = &c->rows[1].difference[MASA_COST_FLOPS];
    assert_near(v->values[0], 0.3, 1e-12);
    v = &c->rows[2].difference[MASA_AT_END];
    assert_near(v->mean, -0.05, 1e-12);
    assert_int_equal(c->rows[0].difference[MASA_AT_END].n, 0);
    masa_comparison_destroy(c);
}

static void what_is_not_reached_is_not_counted(void **state)
{
    (void)state;
    masa_comparison *c = masa_comparison_create(runs, RUNS, "base");
    /* fast gets to 0.4 after half its steps, which is a quarter of base's tokens */
    const masa_comparison_row *fast = &c->rows[1], *weak = &c->rows[2];
    assert_int_equal(fast->goals, 2);
    assert_int_equal(fast->reach[MASA_COST_STEPS].n, 2);
    assert_near(fast->reach[MASA_COST_STEPS].values[0], 10, 1e-9);
    assert_near(fast->reach[MASA_COST_STEPS].values[1], 20 * 0.3 / 0.45, 1e-9);
    assert_near(fast->speedup[MASA_COST_TOKENS].values[0], 4, 1e-9);
    assert_near(fast->speedup[MASA_COST_TOKENS].values[1], 3, 1e-9);
    assert_near(fast->speedup[MASA_COST_TOKENS].mean, sqrt(12), 1e-9);
    assert_near(fast->speedup[MASA_COST_TOKENS].high, 4, 1e-9);
    assert_int_equal(weak->goals, 2);
    assert_int_equal(weak->reach[MASA_COST_STEPS].n, 1); /* seed 3 never gets to 0.4 */
    assert_near(weak->reach[MASA_COST_STEPS].mean, 20, 1e-9);
    assert_near(weak->speedup[MASA_COST_STEPS].mean, 1, 1e-9);
    assert_near(c->rows[0].reach[MASA_COST_TOKENS].mean, 2000, 1e-9);
    masa_comparison_destroy(c);
}

static void a_run_cut_short_sets_the_common_ground(void **state)
{
    (void)state;
    set_run(3, "fast", 3, 0.4, 10, 50);
    runs[3].finished = false;
    masa_comparison *c = masa_comparison_create(runs, RUNS, "base");
    assert_near(c->budget[MASA_COST_STEPS], 10, 0);
    assert_near(c->budget[MASA_COST_TOKENS], 500, 0);
    assert_near(c->rows[0].accuracy[MASA_COST_STEPS].values[0], 0.3, 1e-12);
    assert_int_equal(c->rows[1].unfinished, 1);
    masa_comparison_destroy(c);
    /* with one evaluation alone there is no curve, and no ground would be left */
    curves[3].n = 1;
    c = masa_comparison_create(runs, RUNS, "base");
    assert_int_equal(c->left_out, 1);
    assert_int_equal(c->rows[1].runs, 1);
    assert_true(isnan(c->rows[1].accuracy[MASA_AT_END].values[0]));
    assert_int_equal(c->rows[1].difference[MASA_AT_END].n, 1);
    assert_near(c->budget[MASA_COST_STEPS], 20, 0);
    masa_comparison_destroy(c);
}

static void a_baseline_that_learns_nothing_is_no_goal(void **state)
{
    (void)state;
    set_run(2, "base", 3, 0.15, 20, 100);
    masa_comparison *c = masa_comparison_create(runs, RUNS, "base");
    assert_true(isnan(c->goals[0]));
    assert_int_equal(c->rows[1].goals, 1);
    assert_int_equal(c->rows[1].reach[0].n, 1);
    masa_comparison_destroy(c);
}

static void without_a_baseline_there_are_accuracies(void **state)
{
    (void)state;
    masa_comparison *c = masa_comparison_create(runs, RUNS, "none");
    assert_false(c->baseline);
    assert_int_equal(c->n, 3);
    assert_near(c->rows[1].accuracy[MASA_AT_END].mean, 0.45,
                1e-12); /* base, second seen */
    assert_int_equal(c->rows[1].difference[MASA_AT_END].n, 0);
    assert_int_equal(c->rows[1].reach[0].n + c->rows[1].speedup[0].n, 0);
    masa_text text = {0};
    masa_comparison_markdown(c, &text);
    assert_null(strstr(masa_text_get(&text), "Difference"));
    masa_text_deinit(&text);
    masa_comparison_destroy(c);
    c = masa_comparison_create(runs, 0, "base");
    assert_int_equal(c->n, 0);
    masa_comparison_destroy(c);
}

static void assert_says(const masa_text *text, const char *part)
{
    if (!strstr(masa_text_get(text), part))
        fail_msg("'%s' is not in:\n%s", part, masa_text_get(text));
}

static void tables_are_for_people(void **state)
{
    (void)state;
    runs[5].finished = false;
    masa_comparison *c = masa_comparison_create(runs, RUNS, "base");
    masa_text text = {0};
    masa_comparison_markdown(c, &text);
    assert_says(&text, "20 steps");
    assert_says(&text, "0.001 M tokens");
    assert_says(&text, "0.167 min");
    assert_says(&text, "1 PFLOP");
    assert_says(&text, "| base   |     2 |  45.0 ± 7.1 [40.0, 50.0] |");
    assert_says(&text, "+17.5 [+15.0, +20.0] p 0.5");
    assert_says(&text, "2 of 2");
    assert_says(&text, "1 of 2");
    assert_says(&text, "3.46x [3.00, 4.00]");
    assert_says(&text, "1 of the 2 runs of `weak` is not finished");
    assert_says(&text, "With 2 seeds no p can be below 0.5");
    masa_text_deinit(&text);
    masa_comparison_destroy(c);
}

static void lines_are_for_machines(void **state)
{
    (void)state;
    masa_comparison *c = masa_comparison_create(runs, RUNS, "base");
    masa_text text = {0};
    masa_comparison_json(c, &text);
    size_t n = 0, found = 0;
    for (char *line = strtok(text.data, "\n"); line; line = strtok(NULL, "\n"), n++) {
        json_error_t why;
        json_t *row = json_loads(line, 0, &why);
        if (!row) fail_msg("%s: %s", why.text, line);
        const char *what = json_string_value(json_object_get(row, "what"));
        const char *preset = json_string_value(json_object_get(row, "preset"));
        const char *at = json_string_value(json_object_get(row, "at"));
        if (strcmp(what, "reach") == 0 && strcmp(preset, "weak") == 0 &&
            strcmp(at, "tokens") == 0) {
            json_t *seeds = json_object_get(row, "seeds");
            assert_true(json_is_null(json_object_get(seeds, "3")));
            assert_near(json_number_value(json_object_get(seeds, "7")), 2000, 1e-6);
            found++;
        }
        json_decref(row);
    }
    /* 6 places of accuracy each, 6 of difference for two; 5 costs each, 5 speed-ups for
     * two */
    assert_int_equal(n, 3 * 6 + 2 * 6 + 3 * 5 + 2 * 5);
    assert_int_equal(found, 1);
    masa_text_deinit(&text);
    masa_comparison_destroy(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_and_seeds_are_in_order),
        TEST(accuracy_is_compared_at_equal_cost),
        TEST(differences_are_paired_by_seed),
        TEST(what_is_not_reached_is_not_counted),
        TEST(a_run_cut_short_sets_the_common_ground),
        TEST(a_baseline_that_learns_nothing_is_no_goal),
        TEST(without_a_baseline_there_are_accuracies),
        TEST(tables_are_for_people),
        TEST(lines_are_for_machines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
