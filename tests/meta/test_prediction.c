/* Meta prompts are filled in, and meta rollouts are parsed, hostile ones included. */
#include "masa_test.h"

#include <masa/memory.h>
#include <masa/meta.h>

static const masa_meta_options options = MASA_META_DEFAULTS;

static masa_prediction parse(const char *text)
{
    masa_prediction p;
    masa_prediction_parse(&p, text, strlen(text), &options);
    return p;
}

static void a_plain_answer_is_read(void **state)
{
    (void)state;
    masa_prediction p =
        parse("<meta>I think {hard}.</meta>\n{\"math_notion\": [\"Bayes' rule\", "
              "\"set\"], \"pass_rate\": 4, \"solution_length\": 512}");
    assert_int_equal(p.pass_rate_cause, MASA_META_VALID);
    assert_int_equal(p.pass_rate, 4);
    assert_int_equal(p.length_cause, MASA_META_VALID);
    assert_int_equal(p.length, 512);
    assert_int_equal(p.notion_cause, MASA_META_VALID);
    assert_int_equal(p.n_notions, 2);
    assert_string_equal(p.notions[0], "Bayes' rule");
    assert_string_equal(p.notions[1], "set");
    masa_prediction_deinit(&p);
    assert_int_equal(p.n_notions, 0);
}

/* V valid, J no_json, M missing, T wrong_type, R out_of_range; in the order pass rate,
 * length, notions. */
static const struct {
    const char *text, *causes;
    int pass_rate;
} cases[] = {
    /* where the answer is */
    {"", "JJJ", 0},
    {"4", "JJJ", 0},
    {"{}", "JJJ", 0},
    {"{\"other\":1}", "JJJ", 0},
    {"{\"pass_rate\":3}", "VMM", 3},
    {"<meta>{\"pass_rate\":3}", "VMM", 3},
    {"<meta>{\"pass_rate\":3}</meta>", "JJJ", 0},
    {"<meta>a</meta>{\"pass_rate\":3}</meta>{\"pass_rate\":5}", "VMM", 5},
    {"{\"pass_rate\":3}{\"pass_rate\":5}", "VMM", 5},
    {"{\"pass_rate\":3} and {\"other\":5}", "VMM", 3},
    {"{\"pass_rate\":3} and {\"pass_rate\":5", "VMM", 3},
    {"```json\n{\n  \"pass_rate\" : 3\n}\n```", "VMM", 3},
    {"{\"pass_rate\":3}}}", "VMM", 3},
    {"{{\"pass_rate\":3}}", "VMM", 3},
    {"\\frac{1}{2} {\"pass_rate\":3} \\sqrt{2}", "VMM", 3},
    {"{\"a\":{\"pass_rate\":3}}", "JJJ", 0}, /* not outermost */
    {"{\"a\":{\"pass_rate\":3}", "VMM", 3},  /* the outer one never ends */
    {"{\"a\":[{\"pass_rate\":3},{\"pass_rate\":4}]", "VMM", 4},
    {"{\"a\":{\"b\":1},\"pass_rate\":3}", "VMM", 3},
    {"{\"a\":\"}\",\"pass_rate\":3}", "VMM", 3},
    {"{\"a\":\"{\\\"pass_rate\\\":1}\",\"pass_rate\":3}", "VMM", 3},
    {"{\"note: {\"pass_rate\":3}", "VMM", 3}, /* the brace is in a broken string */
    {"{\"a\":\"\\\\\",\"pass_rate\":3}", "VMM", 3},
    {"\"{\"pass_rate\":3}", "VMM", 3},
    /* not JSON */
    {"{'pass_rate':3}", "JJJ", 0},
    {"{pass_rate:3}", "JJJ", 0},
    {"{\"pass_rate\":3,}", "JJJ", 0},
    {"{\"pass_rate\":03}", "JJJ", 0},
    {"{\"pass_rate\":+3}", "JJJ", 0},
    {"{\"pass_rate\":3.}", "JJJ", 0},
    {"{\"pass_rate\":.3}", "JJJ", 0},
    {"{\"pass_rate\":NaN}", "JJJ", 0},
    {"{\"pass_rate\":3e}", "JJJ", 0},
    {"{\"pass_rate\" 3}", "JJJ", 0},
    {"{\"pass_rate\":3 4}", "JJJ", 0},
    {"{\"pass_rate\":[3}", "JJJ", 0},
    {"{\"pass_rate\":3]", "JJJ", 0},
    {"{\"a\nb\":1,\"pass_rate\":3}", "JJJ", 0},
    {"{\"a\\x\":1,\"pass_rate\":3}", "JJJ", 0},
    {"{\"a\\u12g4\":1,\"pass_rate\":3}", "JJJ", 0},
    /* numbers */
    {"{\"pass_rate\":0}", "VMM", 0},
    {"{\"pass_rate\":8}", "VMM", 8},
    {"{\"pass_rate\":-0}", "VMM", 0},
    {"{\"pass_rate\":4.0}", "VMM", 4},
    {"{\"pass_rate\":40e-1}", "VMM", 4},
    {"{\"pass_rate\":4.5}", "TMM", 0},
    {"{\"pass_rate\":\"4\"}", "TMM", 0},
    {"{\"pass_rate\":true}", "TMM", 0},
    {"{\"pass_rate\":null}", "TMM", 0},
    {"{\"pass_rate\":[4]}", "TMM", 0},
    {"{\"pass_rate\":{\"pass_rate\":4}}", "TMM", 0},
    {"{\"pass_rate\":9}", "RMM", 0},
    {"{\"pass_rate\":-1}", "RMM", 0},
    {"{\"pass_rate\":1e400}", "RMM", 0},
    {"{\"pass_rate\":-1e400}", "RMM", 0},
    {"{\"pass_rate\":99999999999999999999999999}", "RMM", 0},
    {"{\"pass_rate\":2,\"pass_rate\":3}", "VMM", 3},
    {"{\"pass_rate\":2,\"pass_rate\":\"x\"}", "TMM", 0},
    {"{\"Pass_Rate\":2}", "JJJ", 0},
    {"{\"solution_length\":128}", "MVM", 0},
    {"{\"solution_length\":127}", "MRM", 0},
    {"{\"solution_length\":8192}", "MVM", 0},
    {"{\"solution_length\":8193}", "MRM", 0},
    {"{\"solution_length\":512.5}", "MTM", 0},
    {"{\"solution_length\":1e400,\"pass_rate\":1}", "VRM", 1},
    /* notions */
    {"{\"math_notion\":[]}", "MMV", 0},
    {"{\"math_notion\":[\"\",\"\"]}", "MMV", 0},
    {"{\"math_notion\":\"set\"}", "MMT", 0},
    {"{\"math_notion\":[\"set\",1]}", "MMT", 0},
    {"{\"math_notion\":[[\"set\"]]}", "MMT", 0},
    {"{\"math_notion\":null}", "MMT", 0},
    {"{\"math_notion\":[\"\xff\"],\"pass_rate\":2}", "VMT", 2},
    {"{\"math_notion\":[\"a\\u0000b\"],\"pass_rate\":2}", "VMT", 2},
    {"{\"math_notion\":[\"\\ud800\"],\"pass_rate\":2}", "VMT", 2},
    {"{\"x\":\"\xff\xfe\",\"pass_rate\":2}", "VMM", 2},
};

