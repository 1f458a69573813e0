/* The share of the loss that each token gets, for every aggregation, of both kinds. */
#include "masa_test.h"

#include "batch.h"

#include <masa/memory.h>

static const masa_problem problem;

/* A group of two rollouts of these lengths, with advantages 1 and -1. */
static void fill(rl_group *g, size_t first, size_t second)
{
    size_t lengths[] = {first, second};
    g->n = 2;
    g->rollouts = masa_alloc(2, sizeof *g->rollouts);
    for (size_t j = 0; j < 2; j++) {
        g->rollouts[j].completion.n = lengths[j];
        g->rollouts[j].completion.tokens = masa_alloc(lengths[j], sizeof(int32_t));
        g->rollouts[j].completion.logprobs = masa_alloc(lengths[j], sizeof(float));
        g->rollouts[j].advantage = j ? -1 : 1;
    }
}

/* Two prompts; of the second the last solution has no gradient but counts in the means. */
static rl_draws make_draws(bool meta)
{
    rl_draws draws = {0};
    rl_draw *d = rl_draws_add(&draws, &problem, 0);
    fill(&d->solutions, 10, 30);
    if (meta) fill(&d->meta, 2, 6);
    d = rl_draws_add(&draws, &problem, 1);
    fill(&d->solutions, 20, 40);
    d->solutions.rollouts[1].advantage = 0;
    if (meta) fill(&d->meta, 4, 8);
    return draws;
}

static void load(masa_config *config, const char *update, const char *aggregation)
{
    char a[64], b[64];
    const char *set[] = {a,
                         b,
                         "meta.samples=2",
                         "meta.weight=0.5",
                         "rollout.max_tokens=50",
                         "meta.max_tokens=10",
                         "meta.length_min=1"};
    snprintf(a, sizeof a, "meta.update=%s", update);
    snprintf(b, sizeof b, "algorithm.aggregation=%s", aggregation);
    assert_int_equal(masa_config_load(config, NULL, NULL, set, 7, NULL), MASA_OK);
}

/* Weights of the seven sequences, in order: three solutions, then four meta rollouts. */
static void check(const char *update, const char *aggregation, const double expected[7])
{
    masa_config config;
    load(&config, update, aggregation);
    rl_draws draws = make_draws(true);
    rl_batch b;
    rl_batch_init(&b, &draws, &config, 0, 1);
    assert_int_equal(b.n, 7);
    for (size_t i = 0; i < 7; i++)
        if (fabs(b.sequences[i].weight - expected[i]) > 1e-7)
            fail_msg("%s %s: sequence %zu weighs %g, not %g", update, aggregation, i,
                     (double)b.sequences[i].weight, expected[i]);
    rl_batch_deinit(&b);
    rl_draws_deinit(&draws);
    masa_config_deinit(&config);
}

static void tokens_weigh_by_the_aggregation(void **state)
{
    (void)state;
    /* 100 tokens of 4 solutions, 20 of 4 meta rollouts. Joint: these count half. */
    double s = 1 / 100.0, m = 1 / 20.0;
    check("separate", "token_mean", (double[]){s, s, s, m, m, m, m});
    check("joint", "token_mean", (double[]){s, s, s, m / 2, m / 2, m / 2, m / 2});
    const double sequence[] = {1 / 40.0, 1 / 120.0, 1 / 80.0, 1 / 8.0,
                               1 / 24.0, 1 / 16.0,  1 / 32.0};
    double halved[7];
    for (size_t i = 0; i < 7; i++) halved[i] = i < 3 ? sequence[i] : sequence[i] / 2;
    check("separate", "sequence_mean", sequence);
    check("joint", "sequence_mean", halved);
    /* The constant is each kind's own limit: 50 and 10 tokens. */
    s = 1 / 200.0, m = 1 / 40.0;
    check("separate", "constant", (double[]){s, s, s, m, m, m, m});
    check("joint", "constant", (double[]){s, s, s, m / 2, m / 2, m / 2, m / 2});
}

/* Groups of unlike sizes weigh alike: the gradient of a prompt is a mean over what it has. */
static void sizes_by_worth_weigh_alike(void **state)
{
    (void)state;
    static const char *const aggregations[] = {"token_mean", "sequence_mean", "constant"};
    /* Groups of 4 are usual; of two prompts one has 2 rollouts and one 4, each of 20 tokens. */
    static const double expected[][2] = {
        {2 / 160.0, 1 / 160.0}, {2 / 160.0, 1 / 160.0}, {2 / 400.0, 1 / 400.0}};
    for (size_t a = 0; a < 3; a++) {
        masa_config config;
        load(&config, "separate", aggregations[a]);
        config.rollout.group_size = 4;
        rl_draws draws = {0};
        fill(&rl_draws_add(&draws, &problem, 0)->solutions, 20, 20);
        fill(&rl_draws_add(&draws, &problem, 1)->solutions, 20, 20);
        rl_group *g = &draws.items[1].solutions;
        rl_group other = {0};
        fill(&other, 20, 20);
        g->rollouts = masa_realloc(g->rollouts, 4, sizeof *g->rollouts);
        memcpy(g->rollouts + 2, other.rollouts, 2 * sizeof *other.rollouts);
        free(other.rollouts);
        draws.items[0].solutions.size = 2;
        g->n = g->size = 4;
        for (int trained = 4; trained >= 2;
             trained -= 2) { /* all, or a subset of two of each */
            config.algorithm.subset = trained == 2 ? 2 : 0;
            for (size_t j = 2; j < 4; j++) g->rollouts[j].passed_over = trained == 2;
            rl_batch b;
            rl_batch_init(&b, &draws, &config, 0, 1);
            assert_int_equal(b.n, 2 + trained);
            double first = trained == 4 ? expected[a][0] : a == 2 ? 1 / 200.0 : 1 / 80.0;
            double second = trained == 4 ? expected[a][1] : first;
            assert_near(b.sequences[0].weight, first, 1e-7);
            assert_near(b.sequences[2].weight, second, 1e-7);
            rl_batch_deinit(&b);
        }
        masa_config_deinit(&config);
        rl_draws_deinit(&draws);
    }
}

