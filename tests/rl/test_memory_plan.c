/* The plan of a run's memory: its sums, activations that are recomputed when they would not fit,
 * and that it is what a session then allocates. */
#include "memory_plan.h"
#include "tiny_llama.h"
#include <masa/memory.h>
#include <masa/linear.h>

static const masa_model_config model = {
    .vocab_size = 1000,
    .hidden_size = 64,
    .intermediate_size = 128,
    .n_layers = 8,
    .n_heads = 4,
    .n_kv_heads = 2,
    .head_dim = 16,
    .max_positions = 512,
    .tied_embeddings = true,
};

static rl_memory_plan plan_with(const rl_session_options *wants, const char *recompute,
                                const char *rank, size_t available)
{
    masa_config config;
    const char *set[] = {recompute, rank};
    assert_int_equal(masa_config_load(&config, NULL, NULL, set, 2, NULL), MASA_OK);
    rl_memory_plan p = rl_memory_plan_make(&config, &model, MASA_F32, wants, NULL, available);
    masa_config_deinit(&config);
    return p;
}

static rl_memory_plan plan(const char *recompute, const char *rank, size_t available)
{
    return plan_with(&(rl_session_options){0}, recompute, rank, available);
}

static void totals_are_sums(void **state)
{
    (void)state;
    rl_memory_plan p = plan("optimizer.recompute=false", "lora.rank=0", 0);
    assert_int_equal(p.total, p.weights + p.gradients + p.optimizer + p.activations);
    assert_int_equal(p.optimizer, 2 * p.gradients);
    /* Of a layer's 7 matrices: rank times rows and columns of each, two moments. */
    size_t factors = 8 * 4 * (128 + 96 + 96 + 128 + 192 + 192 + 192);
    assert_int_equal(plan("optimizer.recompute=false", "lora.rank=4", 0).optimizer,
                     2 * factors * sizeof(float));
    rl_memory_plan two = plan_with(&(rl_session_options){.meta_optimizer = true},
                                   "optimizer.recompute=false", "lora.rank=0", 0);
    assert_int_equal(two.optimizer, 2 * p.optimizer);
    assert_int_equal(plan("optimizer.moments=bf16", "lora.rank=0", 0).optimizer, p.gradients);
}

static void activations_are_recomputed_where_they_would_not_fit(void **state)
{
    (void)state;
    const char *automatic = "optimizer.recompute=auto", *full = "lora.rank=0";
    rl_memory_plan kept = plan("optimizer.recompute=false", full, 1);
    rl_memory_plan less = plan("optimizer.recompute=true", full, 0);
    assert_false(kept.recompute);
    assert_true(less.recompute);
    assert_true(less.activations < kept.activations);
    assert_false(plan(automatic, full, 0).recompute);
    assert_false(plan(automatic, full, kept.total).recompute);
    rl_memory_plan chosen = plan(automatic, full, kept.total - 1);
    assert_true(chosen.recompute);
    assert_int_equal(chosen.total, less.total);
}

static void plans_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    masa_error err = {0};
    rl_memory_plan p = plan("optimizer.recompute=true", "lora.rank=0", 0);
    assert_int_equal(rl_memory_plan_check(&p, 0, NULL, &err), MASA_OK);
    assert_int_equal(rl_memory_plan_check(&p, p.total, NULL, &err), MASA_OK);
    assert_int_equal(rl_memory_plan_check(&p, p.total - 1, NULL, &err), MASA_ERR_MEMORY);
    assert_non_null(strstr(err.message, "optimizer.tokens_per_pass"));
}

static rl_memory_plan keeping(const char *memory, masa_dtype compute, size_t available)
{
    masa_config config;
    masa_generator_options generator = {.max_batch = 4, .max_context = 64};
    const char *set[] = {memory,
                         "rollout.max_tokens=100",
                         "data.max_prompt_tokens=50",
                         "rollout.prompts_per_step=2",
                         "rollout.group_size=3",
                         "optimizer.tokens_per_pass=256"};
    assert_int_equal(masa_config_load(&config, NULL, NULL, set, 6, NULL), MASA_OK);
    rl_memory_plan p = rl_memory_plan_make(&config, &model, compute, &(rl_session_options){0},
                                           &generator, available);
    masa_config_deinit(&config);
    return p;
}

/* As many tokens as a step may have, or as memory allows; left to itself only where it
 * changes nothing. */
