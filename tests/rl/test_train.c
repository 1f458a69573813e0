/* Whole training runs on a model of a few thousand parameters: supervised until it
 * answers with a letter, then reinforced. */
#include "letters.h"

#include <masa/clock.h>

static void supervised_training_learns(void **state)
{
    (void)state;
    /* log 3 / 2 nats are left: a choice of three letters, then the end of the turn */
    assert_true(metric_of("sft", 1, "loss") > 3);
    assert_near(metric_of("sft", 54, "loss"), log(3) / 2, 0.15);
}

static void a_run_records_everything(void **state)
{
    (void)state;
    must("whole", "", false);
    long trained = 0;
    for (long step = 1; step <= 4; step++) {
        /* the trainer's log-probabilities are those of the rollouts */
        double difference = metric_of("whole", step, "logprob_difference");
        if (!isnan(difference)) assert_near(difference, 0, 1e-5);
        trained += (long)metric_of("whole", step, "rollouts_trained");
        assert_true(metric_of("whole", step, "generated_tokens") > 0);
    }
    assert_true(trained > 0);
    assert_false(isnan(metric_of("whole", 0, "eval_accuracy")));
    assert_false(isnan(metric_of("whole", 4, "eval_accuracy")));
    assert_true(isnan(metric_of("whole", 1, "eval_accuracy")));
    masa_text before = {0}, after = weights_of("whole", "model.safetensors");
    char path[300];
    snprintf(path, sizeof path, "%s/model.safetensors", base);
    assert_int_equal(masa_file_read(&before, path, NULL), MASA_OK);
    assert_int_equal(before.size, after.size);
    assert_true(memcmp(before.data, after.data, after.size) != 0);
    masa_text_deinit(&before);
    masa_text_deinit(&after);
}

static double flops_of(const char *folder, const char *more)
{
    char settings[200];
    snprintf(settings, sizeof settings, "train.steps=1 data.test= %s", more);
    must(folder, settings, false);
    assert_near(metric_of(folder, 1, "meta_flops_share"), 0, 0);
    return metric_of(folder, 1, "flops");
}

/* Sampling is counted once, an epoch as 3 passes, and one more each for the reference of a KL
 * term and, where there are several updates, for the old policy. */
static void every_pass_counts(void **state)
{
    (void)state;
    double one = flops_of("kl1", "algorithm.kl_coef=1e-9");
    double two = flops_of("kl2", "algorithm.kl_coef=1e-9 optimizer.epochs=2");
    double three = flops_of("kl3", "algorithm.kl_coef=1e-9 optimizer.epochs=3");
    double pass = (three - two) / 3;
    assert_near(two - one, (1 + 3) * pass, 1e-6 * one);
    /* without a KL term rollouts of advantage 0 are not run: passes are smaller */
    two = flops_of("plain2", "optimizer.epochs=2");
    three = flops_of("plain3", "optimizer.epochs=3");
    double sampling = two - (1 + 6) * (three - two) / 3;
    assert_near(one, sampling + (1 + 3) * pass, 1e-6 * one);
}

static masa_status count_eval(void *context, const masa_store_eval *e, masa_error *err)
{
    (void)err;
    double *counts = context; /* responses, right ones, the same of a problem */
    counts[0]++;
    counts[1] += e->correct;
    if (strcmp(e->problem, "b d") != 0) return MASA_OK;
    counts[2]++;
    counts[3] += e->correct;
    return MASA_OK;
}

