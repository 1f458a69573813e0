#include "property.h"
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
/* Of groups of any sizes and rewards: within a group they add up to nothing, rise with the
 * reward, do not ask what is added to all of them; where all are equal they are 0. */
static bool advantages_compare(property_draws *d, void *context)
{
    enum { MOST = 128 };
    float reward[MOST], moved[MOST], advantage[MOST], again[MOST];
    size_t group[MOST], n = 0, groups = 1 + property_below(d, 6);
    masa_advantage_kind kind =
        (masa_advantage_kind)property_below(d, MASA_ADVANTAGE_BATCH_NORM + 1);
    double sum[6] = {0};
    (void)context;
    property_note(d, "kind %d;", kind);
    for (size_t g = 0; g < groups; g++) {
        size_t size = 2 + property_below(d, 9), values = 1 + property_below(d, 4);
        for (size_t i = 0; i < size; i++, n++) {
            reward[n] = (float)property_below(d, values) / 4;
            moved[n] = reward[n] + 8;
            group[n] = g;
            property_note(d, " %g", (double)reward[n]);
        }
        property_note(d, ";");
    }
    masa_advantages(advantage, reward, group, n, kind);
    masa_advantages(again, moved, group, n, kind);
    bool holds = true;
    for (size_t i = 0; i < n; i++) {
        sum[group[i]] += (double)advantage[i];
        bool flat = true;
        for (size_t j = 0; j < n; j++) {
            if (group[i] != group[j]) continue;
            if (reward[i] > reward[j]) holds = holds && advantage[i] > advantage[j];
            if (reward[i] == reward[j]) holds = holds && advantage[i] == advantage[j];
            flat = flat && reward[i] == reward[j];
        }
        holds = holds && !(flat && advantage[i] != 0) && fabsf(advantage[i] - again[i]) < 1e-4f;
    }
    for (size_t g = 0; g < groups; g++) holds = holds && fabs(sum[g]) < 1e-4;
    return holds;
}

static void advantages_are_centred(void **state)
{
    (void)state;
    property_check(advantages_compare, NULL, 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(group_norm_matches_the_definition),
        cmocka_unit_test(leave_one_out_is_reward_minus_mean_of_others),
        cmocka_unit_test(mean_and_batch_norm), cmocka_unit_test(advantages_are_centred)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