static void rollouts_are_kept_as_memory_allows(void **state)
{
    (void)state;
    enum { STEP = 2 * (50 + 3 * 100) };
    masa_error err = {0};
    size_t row = masa_activations_bytes(&model, MASA_BF16, 1);
    rl_memory_plan none = keeping("rollout.kept_memory=0", MASA_BF16, 0);
    assert_int_equal(none.kept_rows, 0);
    assert_int_equal(keeping("rollout.kept_memory=1000", MASA_BF16, 0).kept_rows, STEP);
    rl_memory_plan some = keeping("rollout.kept_memory=1", MASA_BF16, 0);
    assert_int_equal(some.kept_rows, (1 << 20) / row);
    assert_int_equal(some.kept, some.kept_rows * row);
    assert_int_equal(some.total, none.total);
    assert_int_equal(rl_memory_plan_check(&some, some.total + some.kept, NULL, &err), MASA_OK);
    assert_int_equal(rl_memory_plan_check(&some, some.total + some.kept - 1, NULL, &err),
                     MASA_ERR_MEMORY);
    assert_non_null(strstr(err.message, "rollout.kept_memory"));
    const char *automatic = "rollout.kept_memory=-1";
    bool same = masa_device_rows_agree(MASA_BF16);
    size_t available = none.total + 200 * row;
    assert_int_equal(keeping(automatic, MASA_BF16, available).kept_rows, same ? 100 : 0);
    assert_int_equal(keeping(automatic, MASA_BF16, 1).kept_rows, 0);
}

/* Large arrays of the host's and the device's memory since the count began. */
static size_t allocated;

static void count(size_t n, size_t size, const char *what)
{
    static const char *const brief[] = {"a trial", "a product", "a parameter"}; /* soon freed */
    for (size_t i = 0; i < sizeof brief / sizeof *brief; i++)
        if (strcmp(what, brief[i]) == 0) return;
    allocated += n * size;
}

masa_status __real_masa_alloc_large(void **out, size_t n, size_t size, const char *what,
                                    masa_error *err);
masa_status __real_masa_device_alloc(void DEVICE **out, size_t n, size_t size, const char *what,
                                     masa_error *err);
masa_status __real_masa_device_reserve(void DEVICE **out, size_t n, size_t size,
                                       const char *what, masa_error *err);
masa_status __wrap_masa_alloc_large(void **out, size_t n, size_t size, const char *what,
                                    masa_error *err);
masa_status __wrap_masa_device_alloc(void DEVICE **out, size_t n, size_t size, const char *what,
                                     masa_error *err);
masa_status __wrap_masa_device_reserve(void DEVICE **out, size_t n, size_t size,
                                       const char *what, masa_error *err);

masa_status __wrap_masa_alloc_large(void **out, size_t n, size_t size, const char *what,
                                    masa_error *err)
{
    count(n, size, what);
    return __real_masa_alloc_large(out, n, size, what, err);
}

masa_status __wrap_masa_device_alloc(void DEVICE **out, size_t n, size_t size, const char *what,
                                     masa_error *err)
{
    count(n, size, what);
    return __real_masa_device_alloc(out, n, size, what, err);
}

masa_status __wrap_masa_device_reserve(void DEVICE **out, size_t n, size_t size,
                                       const char *what, masa_error *err)
{
    count(n, size, what);
    return __real_masa_device_reserve(out, n, size, what, err);
}

/* A session of the folder's model as training opens it, and its generator. */
static void session_as_planned(const char *folder, const char *compute, const char *setting,
                               const char *rank, rl_session_options wants)
{
    masa_error err = {0};
    char path[64];
    snprintf(path, sizeof path, "model.path=%s", folder);
    const char *set[] = {path,
                         compute,
                         setting,
                         rank,
                         "optimizer.tokens_per_pass=256",
                         "data.max_prompt_tokens=50",
                         "rollout.max_tokens=100",
                         "rollout.kept_memory=1"};
    masa_config config;
    rl_session session;
    masa_generator *generator = NULL;
    masa_model_file *file = NULL;
    masa_generator_options sizes = {.max_batch = 4, .max_context = 64};
    if (masa_config_load(&config, NULL, NULL, set, sizeof set / sizeof *set, &err))
        fail_msg("%s", err.message);
    assert_int_equal(masa_model_file_open(&file, folder, &err), MASA_OK);
    rl_memory_plan p = rl_memory_plan_make(&config, masa_model_file_config(file),
                                           rl_compute_dtype(&config), &wants, &sizes, 0);
    masa_model_file_close(file);
    allocated = 0;
    wants.temperature = 1;
    if (rl_session_open(&session, &config, NULL, &(masa_train_options){0}, &sizes, &wants,
                        &err))
        fail_msg("%s", err.message);
    if (masa_generator_create(&generator, session.model, NULL, &sizes, &err))
        fail_msg("%s", err.message);
    assert_true(p.kept > 0);
    double planned = (double)(p.total + p.kept - masa_device_sizes_get().products);
    assert_near((double)allocated / planned, 1, 0.02);
    masa_generator_destroy(generator);
    rl_session_close(&session);
    masa_config_deinit(&config);
}