/* Several responses to each problem, and accuracy by the values of a key. */
static void evaluations_have_samples_and_strata(void **state)
{
    (void)state;
    FILE *test = fopen(in_root("strata.jsonl"), "w");
    for (char a = 'a'; a <= 'd'; a++)
        fprintf(test,
                "{\"id\":\"%c d\",\"problem\":\"%c d\",\"answer\":\"y\",\"letter\":\"%c\"}\n",
                a, a, a);
    assert_int_equal(fclose(test), 0);
    char more[400];
    snprintf(more, sizeof more,
             "train.steps=1 train.eval_rollouts=50 train.eval_temperature=1 "
             "data.strata=letter data.test=%s",
             in_root("strata.jsonl"));
    must("strata", more, false);
    masa_store *store = NULL;
    double counts[4] = {0};
    char *path = masa_run_store_path(in_root("strata"));
    assert_int_equal(masa_store_open(&store, path, MASA_STORE_READ, NULL), MASA_OK);
    assert_int_equal(masa_store_evals(store, 0, 0, count_eval, counts, NULL), MASA_OK);
    masa_store_close(store);
    free(path);
    assert_near(counts[0], 4 * 50, 0);
    assert_near(counts[2], 50, 0);
    assert_near(counts[1] / counts[0], 1.0 / 3, 0.15); /* the policy's choice of three */
    assert_near(metric_of("strata", 0, "eval_accuracy"), counts[1] / counts[0], 1e-6);
    assert_near(metric_of("strata", 0, "eval_accuracy/letter=b"), counts[3] / 50, 1e-6);
    assert_false(isnan(metric_of("strata", 1, "eval_accuracy/letter=d")));
}

/* Processor time is that of training, evaluations left out, and goes on in a resumed run. */
static void processor_time_goes_on(void **state)
{
    (void)state;
    double before = 0;
    for (long step = 1; step <= 4; step++) {
        double now = metric_of("halves", step, "cpu_seconds");
        assert_true(now > before);
        before = now;
    }
    double start = masa_processor_clock();
    must("timed", "train.steps=1", false);
    double all = masa_processor_clock() - start, own = metric_of("timed", 1, "cpu_seconds");
    assert_true(own > 0 && own < all);
}

/* With the rollouts' activations kept, all of them or those that fit, training is the same. */
static void keeping_activations_changes_nothing(void **state)
{
    (void)state;
    must("computed",
         "rollout.kept_memory=0 rollout.prompts_per_step=24 optimizer.tokens_per_pass=64",
         false);
    must("kept",
         "rollout.kept_memory=100 rollout.prompts_per_step=24 optimizer.tokens_per_pass=64",
         false);
    must("partly",
         "rollout.kept_memory=1 rollout.prompts_per_step=24 optimizer.tokens_per_pass=64",
         false);
    double some = 0, all = 0;
    for (long step = 1; step <= 4; step++) {
        double trained = metric_of("computed", step, "trained_tokens");
        assert_near(metric_of("computed", step, "recalled_tokens"), 0, 0);
        assert_near(metric_of("kept", step, "recalled_tokens"), trained, 0);
        all += trained;
        some += metric_of("partly", step, "recalled_tokens");
        assert_near(metric_of("kept", step, "loss"), metric_of("computed", step, "loss"), 1e-5);
        assert_near(metric_of("partly", step, "loss"), metric_of("computed", step, "loss"),
                    1e-5);
    }
    assert_true(some > 0 && some < all);
}

static void reinforcement_learns(void **state)
{
    (void)state;
    must("learns", "train.steps=20 optimizer.lr=0.002 data.test=", false);
    assert_near(metric_of("learns", 1, "accuracy"), 1.0 / 3, 0.3);
    assert_true(metric_of("learns", 20, "accuracy") > 0.75);
}

static void a_resumed_run_is_the_uninterrupted_one(void **state)
{
    (void)state;
    must("halves", "train.steps=2", false);
    must("halves", "train.steps=4", true);
    assert_same_run("whole", "halves", "model.safetensors", 4);
}

/* One line, on the first step, says which rule found what. */
static void a_run_says_where_answers_were_found(void **state)
{
    (void)state;
    char *said = NULL;
    size_t size = 0;
    FILE *progress = open_memstream(&said, &size);
    masa_train_options options = {.progress = progress};
    masa_error err = {0};
    if (reinforce("found", "data.answer_rules=boxed,number,whole data.test=", &options, &err))
        fail_msg("%s", err.message);
    fclose(progress);
    const char *line = strstr(said, "step 1: answers found by whole: ");
    assert_non_null(line);
    assert_non_null(strstr(line, "(data.answer_rules: boxed,number,whole)\n"));
    assert_null(strstr(line + 20, "answers found by"));
    free(said);
}

