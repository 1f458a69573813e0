/* What a run does when something goes wrong around it. */
#include "letters.h"
#include "store_before.h"

#include <dirent.h>
#include <masa/log.h>
#include <masa/trainer.h>
#include <unistd.h>

masa_status __real_masa_trainer_accumulate(masa_trainer *trainer,
                                           const masa_sequence *sequences, size_t n,
                                           const masa_objective *objective,
                                           masa_trainer_stats *stats, masa_error *err);
masa_status __wrap_masa_trainer_accumulate(masa_trainer *trainer,
                                           const masa_sequence *sequences, size_t n,
                                           const masa_objective *objective,
                                           masa_trainer_stats *stats, masa_error *err);

/* A stop is asked for in the call with this number, counted down; 0: never. */
static int calls_to_stop;
static volatile sig_atomic_t stop_asked;

/* The linker puts it before the trainer's own. */
masa_status __wrap_masa_trainer_accumulate(masa_trainer *trainer,
                                           const masa_sequence *sequences, size_t n,
                                           const masa_objective *objective,
                                           masa_trainer_stats *stats, masa_error *err)
{
    if (calls_to_stop && --calls_to_stop == 0) stop_asked = 1;
    return __real_masa_trainer_accumulate(trainer, sequences, n, objective, stats, err);
}

/* Every file below a folder of the run with its bytes, so that two can be compared. The
 * lock and SQLite's own files come and go. */
static void add_folder(masa_text *out, const char *folder)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, NULL, alphasort);
    assert_true(n >= 0);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        char *path = masa_path_join(folder, name);
        bool skip = name[0] == '.' || strcmp(name, "lock") == 0 || strstr(name, "sqlite-");
        if (!skip) masa_text_add(out, path);
        if (!skip && masa_path_is_folder(path)) add_folder(out, path);
        else if (!skip) assert_int_equal(masa_file_read(out, path, NULL), MASA_OK);
        free(path);
        free(entries[i]);
    }
    free(entries);
}

static masa_text files_of(const char *folder)
{
    masa_text text = {0};
    add_folder(&text, in_root(folder));
    return text;
}

/* The resume fails with this status and message, and leaves every byte as it was. */
static void fails_unchanged(const char *folder, const char *more, masa_status want,
                            const char *says)
{
    masa_train_options options = {.resume = true};
    masa_error err = {0};
    masa_text before = files_of(folder);
    if (reinforce(folder, more, &options, &err) != want) fail_msg("%s: %s", more, err.message);
    if (!strstr(err.message, says)) fail_msg("'%s' does not say '%s'", err.message, says);
    masa_text after = files_of(folder);
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.data, after.data, before.size);
    masa_text_deinit(&before);
    masa_text_deinit(&after);
}

/* A run of three steps that has lost its last checkpoint: the record is one step ahead. */
static void make_torn(const char *folder)
{
    char last[300];
    must(folder, "train.steps=3 train.save_every=2", false);
    snprintf(last, sizeof last, "%s/checkpoints/step-000003", in_root(folder));
    assert_int_equal(masa_folder_remove(last, NULL), MASA_OK);
}

static int setup_runs(void **state)
{
    setup(state);
    must("whole", "", false);
    return 0;
}

static void a_resume_that_fails_changes_nothing(void **state)
{
    (void)state;
    make_torn("torn");
    fails_unchanged("torn", "data.train=/nowhere.jsonl", MASA_ERR_IO, "/nowhere.jsonl");
    fails_unchanged("torn", "data.test=/nowhere.jsonl", MASA_ERR_IO, "/nowhere.jsonl");
    fails_unchanged("torn", "algorithm.kl_coef=0.01 model.path=/nowhere", MASA_ERR_IO,
                    "/nowhere");
    fails_unchanged("torn", "data.answer_rules=boxd", MASA_ERR_CONFIG, "boxd");
    fails_unchanged("torn", "lora.rank=2", MASA_ERR_IO, "adapter");
    fails_unchanged("torn", "meta.samples=2 meta.length_min=1 meta.template=/nowhere.txt",
                    MASA_ERR_IO, "/nowhere.txt");
    must("torn", "train.steps=4", true);
    assert_same_run("whole", "torn", "model.safetensors", 4);
}

