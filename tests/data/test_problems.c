#include "masa_test.h"
#include <masa/problems.h>
#include <masa/verify.h>

static masa_status parse(masa_problems *out, const char *text, masa_error *err)
{
    return masa_problems_parse(out, text, strlen(text), "p.jsonl", NULL, 0, err);
}

static void reads_strings_and_numbers(void **state)
{
    (void)state;
    masa_problems p = {0};
    masa_error err;
    assert_int_equal(parse(&p,
                           "{\"problem\":\"1+1?\",\"answer\":2,\"level\":3}\n\n"
                           "{\"id\":\"a\",\"problem\":\"x\",\"answer\":\"\\\\frac12\","
                           "\"kind\":\"math\"}",
                           &err),
                     MASA_OK);
    assert_int_equal(p.n, 2);
    assert_string_equal(p.items[0].id, "p.jsonl:1");
    assert_string_equal(p.items[0].answer, "2");
    assert_int_equal(p.items[0].level, 3);
    assert_string_equal(p.items[1].answer, "\\frac12");
    masa_problems_deinit(&p);
}

static void a_line_without_end_is_refused(void **state)
{
    (void)state;
    static const char first[] = "{\"problem\":\"a\",\"answer\":1}\n";
    size_t n = sizeof first - 1, size = n + (17 << 20);
    char *text = malloc(size + 1);
    masa_problems problems = {0};
    masa_error err = {0};
    memcpy(text, first, n);
    memset(text + n, '{', size - n);
    text[size] = '\0';
    assert_int_equal(parse(&problems, text, &err), MASA_ERR_DATA);
    assert_string_equal(err.message, "a line of more than 16 MiB");
    assert_int_equal(err.line, 2);
    free(text);
}

static void strata_are_kept(void **state)
{
    (void)state;
    static const char text[] =
        "{\"problem\":\"a\",\"answer\":1,\"level\":3,\"new\":true}\n"
        "{\"problem\":\"b\",\"answer\":1,\"family\":\"x y\",\"level\":[1]}";
    masa_problem_reader reader = {.strata = "family,level,new"};
    masa_problems p = {0};
    assert_int_equal(masa_problems_parse(&p, text, sizeof text - 1, "p", &reader, 0, NULL),
                     MASA_OK);
    assert_int_equal(p.items[0].n_strata, 2);
    assert_string_equal(p.items[0].strata[0], "level=3");
    assert_string_equal(p.items[0].strata[1], "new=true");
    assert_int_equal(p.items[1].n_strata, 1); /* a list is no value */
    assert_string_equal(p.items[1].strata[0], "family=x y");
    masa_problems_deinit(&p);
}

static void errors_name_file_and_line(void **state)
{
    (void)state;
    static const char *const bad[] = {"{\"problem\":\"a\",\"answer\":\"b\"}\n{\"problem\":",
                                      "{\"problem\":\"a\",\"answer\":1}\n[1]",
                                      "{\"problem\":\"a\",\"answer\":1}\n{\"problem\":\"a\"}",
                                      "{\"problem\":\"a\",\"answer\":1}\n{\"answer\":\"a\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        masa_problems p = {0};
        masa_error err = {0};
        assert_int_equal(parse(&p, bad[i], &err), MASA_ERR_DATA);
        assert_string_equal(err.path, "p.jsonl");
        assert_int_equal(err.line, 2);
        assert_int_equal(p.n, 0);
    }
}

static void assert_line_refused(const char *line, const char *says)
{
    char text[600];
    masa_problems p = {0};
    masa_error err = {0};
    snprintf(text, sizeof text, "{\"problem\":\"a\",\"answer\":1}\n\n%s\n", line);
    if (parse(&p, text, &err) != MASA_ERR_DATA) fail_msg("accepted: %s", line);
    if (!strstr(err.message, says)) fail_msg("'%s' is not in: %s", says, err.message);
    assert_string_equal(err.path, "p.jsonl");
    assert_int_equal(err.line, 3);
}

