/* Which place of a text is the final answer. */
#include "masa_test.h"

#include <masa/verify.h>

static void check(const char *text, unsigned rules, const char *wanted)
{
    masa_extraction out;
    bool found = masa_extract_answer(text, strlen(text), rules, &out);
    char got[400] = "(none)";
    if (found) snprintf(got, sizeof got, "%.*s", (int)out.size, text + out.start);
    assert_string_equal(got, wanted ? wanted : "(none)");
    assert_int_equal(found, out.rule != MASA_EXTRACT_NONE);
}

static void test_boxed(void **state)
{
    (void)state;
    const unsigned B = MASA_EXTRACT_BOXED;
    check("so \\boxed{5}", B, "5");
    check("\\boxed{1} and then \\boxed{\\frac{1}{2}}.", B, "\\frac{1}{2}");
    check("\\fbox{7}", B, "7");
    check("$\\boxed 2$", B, "2");
    check("\\boxed {x \\{ y}", B, "x \\{ y");
    check("outer \\boxed{a\\boxed{b}}", B, "a\\boxed{b}");
    check("write it as \\boxed{ please: \\boxed{3}", B, "3");
    check("\\boxed{1} then \\boxed{2", B, NULL);
    check("\\boxed{2", B, NULL);
    check("\\boxed{}", B, NULL);
    check("\\boxedx{3}", B, NULL);
    check("the answer is 5", B, NULL);
    check("", B, NULL);
    check("\\boxed", B, NULL);
}

static void test_phrases(void **state)
{
    (void)state;
    const unsigned P = MASA_EXTRACT_PHRASE;
    check("Then the answer is 5.", P, "5");
    check("The answer is 1.5. I hope it is correct.", P, "1.5");
    check("**Final Answer:** 73", P, "73");
    check("**Final Answer**: 73\nDone", P, "73");
    check("Final answer:\n\n$x = 3$.", P, "x = 3");
    check("The final answer is $\\frac{1}{2}$ as said.", P, "\\frac{1}{2}");
    check("the answer is 3. But no, the answer is 4", P, "4");
    check("The answer is 94, which is the larger number.", P, "94");
    check("the answer is 9, not 10.", P, "9");
    check("the answer is $9$ because 4 + 5 = 9", P, "9");
    check("The answer is therefore 8.", P, "8");
    check("**Final Answer:** The total is 15.", P, "15");
    check("Answer: The length of the box is $2\\sqrt{3}$ cm.", P, "2\\sqrt{3}");
    check("Answer: The red one is correct.", P, "The red one is correct");
    check("The answer is:\n\\[\n\\frac{3}{4}\n\\]\nDone.", P, "\\frac{3}{4}");
    check("Final answer:\n$$\n42\n$$", P, "42");
    check("The final answer is **5**!", P, "5");
    check("The answer is 5!", P, "5!");
    check("$$\\text{Answer: } \\frac{7}{2}$$", P, "\\frac{7}{2}$$");
    check("the answer isn't known", P, NULL);
    check("I will answer: ", P, NULL);
}

static void test_other_rules(void **state)
{
    (void)state;
    check("6*2=12\n#### 12", MASA_EXTRACT_HASHES, "12");
    check("#### 1\n#### 2\nend", MASA_EXTRACT_HASHES, "2");
    check("it is **73**.", MASA_EXTRACT_BOLD, "73");
    check("**a** and **b c**", MASA_EXTRACT_BOLD, "b c");
    check("**a", MASA_EXTRACT_BOLD, NULL);
    check("from 3 to 1,234.5 km", MASA_EXTRACT_NUMBER, "1,234.5");
    check("it is -3/4", MASA_EXTRACT_NUMBER, "-3/4");
    check("8-3", MASA_EXTRACT_NUMBER, "3");
    check("none", MASA_EXTRACT_NUMBER, NULL);
    check("  x+1\n", MASA_EXTRACT_WHOLE, "x+1");
    /* The first rule that finds something decides. */
    check("#### 4 then \\boxed{5}", MASA_EXTRACT_ANY, "5");
    check("**9** #### 4", MASA_EXTRACT_ANY, "4");
}

/* Whole texts as models write them, against the gold. */
static void test_rollouts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *gold;
        unsigned rules;
        masa_verdict verdict;
    } cases[] = {
        {"Therefore, the answer is 72 clips sold in April and May.", "72", MASA_EXTRACT_ANY,
         MASA_VERDICT_EQUAL},
        {"The final answer is: $\\boxed{18}$.", "18", MASA_EXTRACT_PHRASE, MASA_VERDICT_EQUAL},
        {"She makes 9 * 2 = $<<9*2=18>>18 every day.\n#### 18", "18", MASA_EXTRACT_ANY,
         MASA_VERDICT_EQUAL},
        {"Answer: $1,080", "1080", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"so it costs **$1,080** in all", "1080", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"Maybe 5, or 7, or 18. I take 7", "18", MASA_EXTRACT_ANY, MASA_VERDICT_DIFFERENT},
        {"\\boxed{5} no, \\boxed{7}", "5", MASA_EXTRACT_BOXED, MASA_VERDICT_DIFFERENT},
        {"\\boxed{5, 7}", "5", MASA_EXTRACT_BOXED, MASA_VERDICT_DIFFERENT},
        {"\\boxed{5 \\text{ or } 7}", "5", MASA_EXTRACT_BOXED, MASA_VERDICT_DIFFERENT},
        {"\\boxed{5} and \\boxed{", "5", MASA_EXTRACT_BOXED, MASA_VERDICT_NO_ANSWER},
        {"**Final Answer**: The price is $12.50$", "12.5", MASA_EXTRACT_NUMBER,
         MASA_VERDICT_EQUAL},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        masa_verify_options options = MASA_VERIFY_DEFAULTS;
        masa_verify_result result;
        options.rules = cases[k].rules;
        masa_verify(cases[k].text, cases[k].gold, &options, &result);
        if (result.verdict != cases[k].verdict)
            print_error("'%s' is %s\n", cases[k].text, masa_verdict_text(result.verdict));
        assert_int_equal(result.verdict, cases[k].verdict);
    }
}

static void test_truncated(void **state)
{
    (void)state;
    masa_verify_options options = MASA_VERIFY_DEFAULTS;
    masa_verify_result result;
    masa_verify("\\boxed{5}", "5", &options, &result);
    assert_int_equal(result.verdict, MASA_VERDICT_EQUAL);
    assert_int_equal(result.extraction.start, 7);
    assert_int_equal(result.extracted[0], '5');
    options.truncated = true;
    masa_verify("\\boxed{5}", "5", &options, &result);
    assert_int_equal(result.verdict, MASA_VERDICT_NO_ANSWER);
    assert_null(result.extracted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boxed),
        cmocka_unit_test(test_phrases),
        cmocka_unit_test(test_other_rules),
        cmocka_unit_test(test_rollouts),
        cmocka_unit_test(test_truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
