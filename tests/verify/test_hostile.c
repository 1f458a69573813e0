/* Input made to hurt runs out of budget, and every bad input gets a verdict. What a
 * budget bounds is steps, so nothing here looks at a clock; the test's own time limit
 * catches a hang. */
#include "masa_test.h"

#include <masa/verify.h>

#include <pthread.h>

static masa_verdict verdict(const char *answer, const char *gold)
{
    return masa_answers_equal(answer, gold, NULL);
}

static void test_towers(void **state)
{
    (void)state;
    assert_int_equal(verdict("9^{9^{9^9}}", "9^{9^{9^8}}"), MASA_VERDICT_UNDECIDED);
    assert_int_equal(verdict("9^{9^{9^9}}", "5"), MASA_VERDICT_UNDECIDED);
    assert_int_equal(verdict("9^{9^{9^9}}", "9^{9^{9^9}}"), MASA_VERDICT_EQUAL);
    assert_int_equal(verdict("9^{9^9}", "9^{9^9}+1"), MASA_VERDICT_UNDECIDED);
    assert_int_equal(verdict("((((9!)!)!)!)!", "5"), MASA_VERDICT_UNDECIDED);
    assert_int_equal(verdict("e^{e^{e^{e^{e^e}}}}", "5"), MASA_VERDICT_UNDECIDED);
    assert_int_equal(verdict("\\sin(10^{10^{10}})", "5"), MASA_VERDICT_UNDECIDED);
    assert_int_equal(verdict("(x+1)^{9^9}", "x"), MASA_VERDICT_DIFFERENT);
    assert_int_equal(verdict("(x+y+z+1)^{300}", "(x+y+z+1)^{301}"), MASA_VERDICT_DIFFERENT);
    assert_int_equal(verdict("1e999999999999999999999", "5"), MASA_VERDICT_UNDECIDED);
    assert_int_equal(verdict("10^{1000}+1", "10^{1000}"), MASA_VERDICT_DIFFERENT);
}

/* prefix repeated n times, then middle, then suffix n times. */
static char *nest(const char *prefix, const char *middle, const char *suffix, size_t n)
{
    size_t a = strlen(prefix), b = strlen(middle), c = strlen(suffix);
    char *out = malloc(n * (a + c) + b + 1), *p = out;
    for (size_t i = 0; i < n; i++, p += a) memcpy(p, prefix, a);
    memcpy(p, middle, b);
    p += b;
    for (size_t i = 0; i < n; i++, p += c) memcpy(p, suffix, c);
    *p = '\0';
    return out;
}

static void test_nesting(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"(", ")"},
                                           {"{", "}"},
                                           {"\\sqrt{", "}"},
                                           {"\\frac{1}{", "}"},
                                           {"-", ""},
                                           {"2^", ""},
                                           {"\\text{", "}"},
                                           {"|", "|"},
                                           {"\\{", "\\}"},
                                           {"\\sin ", ""},
                                           {"x_{", "}"},
                                           {"\\boxed{", "}"},
                                           {"\\overline{", "}"},
                                           {"\\begin{pmatrix}", "\\end{pmatrix}"},
                                           {"x(", ")"},
                                           {"", "!"},
                                           {"(1,", ")"},
                                           {"\\pm ", ""},
                                           {"\\frac1", ""},
                                           {"[", "]"}};
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++)
        for (size_t n = 10; n <= 100000; n *= 10) {
            char *text = nest(pairs[k][0], "3", pairs[k][1], n);
            masa_verdict got = verdict(text, "y = 4");
            if (got == MASA_VERDICT_EQUAL) print_error("%s nested %zu times\n", pairs[k][0], n);
            assert_int_not_equal(got, MASA_VERDICT_EQUAL);
            free(text);
        }
}

