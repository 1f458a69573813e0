/* Training whose numbers break. The linker puts these functions before the trainer's own, so
 * that a test can spoil what one call has made; all else is real. */
#include "letters.h"

#include <masa/trainer.h>

masa_status __real_masa_trainer_create(masa_trainer **out, masa_model *model,
                                       const masa_trainer_options *options, masa_error *err);
masa_status __wrap_masa_trainer_create(masa_trainer **out, masa_model *model,
                                       const masa_trainer_options *options, masa_error *err);
masa_status __real_masa_trainer_accumulate(masa_trainer *trainer,
                                           const masa_sequence *sequences, size_t n,
                                           const masa_objective *objective,
                                           masa_trainer_stats *stats, masa_error *err);
masa_status __wrap_masa_trainer_accumulate(masa_trainer *trainer,
                                           const masa_sequence *sequences, size_t n,
                                           const masa_objective *objective,
                                           masa_trainer_stats *stats, masa_error *err);

/* Calls number first..last of a run are spoiled: the gradient, or a weight. */
static struct {
    masa_model *model;
    int call, first, last;
    bool weights;
} spoil;

static void spoil_calls(int first, int last, bool weights)
{
    spoil.call = 0;
    spoil.first = first;
    spoil.last = last;
    spoil.weights = weights;
}

masa_status __wrap_masa_trainer_create(masa_trainer **out, masa_model *model,
                                       const masa_trainer_options *options, masa_error *err)
{
    spoil.model = model;
    return __real_masa_trainer_create(out, model, options, err);
}

masa_status __wrap_masa_trainer_accumulate(masa_trainer *trainer,
                                           const masa_sequence *sequences, size_t n,
                                           const masa_objective *objective,
                                           masa_trainer_stats *stats, masa_error *err)
{
    masa_status st =
        __real_masa_trainer_accumulate(trainer, sequences, n, objective, stats, err);
    spoil.call++;
    if (spoil.call < spoil.first || spoil.call > spoil.last) return st;
    /* In the middle: the first numbers are the embeddings, which factors do not train. */
    size_t at = masa_model_parameter_count(spoil.model) / 2;
    if (spoil.weights) masa_model_values(spoil.model)[at] = NAN;
    else
        for (size_t i = at; i < at + 2048; i++) masa_model_grads(spoil.model)[i] = INFINITY;
    return st;
}

static void assert_finite(const char *folder, const char *file)
{
    masa_text weights = weights_of(folder, file);
    uint64_t header;
    memcpy(&header, weights.data, 8);
    for (size_t at = 8 + header; at + 4 <= weights.size; at += 4) {
        float w;
        memcpy(&w, weights.data + at, 4);
        assert_true(isfinite(w));
    }
    masa_text_deinit(&weights);
}

static masa_status count_rollout(void *context, const masa_store_rollout *r, masa_error *err)
{
    (void)r, (void)err;
    ++*(size_t *)context;
    return MASA_OK;
}

static masa_status take_event(void *context, long step, const char *rule, const char *text,
                              masa_error *err)
{
    (void)step, (void)err;
    if (strcmp(rule, "left out") == 0) masa_text_addf(context, "%s;", text);
    return MASA_OK;
}

static size_t rollouts_of(const char *folder, long step)
{
    size_t n = 0;
    masa_store *store = NULL;
    masa_store_filter filter = MASA_STORE_ALL;
    char *path = masa_run_store_path(in_root(folder));
    filter.first_step = filter.last_step = step;
    assert_int_equal(masa_store_open(&store, path, MASA_STORE_READ, NULL), MASA_OK);
    assert_int_equal(masa_store_rollouts(store, &filter, count_rollout, &n, NULL), MASA_OK);
    masa_store_close(store);
    free(path);
    return n;
}

static masa_text left_out_of(const char *folder, long step)
{
    masa_text text = {0};
    masa_store *store = NULL;
    char *path = masa_run_store_path(in_root(folder));
    assert_int_equal(masa_store_open(&store, path, MASA_STORE_READ, NULL), MASA_OK);
    assert_int_equal(masa_store_events(store, step, step, take_event, &text, NULL), MASA_OK);
    masa_store_close(store);
    free(path);
    return text;
}

static void a_gradient_that_is_not_finite_is_left_out(void **state)
{
    (void)state;
    static const char *const kinds[] = {"", "lora.rank=2", "optimizer.mini_batches=2"};
    for (size_t i = 0; i < 3; i++) {
        char name[20];
        snprintf(name, sizeof name, "once%zu", i);
        spoil_calls(2, 2, false);
        must(name, kinds[i], false);
        long bad = i == 2 ? 1 : 2; /* two updates a step */
        for (long step = 1; step <= 4; step++)
            assert_near(metric_of(name, step, "skipped_updates"), step == bad, 0);
        if (i < 2) assert_true(isnan(metric_of(name, 2, "grad_norm")));
        assert_int_equal(rollouts_of(name, bad), 4 * 6); /* what it was made of */
        assert_true(isfinite(metric_of(name, 4, "grad_norm")));
        assert_finite(name, "model.safetensors");
    }
}

