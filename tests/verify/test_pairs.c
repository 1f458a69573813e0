/* Written pairs of answers: data/pairs.txt says of each whether it is equal. */
#include "masa_test.h"

#include <masa/verify.h>

enum { LEAST_PAIRS = 1500 };

static void test_pairs(void **state)
{
    (void)state;
    FILE *file = fopen(MASA_TEST_DATA "/pairs.txt", "r");
    assert_non_null(file);
    char *line = NULL;
    size_t capacity = 0, wrong = 0, pairs = 0, number = 0;
    for (ssize_t n; (n = getline(&line, &capacity, file)) > 0;) {
        number++;
        if (line[n - 1] == '\n') line[--n] = '\0';
        if (n == 0 || strncmp(line, "# ", 2) == 0) continue;
        char *cut = strstr(line, " ;; ");
        if (!cut || (line[0] != '=' && line[0] != '!')) {
            print_error("pairs.txt:%zu: not a pair\n", number);
            wrong++;
            continue;
        }
        *cut = '\0';
        masa_verdict wanted = line[0] == '=' ? MASA_VERDICT_EQUAL : MASA_VERDICT_DIFFERENT;
        masa_verdict got = masa_answers_equal(line + 2, cut + 4, NULL);
        pairs++;
        if (got == wanted) continue;
        print_error("pairs.txt:%zu: '%s' and '%s' are %s\n", number, line + 2, cut + 4,
                    masa_verdict_text(got));
        wrong++;
    }
    free(line);
    fclose(file);
    assert_int_equal(wrong, 0);
    assert_true(pairs >= LEAST_PAIRS);
}

/* Where one number is asked for, arithmetic left undone is no answer to it; notation of one number
 * is, and so is what a calculation comes to. A gold that is left undone asks for no more. */
static void numbers_are_worked_out(void **state)
{
    (void)state;
    static const char *const undone[][2] = {
        {"40 - 12", "28"},      {"4 * 6", "24"},        {"4 \\cdot 6", "24"},
        {"$40 - $12", "28"},    {"12/4", "3"},          {"\\frac{12}{4}", "3"},
        {"2^5", "32"},          {"(3+4)*5", "35"},      {"7(9)", "63"},
        {"x = 40 - 12", "28"},  {"1/2 + 1/3", "5/6"},   {"5 \\cdot \\frac{3}{2}", "7.5"},
        {"40 \u2212 12", "28"}, {"-4 \u00d7 6", "-24"}, {"40 - 12 + 0", "28"}};
    static const char *const done[][2] = {{"28", "28"},           {"-5", "-5.0"},
                                          {"3/4", "0.75"},        {"-3/4", "-0.75"},
                                          {"3 1/2", "3.5"},       {"3\\frac{1}{2}", "3.5"},
                                          {"10^3", "1000"},       {"2.5 \\times 10^3", "2500"},
                                          {"1.5e3", "1500"},      {"40 - 12 = 28", "28"},
                                          {"28 = 40 - 12", "28"}, {"x = 28", "28"},
                                          {"28 apples", "28"},    {"1,000", "1000"},
                                          {"40 - 12", "40 - 12"}, {"2^5", "4 * 8"}};
    masa_verify_options numeric = MASA_VERIFY_DEFAULTS;
    numeric.kind = MASA_ANSWER_NUMERIC;
    for (size_t i = 0; i < sizeof undone / sizeof *undone; i++) {
        const char *const *p = undone[i];
        if (masa_answers_equal(p[0], p[1], &numeric) != MASA_VERDICT_DIFFERENT)
            fail_msg("%s passes for %s", p[0], p[1]);
        /* As mathematics it is equal. */
        assert_int_equal(masa_answers_equal(p[0], p[1], NULL), MASA_VERDICT_EQUAL);
    }
    for (size_t i = 0; i < sizeof done / sizeof *done; i++)
        if (masa_answers_equal(done[i][0], done[i][1], &numeric) != MASA_VERDICT_EQUAL)
            fail_msg("%s is not %s", done[i][0], done[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pairs),
                                       cmocka_unit_test(numbers_are_worked_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