/* Such a store is brought up to date by a resume, but not by one that is refused. */
static void a_resume_that_fails_leaves_an_older_store(void **state)
{
    (void)state;
    make_torn("older");
    char *store = masa_run_store_path(in_root("older"));
    assert_int_equal(unlink(store), 0);
    make_store_before(store);
    fails_unchanged("older", "algorithm.kl_coef=0.01 model.path=/nowhere", MASA_ERR_IO,
                    "/nowhere");
    fails_unchanged("older", "lora.rank=2", MASA_ERR_IO, "adapter");
    must("older", "train.steps=4", true);
    assert_near(metric_of("older", 1, "reward"), 0.5, 0);
    assert_false(isnan(metric_of("older", 3, "reward")));
    /* one whose making was cut short, before anything else was there */
    char made[300];
    snprintf(made, sizeof made, "%s/store.sqlite", in_root("begun"));
    assert_int_equal(masa_folder_create(in_root("begun"), NULL), MASA_OK);
    assert_int_equal(masa_file_write(made, "", 0, NULL), MASA_OK);
    must("begun", "train.steps=1", false);
    assert_int_equal(masa_file_write(made, "", 0, NULL), MASA_OK);
    must("begun", "train.steps=2", true);
    assert_false(isnan(metric_of("begun", 2, "reward")));
    free(store);
}

static void steps_without_a_checkpoint_are_not_dropped(void **state)
{
    (void)state;
    char checkpoints[300], aside[300];
    make_torn("moved");
    snprintf(checkpoints, sizeof checkpoints, "%s/checkpoints", in_root("moved"));
    snprintf(aside, sizeof aside, "%s", in_root("aside"));
    assert_int_equal(rename(checkpoints, aside), 0);
    fails_unchanged("moved", "", MASA_ERR_CONFIG, "--restart");
    assert_int_equal(masa_file_write(checkpoints, "x", 1, NULL), MASA_OK);
    fails_unchanged("moved", "", MASA_ERR_IO, "checkpoints");
    assert_int_equal(unlink(checkpoints), 0);
    /* brought back, it goes on; asked for, it begins again */
    assert_int_equal(rename(aside, checkpoints), 0);
    must("moved", "train.steps=4", true);
    assert_same_run("whole", "moved", "model.safetensors", 4);
    assert_int_equal(masa_folder_remove(checkpoints, NULL), MASA_OK);
    masa_train_options options = {.resume = true, .restart = true};
    assert_int_equal(reinforce("moved", "", &options, NULL), MASA_OK);
    assert_same_run("whole", "moved", "model.safetensors", 4);
}

/* The step that checkpoints/best names; -1: there is none. */
static long best_of(const char *folder)
{
    char path[300];
    long step = -1;
    masa_text text = {0};
    snprintf(path, sizeof path, "%s/checkpoints/best", in_root(folder));
    if (masa_path_missing(path)) return -1;
    assert_int_equal(masa_file_read(&text, path, NULL), MASA_OK);
    assert_int_equal(sscanf(masa_text_get(&text), "step-%ld", &step), 1);
    masa_text_deinit(&text);
    return step;
}

static void the_best_checkpoint_is_kept(void **state)
{
    (void)state;
    long best = 1;
    char path[300];
    must("best", "train.steps=6 train.eval_every=1 train.keep_checkpoints=1", false);
    for (long step = 2; step <= 6; step++)
        if (metric_of("best", step, "eval_accuracy") > metric_of("best", best, "eval_accuracy"))
            best = step;
    assert_int_equal(best_of("best"), best);
    snprintf(path, sizeof path, "%s/checkpoints/step-%06ld", in_root("best"), best);
    assert_true(masa_path_exists(path));
    must("best", "train.steps=7", true);
    assert_true(masa_path_exists(path) || metric_of("best", 7, "eval_accuracy") >
                                              metric_of("best", best, "eval_accuracy"));
    must("none", "train.keep_best=false", false);
    assert_int_equal(best_of("none"), -1);
    assert_same_run("whole", "none", "model.safetensors", 4);
}

