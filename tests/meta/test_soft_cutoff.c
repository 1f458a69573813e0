/* The soft cutoff's advantages: worked, exact where they must be, and unbiased. */
#include "masa_test.h"

#include <masa/advantage.h>
#include <masa/gate.h>
#include <masa/objective.h>
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
    double deviation = sqrt(0.75 * 0.25) + 1e-6; /* three of the weights' four are right */
    for (int i = 0; i < 4; i++) assert_near(divided[i], a[i] / deviation, 1e-6);
    float left_out[4];
    masa_soft_cutoff_leave_one_out(left_out, reward, weight, 4);
    for (int i = 0; i < 4; i++) assert_near(left_out[i], a[i] * 4 / 3, 1e-6);
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
                            divide ? MASA_ADVANTAGE_GROUP_NORM : MASA_ADVANTAGE_GROUP_MEAN);
            for (size_t i = 0; i < n; i++) assert_near(soft[i], plain[i], 2e-6);
        }
        masa_soft_cutoff_leave_one_out(soft, reward, weight, n);
        masa_advantages(plain, reward, groups, n, MASA_ADVANTAGE_LEAVE_ONE_OUT);
        for (size_t i = 0; i < n; i++) assert_near(soft[i], plain[i], 2e-6);
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
        unsigned past = (unsigned)masa_random_below(&random, 1 << N); /* reach the cutoff */
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
 * The gradient that an update takes, for every combination of what can be chosen: a group
 * of five rollouts of 2 to 6 tokens, of which some reach the cutoff. Over all survivals,
 * each with its probability, its mean is the uncut gradient exactly where
 * masa_soft_cutoff_obstacle has nothing to say, and differs where it has.
 */
enum { RIVALS = 5, TOKENS = 6 };

typedef enum aggregation {
    TOKEN_MEAN,
    KNOWN_TOKENS,
    SEQUENCE_MEAN,
    CONSTANT,
    AGGREGATIONS
} aggregation;

typedef struct update {
    masa_advantage_kind advantage;
    aggregation aggregation;
    double off; /* greatest log-ratio to the old policy; the clip is at .2 and .28 */
    float kl_coef;
} update;

typedef struct rivals {
    size_t length[RIVALS];
    float reward[RIVALS], logprob[RIVALS][TOKENS], old[RIVALS][TOKENS], ref[RIVALS][TOKENS];
} rivals;

static void draw_rivals(rivals *r, double off, masa_random *random)
{
    for (int i = 0; i < RIVALS; i++) {
        r->length[i] = 2 + masa_random_below(random, TOKENS - 1);
        r->reward[i] = (float)masa_random_uniform(random);
        for (int t = 0; t < TOKENS; t++) {
            r->logprob[i][t] = (float)-masa_random_uniform(random);
            r->old[i][t] =
                r->logprob[i][t] + (float)(off * (2 * masa_random_uniform(random) - 1));
            r->ref[i][t] = (float)-masa_random_uniform(random);
        }
    }
}

static double token_weight(const rivals *r, const float *weight, size_t i, aggregation how)
{
    double tokens = 0;
    for (size_t j = 0; j < RIVALS; j++)
        if (weight[j] != 0 || how == KNOWN_TOKENS) tokens += (double)r->length[j];
    switch (how) {
    case SEQUENCE_MEAN: return 1. / (double)(RIVALS * r->length[i]);
    case CONSTANT: return 1. / (RIVALS * TOKENS);
    default: return tokens > 0 ? 1 / tokens : 0;
    }
}

/* Adds chance x the gradient by each log-probability, as masa_objective_apply gives it.
 */
static void add_gradient(double sum[RIVALS][TOKENS], const rivals *r, const float *weight,
                         const update *u, double chance)
{
    float advantage[RIVALS];
    size_t group[RIVALS] = {0};
    masa_objective objective = {.clip_low = 0.2f, .clip_high = 0.28f, .kl_coef = u->kl_coef};
    bool whole = true;
    for (int i = 0; i < RIVALS; i++) whole = whole && weight[i] == 1;
    if (whole) masa_advantages(advantage, r->reward, group, RIVALS, u->advantage);
    else if (u->advantage == MASA_ADVANTAGE_LEAVE_ONE_OUT)
        masa_soft_cutoff_leave_one_out(advantage, r->reward, weight, RIVALS);
    else
        masa_soft_cutoff_advantages(advantage, r->reward, weight, RIVALS,
                                    u->advantage != MASA_ADVANTAGE_GROUP_MEAN);
    for (size_t i = 0; i < RIVALS; i++) {
        float slope[TOKENS];
        if (weight[i] == 0) continue;
        masa_objective_apply(slope, r->logprob[i], r->old[i], r->ref[i], NULL, r->length[i],
                             advantage[i], (float)token_weight(r, weight, i, u->aggregation),
                             &objective, NULL);
        for (size_t t = 0; t < r->length[i]; t++) sum[i][t] += chance * slope[t];
    }
}

