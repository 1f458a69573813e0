/* Every gold answer of the public benchmarks is read as a formula or as words, and
 * equals itself; every reference solution of MATH verifies as if a model wrote it. */
#include "golds.h"

#include "parser.h"

#include <masa/verify.h>

#include <ctype.h>

static const char *const sets[] = {"math_train", "math_test",    "gsm8k_train",
                                   "gsm8k_test", "aime24",       "aime25",
                                   "amc23",      "minerva_math", "olympiadbench_math"};

/* Golds that are neither a formula nor words, and so are compared sign by sign. */
static const char *const exceptions[] = {
    "f(x)=a x+b, where b is an arbitrary integer, and a is an arbitrary positive integer "
    "with \\mho(a)=0",
    NULL};

static bool is_exception(const char *gold)
{
    for (const char *const *e = exceptions; *e; e++)
        if (strcmp(*e, gold) == 0) return true;
    return false;
}

static bool only_words(const char *s)
{
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr(" {}\\-~", *s)) return false;
    return true;
}

static bool is_formula(const char *gold)
{
    const masa_verify_options options = MASA_VERIFY_DEFAULTS;
    work w;
    work_init(&w, &options);
    node *tree = parse_answer(&w, gold, strlen(gold));
    bool good = tree && tree->kind != NODE_TEXT;
    work_deinit(&w);
    return good;
}

static void test_golds(void **state)
{
    (void)state;
    size_t wrong = 0, total = 0;
    for (size_t k = 0; k < sizeof sets / sizeof *sets; k++) {
        golds g = {0};
        if (!golds_read(&g, sets[k], "answer")) skip_since("no problem sets in ../shared/data");
        for (size_t i = 0; i < g.n; i++) {
            const char *gold = g.items[i];
            char spaced[4096];
            total++;
            snprintf(spaced, sizeof spaced, " %s\\, ", gold); /* not the same bytes */
            if (!is_formula(gold) && !only_words(gold) && !is_exception(gold)) {
                print_error("%s: '%s' is no formula\n", sets[k], gold);
                wrong++;
            }
            if (masa_answers_equal(spaced, gold, NULL) != MASA_VERDICT_EQUAL) {
                print_error("%s: '%s' does not equal itself\n", sets[k], gold);
                wrong++;
            }
        }
        golds_free(&g);
    }
    assert_int_equal(wrong, 0);
    assert_true(total > 12500);
}

static void test_solutions(void **state)
{
    (void)state;
    /* Two solutions have an empty box; 18 give two or three answers in as many boxes, of
     * which the set's answer has only the last. */
    const size_t bad_golds = 2 + 18;
    size_t wrong = 0, total = 0;
    for (size_t k = 0; k < 2; k++) {
        golds answers = {0}, solutions = {0};
        if (!golds_read(&answers, sets[k], "answer"))
            skip_since("no problem sets in ../shared/data");
        assert_true(golds_read(&solutions, sets[k], "solution"));
        assert_int_equal(answers.n, solutions.n);
        for (size_t i = 0; i < answers.n; i++, total++) {
            masa_verify_result result;
            masa_verify(solutions.items[i], answers.items[i], NULL, &result);
            wrong += result.verdict != MASA_VERDICT_EQUAL;
        }
        golds_free(&answers);
        golds_free(&solutions);
    }
    assert_int_equal(total, 12500);
    assert_true(wrong <= bad_golds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golds),
        cmocka_unit_test(test_solutions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
