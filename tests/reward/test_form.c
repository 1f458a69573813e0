/* What is said of a response's form. */
#include "masa_test.h"

#include "form.h"

#include <masa/verify.h>

static double repetition(const char *text)
{
    return form_repetition(text, strlen(text));
}

static void repetition_counts_sequences_of_four_words(void **state)
{
    (void)state;
    assert_near(repetition(""), 0, 0);
    assert_near(repetition("a a a a"), 0, 0);
    assert_near(repetition(" one two three four five six seven\n"), 0, 0);
    assert_near(repetition("a b c d a b c d"), 1.0 / 5, 1e-12); /* abcd again, of five */
    assert_near(repetition("a b  c\nd a b c d"), 1.0 / 5, 1e-12);
    assert_near(repetition("a a a a a a a a a a a a a"), 9.0 / 10, 1e-12);
    assert_near(repetition("ab c d e a bc d e"), 0, 0); /* words, not letters */
}

static bool has_answer(const char *text, masa_problem_kind kind, bool truncated)
{
    masa_problem p = {.kind = kind, .rules = MASA_EXTRACT_BOXED};
    masa_response r = {
        .problem = &p, .text = text, .size = strlen(text), .truncated = truncated};
    return form_has_answer(&r);
}

static void an_answer_stands_where_it_may(void **state)
{
    (void)state;
    assert_true(has_answer("so \\boxed{4}", MASA_PROBLEM_MATH, false));
    assert_false(has_answer("so \\boxed{4}", MASA_PROBLEM_MATH, true));
    assert_false(has_answer("so 4", MASA_PROBLEM_MATH, false));
    assert_true(has_answer("```\nx = 1\n```", MASA_PROBLEM_CODE, false));
    assert_false(has_answer("```\nx = 1", MASA_PROBLEM_CODE, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repetition_counts_sequences_of_four_words),
        cmocka_unit_test(an_answer_stands_where_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