static void a_stopped_run_is_saved(void **state)
{
    (void)state;
    volatile sig_atomic_t stop = 1;
    masa_train_options options = {.stop = &stop};
    masa_error err = {0};
    assert_int_equal(reinforce("stopped", "", &options, &err), MASA_ERR_INTERRUPTED);
    assert_non_null(strstr(err.message, "--resume"));
    must("stopped", "", true);
    assert_same_run("whole", "stopped", "model.safetensors", 4);
}

static void factors_resume_too(void **state)
{
    (void)state;
    must("lora", "lora.rank=2", false);
    must("lora2", "lora.rank=2 train.steps=2", false);
    must("lora2", "train.steps=4", true);
    assert_same_run("lora", "lora2", "adapter/adapter_model.safetensors", 4);
}

static void every_family_trains(void **state)
{
    (void)state;
    static const char *const families[] = {"grpo", "dapo", "dr_grpo",
                                           "gspo", "rloo", "reinforce_pp"};
    for (size_t i = 0; i < 6; i++) {
        char more[200];
        snprintf(more, sizeof more,
                 "algorithm.name=%s optimizer.mini_batches=2 optimizer.epochs=2 "
                 "algorithm.kl_coef=0.01 train.steps=2 data.test=",
                 families[i]);
        must(families[i], more, false);
        assert_true(isfinite(metric_of(families[i], 2, "grad_norm")));
        /* Of all updates of the step, each against the policy that sampled. */
        double difference = metric_of(families[i], 1, "logprob_difference");
        if (!isnan(difference)) assert_near(difference, 0, 1e-5);
        assert_true(metric_of(families[i], 2, "kl_reference") >= 0);
    }
    /* of the groups that dynamic sampling looked at, those without variance were left out */
    double looked = metric_of("dapo", 1, "prompts");
    double left_out = metric_of("dapo", 1, "prompts_left_out");
    assert_near(left_out, looked * metric_of("dapo", 1, "zero_variance"), 1e-6);
    assert_true(looked - left_out <= 4);
}

static void refused(const char *more, masa_status want, const char *says)
{
    masa_train_options options = {0};
    masa_error err = {0};
    assert_int_equal(reinforce("refused", more, &options, &err), want);
    if (!strstr(err.message, says)) fail_msg("'%s' does not say '%s'", err.message, says);
    assert_false(masa_path_exists(in_root("refused"))); /* nothing is left behind */
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    refused("data.train=/nowhere.jsonl", MASA_ERR_IO, "/nowhere.jsonl");
    refused("model.path=/nowhere", MASA_ERR_IO, "/nowhere");
    refused("data.strata=letter", MASA_ERR_DATA, "no problem has \"letter\"");
    refused("train.eval_rollouts=2", MASA_ERR_CONFIG, "needs train.eval_temperature");
    refused("data.answer_rules=boxd", MASA_ERR_CONFIG, "boxd");
    refused("data.max_prompt_tokens=3", MASA_ERR_DATA, "data.max_prompt_tokens");
    refused("optimizer.tokens_per_pass=32", MASA_ERR_CONFIG, "optimizer.tokens_per_pass");
    masa_train_options again = {0};
    masa_error err = {0};
    assert_int_equal(reinforce("whole", "", &again, &err), MASA_ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(supervised_training_learns),
        cmocka_unit_test(a_run_records_everything),
        cmocka_unit_test(every_pass_counts),
        cmocka_unit_test(evaluations_have_samples_and_strata),
        cmocka_unit_test(keeping_activations_changes_nothing),
        cmocka_unit_test(reinforcement_learns),
        cmocka_unit_test(a_resumed_run_is_the_uninterrupted_one),
        cmocka_unit_test(processor_time_goes_on),
        cmocka_unit_test(a_run_says_where_answers_were_found),
        cmocka_unit_test(a_stopped_run_is_saved),
        cmocka_unit_test(factors_resume_too),
        cmocka_unit_test(every_family_trains),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
