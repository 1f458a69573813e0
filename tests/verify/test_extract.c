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

static void test_several_boxes(void **state)
{
    (void)state;
    const unsigned B = MASA_EXTRACT_BOXED;
    check("$\\boxed{(1,2)}$ and $\\boxed{(3,4)}$.", B, "\\boxed{(1,2)}$ and $\\boxed{(3,4)}");
    check("\\[\\boxed{1}, \\boxed{2} \\text{ or } \\boxed{3}\\]", B,
          "\\boxed{1}, \\boxed{2} \\text{ or } \\boxed{3}");
    check("\\boxed{1}\n\\boxed{2}", B, "\\boxed{1}\n\\boxed{2}");
    check("so $x=\\boxed{1}$ or $y = \\boxed{2}$", B, "x=\\boxed{1}$ or $y = \\boxed{2}");
    check("$g(x)=\\boxed{1}$ or $g(x)=\\boxed{2}$", B, "g(x)=\\boxed{1}$ or $g(x)=\\boxed{2}");
    /* Another statement, another paragraph, and the same thing again are no list. */
    check("\\boxed{1}. Then \\boxed{2}", B, "2");
    check("\\boxed{1} no, \\boxed{2}", B, "2");
    check("\\boxed{1} and so it is \\boxed{2}", B, "2");
    check("\\boxed{1}\n\n\\boxed{2}", B, "2");
    check("\\boxed{5}, \\boxed{5}", B, "5");
    check("\\\\boxed{5}", B, "5");
}

static void test_tags(void **state)
{
    (void)state;
    const unsigned T = MASA_EXTRACT_TAGS;
    check("<think>5</think><answer> 7 </answer>", T, "7");
    check("<answer>1</answer> no <Answer>2</Answer> end", T, "2");
    check("<answer>it is \\boxed{3}</answer>", T, "3");
    check("<answer>The area is $12$.</answer>", T, "12");
    check("<answer></answer>", T, NULL);
    check("<answer>5", T, NULL);
    check("5</answer>", T, NULL);
    check("\\boxed{3} <answer>4</answer>", MASA_EXTRACT_ANY, "4");
}

static void test_formulas(void **state)
{
    (void)state;
    const unsigned F = MASA_EXTRACT_FORMULA;
    check("Therefore $x \\ge 7$ is the solution.", F, "x \\ge 7");
    check("We get\n\\[ x = 5. \\]", F, "x = 5.");
    check("first $$1$$ then \\(2\\)", F, "2");
    check("It is $f(x) = 2x$ for all $x$.", F, "f(x) = 2x");
    check("It is $5$ when $x = 2$.", F, "5");
    check("The roots are $x = 1$ and $x = 2$.", F, "x = 1$ and $x = 2");
    check("The area is $12$ cm.", F, "12$ cm");
    check("$$\\begin{align} a &= 2 + 3 \\\\ &= 5 \\end{align}$$", F, "= 5");
    check("a match costs $5 and a ball costs $7", F, NULL);
    check("With $n = 3$ we count. So there are 12 of them.", F, NULL);
    check("none", F, NULL);
    check("$x", F, NULL);
}

static void test_bare(void **state)
{
    (void)state;
    const unsigned B = MASA_EXTRACT_BARE;
    check("2*sec(2*t)^2 - cosh(0)", B, "2*sec(2*t)^2 - cosh(0)");
    check("abs(x) < 1", B, "abs(x) < 1");
    check("the apple(s) cost 10", B, NULL);
    check("\u7535\u573a\u53d8\u5316\u2192\u7535\u78c1\u6ce2", B,
          "\u7535\u573a\u53d8\u5316\u2192\u7535\u78c1\u6ce2");
    check("\u7b54\u6848\u662f 10", B, NULL);
    check(" x + 1\n", B, "x + 1");
    check("72 clips sold in April", B, "72 clips sold in April");
    check("no solution", B, "no solution");
    check("3 sqrt(2)", B, "3 sqrt(2)");
    check("\\begin{bmatrix}1\\\\2\\end{bmatrix}", B, "\\begin{bmatrix}1\\\\2\\end{bmatrix}");
    check("the number is 10", B, NULL);
    check("I do not know what they want", B, NULL);
    check("\u6bd4\u4f8b\u4e3a13", B, NULL);
    check("5\n6", B, NULL);
}

