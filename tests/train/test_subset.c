/* The subset of the largest variance: against all subsets, and what it does to gradients.
 */
#include "masa_test.h"

#include <masa/advantage.h>
#include <masa/random.h>
#include <masa/subset.h>

static double variance(const float *reward, size_t n, unsigned set)
{
    double sum = 0, square = 0, m = __builtin_popcount(set);
    for (size_t i = 0; i < n; i++)
        if (set >> i & 1) sum += reward[i], square += (double)reward[i] * reward[i];
    return square / m - sum / m * (sum / m);
}

static unsigned choose(const float *reward, size_t n, size_t m)
{
    bool chosen[16];
    unsigned set = 0;
    masa_subset_choose(chosen, reward, n, m);
    for (size_t i = 0; i < n; i++) set |= (unsigned)chosen[i] << i;
    return set;
}

static void none_varies_more(void **state)
{
    (void)state;
    masa_random random = masa_random_init(1, MASA_STREAM_TEST);
    for (int round = 0; round < 400; round++) {
        float reward[9];
        size_t n = 1 + masa_random_below(&random, 9), m = 1 + masa_random_below(&random, n);
        for (size_t i = 0; i < n; i++) switch (round % 3) {
            case 0: reward[i] = (float)masa_random_below(&random, 2); break;
            case 1: reward[i] = (float)masa_random_below(&random, 4) / 3; break;
            default: reward[i] = 1000 + (float)masa_random_normal(&random);
            }
        unsigned set = choose(reward, n, m);
        double most = 0;
        assert_int_equal(__builtin_popcount(set), m);
        for (unsigned other = 1; other < 1u << n; other++)
            if ((size_t)__builtin_popcount(other) == m)
                most = fmax(most, variance(reward, n, other));
        assert_near(variance(reward, n, set), most, 1e-7);
    }
}

static void ties_and_edges(void **state)
{
    (void)state;
    static const float mixed[] = {1, 0, 1, 0, 1, 1, 0, 1}, rare[] = {0, 0, 0, 1, 0, 0, 0, 0},
                       equal[] = {0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f};
    assert_int_equal(choose(mixed, 8, 4), 1u << 1 | 1u << 3 | 1u << 5 | 1u << 7);
    assert_int_equal(choose(mixed, 8, 8), 255);
    assert_int_equal(choose(mixed, 8, 9), 255);
    assert_int_equal(choose(mixed, 8, 0), 0);
    assert_int_equal(choose(rare, 8, 4), 1u << 0 | 1u << 1 | 1u << 7 | 1u << 3);
    assert_int_equal(choose(equal, 8, 4), 1u << 0 | 1u << 1 | 1u << 6 | 1u << 7);
    assert_int_equal(choose((const float[]){3}, 1, 1), 1);
}

/* Mean over the trained rollouts of advantage x [this one's reward is `of`], in
 * expectation: what multiplies E[grad | reward = of]. Over all groups of N, of rewards value[k]
 * with probability[k]: whole; the M chosen of each; or those of which the first two differ, the
 * others given up (meta.gate_pilot). */
enum { N = 6, M = 4, VALUES = 3 };
typedef enum way { WHOLE, SUBSET, PILOTS } training;

static double pull(const float *value, const double *probability, float of, training way)
{
    double sum = 0;
    for (int outcome = 0; outcome < 729; outcome++) {
        float reward[N], kept[N], advantage[N];
        bool chosen[N];
        size_t group[N] = {0}, n = 0;
        double chance = 1;
        for (int i = 0, rest = outcome; i < N; i++, rest /= VALUES) {
            reward[i] = value[rest % VALUES];
            chance *= probability[rest % VALUES];
        }
        if (chance == 0 || (way == PILOTS && reward[0] == reward[1])) continue;
        masa_subset_choose(chosen, reward, N, way == SUBSET ? M : N);
        for (int i = 0; i < N; i++)
            if (chosen[i]) kept[n++] = reward[i];
        masa_advantages(advantage, kept, group, n, MASA_ADVANTAGE_GROUP_MEAN);
        for (size_t i = 0; i < n; i++)
            if (kept[i] == of) sum += chance * advantage[i] / (double)n;
    }
    return sum;
}

static void binary_directions_are_kept(void **state)
{
    (void)state;
    static const float value[] = {0, 1, 0.5f};
    double before = INFINITY;
    for (int k = 1; k <= 9; k++) {
        double p = k / 10., probability[] = {1 - p, p, 0};
        double full = pull(value, probability, 1, WHOLE),
               part = pull(value, probability, 1, SUBSET);
        /* Right and wrong pull against each other by the same amount, whole or in part.
         */
        assert_near(pull(value, probability, 0, WHOLE), -full, 1e-7);
        assert_near(pull(value, probability, 0, SUBSET), -part, 1e-7);
        assert_near(full, p * (1 - p) * (N - 1) / N, 1e-7);
        /* E[h (1-h)] with min(right, 2) or all but min(wrong, 2) of four right. */
        double expected = 0, choices = 1;
        for (int right = 0; right <= N; choices *= (double)(N - right) / (right + 1), right++) {
            int h = right < 2 ? right : N - right < 2 ? M - (N - right) : 2;
            expected += choices * pow(p, right) * pow(1 - p, N - right) * h * (M - h) / (M * M);
        }
        assert_near(part, expected, 1e-7);
        /* The gradient is longer, most at the ends. */
        assert_true(part / full > 1);
        if (k <= 5) assert_true(part / full < before);
        before = part / full;
    }
}

/* With a value between, which is left out where it can be, the direction turns. */
static void other_directions_are_not(void **state)
{
    (void)state;
    static const float value[] = {0, 0.6f, 1};
    static const double probability[] = {0.3, 0.4, 0.3};
    double full[VALUES], part[VALUES];
    for (int k = 0; k < VALUES; k++) {
        full[k] = pull(value, probability, value[k], WHOLE);
        part[k] = pull(value, probability, value[k], SUBSET);
    }
    assert_near(full[0] + full[1] + full[2], 0, 1e-7);
    assert_near(part[0] + part[1] + part[2], 0, 1e-7);
    assert_true(fabs(part[1] / part[2] - full[1] / full[2]) > 0.03);
    assert_true(fabs(part[1] / part[2]) < fabs(full[1] / full[2]));
}

/* Right and wrong pull against each other whatever is given up; prompts that are hardly ever
 * right, or wrong, come to pull less. */
static void pilots_keep_binary_directions(void **state)
{
    (void)state;
    static const float value[] = {0, 1, 0.5f};
    double before = 0;
    for (int k = 1; k <= 9; k++) {
        double p = k / 10., probability[] = {1 - p, p, 0};
        double full = pull(value, probability, 1, WHOLE);
        double part = pull(value, probability, 1, PILOTS);
        assert_near(pull(value, probability, 0, PILOTS), -part, 1e-7);
        /* E[h (1-h)] where of `right` among N one of the first two is. */
        double expected = 0, choices = 1;
        for (int right = 0; right <= N; choices *= (double)(N - right) / (right + 1), right++) {
            double wrong = N - right, differ = 2 * right * wrong / (N * (N - 1.));
            expected += choices * pow(p, right) * pow(1 - p, wrong) * differ * right * wrong;
        }
        assert_near(part, expected / (N * N), 1e-7);
        assert_true(part / full < 1);
        if (k <= 5) assert_true(part / full > before);
        before = part / full;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_varies_more),
        cmocka_unit_test(ties_and_edges),
        cmocka_unit_test(binary_directions_are_kept),
        cmocka_unit_test(other_directions_are_not),
        cmocka_unit_test(pilots_keep_binary_directions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