/* A kind that is unknown, or lacks what it needs, is told before anything is trained on it. */
static void kinds_need_what_they_need(void **state)
{
    (void)state;
    assert_line_refused("{\"problem\":\"a\",\"answer\":1,\"kind\":\"cod\"}",
                        "no kind of problem \"cod\"");
    assert_line_refused("{\"problem\":\"a\",\"answer\":1,\"kind\":3}", "no kind of problem 3");
    assert_line_refused("{\"problem\":\"a\",\"answer\":\"A\",\"kind\":\"choice\"}",
                        "\"options\"");
    assert_line_refused("{\"problem\":\"a\",\"answer\":\"C\",\"kind\":\"choice\","
                        "\"options\":[\"x\",\"y\"]}",
                        "one of the 2 options");
    assert_line_refused("{\"problem\":\"a\",\"answer\":\"x\",\"kind\":\"code\"}", "\"tests\"");
    assert_line_refused("{\"problem\":\"a\",\"kind\":\"code\",\"tests\":[1]}", "strings");
    assert_line_refused("{\"problem\":\"a\",\"answer\":\"[1\",\"kind\":\"code_output\"}",
                        "literal");
    assert_line_refused("{\"problem\":\"a\",\"answer\":\" \"}", "empty");
    assert_line_refused("{\"problem\":\"a\",\"answer\":1,\"tolerance\":\"1%\"}", "tolerance");
    assert_line_refused("{\"problem\":\"a\",\"answer\":1,\"tolerance\":-1}", "tolerance");
}

/* All that is asked is in the question; the instruction goes behind it. */
static void requests_have_all_parts(void **state)
{
    (void)state;
    static const char text[] =
        "{\"problem\":\"Which?\",\"answer\":\"B\",\"kind\":\"choice\",\"context\":\"Cats purr.\","
        "\"options\":[\"dogs\",\"B. cats\"]}\n"
        "{\"problem\":\"Pi?\",\"answer\":3.14,\"kind\":\"numeric\",\"tolerance\":0.01}\n"
        "{\"problem\":\"Add.\",\"kind\":\"code\",\"inputs\":[\"1 2\"],\"outputs\":[\"3\"]}\n";
    masa_problems p = {0};
    masa_text request = {0};
    assert_int_equal(parse(&p, text, NULL), MASA_OK);
    masa_problem_add_request(&request, &p.items[0], "Choose.", "Program.");
    assert_string_equal(masa_text_get(&request),
                        "Cats purr.\n\nWhich?\nA) dogs\nB. cats Choose.");
    masa_text_deinit(&request);
    masa_problem_add_request(&request, &p.items[1], "", "Program.");
    assert_string_equal(masa_text_get(&request), "Pi?");
    assert_true(p.items[1].tolerance == 0.01);
    assert_true(p.items[2].stdio && strstr(p.items[2].tests, "\"1 2\""));
    masa_text_deinit(&request);
    masa_problem_add_request(&request, &p.items[2], "Choose.", "Program.");
    assert_string_equal(masa_text_get(&request), "Add. Program.");
    masa_text_deinit(&request);
    masa_problems_deinit(&p);
}

static void asks(const masa_problem *p, const char *suffix, const char *wanted)
{
    masa_text request = {0};
    masa_problem_add_request(&request, p, suffix, suffix);
    assert_string_equal(masa_text_get(&request), wanted);
    masa_text_deinit(&request);
}

