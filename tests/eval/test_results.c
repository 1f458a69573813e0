/* The file of results: what is written is read, and what does not fit is refused. */
#include "results_fixture.h"

#include <sqlite3.h>

static masa_benchmark benchmark = {.name = "stars", .title = "Stars"};

static void test_round_trip(void **state)
{
    (void)state;
    masa_results *r = open_file("a.sqlite", MASA_RESULTS_WRITE);
    long b = 0;
    OK(results_add_benchmark(&b, r, &benchmark, 3, 2, 1, NULL));
    long second = add_problem(r, b, 1, "p1", MASA_PROBLEM_CODE);
    long first = add_problem(r, b, 0, "p0", MASA_PROBLEM_MATH);
    add_sample(r, first, EVAL_SOLUTION, 1, "six", "6", "different", 3, "eos");
    add_sample(r, first, EVAL_SOLUTION, 0, "\\boxed{7}", "7", "equal", 4, "eos");
    add_sample(r, first, EVAL_META, 0, "{}", NULL, NULL, 5, "length");
    add_sample(r, second, EVAL_SOLUTION, 0, "late", NULL, NULL, 6, "eos");
    add_sample(r, first, EVAL_SOLUTION, 2, "beyond what is wanted", "7", "equal", 9, "eos");
    size_t n = 9;
    OK(results_count(&n, r, first, EVAL_SOLUTION, 2, NULL));
    assert_int_equal(n, 2);
    OK(results_count(&n, r, second, EVAL_META, 1, NULL));
    assert_int_equal(n, 0);
    masa_results_close(r);

    masa_result_sets sets = read_sets("a.sqlite");
    assert_int_equal(sets.n, 1);
    const masa_result_set *set = &sets.items[0];
    assert_string_equal(set->title, "Stars");
    assert_int_equal(set->n, 2);
    const masa_result_problem *p = &set->problems[0], *q = &set->problems[1];
    assert_string_equal(p->id, "p0"); /* by place */
    assert_int_equal(p->n_samples, 2);
    assert_string_equal(p->samples[0].text, "\\boxed{7}");
    assert_true(p->samples[0].right && !p->samples[1].right);
    assert_int_equal(p->meta[0].tokens, 5);
    assert_null(p->meta[0].verdict);
    assert_true(masa_result_complete(set, p));
    assert_int_equal(q->kind, MASA_PROBLEM_CODE);
    assert_false(masa_result_complete(set, q));
    masa_result_sets_deinit(&sets);
}

static void test_bytes(void **state)
{
    (void)state;
    masa_results *r = open_file("bytes.sqlite", MASA_RESULTS_WRITE);
    long b = 0;
    OK(results_add_benchmark(&b, r, &benchmark, 1, 1, 0, NULL));
    long p = add_problem(r, b, 0, "p", MASA_PROBLEM_MATH);
    masa_result_sample s = {.text = "a\0\xff"
                                    "b",
                            .text_size = 4,
                            .cause = "eos"};
    OK(results_add_sample(r, p, EVAL_SOLUTION, &s, NULL, NULL));
    masa_result_sample *unjudged = NULL;
    size_t n = 0;
    OK(results_unjudged(&unjudged, &n, r, p, NULL));
    assert_int_equal(n, 1);
    assert_int_equal(unjudged[0].text_size, 8);
    assert_memory_equal(unjudged[0].text,
                        "a\xEF\xBF\xBD\xEF\xBF\xBD"
                        "b",
                        8);
    results_samples_free(unjudged, n);
    masa_judgement j = {.right = true, .verdict = "passed", .rule = "tests"};
    OK(results_set_verdict(r, p, 0, &j, NULL));
    OK(results_unjudged(&unjudged, &n, r, p, NULL));
    assert_int_equal(n, 0);
    masa_results_close(r);
}

