#include "masa_test.h"
#include <masa/objective.h>
#include <masa/random.h>

static const masa_objective grpo = {.clip_low = 0.2f, .clip_high = 0.28f};

static void on_policy_gradient_is_minus_advantage(void **state)
{
    (void)state;
    float logprob[] = {-1, -2, -0.5f}, gradient[3];
    masa_objective_stats stats = {0};
    masa_objective_apply(gradient, logprob, NULL, NULL, NULL, 3, 2, 0.25f, &grpo, &stats);
    for (int t = 0; t < 3; t++) assert_near(gradient[t], -2 * 0.25, 1e-7);
    assert_near(stats.loss, -2 * 0.25 * 3, 1e-6);
    assert_near(stats.ratio, 3, 1e-9);
}

static void clip_removes_the_gradient_on_the_winning_side_only(void **state)
{
    (void)state;
    float old[] = {-1, -1, -1, -1}, gradient[4];
    float logprob[] = {-1 + logf(1.5f), -1 + logf(1.2f), -1 + logf(0.5f), -1};
    masa_objective_stats stats = {0};
    masa_objective_apply(gradient, logprob, old, NULL, NULL, 4, 1, 1, &grpo, &stats);
    assert_near(gradient[0], 0, 0);
    assert_near(gradient[1], -1.2, 1e-5);
    assert_near(gradient[2], -0.5, 1e-5);
    assert_near(stats.clipped, 1, 0);
    assert_near(stats.loss, -(1.28 + 1.2 + 0.5 + 1), 1e-5);
    /* Negative advantage: the other side is clipped. */
    masa_objective_apply(gradient, logprob, old, NULL, NULL, 4, -1, 1, &grpo, NULL);
    assert_near(gradient[0], 1.5, 1e-5);
    assert_near(gradient[2], 0, 0);
}

static void dual_clip_bounds_the_loss(void **state)
{
    (void)state;
    masa_objective o = grpo;
    o.dual_clip = 3;
    float old[] = {-5}, logprob[] = {-5 + logf(10)}, gradient[1];
    masa_objective_stats stats = {0};
    masa_objective_apply(gradient, logprob, old, NULL, NULL, 1, -1, 1, &o, &stats);
    assert_near(gradient[0], 0, 0);
    assert_near(stats.loss, 3, 1e-6);
}

/* Property: the gradient is that of the loss, for every variant. */
static void gradient_matches_finite_differences(void **state)
{
    (void)state;
    masa_random random = masa_random_init(11, MASA_STREAM_TEST);
    for (int trial = 0; trial < 400; trial++) {
        masa_objective o = {.ratio = trial % 2 ? MASA_RATIO_SEQUENCE : MASA_RATIO_TOKEN,
                            .clip_low = 0.2f,
                            .clip_high = 0.28f,
                            .dual_clip = trial % 3 ? 0 : 2,
                            .kl_coef = trial % 5 ? 0 : 0.1f};
        float logprob[6], old[6], ref[6], gradient[6], unused[6], weights[6];
        const float *importance = trial % 4 > 1 ? weights : NULL;
        for (int t = 0; t < 6; t++) {
            logprob[t] = -(float)masa_random_uniform(&random);
            old[t] = logprob[t] + 0.6f * (float)(masa_random_uniform(&random) - 0.5);
            ref[t] = logprob[t] + 0.6f * (float)(masa_random_uniform(&random) - 0.5);
            weights[t] = 2 * (float)masa_random_uniform(&random);
        }
        float advantage = (float)masa_random_normal(&random);
        masa_objective_apply(gradient, logprob, old, ref, importance, 6, advantage, 0.5f, &o,
                             NULL);
        for (int t = 0; t < 6; t++) {
            masa_objective_stats up = {0}, down = {0};
            float saved = logprob[t], h = 0x1p-10f;
            logprob[t] = saved + h;
            masa_objective_apply(unused, logprob, old, ref, importance, 6, advantage, 0.5f, &o,
                                 &up);
            logprob[t] = saved - h;
            masa_objective_apply(unused, logprob, old, ref, importance, 6, advantage, 0.5f, &o,
                                 &down);
            logprob[t] = saved;
            if (up.clipped != down.clipped) continue; /* a kink has no derivative */
            assert_near(gradient[t], (up.loss - down.loss) / (2 * h), 2e-3);
        }
    }
}

/* Tokens that the trainer finds likelier than who sampled them weigh more, up to the cap. */
static void importance_is_a_truncated_ratio(void **state)
{
    (void)state;
    const float old[] = {-1, -1, -1, -200}, sampled[] = {-1, -1.5f, -4, -1};
    float w[4], plain[4], weighed[4];
    masa_importance(w, old, sampled, 4, 2);
    assert_near(w[0], 1, 0);
    assert_near(w[1], exp(0.5), 1e-6);
    assert_near(w[2], 2, 1e-6);
    assert_near(w[3], 0, 1e-6);
    masa_objective_apply(plain, old, old, NULL, NULL, 4, 1, 1, &grpo, NULL);
    masa_objective_apply(weighed, old, old, NULL, w, 4, 1, 1, &grpo, NULL);
    for (int t = 0; t < 4; t++) assert_near(weighed[t], w[t] * plain[t], 1e-6);
}

/* A token that the policies see entirely differently keeps everything finite and has no
 * say; what is no number shows in the loss. */
static void far_ratios_and_nan(void **state)
{
    (void)state;
    masa_objective o = grpo;
    o.kl_coef = 0.1f;
    float old[] = {-90}, ref[] = {-90}, logprob[] = {-1}, gradient[1];
    for (int kind = MASA_RATIO_TOKEN; kind <= MASA_RATIO_SEQUENCE; kind++) {
        masa_objective_stats stats = {0};
        o.ratio = (masa_ratio_kind)kind;
        masa_objective_apply(gradient, logprob, old, ref, NULL, 1, -1, 1, &o, &stats);
        assert_true(isfinite(stats.loss) && isfinite(stats.kl_old) && isfinite(stats.ratio));
        assert_near(gradient[0], 0.1, 1e-6); /* of k3 alone: 1 - exp(-89) */
        masa_objective_apply(gradient, old, logprob, logprob, NULL, 1, -1, 1, &o, &stats);
        assert_true(isfinite(stats.loss) && isfinite(stats.kl_old) && isfinite(stats.kl_ref));
        assert_near(gradient[0], 0, 0);
        float nan[] = {NAN};
        const struct {
            const float *logprob, *old, *ref;
            float advantage;
        } bad[] = {{nan, old, ref, 1},      {nan, old, ref, -1},    {logprob, nan, ref, 1},
                   {logprob, nan, ref, -1}, {logprob, old, nan, 1}, {logprob, old, ref, NAN}};
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            masa_objective_stats s = {0};
            masa_objective_apply(gradient, bad[i].logprob, bad[i].old, bad[i].ref, NULL, 1,
                                 bad[i].advantage, 1, &o, &s);
            assert_true(isnan(s.loss));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(far_ratios_and_nan),
        cmocka_unit_test(importance_is_a_truncated_ratio),
        cmocka_unit_test(on_policy_gradient_is_minus_advantage),
        cmocka_unit_test(clip_removes_the_gradient_on_the_winning_side_only),
        cmocka_unit_test(dual_clip_bounds_the_loss),
        cmocka_unit_test(gradient_matches_finite_differences)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