static void every_field_is_judged_alone(void **state)
{
    (void)state;
    static const char letters[] = "VJMTR";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_prediction p = parse(cases[i].text);
        char causes[4] = {letters[p.pass_rate_cause], letters[p.length_cause],
                          letters[p.notion_cause], 0};
        if (strcmp(causes, cases[i].causes) != 0 ||
            (causes[0] == 'V' && p.pass_rate != cases[i].pass_rate))
            fail_msg("%s: %s with pass rate %d, not %s with %d", cases[i].text, causes,
                     p.pass_rate, cases[i].causes, cases[i].pass_rate);
        masa_prediction_deinit(&p);
    }
}

static void bytes_after_a_nul_count(void **state)
{
    (void)state;
    static const char text[] = "<meta>\0</meta>\0{\"pass_rate\":7}\0";
    masa_prediction p;
    masa_prediction_parse(&p, text, sizeof text - 1, &options);
    assert_int_equal(p.pass_rate_cause, MASA_META_VALID);
    assert_int_equal(p.pass_rate, 7);
    masa_prediction_deinit(&p);
    masa_prediction_parse(&p, text, 0, &options);
    assert_int_equal(p.pass_rate_cause, MASA_META_NO_JSON);
}

/* Megabytes that would take a quadratic or recursive parser minutes or its stack; the
 * answer stands at the end of each. */