static void test_long(void **state)
{
    (void)state;
    char *million = nest("1+", "1", "", 500000), *digits = nest("7", "", "", 1000000);
    assert_int_equal(verdict(million, "500001"), MASA_VERDICT_UNDECIDED);
    assert_int_equal(verdict(digits, "7"), MASA_VERDICT_UNDECIDED);
    assert_int_equal(verdict("7", digits), MASA_VERDICT_UNDECIDED);
    assert_int_equal(verdict(digits, digits), MASA_VERDICT_EQUAL);
    free(million);
    free(digits);
    char *sum = nest("1+", "1", "", 1000), *list = nest("1,", "2", "", 300);
    char *other = nest("1,", "3", "", 300);
    assert_int_equal(verdict(sum, "1001"), MASA_VERDICT_EQUAL);
    assert_int_equal(verdict(list, other), MASA_VERDICT_DIFFERENT);
    free(sum);
    free(list);
    free(other);
    /* Texts full of what extraction looks for cost one pass. */
    static const char *const marks[] = {"\\boxed{", "the answer is ", "#### ",
                                        "**",       "answer:\n",      "1,",
                                        "(A) ",     "\\boxed{}",      "\\boxed 1$"};
    for (size_t k = 0; k < sizeof marks / sizeof *marks; k++) {
        char *text = nest(marks[k], "", "", 100000);
        masa_extraction out;
        masa_extract_answer(text, strlen(text), MASA_EXTRACT_ANY, &out);
        assert_true(out.start + out.size <= strlen(text));
        free(text);
    }
}

static void test_bad_gold(void **state)
{
    (void)state;
    assert_int_equal(verdict("5", ""), MASA_VERDICT_BAD_GOLD);
    assert_int_equal(verdict("5", "  \n"), MASA_VERDICT_BAD_GOLD);
    assert_int_equal(verdict("", "5"), MASA_VERDICT_NO_ANSWER);
    assert_int_equal(verdict("\xff\xfe\x80", "5"), MASA_VERDICT_DIFFERENT);
    masa_verify_options options = MASA_VERIFY_DEFAULTS;
    options.steps = 3;
    assert_int_equal(masa_answers_equal("1+1+1", "3", &options), MASA_VERDICT_UNDECIDED);
}

static void test_tolerance(void **state)
{
    (void)state;
    masa_verify_options options = MASA_VERIFY_DEFAULTS;
    options.kind = MASA_ANSWER_NUMERIC;
    assert_int_equal(masa_answers_equal("50.6", "50.7", &options), MASA_VERDICT_DIFFERENT);
    options.tolerance = 0.05;
    assert_int_equal(masa_answers_equal("50", "50.7", &options), MASA_VERDICT_EQUAL);
    assert_int_equal(masa_answers_equal("40", "50.7", &options), MASA_VERDICT_DIFFERENT);
    assert_int_equal(masa_answers_equal("-50", "50.7", &options), MASA_VERDICT_DIFFERENT);
    assert_int_equal(
        masa_answers_equal("50.7 \\mathrm{~J} \\mathrm{K}^{-1}/mol", "50.7", &options),
        MASA_VERDICT_EQUAL);
    assert_int_equal(masa_answers_equal("x = 51 atm", "50.7", &options), MASA_VERDICT_EQUAL);
    assert_int_equal(masa_answers_equal("2.6 \\times 10^3 J", "2600", &options),
                     MASA_VERDICT_EQUAL);
    assert_int_equal(masa_answers_equal("50.7 $\\Omega$", "50.7", &options),
                     MASA_VERDICT_EQUAL);
    assert_int_equal(masa_answers_equal("x = -273 ^{\\circ} \\mathrm{C}", "-273", &options),
                     MASA_VERDICT_EQUAL);
    assert_int_equal(masa_answers_equal("0", "0", &options), MASA_VERDICT_EQUAL);
    assert_int_equal(masa_answers_equal("1e-9", "0", &options), MASA_VERDICT_DIFFERENT);
    assert_int_equal(masa_answers_equal("2.5", "2.5, 2.6", &options), MASA_VERDICT_DIFFERENT);
}

static void *check_pairs(void *failed)
{
    static const char *const pairs[][2] = {{"\\frac{1}{\\sqrt{2}}", "\\frac{\\sqrt2}{2}"},
                                           {"(x+1)^{20}", "(1+x)^{20}"},
                                           {"\\sin 30^\\circ + 2004!/2004!", "1.5"},
                                           {"e^{x+y}", "e^x e^y"}};
    for (int i = 0; i < 200; i++)
        for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++)
            if (verdict(pairs[k][0], pairs[k][1]) != MASA_VERDICT_EQUAL) *(bool *)failed = true;
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    bool failed[4] = {false};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, check_pairs, &failed[i]), 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++) assert_false(failed[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_towers),    cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_long),      cmocka_unit_test(test_bad_gold),
        cmocka_unit_test(test_tolerance), cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
