/* Experiments through the library alone: planned, trained, found again and compared, as a
 * program of others would. */
#include "tiny_llama.h"

#include <masa/experiment.h>
#include <masa/memory.h>

#include <unistd.h>

static char root[] = "/tmp/masa-experiment-XXXXXX";

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(root));
    assert_int_equal(chdir(root), 0);
    tiny_llama_save("start", 12);
    FILE *train = fopen("train.jsonl", "w"), *test = fopen("test.jsonl", "w");
    assert_true(train && test);
    for (char a = 'a'; a <= 'h'; a++)
        fprintf(a > 'f' ? test : train, "{\"problem\":\"%c\",\"answer\":\"y\"}\n", a);
    assert_int_equal(fclose(train) + fclose(test), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return chdir("/") != 0 || masa_folder_remove(root, NULL) != MASA_OK;
}

static const char *const settings[] = {
    "model.path=start",     "data.train=train.jsonl",    "data.test=test.jsonl",
    "data.suffix=",         "model.compute=f32",         "data.answer_rules=whole",
    "train.steps=2",        "train.threads=1",           "train.eval_every=1",
    "train.save_every=0",   "rollout.group_size=2",      "rollout.prompts_per_step=2",
    "rollout.max_tokens=6", "data.max_prompt_tokens=48", "optimizer.tokens_per_pass=512",
    "rollout.batch=4"};

static const masa_experiment_options how = {
    .set = {settings, sizeof settings / sizeof *settings}, .jobs = 1};

static void count_line(void *context, const char *line)
{
    *(size_t *)context += strstr(line, "done already") != NULL;
}

static void experiments_are_trained_and_compared(void **state)
{
    (void)state;
    masa_experiment planned = {0}, found = {0};
    masa_experiment_results results = {0};
    masa_error err = {0};
    size_t finished = 0, told = 0;
    assert_int_equal(masa_experiment_plan(&planned, "runs", "grpo,rloo", "1,2", NULL), MASA_OK);
    assert_int_equal(planned.n, 4);
    if (masa_experiment_train(&planned, &how, &finished, &err)) fail_msg("%s", err.message);
    assert_int_equal(finished, 4);

    /* Nothing is left to be done. */
    masa_experiment_options again = how;
    again.tell = count_line;
    again.context = &told;
    assert_int_equal(masa_experiment_train(&planned, &again, &finished, NULL), MASA_OK);
    assert_int_equal(told, 4);

    assert_int_equal(masa_experiment_find(&found, "runs", NULL), MASA_OK);
    assert_int_equal(found.n, 4);
    assert_int_equal(masa_experiment_read(&results, &found, NULL, NULL), MASA_OK);
    masa_comparison *table = masa_comparison_create(results.runs, results.n, "grpo");
    assert_int_equal(table->n, 2);
    assert_int_equal(table->n_seeds, 2);
    assert_string_equal(table->rows[0].arm, "grpo");
    assert_int_equal(table->rows[1].runs, 2);
    assert_int_equal(table->rows[1].unfinished, 0);
    masa_comparison_destroy(table);
    masa_experiment_results_deinit(&results);
    masa_experiment_deinit(&found);
    masa_experiment_deinit(&planned);
}

static volatile sig_atomic_t asked = 1;

static void a_stop_and_other_settings_are_errors(void **state)
{
    (void)state;
    masa_experiment plan = {0};
    masa_error err = {0};
    size_t finished = 0;
    masa_experiment_options stopped = how;
    stopped.stop = &asked;
    assert_int_equal(masa_experiment_plan(&plan, "none", "grpo", "1", NULL), MASA_OK);
    assert_int_equal(masa_experiment_train(&plan, &stopped, &finished, NULL),
                     MASA_ERR_INTERRUPTED);
    assert_false(masa_path_exists("none/grpo-seed1"));
    masa_experiment_deinit(&plan);

    /* A seed among the settings would make all runs the same. */
    const char *seed[] = {"train.seed=7"};
    masa_experiment_run *run = masa_experiment_add(&plan, "none", "grpo", 4, 1);
    run->set = (masa_settings){seed, 1};
    assert_int_equal(masa_experiment_train(&plan, &how, &finished, &err), MASA_ERR_USAGE);
    assert_non_null(strstr(err.message, "grpo: train.seed is set"));
    assert_null(masa_experiment_add(&plan, "none", "grpo", 4, 1));
    masa_experiment_deinit(&plan);
    assert_int_equal(masa_experiment_find(&plan, "start", NULL), MASA_ERR_DATA);
    assert_int_equal(masa_experiment_plan(&plan, "none", "grpo", "1,x", NULL), MASA_ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(experiments_are_trained_and_compared),
        cmocka_unit_test(a_stop_and_other_settings_are_errors),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
