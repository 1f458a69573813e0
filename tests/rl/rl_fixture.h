/* Shared by the tests of whole runs: a folder of their own, running, reading what a run
 * left. */
#ifndef TESTS_RL_FIXTURE_H
#define TESTS_RL_FIXTURE_H

#include "masa_test.h"
#include "tiny_llama.h"

#include <masa/file.h>
#include <masa/model.h>
#include <masa/rl.h>
#include <masa/run_folder.h>
#include <masa/tokenizer.h>
#include <sys/stat.h>

static char root[] = "/tmp/masa-rl-XXXXXX";
static char base[256]; /* the model after supervised training: supervise() */

static const char *in_root(const char *name)
{
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, 256, "%s/%s", root, name);
    return path;
}

static masa_status run(masa_status (*train)(const masa_config *, const char *,
                                            const masa_train_options *, masa_error *),
                       const char *folder, const char *const *set, size_t n,
                       const masa_train_options *options, masa_error *err)
{
    masa_config config;
    char *yaml = options->resume ? masa_run_config_path(in_root(folder)) : NULL;
    masa_status st = masa_config_load(&config, yaml, NULL, set, n, err);
    if (st == MASA_OK) {
        st = train(&config, in_root(folder), options, err);
        masa_config_deinit(&config);
    }
    free(yaml);
    return st;
}

/* Trains the model "start" on sft.jsonl by these settings. */
static void supervise(const char *const *more, size_t n)
{
    char model[300], data[300];
    const char *set[24] = {model, data, "model.compute=f32", "train.save_every=0"};
    snprintf(model, sizeof model, "model.path=%s", in_root("start"));
    snprintf(data, sizeof data, "sft.data=%s", in_root("sft.jsonl"));
    for (size_t i = 0; i < n; i++) set[4 + i] = more[i];
    masa_train_options options = {0};
    masa_error err = {0};
    if (run(masa_sft_train, "sft", set, 4 + n, &options, &err)) fail_msg("%s", err.message);
    char *folder = NULL;
    masa_run_state at = {0};
    assert_int_equal(masa_run_checkpoint_find(in_root("sft"), &folder, &at, NULL), MASA_OK);
    snprintf(base, sizeof base, "%s", folder);
    masa_run_state_deinit(&at);
    free(folder);
}

static int teardown(void **state)
{
    (void)state;
    return masa_folder_remove(root, NULL) != MASA_OK;
}

/* A random model of two layers with the tokenizer in a folder, as the model "start". */
static void make_model(const char *tokenizer_folder, size_t positions)
{
    masa_tokenizer *tokenizer = NULL;
    assert_int_equal(masa_tokenizer_load(&tokenizer, tokenizer_folder, NULL), MASA_OK);
    masa_model *model =
        tiny_llama_sized(MASA_F32, masa_tokenizer_vocab_size(tokenizer), positions);
    assert_int_equal(masa_folder_create(in_root("start"), NULL), MASA_OK);
    assert_int_equal(masa_model_save(model, in_root("start"), MASA_SAVE_F32, NULL), MASA_OK);
    assert_int_equal(masa_tokenizer_save(tokenizer, in_root("start"), NULL), MASA_OK);
    masa_model_destroy(model);
    masa_tokenizer_destroy(tokenizer);
}

static masa_status take_metric(void *context, long step, const char *name, double value,
                               masa_error *err)
{
    (void)step, (void)name, (void)err;
    *(double *)context = value;
    return MASA_OK;
}

/* NaN when there is none. */
static double metric_of(const char *folder, long step, const char *name)
{
    double value = NAN;
    masa_store *store = NULL;
    char *path = masa_run_store_path(in_root(folder));
    assert_int_equal(masa_store_open(&store, path, MASA_STORE_READ, NULL), MASA_OK);
    masa_store_metrics(store, step, step, name, take_metric, &value, NULL);
    masa_store_close(store);
    free(path);
    return value;
}

/* The weights of the newest checkpoint, bytes. */
static masa_text weights_of(const char *folder, const char *file)
{
    char *checkpoint = NULL;
    masa_run_state at = {0};
    masa_text text = {0};
    assert_int_equal(masa_run_checkpoint_find(in_root(folder), &checkpoint, &at, NULL),
                     MASA_OK);
    assert_non_null(checkpoint);
    char *path = masa_path_join(checkpoint, file);
    assert_int_equal(masa_file_read(&text, path, NULL), MASA_OK);
    masa_run_state_deinit(&at);
    free(checkpoint);
    free(path);
    return text;
}

static inline void assert_same_run(const char *a, const char *b, const char *file, long steps)
{
    static const char *const names[] = {"reward", "length", "grad_norm", "entropy"};
    for (long step = 1; step <= steps; step++)
        for (size_t i = 0; i < 4; i++) {
            double x = metric_of(a, step, names[i]), y = metric_of(b, step, names[i]);
            assert_true(x == y || (isnan(x) && isnan(y)));
        }
    masa_text x = weights_of(a, file), y = weights_of(b, file);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    masa_text_deinit(&x);
    masa_text_deinit(&y);
}

#endif
