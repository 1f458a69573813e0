/* Budgets divided by worth, against all divisions. */
#include "masa_test.h"

#include <masa/gate_fit.h>
#include <masa/random.h>
#include <masa/worth.h>

static double cost(const size_t *size, const double *tokens, size_t n)
{
    double sum = 0;
    for (size_t q = 0; q < n; q++) sum += tokens[q] * (double)size[q];
    return sum;
}

static double noise(const size_t *size, const double *spread, size_t n)
{
    double sum = 0;
    for (size_t q = 0; q < n; q++) sum += spread[q] / (double)size[q];
    return sum;
}

static void sizes_go_with_the_root(void **state)
{
    (void)state;
    /* sqrt(V/c) is 1/20, 1/10, 1/5, 1/10 and nothing: 4, 8, 16, 8 rollouts, which cost
     * 1500, and one of the prompt that is worth nothing. */
    static const double spread[] = {0.25, 0.25, 0.25, 1, 0}, tokens[] = {100, 25, 6.25, 100, 1};
    size_t size[5];
    masa_worth_allocate(size, spread, tokens, 5, 1501, 1, 100);
    static const size_t expected[] = {4, 8, 16, 8, 1};
    for (int q = 0; q < 5; q++) assert_int_equal(size[q], expected[q]);
    /* Held within the ends; what that saves goes to the others. */
    masa_worth_allocate(size, spread, tokens, 5, 1501, 2, 10);
    assert_int_equal(size[2], 10);
    assert_int_equal(size[4], 2);
    assert_true(size[0] >= 4 && size[3] >= 8);
    assert_true(cost(size, tokens, 5) <= 1501);
    /* Everything, and too little for the least. */
    masa_worth_allocate(size, spread, tokens, 5, 1e9, 2, 10);
    for (int q = 0; q < 4; q++) assert_int_equal(size[q], 10);
    assert_int_equal(size[4], 2);
    masa_worth_allocate(size, spread, tokens, 5, 10, 2, 10);
    for (int q = 0; q < 5; q++) assert_int_equal(size[q], 2);
}

static void equal_prompts_share_equally(void **state)
{
    (void)state;
    static const double spread[] = {0.2, 0.2, 0.2, 0.2}, tokens[] = {10, 10, 10, 10};
    size_t size[4];
    /* 18 rollouts: the first two prompts get the two that are over. */
    masa_worth_allocate(size, spread, tokens, 4, 185, 2, 16);
    static const size_t expected[] = {5, 5, 4, 4};
    for (int q = 0; q < 4; q++) assert_int_equal(size[q], expected[q]);
}

/* Against every division of the budget less one rollout of the dearest prompt: of equal
 * costs, of the budget itself. */
static void no_division_is_better(void **state)
{
    (void)state;
    enum { N = 4, MOST = 6 };
    masa_random random = masa_random_init(1, MASA_STREAM_TEST);
    for (int round = 0; round < 200; round++) {
        double spread[N], tokens[N], dearest = 0, best = INFINITY, budget;
        bool alike = round % 2;
        for (int q = 0; q < N; q++) {
            spread[q] = masa_random_uniform(&random) / 4;
            tokens[q] = alike ? 7 : 1 + 20 * masa_random_uniform(&random);
            dearest = fmax(dearest, tokens[q]);
        }
        budget = cost((const size_t[]){1, 1, 1, 1}, tokens, N) *
                 (1 + 4 * masa_random_uniform(&random));
        size_t size[N], other[N];
        masa_worth_allocate(size, spread, tokens, N, budget, 1, MOST);
        assert_true(cost(size, tokens, N) <= budget);
        for (int division = 0; division < MOST * MOST * MOST * MOST; division++) {
            for (int q = 0, rest = division; q < N; q++, rest /= MOST)
                other[q] = 1 + (size_t)(rest % MOST);
            if (cost(other, tokens, N) <= budget - (alike ? 0 : dearest))
                best = fmin(best, noise(other, spread, N));
        }
        assert_true(noise(size, spread, N) <= best + 1e-12);
        bool all = true;
        for (int q = 0; q < N; q++) all = all && size[q] == MOST;
        assert_true(all || cost(size, tokens, N) > budget - dearest);
    }
}

/* A whole step by worth of posterior moments: lower noise than equal groups of equal
 * cost. */
static void the_fit_says_what_prompts_are_worth(void **state)
{
    (void)state;
    enum { N = 24 };
    masa_gate_fit fit = {0};
    masa_random random = masa_random_init(2, MASA_STREAM_TEST);
    double spread[N], truth[N], tokens[N], budget = 0;
    size_t size[N], equal[N];
    for (int q = 0; q < N; q++) {
        double p = q < 12 ? 0.01 : q < 18 ? 0.5 : 0.95, right = 0;
        for (int i = 0; i < 16; i++) right += masa_random_uniform(&random) < p;
        masa_belief belief = {.right = right, .wrong = 16 - right};
        spread[q] = masa_gate_fit_moments(&fit, NULL, &belief).spread;
        truth[q] = p * (1 - p);
        tokens[q] = q % 2 ? 100 : 300;
        equal[q] = 8;
        budget += 8 * tokens[q];
    }
    masa_worth_allocate(size, spread, tokens, N, budget, 2, 32);
    assert_true(cost(size, tokens, N) <= budget);
    assert_true(noise(size, truth, N) < 0.7 * noise(equal, truth, N));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_go_with_the_root),
        cmocka_unit_test(equal_prompts_share_equally),
        cmocka_unit_test(no_division_is_better),
        cmocka_unit_test(the_fit_says_what_prompts_are_worth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