static void separate_updates_follow_each_other(void **state)
{
    (void)state;
    masa_config config;
    rl_draws draws = make_draws(true);
    rl_batch b;
    load(&config, "separate", "token_mean");
    rl_batch_init(&b, &draws, &config, 0, 1);
    assert_int_equal(b.n_updates, 2);
    assert_int_equal(b.updates[0].kind, RL_SOLUTION);
    assert_int_equal(b.updates[0].n, 3);
    assert_true(b.updates[0].rate == 1);
    assert_int_equal(b.updates[1].kind, RL_META);
    assert_int_equal(b.updates[1].first, 3);
    assert_int_equal(b.updates[1].n, 4);
    assert_true(b.updates[1].rate == 0.5); /* AdamW would not see a weight */
    rl_batch_deinit(&b);
    config.optimizer.mini_batches = 2;
    rl_batch_init(&b, &draws, &config, 0, 1);
    assert_int_equal(b.n_updates, 4);
    assert_near(b.sequences[0].weight, 1 / 40.0, 1e-7); /* of the first prompt's tokens alone */
    assert_near(b.sequences[2].weight, 1 / 60.0, 1e-7);
    rl_batch_deinit(&b);
    masa_config_deinit(&config);
    load(&config, "joint", "token_mean");
    rl_batch_init(&b, &draws, &config, 0, 1);
    assert_int_equal(b.n_updates, 1);
    assert_int_equal(b.updates[0].n, 7);
    rl_batch_deinit(&b);
    masa_config_deinit(&config);
    rl_draws_deinit(&draws);
}

/* Cut into shares, a step has the updates and the weights that it has whole, and each sequence
 * once. */
static void shares_are_parts_of_the_whole(void **state)
{
    (void)state;
    masa_config config;
    rl_draws draws = make_draws(true);
    load(&config, "separate", "token_mean");
    config.optimizer.mini_batches = 2;
    rl_batch whole, part[3];
    rl_batch_init(&whole, &draws, &config, 0, 1);
    for (size_t s = 0; s < 3; s++) rl_batch_init(&part[s], &draws, &config, s, 3);
    for (size_t u = 0; u < whole.n_updates; u++) {
        const rl_batch_update *all = &whole.updates[u];
        size_t n = 0, found = 0;
        assert_int_equal(all->n, all->all);
        for (size_t s = 0; s < 3; s++) {
            assert_int_equal(part[s].n_updates, whole.n_updates);
            assert_int_equal(part[s].updates[u].all, all->n);
            n += part[s].updates[u].n;
            for (size_t i = 0; i < part[s].updates[u].n; i++) {
                const masa_sequence *x = &part[s].sequences[part[s].updates[u].first + i];
                assert_int_equal(x->group / 2 % 3, s);
                for (size_t k = all->first; k < all->first + all->n; k++)
                    found += whole.sequences[k].response == x->response &&
                             whole.sequences[k].weight == x->weight;
            }
        }
        assert_int_equal(n, all->n);
        assert_int_equal(found, all->n);
    }
    for (size_t s = 0; s < 3; s++) rl_batch_deinit(&part[s]);
    rl_batch_deinit(&whole);
    masa_config_deinit(&config);
    rl_draws_deinit(&draws);
}

static void solutions_weigh_what_they_weigh_alone(void **state)
{
    (void)state;
    static const char *const updates[] = {"separate", "joint"};
    static const char *const aggregations[] = {"token_mean", "sequence_mean", "constant"};
    for (size_t u = 0; u < 2; u++)
        for (size_t a = 0; a < 3; a++) {
            masa_config config;
            load(&config, updates[u], aggregations[a]);
            rl_draws with = make_draws(true), without = make_draws(false);
            rl_batch x, y;
            rl_batch_init(&x, &with, &config, 0, 1);
            rl_batch_init(&y, &without, &config, 0, 1);
            assert_int_equal(y.n, 3);
            assert_int_equal(y.n_updates, 1);
            for (size_t i = 0; i < 3; i++)
                assert_true(x.sequences[i].weight == y.sequences[i].weight);
            rl_batch_deinit(&x);
            rl_batch_deinit(&y);
            rl_draws_deinit(&with);
            rl_draws_deinit(&without);
            masa_config_deinit(&config);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_weigh_by_the_aggregation),
        cmocka_unit_test(sizes_by_worth_weigh_alike),
        cmocka_unit_test(separate_updates_follow_each_other),
        cmocka_unit_test(shares_are_parts_of_the_whole),
        cmocka_unit_test(solutions_weigh_what_they_weigh_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
