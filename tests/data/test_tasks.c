#include "masa_test.h"
#include <masa/tasks.h>

#include <ctype.h>

#define SENTENCES "arithmetic:1-6,word:1-6,compare:1-6,equation:1-6"

/* n problems of a mix; an error is in *err. */
static masa_status make(masa_problems *out, size_t n, const char *kinds, masa_task_options o,
                        masa_error *err)
{
    masa_task_mix mix = {0};
    masa_status st = masa_task_mix_parse(&mix, kinds, NULL, err);
    o.mix = &mix;
    if (st == MASA_OK) st = masa_tasks_generate(out, n, &o, err);
    masa_task_mix_deinit(&mix);
    return st;
}

/* The same where nothing can go wrong. */
static masa_problems made(size_t n, const char *kinds, masa_task_options o)
{
    masa_problems problems = {0};
    masa_error err = {0};
    if (make(&problems, n, kinds, o, &err) != MASA_OK) fail_msg("%s", err.message);
    return problems;
}

static bool contains(const masa_problems *p, const char *text)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->items[i].problem, text) == 0) return true;
    return false;
}

static void same_seed_same_problems(void **state)
{
    (void)state;
    static const char *const kinds[] = {SENTENCES,
                                        "chain,add,multiply,sort,search=0.5,graph,base,"
                                        "solve,secret:20=0.1"};
    for (int k = 0; k < 2; k++) {
        masa_task_options o = {.seed = 9, .slips = k ? 0.2 : 0};
        masa_problems a = made(100, kinds[k], o), b = made(100, kinds[k], o);
        o.seed = 10;
        masa_problems c = made(100, kinds[k], o);
        size_t other = 0;
        for (size_t i = 0; i < 100; i++) {
            assert_string_equal(a.items[i].problem, b.items[i].problem);
            assert_string_equal(a.items[i].solution, b.items[i].solution);
            other += !contains(&c, a.items[i].problem);
        }
        assert_true(other > 80);
        masa_problems_deinit(&a);
        masa_problems_deinit(&b);
        masa_problems_deinit(&c);
    }
}

static void splits_are_disjoint_and_problems_differ(void **state)
{
    (void)state;
    static const char easy[] =
        "arithmetic:1-2,word:1-2,compare:1-2,equation:1-2,sort:3,search:3";
    masa_problems train = made(700, easy, (masa_task_options){.seed = 1});
    masa_problems test = made(200, easy, (masa_task_options){.seed = 2, .test = true});
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
    for (int level = 1; level <= 6; level++) {
        char kind[32];
        snprintf(kind, sizeof kind, "arithmetic:%d", level);
        masa_problems problems = made(60, kind, (masa_task_options){.seed = 4});
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
    masa_problems problems = made(100, "equation:4-5", (masa_task_options){.seed = 8});
    for (size_t i = 0; i < problems.n; i++) {
        long a, b, c, d, x = strtol(problems.items[i].answer, NULL, 10);
        char v, w;
        const char *p = strchr(problems.items[i].problem, ':') + 1;
        if (sscanf(p, " %ld%c + %ld = %ld%c + %ld.", &a, &v, &b, &c, &w, &d) == 6)
            assert_int_equal(a * x + b, c * x + d);
        else if (sscanf(p, " %ld%c + %ld = %ld.", &a, &v, &b, &c) == 4)
            assert_int_equal(a * x + b, c);
        else fail_msg("cannot read %s", problems.items[i].problem);
    }
    masa_problems_deinit(&problems);
}

/* What a story comes to, from its sentences alone. */
static long tell(const char *text, size_t *asides)
{
    char who[16], name[16], word[32];
    long has, k, n;
    int at;
    assert_int_equal(sscanf(text, "%15s has %ld %31[a-z].%n", who, &has, word, &at), 3);
    for (const char *p = text + at; strncmp(p, " How many", 9) != 0;
         p = strchr(p + 1, '.') + 1) {
        if (sscanf(p, " %15s gives %15s %ld more.", name, word, &k) == 3) has += k;
        else if (sscanf(p, " %15s gives %ld %31s to", name, &k, word) == 3) has -= k;
        else if (sscanf(p, " %15s buys %ld %31s with %ld", name, &n, word, &k) == 4)
            has += n * k;
        else if (strncmp(p, " On the next day", 16) == 0) has *= 2;
        else if (sscanf(p, " %15s makes %ld equal heaps of all the %31s and gives %ld", name,
                        &n, word, &k) == 4) {
            assert_int_equal(has % n, 0);
            has = has / n * (n - k);
        } else {
            assert_true(strstr(p, " at home.") || strncmp(p, " All this takes", 15) == 0);
            ++*asides;
        }
        assert_true(has > 0 && has < 1000);
    }
    return has;
}

static void stories_come_to_their_answers(void **state)
{
    (void)state;
    size_t before = 0;
    for (int level = 7; level <= 10; level++) {
        char kind[16];
        snprintf(kind, sizeof kind, "word:%d", level);
        masa_problems problems = made(200, kind, (masa_task_options){.seed = 5});
        size_t asides = 0, length = 0;
        for (size_t i = 0; i < problems.n; i++) {
            assert_int_equal(tell(problems.items[i].problem, &asides),
                             strtol(problems.items[i].answer, NULL, 10));
            length += strlen(problems.items[i].solution) / problems.n;
        }
        assert_int_equal(asides, (level < 9 ? 1 : 2) * problems.n);
        assert_true(length > 350 && length > before + 50); /* a token has some three letters */
        before = length;
        masa_problems_deinit(&problems);
    }
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
        assert_int_equal(c, op == '+'   ? a + b
                            : op == '-' ? a - b
                            : op == '*' ? a * b
                            : b         ? a / b
                                        : c + 1);
        n++;
    }
    return n;
}

static void worked_solutions_are_right(void **state)
{
    (void)state;
    size_t equations = 0;
    for (int level = 1; level <= 10; level++) {
        char kinds[96];
        const char *wanted =
            level > 6 ? "word:%d" : "arithmetic:%d,word:%d,compare:%d,equation:%d";
        snprintf(kinds, sizeof kinds, wanted, level, level, level, level);
        masa_problems problems = made(200, kinds, (masa_task_options){.seed = 6});
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
    masa_problems problems = {0};
    masa_error err;
    masa_task_options o = {.seed = 0};
    assert_int_equal(make(&problems, 10, "compare:7", o, &err), MASA_ERR_CONFIG);
    assert_non_null(strstr(err.message, "compare go from 1 to 6"));
    /* 8 * 8 * 6 letters at most */
    assert_int_equal(make(&problems, 1000, "equation:3", o, &err), MASA_ERR_CONFIG);
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
        cmocka_unit_test(stories_come_to_their_answers),
        cmocka_unit_test(worked_solutions_are_right),
        cmocka_unit_test(asking_for_too_many_is_an_error)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