static void hostile_texts_are_read_in_linear_time(void **state)
{
    (void)state;
    static const char *const units[] = {
        "{",
        "{\"a\":",
        "{\"a\":[",
        "{\"",
        "{\"{\":\"",
        "{\"a{\":1,",
        "\\\"{",
        "}",
        "[",
        "\"",
        "{}",
        "{\"a\":{},\"b\":",
        "{\"a\":\"{\",\"",
        "{\"pass_rate\":",
        "\xff{",
        "\\{\\\"",
        "{\":\":\",\",\"",
        "{\"a\":\"\\",
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        masa_text text = {0};
        while (text.size < 1 << 20) masa_text_add(&text, units[i]);
        masa_text_add(&text, "\"\n{\"pass_rate\":6}");
        masa_prediction p;
        masa_prediction_parse(&p, text.data, text.size, &options);
        if (p.pass_rate_cause != MASA_META_VALID || p.pass_rate != 6)
            fail_msg("after %s...: %s", units[i], masa_meta_cause_text(p.pass_rate_cause));
        masa_prediction_deinit(&p);
        masa_text_deinit(&text);
    }
}

static void deep_nesting_is_no_notion(void **state)
{
    (void)state;
    masa_text text = {0};
    masa_text_add(&text, "{\"pass_rate\":6,\"math_notion\":");
    for (int i = 0; i < 100000; i++) masa_text_add(&text, "[");
    for (int i = 0; i < 100000; i++) masa_text_add(&text, "]");
    masa_text_add(&text, "}");
    masa_prediction p = parse(text.data);
    assert_int_equal(p.pass_rate, 6);
    assert_int_equal(p.notion_cause, MASA_META_WRONG_TYPE);
    masa_prediction_deinit(&p);
    masa_text_deinit(&text);
}

static void prompts_are_filled_in(void **state)
{
    (void)state;
    masa_meta_options o = options;
    o.length_min = 16;
    o.length_max = 300;
    masa_text out = {0};
    assert_int_equal(masa_meta_prompt(&out,
                                      "{problem} {x} {length_min}-{max_response_length} "
                                      "{problem}",
                                      "Is {length_min} odd?", &o, NULL),
                     MASA_OK);
    assert_string_equal(out.data, "Is {length_min} odd? {x} 16-300 Is {length_min} odd?");
    masa_text_clear(&out);
    assert_int_equal(masa_meta_prompt(&out, NULL, "How many?", &o, NULL), MASA_OK);
    static const char *const parts[] = {"<meta>",    "</meta>",           "math_notion",
                                        "pass_rate", "solution_length",   "16 to 300",
                                        "0 to 8",    "Problem: How many?"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(out.data, parts[i])) fail_msg("no %s in: %s", parts[i], out.data);
    assert_null(strchr(out.data, '{'));
    /* What is asked for is what is rewarded. */
    assert_non_null(strstr(out.data, ": tokens of a right solution)."));
    o.length_rule = MASA_LENGTH_QUANTILE;
    masa_text_clear(&out);
    assert_int_equal(masa_meta_prompt(&out, NULL, "How many?", &o, NULL), MASA_OK);
    assert_non_null(strstr(out.data, ": tokens that 95 of 100 right solutions need at most)."));
    masa_text_clear(&out);
    o.form = MASA_FORM_BARE;
    assert_int_equal(masa_meta_prompt(&out, NULL, "How many?", &o, NULL), MASA_OK);
    assert_string_equal(
        out.data,
        "How would 8 attempts of yours at the problem below go? Answer with <meta></meta> and a "
        "JSON object: \"math_notion\" (list of strings), \"pass_rate\" (integer 0 to 8: right "
        "answers), \"solution_length\" (integer 16 to 300: tokens that 95 of 100 right "
        "solutions need at most).\nProblem: How many?");
    /* With the problem first, as a solution's prompt begins. */
    static const char *const begins[] = {
        "How many?\nPredict how your own attempts at the problem "
        "above would go. Think step by step between <meta>",
        "How many?\nHow would 8 attempts of yours at the problem "
        "above go? Answer with <meta></meta>"};
    o.problem_first = true;
    for (int form = MASA_FORM_REASONED; form <= MASA_FORM_BARE; form++) {
        masa_text_clear(&out);
        o.form = (masa_answer_form)form;
        assert_int_equal(masa_meta_prompt(&out, NULL, "How many?", &o, NULL), MASA_OK);
        assert_true(masa_starts_with(out.data, begins[form]));
        assert_true(masa_ends_with(out.data, "solutions need at most)."));
    }
    masa_text_clear(&out);
    masa_error err = {0};
    assert_int_equal(masa_meta_prompt(&out, "no field", "x", &o, &err), MASA_ERR_CONFIG);
    assert_non_null(strstr(err.message, "{problem}"));
    assert_int_equal(out.size, 0);
    masa_text_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_answer_is_read),
        cmocka_unit_test(every_field_is_judged_alone),
        cmocka_unit_test(bytes_after_a_nul_count),
        cmocka_unit_test(hostile_texts_are_read_in_linear_time),
        cmocka_unit_test(deep_nesting_is_no_notion),
        cmocka_unit_test(prompts_are_filled_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