/* Statements with words around the value, by every rule. */
static void test_statements(void **state)
{
    (void)state;
    const unsigned P = MASA_EXTRACT_PHRASE, W = MASA_EXTRACT_WHOLE;
    check("Final Answer: The largest $n$ is 34.", P, "34");
    check("Final Answer: The volume of $ABCD$ is $5 \\cdot 6$ cm^3", P, "5 \\cdot 6$ cm^3");
    check("**Final Answer**\n\n42", P, "42");
    check("The answer to the first question is 42.", P, "42");
    check("So the answer should be $\\sqrt2$.", P, "\\sqrt2");
    check("\u7b54\u6848\uff1a5\u3002", P, "5");
    check("Therefore $x > 5$ is the solution.", W, "x > 5");
    check("The matrix is \\( \\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix} \\).", W,
          "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}");
    check("$12$ and $13$", W, "$12$ and $13$");
    check("It lies between $12$ and $13$.", W, "12$ and $13");
    check("**Total cost: $15**", MASA_EXTRACT_BOLD, "$15");
    check("**Step 2**: compute\n\n$x = 3$", MASA_EXTRACT_ANY, "x = 3");
    check("The largest is 64, a multiple of 8.", MASA_EXTRACT_ANY, "8");
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
    check("Answer: The length of the box is $2\\sqrt{3}$ cm.", P, "2\\sqrt{3}$ cm");
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
    check("a**2 + b**2 + c", MASA_EXTRACT_BOLD, NULL);
    check("(x+1)**2 - (y)**n is **5**", MASA_EXTRACT_BOLD, "5");
    check("a**2 + b**2 + 2*a*b", MASA_EXTRACT_ANY, "a**2 + b**2 + 2*a*b");
    check("from 3 to 1,234.5 km", MASA_EXTRACT_NUMBER, "1,234.5");
    check("it is -3/4", MASA_EXTRACT_NUMBER, "-3/4");
    check("8-3", MASA_EXTRACT_NUMBER, "3");
    check("none", MASA_EXTRACT_NUMBER, NULL);
    check("AZ2A", MASA_EXTRACT_NUMBER, NULL);
    check("we get \u22120.5 in all", MASA_EXTRACT_NUMBER, "\u22120.5");
    check("The total is \u22123.", MASA_EXTRACT_PHRASE | MASA_EXTRACT_WHOLE, "\u22123.");
    check("Answer: the level fell down to -5 feet", MASA_EXTRACT_PHRASE, "-5 feet");
    check("  x+1\n", MASA_EXTRACT_WHOLE, "x+1");
    /* The first rule that finds something decides. */
    check("#### 4 then \\boxed{5}", MASA_EXTRACT_ANY, "5");
    check("**9** #### 4", MASA_EXTRACT_ANY, "4");
    /* An empty box is an answer, and it is empty. */
    check("the answer is 4: \\boxed{}", MASA_EXTRACT_ANY, NULL);
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
        {"After checking, option C is correct.", "C", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"After checking, option C is wrong.", "C", MASA_EXTRACT_ANY, MASA_VERDICT_DIFFERENT},
        {"csc^2 x", "\\csc(x)^2", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"sech^2 x", "\\operatorname{sech}(x)^2", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"Yes. For example, x = 3.", "True", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"No, yes it is 3.", "False", MASA_EXTRACT_ANY, MASA_VERDICT_DIFFERENT},
        {"a net change of -$40", "-40", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"so boxed{42}.", "42", MASA_EXTRACT_BOXED, MASA_VERDICT_EQUAL},
        {"so it is \boxed{42}, not 7.", "42", MASA_EXTRACT_BOXED, MASA_VERDICT_EQUAL},
        {"a toolboxed{42} of 7", "42", MASA_EXTRACT_BOXED, MASA_VERDICT_NO_ANSWER},
        {"The final answer is 5, obviously", "5", MASA_EXTRACT_PHRASE, MASA_VERDICT_EQUAL},
        {"\u0e04\u0e33\u0e15\u0e2d\u0e1a\u0e04\u0e37\u0e2d 320 \u0e1a\u0e32\u0e17", "320",
         MASA_EXTRACT_PHRASE, MASA_VERDICT_EQUAL},
        {"\u041e\u0442\u0432\u0435\u0442: 12", "12", MASA_EXTRACT_PHRASE, MASA_VERDICT_EQUAL},
        {"\uc815\ub2f5\uc740 12\uc785\ub2c8\ub2e4.", "12", MASA_EXTRACT_PHRASE,
         MASA_VERDICT_EQUAL},
        {"V\u1eady \u0111\u00e1p \u00e1n l\u00e0 12.", "12", MASA_EXTRACT_PHRASE,
         MASA_VERDICT_EQUAL},
        {"Jibu: 12", "12", MASA_EXTRACT_PHRASE, MASA_VERDICT_EQUAL},
        {"Some text\nand more\nE", "E", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"not (A), rather (C)", "C", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"The point (A) lies left. The answer is 12.", "A", MASA_EXTRACT_ANY,
         MASA_VERDICT_DIFFERENT},
        {"\\boxed{7} and (A)", "A", MASA_EXTRACT_ANY, MASA_VERDICT_DIFFERENT},
        {"\\boxed{5} no, \\boxed{7}", "5", MASA_EXTRACT_BOXED, MASA_VERDICT_DIFFERENT},
        {"<think>\\boxed{5}</think> so \\boxed{6}", "6", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"<think>\\boxed{5}</think> I do not know which", "5", MASA_EXTRACT_BOXED,
         MASA_VERDICT_NO_ANSWER},
        {"<think>so it is \\boxed{5}", "5", MASA_EXTRACT_ANY, MASA_VERDICT_NO_ANSWER},
        {"\\boxed{5, 7}", "5", MASA_EXTRACT_BOXED, MASA_VERDICT_DIFFERENT},
        {"\\boxed{5 \\text{ or } 7}", "5", MASA_EXTRACT_BOXED, MASA_VERDICT_DIFFERENT},
        {"\\boxed{5} and \\boxed{", "5", MASA_EXTRACT_BOXED, MASA_VERDICT_NO_ANSWER},
        {"cold, cord, card, ward, warm", "COLD,CORD,CARD,WARD,WARM", MASA_EXTRACT_ANY,
         MASA_VERDICT_EQUAL},
        {"cold, cord, card, ward, worm", "COLD,CORD,CARD,WARD,WARM", MASA_EXTRACT_ANY,
         MASA_VERDICT_NO_ANSWER},
        {"0 0\n0 1", "0 0\n0 1", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"B", "b", MASA_EXTRACT_ANY, MASA_VERDICT_DIFFERENT},
        {"B. flammable\n1. It can burn.", "B", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"B. flammable\n1. It is not.", "B", MASA_EXTRACT_ANY, MASA_VERDICT_DIFFERENT},
        {"B. flammable\nC. inert", "B", MASA_EXTRACT_ANY, MASA_VERDICT_NO_ANSWER},
        {"5, obviously", "5", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"x = 5 is the solution.", "5", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"x = 5 is the solutions' mean", "5", MASA_EXTRACT_BARE, MASA_VERDICT_DIFFERENT},
        {"Then 2. The solution is x = 3 or x = -3.", "3, -3", MASA_EXTRACT_ANY,
         MASA_VERDICT_EQUAL},
        {"After solving, we obtain x^2+1.", "x^2+1", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"The interval is [0, 5).", "[0,5)", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"The interval is not [0, 5).", "[0,5)", MASA_EXTRACT_ANY, MASA_VERDICT_DIFFERENT},
        {"The set is {1, 2}. It has a third.", "1,2", MASA_EXTRACT_ANY, MASA_VERDICT_DIFFERENT},
        {"The answer is 3.14 (rounded)", "3.14", MASA_EXTRACT_PHRASE, MASA_VERDICT_EQUAL},
        {"The answer is 3 (x + yy)", "3", MASA_EXTRACT_PHRASE, MASA_VERDICT_DIFFERENT},
        {"The limit does not exist.", "DNE", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"The limit does exist.", "DNE", MASA_EXTRACT_ANY, MASA_VERDICT_DIFFERENT},
        {"The statement is false.", "False", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"It is not so that the statement is false.", "False", MASA_EXTRACT_ANY,
         MASA_VERDICT_NO_ANSWER},
        {"There is no solution.", "\\emptyset", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"5, 7", "5", MASA_EXTRACT_ANY, MASA_VERDICT_DIFFERENT},
        {"So the discount is 50%", "1/2", MASA_EXTRACT_NUMBER, MASA_VERDICT_EQUAL},
        {"So the discount is 50\\%", "50", MASA_EXTRACT_NUMBER, MASA_VERDICT_EQUAL},
        {"1\u53c81/2", "3/2", MASA_EXTRACT_ANY, MASA_VERDICT_EQUAL},
        {"\u7b54\uff1a5\u7c73", "5", MASA_EXTRACT_PHRASE, MASA_VERDICT_EQUAL},
        {"\u7b54\u6848\u5c31\u662f12", "12", MASA_EXTRACT_PHRASE, MASA_VERDICT_EQUAL},
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

/* The last number is often not the answer: any other rule goes before it, and what it finds is
 * told apart. */
static void test_number_is_last_and_counted(void **state)
{
    (void)state;
    static const char *const texts[] = {"<answer>64</answer>, a multiple of 81",
                                        "\\boxed{64}, a multiple of 81",
                                        "The answer is 64. It is no multiple of 81",
                                        "It is no multiple of 81\n#### 64\nof 81.",
                                        "so **64**, a multiple of 81",
                                        "of 81 it is $64$",
                                        "the largest is 64, a multiple of 81"};
    size_t n = sizeof texts / sizeof *texts;
    masa_verify_options options = MASA_VERIFY_DEFAULTS;
    options.rules = MASA_EXTRACT_ANY;
    masa_found found = {0};
    masa_text told = {0};
    for (size_t i = 0; i < n; i++) {
        masa_verify_result r;
        masa_verify(texts[i], "64", &options, &r);
        assert_int_equal(r.extraction.rule == MASA_EXTRACT_NUMBER, i == n - 1);
        assert_int_equal(r.verdict == MASA_VERDICT_EQUAL, i < n - 1);
        masa_found_add(&found, r.extraction.rule, r.verdict == MASA_VERDICT_EQUAL);
    }
    masa_found_text(&told, &found);
    assert_non_null(strstr(masa_text_get(&told), "boxed: 1 (1 right)"));
    assert_non_null(strstr(masa_text_get(&told), "number: 1 (0 right)"));
    masa_text_deinit(&told);
    masa_extract_rules_text(&told, MASA_EXTRACT_ANY);
    assert_string_equal(masa_text_get(&told),
                        "tags,boxed,phrase,hashes,bold,formula,bare,number");
    masa_text_deinit(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boxed),
        cmocka_unit_test(test_several_boxes),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_formulas),
        cmocka_unit_test(test_bare),
        cmocka_unit_test(test_statements),
        cmocka_unit_test(test_phrases),
        cmocka_unit_test(test_other_rules),
        cmocka_unit_test(test_rollouts),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_number_is_last_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