static void a_run_that_diverges_stops_with_good_weights(void **state)
{
    (void)state;
    masa_train_options options = {0};
    masa_error err = {0};
    spoil_calls(2, 100, false);
    assert_int_equal(reinforce("diverged", "train.steps=8 train.save_every=1", &options, &err),
                     MASA_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "after step 4 of 8"));
    assert_non_null(strstr(err.message, "3 updates in a row"));
    spoil_calls(0, 0, false);
    must("one", "train.steps=1", false);
    masa_text good = weights_of("one", "model.safetensors");
    masa_text saved = weights_of("diverged", "model.safetensors");
    assert_int_equal(good.size, saved.size);
    assert_memory_equal(good.data, saved.data, good.size);
    masa_text_deinit(&good);
    masa_text_deinit(&saved);
    /* the problems that it broke on are behind it */
    must("diverged", "", true);
    assert_near(metric_of("diverged", 4, "skipped_updates"), 1, 0);
    for (long step = 5; step <= 8; step++)
        assert_near(metric_of("diverged", step, "skipped_updates"), 0, 0);
    assert_finite("diverged", "model.safetensors");
}

static void broken_weights_are_not_saved(void **state)
{
    (void)state;
    masa_train_options options = {0};
    masa_error err = {0};
    spoil_calls(3, 3, true);
    assert_int_equal(
        reinforce("broken", "train.save_every=1 train.keep_checkpoints=1", &options, &err),
        MASA_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "not finite after step 3"));
    assert_finite("broken", "model.safetensors");
    spoil_calls(0, 0, false);
    must("broken", "", true);
    must("sound", "", false);
    assert_same_run("sound", "broken", "model.safetensors", 4);
}

static void a_broken_model_is_refused(void **state)
{
    (void)state;
    masa_model *model = NULL;
    masa_tokenizer *tokenizer = NULL;
    masa_model_options how = {MASA_F32, false};
    char path[300];
    assert_int_equal(masa_model_load(&model, base, &how, NULL), MASA_OK);
    assert_int_equal(masa_tokenizer_load(&tokenizer, base, NULL), MASA_OK);
    masa_model_values(model)[77] = NAN;
    assert_int_equal(masa_folder_create(in_root("nan"), NULL), MASA_OK);
    assert_int_equal(masa_model_save(model, in_root("nan"), MASA_SAVE_F32, NULL), MASA_OK);
    assert_int_equal(masa_tokenizer_save(tokenizer, in_root("nan"), NULL), MASA_OK);
    masa_tokenizer_destroy(tokenizer);
    masa_model_destroy(model);
    masa_train_options options = {0};
    masa_error err = {0};
    snprintf(path, sizeof path, "model.path=%s", in_root("nan"));
    assert_int_equal(reinforce("refused", path, &options, &err), MASA_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "weights that are not finite"));
    assert_false(masa_path_exists(in_root("refused")));
}

static void supervised_training_is_guarded_too(void **state)
{
    (void)state;
    char model[300], data[300];
    const char *set[] = {model,
                         data,
                         "model.compute=f32",
                         "sft.batch=8",
                         "sft.max_tokens=64",
                         "optimizer.tokens_per_pass=576",
                         "rollout.max_tokens=64"};
    snprintf(model, sizeof model, "model.path=%s", in_root("start"));
    snprintf(data, sizeof data, "sft.data=%s", in_root("sft.jsonl"));
    masa_train_options options = {0};
    masa_error err = {0};
    spoil_calls(2, 2, false);
    assert_int_equal(run(masa_sft_train, "sft-once", set, 7, &options, NULL), MASA_OK);
    assert_near(metric_of("sft-once", 2, "skipped_updates"), 1, 0);
    assert_near(metric_of("sft-once", 3, "skipped_updates"), 0, 0);
    masa_text left_out = left_out_of("sft-once", 2), none = left_out_of("sft-once", 3);
    const char *lines = strstr(masa_text_get(&left_out), "lines of sft.data ");
    assert_non_null(lines);
    size_t commas = 0;
    for (const char *p = lines; *p; p++) commas += *p == ',';
    assert_int_equal(commas, 7); /* of eight examples */
    assert_in_range(atol(lines + strlen("lines of sft.data ")), 1, 96);
    assert_null(strchr(lines, '\n'));
    assert_int_equal(none.size, 0);
    masa_text_deinit(&left_out);
    assert_finite("sft-once", "model.safetensors");
    spoil_calls(4, 100, false);
    assert_int_equal(run(masa_sft_train, "sft-stops", set, 7, &options, &err),
                     MASA_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "after step 6 of"));
    assert_finite("sft-stops", "model.safetensors");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gradient_that_is_not_finite_is_left_out),
        cmocka_unit_test(a_run_that_diverges_stops_with_good_weights),
        cmocka_unit_test(broken_weights_are_not_saved),
        cmocka_unit_test(a_broken_model_is_refused),
        cmocka_unit_test(supervised_training_is_guarded_too),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
