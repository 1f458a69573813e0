/* Texts to learn from: which meta rollout, and what it says in the end. */
#include "masa_test.h"

#include <masa/meta.h>

static masa_meta_options options = MASA_META_DEFAULTS;
static const char problem[] = "How many integers below 10 are prime?";
static const char *const texts[] = {"The sieve strikes every multiple. $\\frac{1}{2}$",
                                    "A sieve, then counting.", "The guess is a multiple.",
                                    "Guess!", "No idea, a guess."};
static const long lengths[] = {300, 401, 20, 20, 20};

static masa_statistics *statistics(size_t n_correct)
{
    const bool correct[5] = {n_correct > 0, n_correct > 1, n_correct > 2, n_correct > 3,
                             n_correct > 4};
    masa_solutions s = {5, texts, correct, lengths, NULL};
    return masa_statistics_create(problem, &s, MASA_NOTION_LEMMA);
}

static void the_best_notions_are_picked(void **state)
{
    (void)state;
    static const struct {
        double rewards[4];
        size_t n;
        double threshold;
        size_t pick;
    } cases[] = {
        {{0.1, 0.5, 0.3, 0.5}, 4, 0.2, 1},
        {{0.1, 0.15, 0, 0}, 4, 0.2, 4},
        {{0.2, 0.1, 0, 0}, 4, 0.2, 0},
        {{0, 0, 0, 1}, 4, 0.2, 3},
        {{0, 0, 0, 0}, 4, 0, 0},
        {{0}, 0, 0, 0},
        {{1}, 1, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(masa_expert_pick(cases[i].rewards, cases[i].n, cases[i].threshold),
                         cases[i].pick);
}

static void check_expert(const char *text, size_t n_correct, const char *expected)
{
    masa_statistics *s = statistics(n_correct);
    masa_prediction p;
    masa_text out = {0};
    masa_text_add(&out, ">");
    masa_prediction_parse(&p, text, strlen(text), &options);
    assert_int_equal(masa_expert_text(&out, text, strlen(text), &p, s, &options),
                     expected != NULL);
    assert_string_equal(out.data + 1, expected ? expected : "");
    masa_text_deinit(&out);
    masa_prediction_deinit(&p);
    masa_statistics_destroy(s);
}

static void targets_replace_the_numbers_alone(void **state)
{
    (void)state;
    /* 2 of 5 right: round(3.2) = 3; the mean of 300 and 401 tokens is 350.5. */
    check_expert("Sure. <meta>I do \"it\".</meta> Well, {\"math_notion\": [\"a \\\"b\\\"\", "
                 "\"sieve\"], "
                 "\"pass_rate\": 8, \"solution_length\": 4000} Done.",
                 2,
                 "<meta>I do \"it\".</meta>\n{\"math_notion\": [\"a \\\"b\\\"\", \"sieve\"], "
                 "\"pass_rate\": 3, \"solution_length\": 351}");
    check_expert("no tag to open</meta>{\"math_notion\":[\"sieve\"]}", 1,
                 "no tag to open</meta>\n{\"math_notion\": [\"sieve\"], \"pass_rate\": 2, "
                 "\"solution_length\": 300}");
    check_expert("<meta>a</meta>b</meta>", 5,
                 "<meta>a</meta>b</meta>\n{\"math_notion\": [], \"pass_rate\": 8, "
                 "\"solution_length\": 152}");
    check_expert("<meta>a</meta>{\"math_notion\":[\"sieve\"]}", 0, NULL);
    options.expert_hopeless = true;
    check_expert("<meta>a</meta>{\"math_notion\":[\"sieve\"]}", 0,
                 "<meta>a</meta>\n{\"math_notion\": [\"sieve\"], \"pass_rate\": 0, "
                 "\"solution_length\": 152}");
    options.expert_hopeless = false;
    /* What has no weight is as it was predicted, if it was. */
    static const char both[] = "<meta>a</meta>{\"pass_rate\": 8, \"solution_length\": 4000}";
    options.weight_length = 0;
    check_expert(both, 2,
                 "<meta>a</meta>\n{\"math_notion\": [], \"pass_rate\": 3, "
                 "\"solution_length\": 4000}");
    check_expert("<meta>a</meta>{\"solution_length\": 1}", 2,
                 "<meta>a</meta>\n{\"math_notion\": [], \"pass_rate\": 3}");
    options.weight_length = 1, options.weight_difficulty = 0;
    check_expert(both, 2,
                 "<meta>a</meta>\n{\"math_notion\": [], \"pass_rate\": 8, "
                 "\"solution_length\": 351}");
    options.weight_difficulty = 1;
    check_expert("<meta>unclosed {\"math_notion\":[\"sieve\"]}", 2, NULL);
    check_expert("", 2, NULL);
}

static void lengths_stay_in_the_valid_range(void **state)
{
    (void)state;
    masa_statistics *s = statistics(2);
    masa_meta_options o = options;
    masa_prediction p = {0};
    masa_text out = {0};
    o.length_min = 500;
    assert_true(masa_expert_text(&out, "</meta>", 7, &p, s, &o));
    assert_non_null(strstr(out.data, "\"solution_length\": 500}"));
    o.length_min = 1;
    o.length_max = 100;
    masa_text_clear(&out);
    assert_true(masa_warm_start_text(&out, s, &o));
    assert_non_null(strstr(out.data, "\"solution_length\": 100}"));
    masa_text_deinit(&out);
    masa_statistics_destroy(s);
}

static void warm_starts_earn_full_rewards(void **state)
{
    (void)state;
    for (size_t n_correct = 0; n_correct <= 5; n_correct++) {
        masa_statistics *s = statistics(n_correct);
        masa_text out = {0};
        assert_true(masa_warm_start_text(&out, s, &options));
        masa_prediction p;
        masa_prediction_parse(&p, out.data, out.size, &options);
        masa_meta_reward r = masa_meta_score(&p, s, &options);
        assert_true(masa_starts_with(out.data, "<meta>"));
        /* The nearest eighth to k/5 is at most 1/16 off. */
        assert_true(r.difficulty >= pow(options.base, 1.0 / 16));
        /* Without a right solution only the pass rate can be rewarded. */
        assert_near(r.length, n_correct > 0, 0);
        assert_near(r.notion, n_correct > 0, 0);
        if (n_correct == 0)
            assert_near(p.length, lround(masa_statistics_get(s).length_mean_all), 0);
        masa_prediction_deinit(&p);
        masa_text_deinit(&out);
        masa_statistics_destroy(s);
    }
}

/* For models that say a prediction outright; and what one attempt of sixteen says by chance is
 * no notion. */
static void warm_starts_may_be_bare(void **state)
{
    (void)state;
    const char *attempts[16];
    bool correct[16] = {false};
    long tokens[16];
    for (size_t i = 0; i < 16; i++) attempts[i] = "guess", tokens[i] = 20;
    attempts[3] = "guess pumpkin";
    masa_solutions solutions = {16, attempts, correct, tokens, NULL};
    masa_statistics *s = masa_statistics_create("how many?", &solutions, MASA_NOTION_LEMMA);
    masa_meta_options o = options;
    masa_text out = {0};
    o.form = MASA_FORM_BARE;
    o.length_min = 1;
    assert_true(masa_warm_start_text(&out, s, &o));
    assert_string_equal(out.data, "<meta></meta>\n{\"math_notion\": [\"guess\"], "
                                  "\"pass_rate\": 0, \"solution_length\": 20}");
    masa_text_deinit(&out);
    masa_statistics_destroy(s);
}

/* A template of one's own says how it wants to be answered; one that names no key does not. */
static void answers_have_the_form_that_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *template_text, *answer, *opening; /* NULL: there is no pass rate in it */
    } cases[] = {
        {"math_notion, pass_rate, solution_length after <meta></meta>",
         "<meta></meta>\n{\"math_notion\": [\"sieve\", \"strikes\", \"counting\"], "
         "\"pass_rate\": 3, \"solution_length\": 351}",
         "<meta></meta>\n{\"math_notion\": [], \"pass_rate\": "},
        {"Think between <meta> and </meta>: pass_rate, then solution_length",
         "<meta>\nIt takes sieve, strikes, counting.\n</meta>\n"
         "{\"pass_rate\": 3, \"solution_length\": 351}",
         "<meta></meta>\n{\"pass_rate\": "},
        {"{\"solution_length\": 1, \"math_notion\": [], \"pass_rate\": 1}; pass_rate: 0-8",
         "{\"solution_length\": 351, \"math_notion\": [\"sieve\", \"strikes\", \"counting\"], "
         "\"pass_rate\": 3}",
         "{\"math_notion\": [], \"pass_rate\": "},
        {"only solution_length", "{\"solution_length\": 351}", NULL},
        {"? {problem}",
         "<meta>\nIt takes sieve, strikes, counting.\n</meta>\n"
         "{\"math_notion\": [\"sieve\", \"strikes\", \"counting\"], \"pass_rate\": 3, "
         "\"solution_length\": 351}",
         "<meta></meta>\n{\"math_notion\": [], \"pass_rate\": "},
    };
    masa_statistics *s = statistics(2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_meta_options o = options;
        masa_text out = {0};
        masa_meta_follow(&o, cases[i].template_text);
        assert_true(masa_warm_start_text(&out, s, &o));
        assert_string_equal(out.data, cases[i].answer);
        masa_text_clear(&out);
        assert_int_equal(masa_meta_add_opening(&out, &o), cases[i].opening != NULL);
        assert_string_equal(masa_text_get(&out), cases[i].opening ? cases[i].opening : "");
        masa_text_deinit(&out);
    }
    /* The built-in prompts ask for the form that they are chosen by. */
    for (int form = MASA_FORM_REASONED; form <= MASA_FORM_BARE; form++) {
        masa_meta_options o = options, asked = options;
        o.form = (masa_answer_form)form;
        o.problem_first = form == MASA_FORM_BARE;
        masa_meta_follow(&asked, masa_meta_template(&o));
        assert_int_equal(asked.form, form);
        for (size_t k = 0; k < 3; k++) assert_int_equal(asked.keys[k], k);
    }
    masa_statistics_destroy(s);
}