/* A line may say how it is to be asked and judged; what the reader says wins. */
static void lines_have_their_own_wishes(void **state)
{
    (void)state;
    static const char text[] =
        "{\"problem\":\"1+1?\",\"answer\":2,\"prompt_suffix\":\"Briefly.\","
        "\"answer_rules\":\"hashes,number\"}\n"
        "{\"problem\":\"c2 1+1\",\"answer\":2,\"prompt_suffix\":\"\",\"answer_rules\":\"hashes\"}\n"
        "{\"problem\":\"1+1?\",\"answer\":2}\n"
        "{\"problem\":\"Add.\",\"kind\":\"code\",\"inputs\":[\"1 2\"],\"outputs\":[\"3\"]}\n";
    masa_problems p = {0};
    masa_problem_reader reader = {0};
    assert_int_equal(parse(&p, text, NULL), MASA_OK);
    asks(&p.items[0], MASA_PROBLEM_AUTO, "1+1? Briefly.");
    asks(&p.items[0], "At length.", "1+1? At length.");
    asks(&p.items[0], "", "1+1?");
    asks(&p.items[1], MASA_PROBLEM_AUTO, "c2 1+1");
    asks(&p.items[2], MASA_PROBLEM_AUTO, "1+1? " MASA_PROBLEM_SUFFIX);
    asks(&p.items[3], MASA_PROBLEM_AUTO, "Add. " MASA_PROBLEM_CODE_SUFFIX);
    assert_int_equal(p.items[0].rules, MASA_EXTRACT_HASHES | MASA_EXTRACT_NUMBER);
    assert_int_equal(p.items[1].rules, MASA_EXTRACT_HASHES);
    assert_int_equal(p.items[2].rules, MASA_EXTRACT_BOXED);
    assert_int_equal(masa_problems_rules(&p),
                     MASA_EXTRACT_HASHES | MASA_EXTRACT_NUMBER | MASA_EXTRACT_BOXED);
    masa_problems_deinit(&p);
    assert_int_equal(masa_problem_rules_parse(&reader.rules, "tags", NULL), MASA_OK);
    assert_int_equal(masa_problems_parse(&p, text, strlen(text), "f", &reader, 0, NULL),
                     MASA_OK);
    assert_int_equal(p.items[0].rules, MASA_EXTRACT_TAGS);
    masa_problems_deinit(&p);
    assert_int_equal(masa_problem_rules_parse(&reader.rules, MASA_PROBLEM_AUTO, NULL), MASA_OK);
    assert_int_equal(reader.rules, 0);
    assert_line_refused("{\"problem\":\"a\",\"answer\":1,\"answer_rules\":\"boxd\"}",
                        "\"answer_rules\": no rule 'boxd'");
    assert_line_refused("{\"problem\":\"a\",\"answer\":1,\"answer_rules\":[]}", "string");
    assert_line_refused("{\"problem\":\"a\",\"answer\":1,\"prompt_suffix\":1}", "string");
}

static void an_empty_file_is_an_error(void **state)
{
    (void)state;
    masa_problems p = {0};
    masa_error err;
    assert_int_equal(parse(&p, " \n\n", &err), MASA_ERR_DATA);
    assert_int_equal(masa_problems_load(&p, "/nonexistent/x.jsonl", NULL, 0, &err),
                     MASA_ERR_IO);
    assert_non_null(strstr(err.message, "/nonexistent/x.jsonl"));
}

static void own_keys_and_limit(void **state)
{
    (void)state;
    masa_problem_reader reader = {.fields = {.problem = "question", .answer = "target"}};
    const char *text = "{\"question\":\"a\",\"target\":\"b\"}\n{\"question\":\"c\","
                       "\"target\":\"d\"}\nbroken";
    masa_problems p = {0};
    assert_int_equal(masa_problems_parse(&p, text, strlen(text), "p", &reader, 2, NULL),
                     MASA_OK);
    assert_string_equal(p.items[1].problem, "c");
    masa_problems_deinit(&p);
}

/* Every epoch is a permutation, and a draw does not depend on the ones before. */
static void order_is_a_function_of_the_draw(void **state)
{
    (void)state;
    masa_problem_order a, b;
    masa_problem_order_init(&a, 17, 3, true);
    masa_problem_order_init(&b, 17, 3, true);
    size_t first[17 * 3], moved = 0;
    for (size_t i = 0; i < 17 * 3; i++) first[i] = masa_problem_order_get(&a, i);
    for (size_t i = 17 * 3; i-- > 0;) assert_int_equal(masa_problem_order_get(&b, i), first[i]);
    for (size_t epoch = 0; epoch < 3; epoch++) {
        size_t seen[17] = {0};
        for (size_t i = 0; i < 17; i++) seen[first[epoch * 17 + i]]++;
        for (size_t i = 0; i < 17; i++) assert_int_equal(seen[i], 1);
    }
    for (size_t i = 0; i < 17; i++) moved += first[i] != first[17 + i];
    assert_true(moved > 5);
    masa_problem_order_deinit(&a);
    masa_problem_order_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_strings_and_numbers),
                                       cmocka_unit_test(a_line_without_end_is_refused),
                                       cmocka_unit_test(strata_are_kept),
                                       cmocka_unit_test(errors_name_file_and_line),
                                       cmocka_unit_test(kinds_need_what_they_need),
                                       cmocka_unit_test(requests_have_all_parts),
                                       cmocka_unit_test(lines_have_their_own_wishes),
                                       cmocka_unit_test(an_empty_file_is_an_error),
                                       cmocka_unit_test(own_keys_and_limit),
                                       cmocka_unit_test(order_is_a_function_of_the_draw)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