/* Greatest difference of the mean gradient over all survivals from the uncut one. */
static double bias(const rivals *r, unsigned past, double s, const update *u)
{
    double uncut[RIVALS][TOKENS] = {{0}}, mean[RIVALS][TOKENS] = {{0}}, most = 0;
    static const float all[RIVALS] = {1, 1, 1, 1, 1};
    add_gradient(uncut, r, all, u, 1);
    for (unsigned kept = 0; kept < 1u << RIVALS; kept++) {
        float weight[RIVALS];
        double chance = 1;
        if (kept & ~past) continue;
        for (int i = 0; i < RIVALS; i++) {
            bool reaches = past >> i & 1, survives = kept >> i & 1;
            weight[i] = !reaches ? 1 : survives ? (float)(1 / s) : 0;
            if (reaches) chance *= survives ? s : 1 - s;
        }
        add_gradient(mean, r, weight, u, chance);
    }
    for (int i = 0; i < RIVALS; i++)
        for (int t = 0; t < TOKENS; t++) most = fmax(most, fabs(mean[i][t] - uncut[i][t]));
    return most;
}

static void exact_where_it_says_so(void **state)
{
    (void)state;
    size_t exact = 0;
    for (int kind = 0; kind <= MASA_ADVANTAGE_BATCH_NORM; kind++)
        for (int how = 0; how < AGGREGATIONS; how++)
            for (int off = 0; off < 3; off++)
                for (int reference = 0; reference < 2; reference++) {
                    static const double ratios[] = {0, 0.15, 0.6}; /* the second never clips */
                    update u = {(masa_advantage_kind)kind, (aggregation)how, ratios[off],
                                reference ? 0.5f : 0};
                    masa_soft_cutoff_use use = {.deviation =
                                                    kind == MASA_ADVANTAGE_GROUP_NORM ||
                                                    kind == MASA_ADVANTAGE_BATCH_NORM,
                                                .token_total = how == TOKEN_MEAN,
                                                .clipped = off == 2,
                                                .reference = reference};
                    masa_random random = masa_random_init(13, MASA_STREAM_TEST);
                    double most = 0;
                    for (int round = 0; round < 20; round++) {
                        rivals r;
                        draw_rivals(&r, u.off, &random);
                        most = fmax(most, bias(&r, 7u + 6u * (unsigned)(round % 5), 0.3, &u));
                    }
                    const char *obstacle = masa_soft_cutoff_obstacle(&use);
                    exact += !obstacle;
                    if (obstacle ? most < 1e-3 : most > 1e-6)
                        fail_msg("advantage %d, aggregation %d, ratios %d, reference %d: bias "
                                 "%g, %s",
                                 kind, how, off, reference, most,
                                 obstacle ? obstacle : "exact");
                }
    assert_int_equal(exact, 2 * 3 * 2);
}

static void obstacles_are_named(void **state)
{
    (void)state;
    masa_soft_cutoff_use use = {0};
    assert_null(masa_soft_cutoff_obstacle(&use));
    use.chosen = true;
    assert_non_null(strstr(masa_soft_cutoff_obstacle(&use), "algorithm.dynamic_sampling"));
    use.reference = true;
    assert_non_null(strstr(masa_soft_cutoff_obstacle(&use), "KL"));
    use.clipped = true;
    assert_non_null(strstr(masa_soft_cutoff_obstacle(&use), "clip"));
    use.token_total = true;
    assert_non_null(strstr(masa_soft_cutoff_obstacle(&use), "tokens"));
    use.deviation = true;
    assert_non_null(strstr(masa_soft_cutoff_obstacle(&use), "deviation"));
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
        float reward[GROUP], seen[GROUP], weight[GROUP], plain[GROUP], soft[GROUP], hard[GROUP];
        for (int i = 0; i < GROUP; i++) {
            double u = masa_random_uniform(&random);
            for (action[i] = 0; action[i] + 1 < ACTIONS && u >= policy[action[i]]; action[i]++)
                u -= policy[action[i]];
            reward[i] = rewards[action[i]];
            bool past = action[i] >= 2, cut = past && masa_random_uniform(&random) >= survival;
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
        cmocka_unit_test(exact_where_it_says_so),
        cmocka_unit_test(obstacles_are_named),
        cmocka_unit_test(unbiased_on_a_toy_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
