/* The plan of a run's memory: its sums, and activations that are recomputed when they
 * would not fit. That it is near the truth is measured (docs/performance.md). */
#include "masa_test.h"
#include "memory_plan.h"

static const masa_model_config model = {
    .vocab_size = 1000, .hidden_size = 64, .intermediate_size = 128, .n_layers = 8,
    .n_heads = 4, .n_kv_heads = 2, .head_dim = 16, .max_positions = 512,
    .tied_embeddings = true,
};

static rl_memory_plan plan_with(const rl_session_options *wants, const char *checkpoint,
                                const char *rank, size_t available)
{
    masa_config config;
    const char *set[] = {checkpoint, rank};
    assert_int_equal(masa_config_load(&config, NULL, NULL, set, 2, NULL), MASA_OK);
    rl_memory_plan p =
        rl_memory_plan_make(&config, &model, MASA_F32, wants, NULL, available);
    masa_config_deinit(&config);
    return p;
}

static rl_memory_plan plan(const char *checkpoint, const char *rank, size_t available)
{
    return plan_with(&(rl_session_options){0}, checkpoint, rank, available);
}

static void totals_are_sums(void **state)
{
    (void)state;
    rl_memory_plan p = plan("optimizer.checkpoint_activations=false", "lora.rank=0", 0);
    assert_int_equal(p.total, p.weights + p.gradients + p.optimizer + p.activations);
    assert_int_equal(p.optimizer, 2 * p.gradients);
    assert_int_equal(plan("optimizer.checkpoint_activations=false", "lora.rank=4", 0).optimizer,
                     0);
    rl_memory_plan two = plan_with(&(rl_session_options){.cloning = true},
                                   "optimizer.checkpoint_activations=false", "lora.rank=0", 0);
    assert_int_equal(two.optimizer, 2 * p.optimizer);
}

static void activations_are_recomputed_where_they_would_not_fit(void **state)
{
    (void)state;
    const char *automatic = "optimizer.checkpoint_activations=auto", *full = "lora.rank=0";
    rl_memory_plan kept = plan("optimizer.checkpoint_activations=false", full, 1);
    rl_memory_plan less = plan("optimizer.checkpoint_activations=true", full, 0);
    assert_false(kept.checkpoint);
    assert_true(less.checkpoint);
    assert_true(less.activations < kept.activations);
    assert_false(plan(automatic, full, 0).checkpoint);
    assert_false(plan(automatic, full, kept.total).checkpoint);
    rl_memory_plan chosen = plan(automatic, full, kept.total - 1);
    assert_true(chosen.checkpoint);
    assert_int_equal(chosen.total, less.total);
}

static void plans_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    masa_error err = {0};
    rl_memory_plan p = plan("optimizer.checkpoint_activations=true", "lora.rank=0", 0);
    assert_int_equal(rl_memory_plan_check(&p, 0, NULL, &err), MASA_OK);
    assert_int_equal(rl_memory_plan_check(&p, p.total, NULL, &err), MASA_OK);
    assert_int_equal(rl_memory_plan_check(&p, p.total - 1, NULL, &err), MASA_ERR_MEMORY);
    assert_non_null(strstr(err.message, "optimizer.tokens_per_pass"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals_are_sums),
        cmocka_unit_test(activations_are_recomputed_where_they_would_not_fit),
        cmocka_unit_test(plans_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