static void an_evaluation_is_broken_off_and_made_up_for(void **state)
{
    (void)state;
    volatile sig_atomic_t stop = 1;
    masa_train_options options = {.stop = &stop};
    assert_int_equal(reinforce("stopped", "", &options, NULL), MASA_ERR_INTERRUPTED);
    assert_true(isnan(metric_of("stopped", 0, "eval_accuracy")));
    must("stopped", "", true);
    for (long step = 0; step <= 4; step += 2)
        assert_near(metric_of("stopped", step, "eval_accuracy"),
                    metric_of("whole", step, "eval_accuracy"), 0);
    assert_same_run("whole", "stopped", "model.safetensors", 4);
}

static masa_status supervise_more(const char *folder, const masa_train_options *options,
                                  masa_error *err)
{
    char model[300], data[300];
    const char *set[] = {model,
                         data,
                         "model.compute=f32",
                         "sft.batch=8",
                         "sft.holdout=0.2",
                         "sft.max_tokens=64",
                         "optimizer.tokens_per_pass=576",
                         "rollout.max_tokens=64",
                         "train.eval_every=1",
                         "train.save_every=0"};
    snprintf(model, sizeof model, "model.path=%s", in_root("start"));
    snprintf(data, sizeof data, "sft.data=%s", in_root("sft.jsonl"));
    return run(masa_sft_train, folder, set, options->resume ? 0 : sizeof set / sizeof *set,
               options, err);
}

/* Of supervised training the one that is surest of what is held out. */
static void the_best_supervised_checkpoint_is_kept(void **state)
{
    (void)state;
    long best = 1, steps = 1;
    char path[300];
    masa_train_options options = {0};
    assert_int_equal(supervise_more("best-sft", &options, NULL), MASA_OK);
    for (; !isnan(metric_of("best-sft", steps, "heldout_loss")); steps++)
        if (metric_of("best-sft", steps, "heldout_loss") <
            metric_of("best-sft", best, "heldout_loss"))
            best = steps;
    assert_true(steps > 4);
    assert_int_equal(best_of("best-sft"), best);
    snprintf(path, sizeof path, "%s/checkpoints/step-%06ld", in_root("best-sft"), best);
    assert_true(masa_path_exists(path));
}

static void a_held_out_loss_is_broken_off_and_made_up_for(void **state)
{
    (void)state;
    masa_train_options options = {.stop = &stop_asked};
    masa_error err = {0};
    if (supervise_more("taught", &options, &err)) fail_msg("%s", err.message);
    stop_asked = 0;
    calls_to_stop = 2; /* in the update of step 2, which an evaluation follows */
    assert_int_equal(supervise_more("broken-off", &options, &err), MASA_ERR_INTERRUPTED);
    assert_non_null(strstr(err.message, "stopped after step 2 of"));
    assert_false(isnan(metric_of("broken-off", 1, "heldout_loss")));
    assert_false(isnan(metric_of("broken-off", 2, "loss")));
    assert_true(isnan(metric_of("broken-off", 2, "heldout_loss")));
    stop_asked = 0;
    options.resume = true;
    assert_int_equal(supervise_more("broken-off", &options, NULL), MASA_OK);
    for (long step = 1; step <= 4; step++)
        assert_near(metric_of("broken-off", step, "heldout_loss"),
                    metric_of("taught", step, "heldout_loss"), 0);
    assert_same_run("taught", "broken-off", "model.safetensors", 4);
}

/* Of two passes over two batches each: the answers are shuffled at the first and the third
 * update, and the model is the checkpoint's alone. */
/* Spoils a run as a kill does between an evaluation's commit and the checkpoint that has its
 * score: `folder` was stopped before the evaluation of its last step, and gets the store of one
 * that has made up for it. */
static void give_store(const char *folder, const char *from)
{
    char a[300], b[300];
    snprintf(a, sizeof a, "%s/store.sqlite", in_root(from));
    snprintf(b, sizeof b, "%s/store.sqlite", in_root(folder));
    masa_text store = {0};
    assert_int_equal(masa_file_read(&store, a, NULL), MASA_OK);
    assert_int_equal(masa_file_write(b, store.data, store.size, NULL), MASA_OK);
    masa_text_deinit(&store);
}

static masa_run_state state_of(const char *folder)
{
    masa_run_state state = {0};
    char *path = NULL;
    assert_int_equal(masa_run_checkpoint_find(in_root(folder), &path, &state, NULL), MASA_OK);
    assert_non_null(path);
    free(path);
    return state;
}

