/* Every n-th allocation fails in turn over whole commands in small: a run with predictions and an
 * evaluation, supervised training, an evaluation of its own. Each time an error or one line,
 * never a crash, and nothing is left behind. */
#include "letters.h"
#include "out_of_memory.h"

#include <masa/eval.h>

enum { CHILDREN = 24 };

static masa_status reinforce_once(const char *folder, masa_error *err)
{
    char more[400];
    masa_train_options options = {0};
    assert_int_equal(masa_folder_remove(in_root(folder), NULL), MASA_OK);
    snprintf(
        more, sizeof more,
        "train.steps=1 train.threads=1 rollout.prompts_per_step=2 rollout.group_size=2 "
        "rollout.max_tokens=4 data.max_prompt_tokens=1900 optimizer.tokens_per_pass=2048 meta.samples=2 meta.start_step=0 meta.max_tokens=6 "
        "meta.length_min=1 meta.template=%s",
        in_root("meta.txt"));
    return reinforce(folder, more, &options, err);
}

static masa_status supervise_once(const char *folder, masa_error *err)
{
    char model[300], data[300];
    const char *set[] = {model,
                         data,
                         "model.compute=f32",
                         "train.threads=1",
                         "sft.batch=4",
                         "sft.max_tokens=64",
                         "optimizer.tokens_per_pass=576",
                         "rollout.max_tokens=64",
                         "sft.holdout=0.3",
                         "data.suffix="};
    masa_train_options options = {0};
    assert_int_equal(masa_folder_remove(in_root(folder), NULL), MASA_OK);
    snprintf(model, sizeof model, "model.path=%s", in_root("start"));
    snprintf(data, sizeof data, "sft.data=%s", in_root("few.jsonl"));
    return run(masa_sft_train, folder, set, sizeof set / sizeof *set, &options, err);
}

static masa_status evaluate_with(masa_results *results, masa_model *model,
                                 const masa_tokenizer *tokenizer, masa_error *err)
{
    masa_problems problems = {0};
    const masa_eval_options options = {.model = model,
                                       .tokenizer = tokenizer,
                                       .raw = true,
                                       .samples = 2,
                                       .max_tokens = 4,
                                       .sampling = {1, 0, 1, 0},
                                       .batch = 4,
                                       .cache_bytes = (size_t)1 << 20};
    masa_benchmark *benchmark = masa_benchmark_for_file(in_root("test.jsonl"), "", "");
    masa_status st = masa_benchmark_load(&problems, benchmark, NULL, 3, err);
    if (st == MASA_OK) st = masa_eval_run(results, benchmark, &problems, &options, err);
    masa_problems_deinit(&problems);
    masa_benchmark_close(benchmark);
    return st;
}

static masa_status evaluate_once(const char *file, masa_error *err)
{
    masa_model_options how = {MASA_F32, false};
    masa_model *model = NULL;
    masa_tokenizer *tokenizer = NULL;
    masa_results *results = NULL;
    remove(in_root(file));
    masa_status st = masa_model_load(&model, in_root("start"), &how, err);
    if (st == MASA_OK) st = masa_tokenizer_load(&tokenizer, in_root("start"), err);
    if (st == MASA_OK)
        st = masa_results_open(&results, in_root(file), MASA_RESULTS_WRITE, NULL, err);
    if (st == MASA_OK) st = evaluate_with(results, model, tokenizer, err);
    masa_results_close(results);
    masa_tokenizer_destroy(tokenizer);
    masa_model_destroy(model);
    return st;
}

static void a_run(void **state)
{
    (void)state;
    memory_walk("a run", reinforce_once, "run", CHILDREN);
}

static void supervised_training(void **state)
{
    (void)state;
    memory_walk("sft", supervise_once, "taught", CHILDREN);
}

static void an_evaluation(void **state)
{
    (void)state;
    memory_walk("eval", evaluate_once, "results.sqlite", CHILDREN);
}

/* Random weights will do. */
static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(root));
    masa_threads_set(1); /* the processes of the walk are forked from this one */
    make_model(TOKENIZER, 2048);
    make_data();
    snprintf(base, sizeof base, "%s", in_root("start"));
    FILE *few = fopen(in_root("few.jsonl"), "w"), *meta = fopen(in_root("meta.txt"), "w");
    assert_true(few && meta);
    for (char a = 'a'; a <= 'f'; a++)
        fprintf(few, "{\"problem\":\"%c\",\"solution\":\"x\"}\n", a);
    fputs("{problem}", meta);
    return fclose(few) + fclose(meta);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_evaluation),
        cmocka_unit_test(supervised_training),
        cmocka_unit_test(a_run),
    };
    return cmocka_run_group_tests(tests, set_up, teardown);
}
