/* Updates as a training loop makes them: trainer and optimiser together. */
#include "train_test.h"
#include <masa/optimizer.h>

static const masa_optimizer_options fast = {
    .lr = 0.01, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .grad_clip = 1};
static const masa_objective grpo = {.clip_low = 0.2f, .clip_high = 0.28f};

struct learner {
    masa_model *model;
    masa_trainer *trainer;
    masa_optimizer *optimizer;
};

static struct learner make(uint64_t seed)
{
    struct learner l = {.model = tiny_model(seed)};
    l.trainer = make_trainer(l.model, 60);
    assert_int_equal(masa_optimizer_create(&l.optimizer, l.model, NULL, &fast, NULL), MASA_OK);
    return l;
}

static void drop(struct learner *l)
{
    masa_optimizer_destroy(l->optimizer);
    masa_trainer_destroy(l->trainer);
    masa_model_destroy(l->model);
}

static masa_trainer_stats update(struct learner *l, const masa_sequence *s, size_t n,
                                 const masa_objective *objective)
{
    masa_trainer_stats stats = {0};
    assert_int_equal(masa_trainer_accumulate(l->trainer, s, n, objective, &stats, NULL),
                     MASA_OK);
    assert_int_equal(masa_optimizer_step(l->optimizer, 1, NULL, NULL), MASA_OK);
    return stats;
}

static void sum_logprobs(struct learner *l, const rollouts *r, double sums[ROLLOUTS])
{
    assert_int_equal(masa_trainer_logprobs(l->trainer, r->sequences, ROLLOUTS, NULL, NULL),
                     MASA_OK);
    for (size_t i = 0; i < ROLLOUTS; i++) {
        sums[i] = 0;
        for (size_t t = 0; t < r->sequences[i].response_size; t++) sums[i] += r->logprobs[i][t];
    }
}

/* Texts that earned more become likelier, the others less. */
static void policy_gradient_follows_the_advantage(void **state)
{
    (void)state;
    struct learner l = make(1);
    rollouts r;
    rollouts_init(&r, 2);
    for (size_t i = 0; i < ROLLOUTS; i++)
        r.sequences[i].advantage = i % 3 == 0 ? 1 : i % 3 == 1 ? -1 : 0;
    double before[ROLLOUTS], after[ROLLOUTS];
    sum_logprobs(&l, &r, before);
    for (int step = 0; step < 8; step++) update(&l, r.sequences, ROLLOUTS, &grpo);
    sum_logprobs(&l, &r, after);
    for (size_t i = 0; i < ROLLOUTS; i++) {
        if (i % 3 == 0) assert_true(after[i] > before[i] + 0.1);
        if (i % 3 == 1) assert_true(after[i] < before[i] - 0.1);
    }
    drop(&l);
}

static void supervised_loss_falls(void **state)
{
    (void)state;
    struct learner l = make(3);
    rollouts r;
    rollouts_init(&r, 4);
    double first = update(&l, r.sequences, ROLLOUTS, NULL).objective.loss, last = first;
    for (int step = 0; step < 60; step++)
        last = update(&l, r.sequences, ROLLOUTS, NULL).objective.loss;
    assert_true(first > log(TINY_VOCAB) - 1);
    assert_true(last < first / 3);
    drop(&l);
}

/* The second mini-batch is measured against the policy before the first. */
static void mini_batches_keep_the_old_policy(void **state)
{
    (void)state;
    enum { HALF = ROLLOUTS / 2 };
    struct learner l = make(5);
    rollouts r;
    rollouts_init(&r, 6);
    double unused[ROLLOUTS];
    sum_logprobs(&l, &r, unused);
    memcpy(r.old, r.logprobs, sizeof r.old);
    for (size_t i = 0; i < ROLLOUTS; i++) r.sequences[i].old_logprobs = r.old[i];
    masa_objective_stats first = update(&l, r.sequences, HALF, &grpo).objective;
    assert_near(first.ratio, first.tokens, 1e-4);
    assert_near(first.kl_old, 0, 1e-9);
    assert_near(first.clipped, 0, 0);
    masa_objective_stats second = update(&l, r.sequences + HALF, HALF, &grpo).objective;
    double kl = 0, ratio = 0;
    for (size_t i = HALF; i < ROLLOUTS; i++)
        for (size_t t = 0; t < r.sequences[i].response_size; t++) {
            double d = (double)r.logprobs[i][t] - (double)r.old[i][t];
            kl += exp(-d) - 1 + d;
            ratio += exp(d);
        }
    assert_true(kl > 1e-3);
    assert_near(second.kl_old, kl, 1e-6 + 1e-6 * kl);
    assert_near(second.ratio, ratio, 1e-5 * ratio);
    assert_true(second.ratio != second.tokens);
    drop(&l);
}

/* With no advantage at all, the divergence alone pulls the policy back. */
static void divergence_pulls_towards_the_reference(void **state)
{
    (void)state;
    struct learner l = make(7);
    masa_model *reference = tiny_model(8);
    masa_trainer *at_reference = make_trainer(reference, 60);
    rollouts r;
    rollouts_init(&r, 9);
    assert_int_equal(masa_trainer_logprobs(at_reference, r.sequences, ROLLOUTS, NULL, NULL),
                     MASA_OK);
    memcpy(r.ref, r.logprobs, sizeof r.ref);
    for (size_t i = 0; i < ROLLOUTS; i++) {
        r.sequences[i].ref_logprobs = r.ref[i];
        r.sequences[i].advantage = 0;
    }
    masa_objective objective = grpo;
    objective.kl_coef = 0.1f;
    double first = update(&l, r.sequences, ROLLOUTS, &objective).objective.kl_ref, last = first;
    for (int step = 0; step < 40; step++)
        last = update(&l, r.sequences, ROLLOUTS, &objective).objective.kl_ref;
    assert_true(first > 1);
    assert_true(last < 0.2 * first);
    masa_trainer_destroy(at_reference);
    masa_model_destroy(reference);
    drop(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy_gradient_follows_the_advantage),
        cmocka_unit_test(supervised_loss_falls),
        cmocka_unit_test(mini_batches_keep_the_old_policy),
        cmocka_unit_test(divergence_pulls_towards_the_reference)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
