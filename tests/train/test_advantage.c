#include "masa_test.h"
#include <masa/advantage.h>
#include <masa/random.h>

static void group_norm_matches_the_definition(void **state)
{
    (void)state;
    float reward[] = {1, 0, 0, 0, 1, 1}, advantage[6];
    size_t group[] = {0, 0, 0, 0, 1, 1};
    masa_advantages(advantage, reward, group, 6, MASA_ADVANTAGE_GROUP_NORM);
    /* mean 1/4, population deviation sqrt(3)/4 */
    assert_near(advantage[0], 0.75 / (sqrt(3) / 4), 1e-5);
    assert_near(advantage[1], -0.25 / (sqrt(3) / 4), 1e-5);
    assert_true(advantage[4] == 0 && advantage[5] == 0);
}

static void leave_one_out_is_reward_minus_mean_of_others(void **state)
{
    (void)state;
    float reward[] = {1, 0.5f, 0}, advantage[3];
    size_t group[] = {3, 3, 3};
    masa_advantages(advantage, reward, group, 3, MASA_ADVANTAGE_LEAVE_ONE_OUT);
    assert_near(advantage[0], 1 - 0.25, 1e-6);
    assert_near(advantage[1], 0, 1e-6);
    assert_near(advantage[2], 0 - 0.75, 1e-6);
}

static void mean_and_batch_norm(void **state)
{
    (void)state;
    float reward[] = {1, 0, 3, 1}, advantage[4];
    size_t group[] = {0, 0, 1, 1};
    masa_advantages(advantage, reward, group, 4, MASA_ADVANTAGE_GROUP_MEAN);
    assert_near(advantage[0], 0.5, 1e-6);
    assert_near(advantage[3], -1, 1e-6);
    masa_advantages(advantage, reward, group, 4, MASA_ADVANTAGE_BATCH_NORM);
    double deviation = sqrt((0.25 + 0.25 + 1 + 1) / 4);
    assert_near(advantage[2], 1 / deviation, 1e-5);
}

/* Property: whatever the kind, a group's advantages sum to zero and keep the
 * rewards' order. */
static void advantages_are_centred(void **state)
{
    (void)state;
    masa_random random = masa_random_init(5, MASA_STREAM_TEST);
    for (int trial = 0; trial < 200; trial++) {
        float reward[24], advantage[24];
        size_t group[24], n = 0;
        for (size_t g = 0; g < 4; g++) {
            size_t size = 2 + masa_random_below(&random, 5);
            for (size_t i = 0; i < size; i++, n++) {
                reward[n] = (float)masa_random_uniform(&random);
                group[n] = g;
            }
        }
        for (int kind = 0; kind <= MASA_ADVANTAGE_BATCH_NORM; kind++) {
            masa_advantages(advantage, reward, group, n, (masa_advantage_kind)kind);
            double sum[4] = {0};
            for (size_t i = 0; i < n; i++) {
                sum[group[i]] += advantage[i];
                for (size_t j = 0; j < n; j++)
                    if (group[i] == group[j] && reward[i] > reward[j])
                        assert_true(advantage[i] > advantage[j]);
            }
            for (int g = 0; g < 4; g++)
                assert_near(sum[g], 0, 1e-4);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(group_norm_matches_the_definition),
        cmocka_unit_test(leave_one_out_is_reward_minus_mean_of_others),
        cmocka_unit_test(mean_and_batch_norm), cmocka_unit_test(advantages_are_centred)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