static void test_bind(void **state)
{
    (void)state;
    masa_error err = {0};
    masa_results *r = open_file("bind.sqlite", MASA_RESULTS_WRITE);
    OK(masa_results_bind(r, "{\"seed\":1,\"model\":\"a\"}", NULL));
    masa_results_close(r);
    r = open_file("bind.sqlite", MASA_RESULTS_WRITE);
    OK(masa_results_bind(r, "{\"seed\":1,\"model\":\"elsewhere\"}", NULL));
    assert_int_equal(masa_results_bind(r, "{\"seed\":2,\"model\":\"a\"}", &err),
                     MASA_ERR_CONFIG);
    assert_non_null(strstr(err.message, "seed 1, not 2"));
    char *settings = NULL;
    OK(masa_results_settings(&settings, r, NULL));
    assert_string_equal(settings, "{\"seed\":1,\"model\":\"a\"}");
    free(settings);
    masa_results_close(r);
}

static void test_changed_problem(void **state)
{
    (void)state;
    masa_error err = {0};
    masa_results *r = open_file("changed.sqlite", MASA_RESULTS_WRITE);
    long b = 0, again = 0, row;
    OK(results_add_benchmark(&b, r, &benchmark, 1, 1, 0, NULL));
    OK(results_add_benchmark(&again, r, &benchmark, 5, 2, 0, NULL));
    assert_int_equal(b, again);
    row = add_problem(r, b, 0, "p", MASA_PROBLEM_MATH);
    assert_int_equal(add_problem(r, b, 0, "p", MASA_PROBLEM_MATH), row);
    masa_problem other = {.id = "p", .question = "", .prompt = "Changed", .answer = "7"};
    assert_int_equal(results_add_problem(&row, r, b, &other, 0, 0, &err), MASA_ERR_CONFIG);
    assert_non_null(strstr(err.message, "problem 'p'"));
    masa_results_close(r);
}

static void test_foreign_files(void **state)
{
    (void)state;
    char *path = masa_path_join(root, "foreign");
    masa_results *r = NULL;
    masa_error err = {0};
    assert_int_equal(masa_results_open(&r, path, MASA_RESULTS_READ, NULL, &err), MASA_ERR_IO);
    assert_non_null(strstr(err.message, "there is no file of results"));
    static const char text[] = "this is no database, whatever its name may say about it";
    OK(masa_file_write(path, text, sizeof text - 1, NULL));
    assert_int_equal(masa_results_open(&r, path, MASA_RESULTS_WRITE, NULL, &err),
                     MASA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "is not a file of results"));
    assert_null(r);
    free(path);
}

/* Readers of other languages stop at text that is none. */
static void test_texts_are_valid(void **state)
{
    (void)state;
    masa_results *r = open_file("odd.sqlite", MASA_RESULTS_WRITE);
    long b = 0;
    OK(results_add_benchmark(&b, r, &benchmark, 1, 1, 0, NULL));
    long p = add_problem(r, b, 0, "p\xFF", MASA_PROBLEM_MATH);
    add_sample(r, p, EVAL_SOLUTION, 0, "cut \xC3", "7\x80", "equal", 1, "eos");
    masa_results_close(r);
    char *path = masa_path_join(root, "odd.sqlite");
    sqlite3 *db = NULL;
    sqlite3_stmt *rows = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT problems.name, text, answer FROM samples JOIN "
                                        "problems ON problem = problems.id",
                                        -1, &rows, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(rows), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(rows, 0), "p\xEF\xBF\xBD");
    assert_string_equal(sqlite3_column_text(rows, 1), "cut \xEF\xBF\xBD");
    assert_string_equal(sqlite3_column_text(rows, 2), "7\xEF\xBF\xBD");
    sqlite3_finalize(rows);
    sqlite3_close(db);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_bind),          cmocka_unit_test(test_changed_problem),
        cmocka_unit_test(test_foreign_files), cmocka_unit_test(test_texts_are_valid),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