static void assert_unscored(const char *folder)
{
    masa_run_state state = state_of(folder);
    assert_false(state.evaluated);
    masa_run_state_deinit(&state);
}

static void assert_same_score(const char *whole, const char *folder)
{
    masa_run_state a = state_of(whole), b = state_of(folder);
    assert_int_equal(a.step, b.step);
    assert_true(a.evaluated && b.evaluated);
    assert_true(a.score == b.score);
    assert_int_equal(best_of(whole), best_of(folder));
    masa_run_state_deinit(&a);
    masa_run_state_deinit(&b);
}

static void a_score_on_record_comes_into_the_checkpoint(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    masa_train_options options = {.stop = &stop_asked};
    stop_asked = 0;
    calls_to_stop = MANY;
    assert_int_equal(reinforce("scored", "train.save_every=0", &options, NULL), MASA_OK);
    calls_to_stop = MANY - calls_to_stop; /* in the last update */
    assert_int_equal(reinforce("unscored", "train.save_every=0", &options, NULL),
                     MASA_ERR_INTERRUPTED);
    assert_unscored("unscored");
    give_store("unscored", "scored");
    stop_asked = 0;
    must("unscored", "", true);
    assert_same_score("scored", "unscored");

    calls_to_stop = MANY;
    assert_int_equal(supervise_more("scored-sft", &options, NULL), MASA_OK);
    calls_to_stop = MANY - calls_to_stop; /* in the last update */
    assert_int_equal(supervise_more("unscored-sft", &options, NULL), MASA_ERR_INTERRUPTED);
    assert_unscored("unscored-sft");
    give_store("unscored-sft", "scored-sft");
    stop_asked = 0;
    options.resume = true;
    assert_int_equal(supervise_more("unscored-sft", &options, NULL), MASA_OK);
    assert_same_score("scored-sft", "unscored-sft");
}

static void a_warm_start_goes_on_where_it_was(void **state)
{
    (void)state;
    static const char *const kinds[] = {"", "lora.rank=2",
                                        "meta.adapter=2 meta.update=separate"};
    char aside[300];
    assert_int_equal(masa_file_write(in_root("meta.txt"), "? {problem}", 11, NULL), MASA_OK);
    for (size_t i = 0; i < 3; i++) {
        char more[400], whole[20], stopped[20];
        const char *weights =
            i == 1 ? "adapter/adapter_model.safetensors" : "model.safetensors";
        snprintf(
            more, sizeof more,
            "meta.samples=2 meta.length_min=1 meta.max_tokens=8 meta.template=%s "
            "meta.system=m meta.form=bare meta.own_moments=true meta.bc_batch=3 train.steps=2 "
            "meta.warm_start_prompts=6 meta.warm_start_epochs=2 meta.warm_start_lr=0.01 %s",
            in_root("meta.txt"), kinds[i]);
        snprintf(whole, sizeof whole, "warm%zu", i);
        snprintf(stopped, sizeof stopped, "warm-stopped%zu", i);
        must(whole, more, false);
        assert_near(metric_of(whole, 0, "warm_start_updates"), 4, 0);
        masa_train_options options = {.stop = &stop_asked};
        masa_error err = {0};
        for (int calls = 2; calls > 0; calls--) { /* after update 2, and again after 3 */
            stop_asked = 0;
            calls_to_stop = calls;
            if (reinforce(stopped, options.resume ? "" : more, &options, &err) !=
                MASA_ERR_INTERRUPTED)
                fail_msg("%s", err.message);
            assert_non_null(strstr(err.message, "stopped after step 0 of 2, which is saved"));
            assert_true(isnan(metric_of(stopped, 0, "warm_start_updates")));
            options.resume = true;
        }
        snprintf(aside, sizeof aside, "%s", in_root("base-aside"));
        if (i == 0) assert_int_equal(rename(base, aside), 0);
        must(stopped, "", true);
        if (i == 0) assert_int_equal(rename(aside, base), 0);
        static const char *const same[] = {"warm_start_updates", "warm_start_texts",
                                           "warm_start_first_loss", "warm_start_loss",
                                           "total_tokens"};
        for (size_t k = 0; k < sizeof same / sizeof *same; k++)
            assert_near(metric_of(whole, 0, same[k]), metric_of(stopped, 0, same[k]), 0);
        assert_near(metric_of(stopped, 0, "flops") / metric_of(whole, 0, "flops"), 1, 1e-9);
        assert_same_run(whole, stopped, weights, 2);
    }
}