/* 1 MiB of the model in the folder holds 170 tokens, in whole blocks. */
static void check_cache(const char *folder)
{
    masa_config config;
    masa_error err = {0};
    rl_session_options wants = {0};
    const char *set[] = {"model.compute=f32", "rollout.cache_memory=1"};
    assert_int_equal(masa_config_load(&config, NULL, NULL, set, 2, NULL), MASA_OK);
    masa_generator_options generator = {
        .max_batch = 4, .max_context = 128, .cache_bytes = 1 << 20};
    assert_int_equal(rl_memory_reserve(&config, folder, &wants, &generator, NULL, &err),
                     MASA_OK);
    generator.max_context = 200;
    assert_int_equal(rl_memory_reserve(&config, folder, &wants, &generator, NULL, &err),
                     MASA_ERR_CONFIG);
    assert_non_null(strstr(err.message, "rollout.cache_memory (1 MiB)"));
    masa_config_deinit(&config);
}

static void sessions_allocate_what_is_planned(void **state)
{
    (void)state;
    char folder[] = "/tmp/masa-plan-XXXXXX";
    assert_non_null(mkdtemp(folder));
    masa_model_config c = {.architecture = MASA_QWEN2,
                           .vocab_size = TINY_VOCAB,
                           .hidden_size = 384,
                           .intermediate_size = 768,
                           .n_layers = 4,
                           .n_heads = 8,
                           .n_kv_heads = 4,
                           .head_dim = 48,
                           .max_positions = 128,
                           .rms_norm_eps = 1e-5f,
                           .rope_theta = 10000,
                           .bos_token = 0,
                           .eos_token = 1,
                           .pad_token = -1};
    masa_model_options options = {MASA_F32, false};
    masa_model *tiny = NULL;
    masa_tokenizer *tokenizer = NULL;
    assert_int_equal(masa_model_create(&tiny, &c, &options, 3, NULL), MASA_OK);
    assert_int_equal(masa_model_save(tiny, folder, MASA_SAVE_F32, NULL), MASA_OK);
    assert_int_equal(masa_tokenizer_load(&tokenizer, TINY_TOKENIZER, NULL), MASA_OK);
    assert_int_equal(masa_tokenizer_save(tokenizer, folder, NULL), MASA_OK);
    masa_tokenizer_destroy(tokenizer);
    masa_model_destroy(tiny);
    check_cache(folder);
    const char *all = "optimizer.recompute=false", *none = "lora.rank=0";
    session_as_planned(folder, "model.compute=f32", all, none, (rl_session_options){0});
    session_as_planned(folder, "model.compute=f32", "optimizer.recompute=true", none,
                       (rl_session_options){.meta_optimizer = true});
    session_as_planned(folder, "model.compute=f32", all, none,
                       (rl_session_options){.reference = true});
    session_as_planned(folder, "model.compute=f32", all, "lora.rank=4",
                       (rl_session_options){0});
    session_as_planned(folder, "model.compute=f32", "lora.compact=true", "lora.rank=64",
                       (rl_session_options){0});
    session_as_planned(folder, "model.compute=f32", "lora.compact=true", "lora.rank=64",
                       (rl_session_options){.reference = true, .meta_optimizer = true});
    session_as_planned(folder, "model.compute=f32", "optimizer.moments=bf16", none,
                       (rl_session_options){0});
    session_as_planned(folder, "model.compute=f32", "optimizer.on_host=true", none,
                       (rl_session_options){.meta_optimizer = true});
    if (masa_device_compute() == MASA_BF16) /* elsewhere it is held as float32 */
        session_as_planned(folder, "model.compute=bf16", all, none, (rl_session_options){0});
    assert_int_equal(masa_folder_remove(folder, NULL), MASA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals_are_sums),
        cmocka_unit_test(activations_are_recomputed_where_they_would_not_fit),
        cmocka_unit_test(rollouts_are_kept_as_memory_allows),
        cmocka_unit_test(plans_that_do_not_fit_are_refused),
        cmocka_unit_test(sessions_allocate_what_is_planned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
