/* The soft cutoff's advantages: worked, exact where they must be, and unbiased. */
#include "masa_test.h"

#include <masa/advantage.h>
#include <masa/gate.h>
#include <masa/random.h>

static void worked_example(void **state)
{
    (void)state;
    /* Four rollouts; the third was cut, the fourth went past the cutoff with s = 1/2. */
    static const float reward[] = {1, 0, NAN, 1}, weight[] = {1, 1, 0, 2};
    float a[4];
    masa_soft_cutoff_advantages(a, reward, weight, 4, false);
    assert_near(a[0], (1 - 2.0 / 3) * 0.75, 1e-7);
    assert_near(a[1], (0 - 3.0 / 3) * 0.75, 1e-7);
    assert_true(a[2] == 0);
    assert_near(a[3], 2 * (1 - 1.0 / 3) * 0.75, 1e-7);
    float divided[4];
    masa_soft_cutoff_advantages(divided, reward, weight, 4, true);
    double deviation =
        sqrt(0.75 * 0.25) + 1e-6; /* three of the weights' four are right */
    for (int i = 0; i < 4; i++) assert_near(divided[i], a[i] / deviation, 1e-6);
}

static void with_nothing_cut_it_is_the_plain_advantage(void **state)
{
    (void)state;
    masa_random random = masa_random_init(3, MASA_STREAM_TEST);
    for (int round = 0; round < 200; round++) {
        float reward[9], weight[9], soft[9], plain[9];
        size_t groups[9] = {0}, n = 1 + masa_random_below(&random, 9);
        for (size_t i = 0; i < n; i++) {
            reward[i] = (float)masa_random_below(&random, 3) / 2;
            weight[i] = 1;
        }
        for (int divide = 0; divide < 2; divide++) {
            masa_soft_cutoff_advantages(soft, reward, weight, n, divide);
            masa_advantages(plain, reward, groups, n,
                            divide ? MASA_ADVANTAGE_GROUP_NORM
                                   : MASA_ADVANTAGE_GROUP_MEAN);
            for (size_t i = 0; i < n; i++) assert_near(soft[i], plain[i], 2e-6);
        }
    }
}

static void equal_rewards_and_empty_groups(void **state)
{
    (void)state;
    static const float reward[] = {0.1f, 0.1f, 0.1f, 0.1f}, whole[] = {1, 1, 1, 1},
                       none[] = {0, 0, 0, 0}, some[] = {1, 0, 4, 1};
    float a[4];
    for (int divide = 0; divide < 2; divide++) {
        masa_soft_cutoff_advantages(a, reward, whole, 4, divide);
        for (int i = 0; i < 4; i++) assert_true(a[i] == 0);
        masa_soft_cutoff_advantages(a, reward, none, 4, divide);
        for (int i = 0; i < 4; i++) assert_true(a[i] == 0);
        masa_soft_cutoff_advantages(a, reward, some, 1, divide);
        assert_true(a[0] == 0);
    }
    /* Divided, equal survivors are no signal; undivided, they keep the mean right. */
    masa_soft_cutoff_advantages(a, reward, some, 4, true);
    for (int i = 0; i < 4; i++) assert_true(a[i] == 0);
    masa_soft_cutoff_advantages(a, reward, some, 4, false);
    assert_true(a[0] < 0 && a[1] == 0 && a[2] > 0);
}

/* Over every outcome of the survival, weighted by its probability, the mean advantage of
 * each rollout is r - mean(r). */
static void exact_over_all_outcomes(void **state)
{
    (void)state;
    enum { N = 8 };
    masa_random random = masa_random_init(5, MASA_STREAM_TEST);
    for (int round = 0; round < 50; round++) {
        float reward[N], weight[N], a[N];
        double mean = 0, expected[N] = {0}, s = 0.1 + 0.9 * masa_random_uniform(&random);
        unsigned past =
            (unsigned)masa_random_below(&random, 1 << N); /* reach the cutoff */
        for (int i = 0; i < N; i++)
            mean += (reward[i] = (float)masa_random_uniform(&random)) / N;
        for (unsigned kept = 0; kept < 1 << N; kept++) {
            if (kept & ~past) continue;
            double probability = 1;
            for (int i = 0; i < N; i++) {
                bool reaches = past >> i & 1, survives = kept >> i & 1;
                weight[i] = !reaches ? 1 : survives ? (float)(1 / s) : 0;
                if (reaches) probability *= survives ? s : 1 - s;
            }
            masa_soft_cutoff_advantages(a, reward, weight, N, false);
            for (int i = 0; i < N; i++) expected[i] += probability * a[i];
        }
        for (int i = 0; i < N; i++) assert_near(expected[i], reward[i] - mean, 1e-5);
    }
}