static masa_text warned;

static void keep_warning(masa_log_level level, const char *message)
{
    (void)level;
    masa_text_add(&warned, message);
}

/* The model with one weight changed, as the model `name`. */
static void make_other_model(const char *name)
{
    masa_model *model = NULL;
    masa_tokenizer *tokenizer = NULL;
    masa_model_options how = {MASA_F32, false};
    assert_int_equal(masa_model_load(&model, base, &how, NULL), MASA_OK);
    assert_int_equal(masa_tokenizer_load(&tokenizer, base, NULL), MASA_OK);
    masa_model_values(model)[997] += 0.5f; /* one of those that a fingerprint reads */
    assert_int_equal(masa_folder_create(in_root(name), NULL), MASA_OK);
    assert_int_equal(masa_model_save(model, in_root(name), MASA_SAVE_F32, NULL), MASA_OK);
    assert_int_equal(masa_tokenizer_save(tokenizer, in_root(name), NULL), MASA_OK);
    masa_tokenizer_destroy(tokenizer);
    masa_model_destroy(model);
}

static void a_checkpoint_knows_what_it_was_made_of(void **state)
{
    (void)state;
    char other[300], data[300];
    make_other_model("other");
    snprintf(other, sizeof other, "model.path=%s train.steps=4", in_root("other"));
    must("factors", "lora.rank=2 train.steps=2", false);
    fails_unchanged("factors", other, MASA_ERR_CONFIG,
                    "is not the model that this run began with");
    must("reference", "algorithm.kl_coef=0.01 train.steps=2", false);
    fails_unchanged("reference", other, MASA_ERR_CONFIG,
                    "is not the model that this run began");
    /* other data is told, and so is every setting that changed */
    masa_log_set_sink(keep_warning);
    snprintf(data, sizeof data, "data.train=%s train.steps=3", in_root("test.jsonl"));
    must("factors", data, true);
    masa_log_set_sink(NULL);
    assert_non_null(strstr(masa_text_get(&warned), "data.train"));
    assert_null(strstr(masa_text_get(&warned), "data.test"));
    masa_text_deinit(&warned);
    masa_store *store = NULL;
    char *path = masa_run_store_path(in_root("factors")), *history = NULL;
    assert_int_equal(masa_store_open(&store, path, MASA_STORE_READ, NULL), MASA_OK);
    assert_int_equal(masa_run_history(store, &history, NULL), MASA_OK);
    masa_store_close(store);
    assert_true(masa_starts_with(history, "step 2: data.train ("));
    assert_non_null(strstr(history, "train.steps (2, 3)"));
    free(history);
    free(path);
}

static void all_weights_need_the_checkpoint_alone(void **state)
{
    (void)state;
    must("alone", "train.steps=2", false);
    char aside[300];
    snprintf(aside, sizeof aside, "%s", in_root("base-aside"));
    assert_int_equal(rename(base, aside), 0);
    must("alone", "train.steps=4", true);
    assert_int_equal(rename(aside, base), 0);
    assert_same_run("whole", "alone", "model.safetensors", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_resume_that_fails_changes_nothing),
        cmocka_unit_test(a_resume_that_fails_leaves_an_older_store),
        cmocka_unit_test(an_evaluation_is_broken_off_and_made_up_for),
        cmocka_unit_test(a_score_on_record_comes_into_the_checkpoint),
        cmocka_unit_test(a_held_out_loss_is_broken_off_and_made_up_for),
        cmocka_unit_test(a_warm_start_goes_on_where_it_was),
        cmocka_unit_test(a_checkpoint_knows_what_it_was_made_of),
        cmocka_unit_test(all_weights_need_the_checkpoint_alone),
        cmocka_unit_test(the_best_checkpoint_is_kept),
        cmocka_unit_test(the_best_supervised_checkpoint_is_kept),
        cmocka_unit_test(steps_without_a_checkpoint_are_not_dropped),
    };
    return cmocka_run_group_tests(tests, setup_runs, teardown);
}