/* Where no tags are asked for the object is all that there is to clone. */
static void an_object_alone_is_cloned(void **state)
{
    (void)state;
    masa_meta_options before = options;
    masa_meta_follow(&options, "pass_rate, solution_length, math_notion");
    check_expert("{\"math_notion\":[\"sieve\"]}", 2,
                 "{\"pass_rate\": 3, \"solution_length\": 351, \"math_notion\": [\"sieve\"]}");
    check_expert("no prediction", 2, NULL);
    check_expert("<meta>a</meta>{\"math_notion\":[\"sieve\"]}", 2,
                 "<meta>a</meta>\n{\"pass_rate\": 3, \"solution_length\": 351, "
                 "\"math_notion\": [\"sieve\"]}");
    options = before;
    check_expert("{\"math_notion\":[\"sieve\"]}", 2, NULL);
}

static void warm_starts_name_what_tells_right_from_wrong(void **state)
{
    (void)state;
    masa_statistics *s = statistics(2);
    masa_text out = {0};
    assert_true(masa_warm_start_text(&out, s, &options));
    /* sieve: 2 right, 0 wrong; strikes, counting: 1 right; multiple: 1 right and 1 wrong;
     * frac: a command; every, then: plain words. */
    assert_string_equal(out.data, "<meta>\nIt takes sieve, strikes, counting.\n</meta>\n"
                                  "{\"math_notion\": [\"sieve\", \"strikes\", \"counting\"], "
                                  "\"pass_rate\": 3, \"solution_length\": 351}");
    masa_text_deinit(&out);
    masa_statistics_destroy(s);
}

