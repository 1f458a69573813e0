#include "masa_test.h"
#include <masa/tasks.h>

#include <ctype.h>

static bool contains(const masa_problems *p, const char *text)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->items[i].problem, text) == 0) return true;
    return false;
}

static void same_seed_same_problems(void **state)
{
    (void)state;
    masa_task_options o = {.least_level = 1, .most_level = 6, .seed = 9};
    masa_problems a = {0}, b = {0};
    assert_int_equal(masa_tasks_generate(&a, 100, &o, NULL), MASA_OK);
    assert_int_equal(masa_tasks_generate(&b, 100, &o, NULL), MASA_OK);
    for (size_t i = 0; i < 100; i++) assert_string_equal(a.items[i].problem, b.items[i].problem);
    masa_problems_deinit(&a);
    masa_problems_deinit(&b);
}

static void splits_are_disjoint_and_problems_differ(void **state)
{
    (void)state;
    masa_task_options o = {.least_level = 1, .most_level = 2, .seed = 1};
    masa_problems train = {0}, test = {0};
    assert_int_equal(masa_tasks_generate(&train, 500, &o, NULL), MASA_OK);
    o.test = true;
    o.seed = 2;
    assert_int_equal(masa_tasks_generate(&test, 200, &o, NULL), MASA_OK);
    for (size_t i = 0; i < test.n; i++) assert_false(contains(&train, test.items[i].problem));
    for (size_t i = 0; i < test.n; i++) {
        masa_problems rest = {.items = test.items + i + 1, .n = test.n - i - 1};
        assert_false(contains(&rest, test.items[i].problem));
    }
    masa_problems_deinit(&train);
    masa_problems_deinit(&test);
}

/* The answer of an expression, by a calculator of our own with precedence. */
static long factor(const char **p);
static long sum(const char **p);
static void blanks(const char **p)
{
    while (**p == ' ') ++*p;
}
static long product(const char **p)
{
    long value = factor(p);
    for (blanks(p); **p == '*'; blanks(p)) ++*p, value *= factor(p);
    return value;
}
static long sum(const char **p)
{
    long value = product(p);
    for (blanks(p); **p == '+' || **p == '-'; blanks(p)) {
        char op = *(*p)++;
        long next = product(p);
        value += op == '+' ? next : -next;
    }
    return value;
}
static long factor(const char **p)
{
    blanks(p);
    if (**p != '(') return strtol(*p, (char **)p, 10);
    ++*p;
    long value = sum(p);
    blanks(p);
    ++*p;
    return value;
}

static void arithmetic_answers_are_right(void **state)
{
    (void)state;
    for (int level = 1; level <= MASA_TASK_LEVELS; level++) {
        masa_task_options o = {.kinds = 1u << MASA_TASK_ARITHMETIC, .least_level = level,
                               .most_level = level, .seed = 4};
        masa_problems problems = {0};
        assert_int_equal(masa_tasks_generate(&problems, 60, &o, NULL), MASA_OK);
        for (size_t i = 0; i < problems.n; i++) {
            const char *p = problems.items[i].problem;
            p += strcspn(p, "(0123456789");
            assert_int_equal(sum(&p), strtol(problems.items[i].answer, NULL, 10));
            assert_int_equal(problems.items[i].level, level);
        }
        masa_problems_deinit(&problems);
    }
}

/* "Solve for n: 3n + 4 = 2n + 95.": put the answer in and compare both sides. */
static void equation_answers_solve_the_equation(void **state)
{
    (void)state;
    masa_task_options o = {.kinds = 1u << MASA_TASK_EQUATION, .least_level = 4,
                           .most_level = 5, .seed = 8};
    masa_problems problems = {0};
    assert_int_equal(masa_tasks_generate(&problems, 100, &o, NULL), MASA_OK);
    for (size_t i = 0; i < problems.n; i++) {
        long a, b, c, d, x = strtol(problems.items[i].answer, NULL, 10);
        char v, w;
        const char *p = strchr(problems.items[i].problem, ':') + 1;
        if (sscanf(p, " %ld%c + %ld = %ld%c + %ld.", &a, &v, &b, &c, &w, &d) == 6)
            assert_int_equal(a * x + b, c * x + d);
        else if (sscanf(p, " %ld%c + %ld = %ld.", &a, &v, &b, &c) == 4)
            assert_int_equal(a * x + b, c);
        else
            fail_msg("cannot read %s", problems.items[i].problem);
    }
    masa_problems_deinit(&problems);
}

/* Every "a op b = c" of a text, and that it holds; returns how many there are. */
static size_t check_equations(const char *text)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, " = ")); p += 3) {
        const char *start = p;
        while (start > text && strchr("0123456789 +-*/", start[-1])) start--;
        start += strspn(start, " ");
        long a, b, c;
        char op;
        if (sscanf(start, "%ld %c %ld = %ld", &a, &op, &b, &c) != 4) continue;
        assert_int_equal(
            c, op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : b ? a / b : c + 1);
        n++;
    }
    return n;
}

static void worked_solutions_are_right(void **state)
{
    (void)state;
    size_t equations = 0;
    for (int level = 1; level <= MASA_TASK_LEVELS; level++) {
        masa_task_options o = {.least_level = level, .most_level = level, .seed = 6};
        masa_problems problems = {0};
        assert_int_equal(masa_tasks_generate(&problems, 200, &o, NULL), MASA_OK);
        for (size_t i = 0; i < problems.n; i++) {
            const masa_problem *p = &problems.items[i];
            char end[64];
            snprintf(end, sizeof end, " The answer is \\boxed{%s}.", p->answer);
            size_t n = strlen(p->solution), m = strlen(end);
            assert_true(n > m && strcmp(p->solution + n - m, end) == 0);
            /* What the steps arrive at is what is boxed. */
            char *digits = p->solution + n - m - 1;
            while (!isdigit((unsigned char)*digits)) digits--;
            while (isdigit((unsigned char)digits[-1]) || digits[-1] == '-') digits--;
            assert_int_equal(strtol(digits, NULL, 10), strtol(p->answer, NULL, 10));
            equations += check_equations(p->solution);
        }
        masa_problems_deinit(&problems);
    }
    assert_true(equations > 1500);
}

static void asking_for_too_many_is_an_error(void **state)
{
    (void)state;
    masa_task_options o = {.kinds = 1u << MASA_TASK_COMPARE, .least_level = 7,
                           .most_level = 7};
    masa_problems problems = {0};
    masa_error err;
    assert_int_equal(masa_tasks_generate(&problems, 10, &o, &err), MASA_ERR_CONFIG);
    o.kinds = 1u << MASA_TASK_EQUATION;
    o.least_level = o.most_level = 3; /* 8 * 8 * 6 letters at most */
    assert_int_equal(masa_tasks_generate(&problems, 1000, &o, &err), MASA_ERR_CONFIG);
    assert_non_null(strstr(err.message, "different problems"));
    masa_problems_deinit(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_problems),
        cmocka_unit_test(splits_are_disjoint_and_problems_differ),
        cmocka_unit_test(arithmetic_answers_are_right),
        cmocka_unit_test(equation_answers_solve_the_equation),
        cmocka_unit_test(worked_solutions_are_right),
        cmocka_unit_test(asking_for_too_many_is_an_error)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
