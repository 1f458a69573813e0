#include "masa_test.h"

#include <jansson.h>
#include <ctype.h>
#include <masa/comparison.h>
#include <masa/figure.h>
#include <masa/memory.h>

enum { RUNS = 6 };
static masa_curve curves[RUNS];
static masa_compared_run runs[RUNS];

/* A run that goes from 0.2 to `end` in `steps` steps, straight, at `tokens` a step; a
 * token takes a hundredth of a second and 1e12 operations. */
static void set_run(size_t i, const char *arm, long seed, double end, double steps,
                    double tokens)
{
    masa_curve_deinit(&curves[i]);
    for (int k = 0; k <= 2; k++) {
        double at = steps * k / 2, all = at * tokens;
        masa_curve_add(&curves[i],
                       &(masa_curve_point){.spent = {at, all, all / 100, all / 50, all * 1e12},
                                           .accuracy = 0.2 + (end - 0.2) * k / 2,
                                           .trained = 4 * at});
    }
    runs[i] = (masa_compared_run){arm, seed, &curves[i], true};
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
    assert_string_equal(c->rows[0].arm, "base");
    assert_string_equal(c->rows[1].arm, "fast");
    assert_string_equal(c->rows[2].arm, "weak");
    assert_int_equal(c->n_seeds, 2);
    assert_int_equal(c->seeds[0], 3);
    assert_int_equal(c->seeds[1], 7);
    /* the baseline gains from 0.2 to 0.45 on average */
    assert_near(c->goals[0], 0.4, 1e-8);
    assert_near(c->goals[1], 0.425, 1e-8);
    assert_near(c->goals[2], 0.45, 1e-8);
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
    /* t of one degree of freedom: 12.7062 deviations over the root of 2 */
    assert_near(v->low, 0.45 - 12.706205 * 0.05, 1e-6);
    assert_near(v->high, 0.45 + 12.706205 * 0.05, 1e-6);
    v = &c->rows[0].accuracy[MASA_AT_LAST]; /* of the two evaluations after the first */
    assert_near(v->values[0], 0.35, 1e-12);
    assert_near(v->values[1], 0.425, 1e-12);
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

/* base gets to 0.4 in 20 and 40/3 steps, fast in 10 and 80/9, at half the tokens. */
static void goals_have_costs(void **state)
{
    (void)state;
    masa_comparison *c = masa_comparison_create(runs, RUNS, "base");
    const masa_reach *r = &c->rows[1].reach[0][MASA_COST_STEPS];
    assert_int_equal(r->n_reached, 2);
    assert_near(r->spent.values[0], 10, 1e-6);
    assert_near(r->spent.values[1], 80.0 / 9, 1e-6);
    assert_near(r->spent.mean, sqrt(800.0 / 9), 1e-6);
    assert_near(r->ratio.values[0], 2, 1e-6);
    assert_near(r->ratio.values[1], 1.5, 1e-6);
    assert_near(r->ratio.mean, sqrt(3), 1e-6);
    double half = 12.706205 * log(2 / 1.5) / 2; /* deviation log(2/1.5)/sqrt 2, over sqrt 2 */
    assert_near(log(r->ratio.low), log(3) / 2 - half, 1e-5);
    assert_near(log(r->ratio.high), log(3) / 2 + half, 1e-5);
    assert_near(r->ratio.p, 0.5, 1e-12);
    assert_int_equal(r->bound, MASA_EXACTLY);
    r = &c->rows[1].reach[0][MASA_COST_TOKENS];
    assert_near(r->ratio.values[0], 4, 1e-6);
    assert_near(r->ratio.mean, sqrt(12), 1e-6);
    assert_near(c->rows[0].reach[0][MASA_COST_TOKENS].spent.values[0], 2000, 1e-3);
    assert_int_equal(c->rows[0].reach[0][MASA_COST_TOKENS].ratio.n, 0);
    masa_comparison_destroy(c);
}

/* With seed 3 base never gets to 0.425, which fast does after 11.25 steps, and weak not to
 * 0.4; with seed 7 weak is base. */
static void what_is_not_reached_is_a_bound(void **state)
{
    (void)state;
    masa_comparison *c = masa_comparison_create(runs, RUNS, "base");
    const masa_reach *r = &c->rows[1].reach[1][MASA_COST_STEPS];
    assert_near(r->ratio.values[0], 20 / 11.25, 1e-6);
    assert_near(r->ratio.values[1], 1.5, 1e-6);
    assert_int_equal(r->bound, MASA_AT_LEAST);
    assert_true(isnan(r->ratio.low) && isnan(r->ratio.high));
    assert_near(r->ratio.p, 0.5, 1e-12); /* the truth is farther from 1 still */
    assert_int_equal(c->rows[0].reach[1][0].n_reached, 1);
    assert_near(c->rows[0].reach[1][0].spent.values[0], 20, 0);
    r = &c->rows[2].reach[0][MASA_COST_STEPS];
    assert_int_equal(r->n_reached, 1);
    assert_false(r->reached[0]);
    assert_near(r->spent.values[0], 20, 0);
    assert_near(r->ratio.mean, 1, 1e-6);
    assert_int_equal(r->bound, MASA_AT_MOST);
    r = &c->rows[2].reach[2][MASA_COST_STEPS]; /* neither gets there with seed 3 */
    assert_int_equal(r->unknown, 1);
    assert_int_equal(r->ratio.n, 1);
    assert_int_equal(r->bound, MASA_EXACTLY);
    masa_comparison_destroy(c);
    /* an arm that looks cheaper but for a run that never got there: no p */
    set_run(3, "fast", 3, 0.3, 2, 50);
    c = masa_comparison_create(runs, RUNS, "base");
    r = &c->rows[1].reach[0][MASA_COST_STEPS];
    assert_near(r->ratio.values[0], 10, 1e-6);
    assert_int_equal(r->bound, MASA_AT_MOST);
    assert_true(isnan(r->ratio.p));
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
    set_run(2, "base", 3, 0.15, 20, 100); /* monotone: flat at 0.175 */
    masa_comparison *c = masa_comparison_create(runs, RUNS, "base");
    double first = (0.2 + 0.175) / 2, last = (0.5 + 0.175) / 2;
    assert_near(c->goals[2], last, 1e-8);
    assert_near(c->goals[0], first + 0.8 * (last - first), 1e-8);
    masa_comparison_destroy(c);
    set_run(1, "base", 7, 0.2, 20, 100);
    c = masa_comparison_create(runs, RUNS, "base");
    assert_true(isnan(c->goals[0]));
    assert_int_equal(c->rows[1].reach[0][0].n_reached, 0);
    masa_text text = {0};
    masa_comparison_markdown(c, &text);
    assert_non_null(strstr(masa_text_get(&text), "`base` gained nothing"));
    masa_text_deinit(&text);
    masa_comparison_destroy(c);
}

/* Runs of one seed that begin with unlike accuracies began with unlike models. */
static void unlike_beginnings_are_told(void **state)
{
    (void)state;
    masa_comparison *c = masa_comparison_create(runs, RUNS, "base");
    assert_near(c->uneven, 0, 0);
    masa_comparison_destroy(c);
    curves[0].points[0].accuracy = 0.3;
    c = masa_comparison_create(runs, RUNS, "base");
    assert_int_equal(c->uneven_seed, 7);
    assert_near(c->uneven, 0.1, 1e-12);
    masa_text text = {0};
    masa_comparison_markdown(c, &text);
    assert_non_null(
        strstr(masa_text_get(&text), "Runs of seed 7 begin up to 10.0 points apart"));
    masa_text_deinit(&text);
    masa_comparison_destroy(c);
}

/* Updates that find activations kept from sampling take less time than those that do not. */
static void unlike_updates_are_told(void **state)
{
    (void)state;
    for (int i = 0; i < RUNS; i++)
        for (size_t k = 0; k < curves[i].n; k++) {
            curves[i].points[k].trained_tokens = 100 * (double)k;
            curves[i].points[k].recalled_tokens = 40 * (double)k;
        }
    masa_comparison *c = masa_comparison_create(runs, RUNS, "base");
    masa_text text = {0};
    for (size_t i = 0; i < c->n; i++) assert_near(c->rows[i].run_again, 0.6, 1e-12);
    masa_comparison_markdown(c, &text);
    assert_null(strstr(masa_text_get(&text), "Times are not alike"));
    masa_comparison_destroy(c);
    masa_text_clear(&text);
    for (int i = 0; i < RUNS; i++)
        if (strcmp(runs[i].arm, "base") == 0)
            for (size_t k = 0; k < curves[i].n; k++) curves[i].points[k].recalled_tokens = 0;
    c = masa_comparison_create(runs, RUNS, "base");
    masa_comparison_markdown(c, &text);
    assert_non_null(strstr(masa_text_get(&text), "for want of memory `base` ran 100 % of"));
    assert_non_null(strstr(masa_text_get(&text), "60 %. With rollout.kept_memory=0"));
    masa_text_deinit(&text);
    masa_comparison_destroy(c);
}

static void without_a_baseline_there_are_accuracies(void **state)
{
    (void)state;
    masa_comparison *c = masa_comparison_create(runs, RUNS, "none");
    assert_false(c->baseline);
    assert_int_equal(c->n, 3);
    assert_near(c->rows[1].accuracy[MASA_AT_END].mean, 0.45, 1e-12); /* base, second seen */
    assert_int_equal(c->rows[1].difference[MASA_AT_END].n, 0);
    assert_int_equal(c->rows[1].reach[0][0].n_reached + c->rows[1].reach[0][0].ratio.n, 0);
    masa_text text = {0};
    masa_comparison_markdown(c, &text);
    assert_null(strstr(masa_text_get(&text), "Difference"));
    masa_text_deinit(&text);
    masa_comparison_destroy(c);
    c = masa_comparison_create(runs, 0, "base");
    assert_int_equal(c->n, 0);
    masa_comparison_destroy(c);
}

/* The mean of the evaluations after the first, where a run has the stratum. */
static void strata_are_compared(void **state)
{
    (void)state;
    static const double hard[] = {0.3, 0.1, 0.2, 0.5}; /* of fast 7, base 7, base 3, fast 3 */
    for (size_t i = 0; i < 4; i++) {
        masa_stratum s = {masa_strdup("hard"), masa_alloc(3, sizeof(double)), 3};
        for (int k = 0; k < 3; k++) s.accuracy[k] = hard[i] * k;
        MASA_PUSH(curves[i].strata, curves[i].n_strata, curves[i].strata_capacity, s);
    }
    masa_comparison *c = masa_comparison_create(runs, RUNS, "base");
    assert_int_equal(c->n_strata, 1);
    assert_near(c->rows[0].stratum[0].mean, 1.5 * 0.15, 1e-12);
    assert_near(c->rows[1].stratum[0].values[0], 1.5 * 0.5, 1e-12);
    assert_near(c->rows[1].stratum_difference[0].values[0], 1.5 * 0.3, 1e-12);
    assert_near(c->rows[1].stratum_difference[0].mean, 1.5 * 0.25, 1e-12);
    assert_int_equal(c->rows[2].stratum[0].n, 0);
    masa_text text = {0};
    masa_comparison_markdown(c, &text);
    assert_non_null(strstr(masa_text_get(&text), "| hard    | 22.5 | 60.0 (+37.5 ["));
    masa_text_deinit(&text);
    masa_comparison_destroy(c);
}

/* Well-formed by a reader of its own: tags that open close, and quotes are even. */
/* Four rollouts a step: 25 tokens for each, and half of that. */
static void trained_rollouts_have_a_price(void **state)
{
    (void)state;
    masa_comparison *c = masa_comparison_create(runs, RUNS, "base");
    assert_near(c->rows[0].per_trained[MASA_COST_TOKENS].mean, 25, 1e-9);
    assert_int_equal(c->rows[0].per_trained_ratio[MASA_COST_TOKENS].n, 0);
    assert_near(c->rows[1].per_trained[MASA_COST_TOKENS].mean, 12.5, 1e-9);
    assert_near(c->rows[1].per_trained_ratio[MASA_COST_TOKENS].mean, 2, 1e-9);
    assert_near(c->rows[1].per_trained_ratio[MASA_COST_FLOPS].low, 2, 1e-9);
    assert_near(c->rows[2].per_trained_ratio[MASA_COST_CPU].mean, 1, 1e-9);
    masa_comparison_destroy(c);
}

static void a_figure_is_a_picture(void **state)
{
    (void)state;
    masa_text svg = {0};
    runs[0].arm = runs[3].arm = "a<b";
    masa_figure_svg(&svg, runs, RUNS);
    const char *s = masa_text_get(&svg);
    size_t lines = 0, bands = 0, open = 0, close = 0, quotes = 0;
    for (const char *p = s; *p; p++) {
        quotes += *p == '"';
        open += *p == '<' && p[1] != '/';
        close += (*p == '/' && p[1] == '>') || (*p == '<' && p[1] == '/');
        lines += strncmp(p, "<title>", 7) == 0 && p[7] != '0' && isalpha((unsigned char)p[7]);
        bands += strncmp(p, "class=\"band\"", 12) == 0;
    }
    assert_int_equal(open, close);
    assert_int_equal(quotes % 2, 0);
    assert_int_equal(bands, 3 * 4); /* arms, panels */
    assert_int_equal(lines, 3 * 4);
    assert_non_null(strstr(s, ">a&lt;b</text>"));
    assert_non_null(strstr(s, "PFLOP"));
    assert_null(strstr(s, "nan"));
    assert_null(strstr(s, "inf"));
    masa_text_deinit(&svg);
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
    assert_says(&text, " 45.0 ± 7.1 [-18.5, 108.5] |");
    assert_says(&text, "+17.5 [-14.3, +49.3] p 0.5");
    assert_says(&text, " 80 % (40.0) |  2 of 2 |");
    assert_says(&text, " 80 % (40.0) |  1 of 2 |");
    assert_says(&text, "(3.46x [0.56, 21.54] p 0.5)");
    assert_says(&text, "> 16.33 (at most 1.00x p 1)");
    assert_says(&text, "(at least 1.63x p 0.5)");
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
        const char *arm = json_string_value(json_object_get(row, "arm"));
        const char *at = json_string_value(json_object_get(row, "at"));
        bool first = json_number_value(json_object_get(row, "share")) == 0.8;
        if (strcmp(what, "reach") == 0 && strcmp(arm, "weak") == 0 &&
            strcmp(at, "tokens") == 0 && first) {
            json_t *seeds = json_object_get(row, "seeds");
            assert_near(json_number_value(json_object_get(seeds, "3")), 2000, 1e-3);
            assert_near(json_number_value(json_object_get(seeds, "7")), 4000.0 / 3, 1e-3);
            assert_int_equal(json_integer_value(json_object_get(row, "reached")), 1);
            found++;
        }
        json_decref(row);
    }
    /* 7 places of accuracy each, 7 of difference for two; of 3 goals, and of what was trained, 5
     * costs each, 5 ratios for two */
    assert_int_equal(n, 3 * 7 + 2 * 7 + (3 + 1) * (3 * 5 + 2 * 5));
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
        TEST(goals_have_costs),
        TEST(what_is_not_reached_is_a_bound),
        TEST(a_run_cut_short_sets_the_common_ground),
        TEST(a_baseline_that_learns_nothing_is_no_goal),
        TEST(unlike_beginnings_are_told),
        TEST(without_a_baseline_there_are_accuracies),
        TEST(strata_are_compared),
        TEST(trained_rollouts_have_a_price),
        TEST(unlike_updates_are_told),
        TEST(a_figure_is_a_picture),
        TEST(tables_are_for_people),
        TEST(lines_are_for_machines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
