/* Multiple choice: letters where they are the answer, never out of a word. */
#include "masa_test.h"

#include <masa/verify.h>

static const char *const truth[] = {"A) True", "B) False", "C) Uncertain"};
static const char *const seats[] = {"A) Fred, Juan", "B) Juan, Paul", "C) Juan, Marc, Paul",
                                    "D) Juan, Marc, Trisha", "E) Juan, Nita, Trisha"};

/* wanted: a letter, or '-' for no answer. */
static void check_with(const char *text, unsigned rules, const char *const *choices, size_t n,
                       char wanted)
{
    masa_verify_options options = MASA_VERIFY_DEFAULTS;
    options.kind = MASA_ANSWER_CHOICE;
    options.rules = rules;
    options.choices = choices;
    options.n_choices = n;
    char got = '-';
    for (char letter = 'A'; letter < 'A' + (char)(n ? n : 6); letter++) {
        char gold[2] = {letter, 0};
        masa_verify_result result;
        masa_verify(text, gold, &options, &result);
        if (result.verdict == MASA_VERDICT_EQUAL) got = letter;
        if (result.verdict == MASA_VERDICT_DIFFERENT && got == '-') got = '?';
    }
    if (got != wanted) {
        print_error("'%s': %c, not %c\n", text, got, wanted);
        fail();
    }
}

static void check(const char *text, char wanted)
{
    check_with(text, MASA_EXTRACT_ANY, seats, 5, wanted);
}

static void test_letters(void **state)
{
    (void)state;
    check("\\boxed{B}", 'B');
    check("\\boxed{(B)}", 'B');
    check("\\boxed{\\text{B}}", 'B');
    check("\\boxed{\\textbf{(C)}}", 'C');
    check("\\boxed{C) Juan, Marc, Paul}", 'C');
    check("\\boxed{\\text{Option D}}", 'D');
    check("\\boxed{b}", 'B');
    check("\\boxed{A}", 'A');
    check("So the answer is (B).", 'B');
    check("The answer is B", 'B');
    check("Answer: D", 'D');
    check("**Answer:** D) Juan, Marc, Trisha", 'D');
    check("The correct option is: B", 'B');
    check("The answer is A because Juan sits first.", 'A');
    check("The correct choice is **C**.", 'C');
    check("#### E", 'E');
    check("it must be **E**", 'E');
    check("after all that (D) it is", 'D');
    check("Reasoning.\n\nD", 'D');
    check("Reasoning.\n\n(D)", 'D');
    check("First I thought (A), but it is (C).", 'C');
    check("The answer is A. No: the answer is B.", 'B');
    check("The answer is option B, Juan, Paul", 'B');
    check("Reasoning.\n\nTherefore, B is correct.", 'B');
    check("Option A is the correct answer.", 'A');
    check("So (D) is correct.", 'D');
}

static void test_no_letter_out_of_words(void **state)
{
    (void)state;
    check("Because Dave ate a cake.", '-');
    check("The answer is A dog is not a cat", '-');
    check("The answer is Apple", '-');
    check("The answer is B or C", '-');
    check("\\boxed{A and B}", '-');
    check("\\boxed{A, B}", '-');
    check("\\boxed{Z}", '-');
    check("\\boxed{F}", '-');
    check("\\boxed{7}", '-');
    check("", '-');
    check("I can't tell", '-');
    check("f(A) holds", '-');
    check("C programs are short.", '-');
    check("Reasoning.\n\nB is wrong.", '-');
    check("So (D) is not correct.", '-');
    check("The answer is (B) is wrong", '-');
    check("Thus B is the wrong one.", '-');
    check("The answer is option C, Juan, Paul", '-');
    /* What a box holds is the final answer, even when it is none. */
    check("The answer is (B). \\boxed{unclear}", '-');
    /* A letter that contradicts its words is no answer. */
    check_with("\\boxed{A) False}", MASA_EXTRACT_ANY, truth, 3, '-');
}

static void test_words(void **state)
{
    (void)state;
    check_with("\\boxed{True}", MASA_EXTRACT_ANY, truth, 3, 'A');
    check_with("\\boxed{\\text{False}}", MASA_EXTRACT_ANY, truth, 3, 'B');
    check_with("The answer is uncertain.", MASA_EXTRACT_ANY, truth, 3, 'C');
    check_with("\\boxed{B) False}", MASA_EXTRACT_ANY, truth, 3, 'B');
    check_with("\\boxed{Falsehood}", MASA_EXTRACT_ANY, truth, 3, '-');
    check("\\boxed{Juan, Paul}", 'B');
    check("\\boxed{Paul}", '-');
    check_with("\\boxed{C}", MASA_EXTRACT_BOXED, NULL, 0, 'C');
    check_with("The answer is (C)", MASA_EXTRACT_BOXED, NULL, 0, '-');
    check_with("(C)", MASA_EXTRACT_WHOLE, NULL, 0, 'C');
}

static void test_gold(void **state)
{
    (void)state;
    masa_verify_options options = MASA_VERIFY_DEFAULTS;
    options.kind = MASA_ANSWER_CHOICE;
    options.choices = truth;
    options.n_choices = 3;
    assert_int_equal(masa_answers_equal("A", "(A)", &options), MASA_VERDICT_EQUAL);
    assert_int_equal(masa_answers_equal("A", "True", &options), MASA_VERDICT_EQUAL);
    assert_int_equal(masa_answers_equal("B", "A", &options), MASA_VERDICT_DIFFERENT);
    assert_int_equal(masa_answers_equal("B", "D", &options), MASA_VERDICT_BAD_GOLD);
    assert_int_equal(masa_answers_equal("B", "", &options), MASA_VERDICT_BAD_GOLD);
    assert_int_equal(masa_answers_equal("", "A", &options), MASA_VERDICT_NO_ANSWER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_no_letter_out_of_words),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_gold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