/* Under the quantile's rule the target is the upper length: of 300 and 401 the greater. */
static void the_target_is_what_is_asked_for(void **state)
{
    (void)state;
    options.length_rule = MASA_LENGTH_QUANTILE;
    check_expert("<meta>a</meta>", 2,
                 "<meta>a</meta>\n{\"math_notion\": [], \"pass_rate\": 3, "
                 "\"solution_length\": 401}");
    options.length_rule = MASA_LENGTH_INCLUSIVE;
}

/* Numbers of survivors are no target, even where nothing was stopped this time. */
static void a_cutoff_gives_no_text(void **state)
{
    (void)state;
    const bool correct[5] = {true, true}, cut[5] = {false};
    masa_solutions s = {5, texts, correct, lengths, cut};
    masa_statistics *limited = masa_statistics_create(problem, &s, MASA_NOTION_LEMMA);
    masa_prediction p = {0};
    masa_text out = {0};
    assert_false(masa_expert_text(&out, "<meta></meta>", 13, &p, limited, &options));
    assert_false(masa_warm_start_text(&out, limited, &options));
    assert_int_equal(out.size, 0);
    masa_statistics_destroy(limited);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_notions_are_picked),
        cmocka_unit_test(targets_replace_the_numbers_alone),
        cmocka_unit_test(the_target_is_what_is_asked_for),
        cmocka_unit_test(a_cutoff_gives_no_text),
        cmocka_unit_test(lengths_stay_in_the_valid_range),
        cmocka_unit_test(warm_starts_earn_full_rewards),
        cmocka_unit_test(warm_starts_may_be_bare),
        cmocka_unit_test(answers_have_the_form_that_is_asked_for),
        cmocka_unit_test(an_object_alone_is_cloned),
        cmocka_unit_test(warm_starts_name_what_tells_right_from_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