/*
 * A toy policy: action k of 4 with probability softmax(theta)_k has length 10 (k + 1) and
 * reward r_k. The policy gradient's estimate over a group of 6, cut softly at 25 tokens,
 * against the uncut one: means over many draws must agree within their standard errors.
 */
enum { ACTIONS = 4, GROUP = 6, DRAWS = 200000 };

static void estimate(double *gradient, const size_t *action, const float *advantage,
                     const double *policy)
{
    for (int k = 0; k < ACTIONS; k++) {
        gradient[k] = 0;
        for (int i = 0; i < GROUP; i++)
            gradient[k] += advantage[i] * ((action[i] == (size_t)k) - policy[k]) / GROUP;
    }
}

static void unbiased_on_a_toy_policy(void **state)
{
    (void)state;
    static const double policy[ACTIONS] = {0.1, 0.2, 0.3, 0.4};
    static const float rewards[ACTIONS] = {0.2f, 1, 0.5f, 0};
    static const double survival = 0.3;
    masa_random random = masa_random_init(7, MASA_STREAM_TEST);
    double sum[ACTIONS] = {0}, square[ACTIONS] = {0}, biased[ACTIONS] = {0};
    for (int draw = 0; draw < DRAWS; draw++) {
        size_t action[GROUP], group[GROUP] = {0};
        float reward[GROUP], seen[GROUP], weight[GROUP], plain[GROUP], soft[GROUP],
            hard[GROUP];
        for (int i = 0; i < GROUP; i++) {
            double u = masa_random_uniform(&random);
            for (action[i] = 0; action[i] + 1 < ACTIONS && u >= policy[action[i]];
                 action[i]++)
                u -= policy[action[i]];
            reward[i] = rewards[action[i]];
            bool past = action[i] >= 2,
                 cut = past && masa_random_uniform(&random) >= survival;
            weight[i] = !past ? 1 : cut ? 0 : (float)(1 / survival);
            seen[i] = past ? 0 : reward[i];
        }
        double uncut[ACTIONS], estimated[ACTIONS], wrong[ACTIONS];
        masa_advantages(plain, reward, group, GROUP, MASA_ADVANTAGE_GROUP_MEAN);
        masa_soft_cutoff_advantages(soft, reward, weight, GROUP, false);
        masa_advantages(hard, seen, group, GROUP, MASA_ADVANTAGE_GROUP_MEAN);
        estimate(uncut, action, plain, policy);
        estimate(estimated, action, soft, policy);
        estimate(wrong, action, hard, policy); /* a hard cutoff: past it all are wrong */
        for (int k = 0; k < ACTIONS; k++) {
            double difference = estimated[k] - uncut[k];
            sum[k] += difference;
            square[k] += difference * difference;
            biased[k] += wrong[k] - uncut[k];
        }
    }
    for (int k = 0; k < ACTIONS; k++) {
        double mean = sum[k] / DRAWS, error = sqrt(square[k] / DRAWS - mean * mean);
        error /= sqrt(DRAWS);
        assert_near(mean, 0, 3.5 * error);
        assert_true(error < 1e-3);
    }
    /* The test can tell: the hard cutoff's gradient is off by far more. */
    assert_true(fabs(biased[2]) / DRAWS > 0.02);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_example),
        cmocka_unit_test(with_nothing_cut_it_is_the_plain_advantage),
        cmocka_unit_test(equal_rewards_and_empty_groups),
        cmocka_unit_test(exact_over_all_outcomes),
        cmocka_unit_test(unbiased_on_a_toy_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
