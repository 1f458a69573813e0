/*
 * The whole program on the GPU's plugin: a run in one piece, the same run stopped and resumed,
 * and the processor's. The first two are the same bits. The third samples the same texts, since
 * products are computed in float32 and no choice of so small a model is that close, and its
 * weights are near. Without a GPU the plugin is the shim.
 */
#include "same_test.h"

#include <masa/safetensors.h>

/* Kinds of kinds_test.h: all weights, or factors beside a frozen model, with predictions in factors
 * of their own; factors merged; all weights with the optimiser's state on the host. */
static const struct {
    const char *kind, *more;
} tried[] = {
    {"masa-efficient", ""},
    {"masa-efficient", " -s lora.rank=2 -s lora.compact=true"},
    {"lora", ""},
    {"grpo", " -s optimizer.on_host=true -s optimizer.moments=bf16"},
};

/* The program finds the plugin beside itself, whatever its own build has there. */
static int set_up(void **state)
{
    make_kinds(state);
    return shell("cp \"$masa\" masa && ln -s '" MASA_PLUGIN "/libmasa_cuda.so' .");
}

static void run_on(const char *device, const char *line)
{
    char text[3000];
    snprintf(text, sizeof text, "OMP_NUM_THREADS=1 MASA_DEVICE=%s ./masa %s", device, line);
    must(shell(text), text);
}

/* All tensors of the newest checkpoint's weights, one behind the other; caller frees. */
static float *weights_of(const char *run, const char *file, size_t *n)
{
    masa_safetensors *tensors = NULL;
    masa_text bytes = read_saved(run, file);
    float *all = NULL;
    assert_int_equal(masa_safetensors_open_memory(&tensors, bytes.data, bytes.size, NULL),
                     MASA_OK);
    *n = 0;
    for (size_t i = 0; i < masa_safetensors_count(tensors); i++) {
        const masa_safetensors_tensor *t = masa_safetensors_get(tensors, i);
        size_t more = 1;
        for (size_t d = 0; d < t->n_dims; d++) more *= (size_t)t->dims[d];
        all = realloc(all, (*n + more) * sizeof *all);
        memcpy(all + *n, t->data, more * sizeof *all);
        *n += more;
    }
    masa_safetensors_close(tensors);
    masa_text_deinit(&bytes);
    return all;
}

/* Relative to what they are, of two steps of a rate that moves them by far more. */
static void assert_near_weights(const kind *k)
{
    size_t n, m;
    float *gpu = weights_of("whole", k->weights, &n), *cpu = weights_of("cpu", k->weights, &m);
    double apart = 0, size = 0;
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++) {
        double d = (double)gpu[i] - (double)cpu[i];
        apart += d * d;
        size += (double)cpu[i] * (double)cpu[i];
    }
    free(gpu), free(cpu);
    if (!(sqrt(apart) < 1e-3 * sqrt(size)))
        fail_msg("%s: weights are apart by %g of their size", k->name, sqrt(apart / size));
}

/* What was sampled and the greedy continuations of each evaluation. */
static void assert_same_texts(const char *a, const char *b)
{
    char text[300];
    sqlite3 *store = NULL;
    snprintf(text, sizeof text, "%s/store.sqlite", a);
    assert_int_equal(sqlite3_open(text, &store), SQLITE_OK);
    snprintf(text, sizeof text, "ATTACH '%s/store.sqlite' AS b", b);
    assert_int_equal(sqlite3_exec(store, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(
        differences(store, "step, prompt, kind, sample, text, tokens, reward", "rollouts"), 0);
    assert_int_equal(differences(store, "step, problem, sample, text, tokens", "evals"), 0);
    sqlite3_close(store);
}

/* What the run was computed on is in its record. */
static void assert_recorded_device(const char *run, const char *part)
{
    char text[300];
    sqlite3 *store = NULL;
    sqlite3_stmt *statement = NULL;
    snprintf(text, sizeof text, "%s/store.sqlite", run);
    assert_int_equal(sqlite3_open(text, &store), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(store, "SELECT value FROM info WHERE key = 'device'",
                                        -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_non_null(strstr((const char *)sqlite3_column_text(statement, 0), part));
    sqlite3_finalize(statement);
    sqlite3_close(store);
}

static void a_run_resumes_to_the_bit_and_is_the_processors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
        const kind *k = kind_named(tried[i].kind);
        char two[120], one[120];
        snprintf(two, sizeof two, "-n 2 -s train.eval_every=1%s", tried[i].more);
        snprintf(one, sizeof one, "-n 1 -s train.eval_every=1%s", tried[i].more);
        run_on("cuda", arguments(two, k, "whole"));
        run_on("cuda", arguments(one, k, "parts"));
        run_on("cuda", "train parts --resume -q -s train.steps=2");
        run_on("cpu", arguments(two, k, "cpu"));
        assert_same_file("whole", "parts", k->weights);
        assert_same_file("whole", "parts", "optimizer.bin");
        assert_same_record("whole", "parts");
        assert_same_texts("whole", "cpu");
        assert_near_weights(k);
        assert_recorded_device("whole", "compute capability");
        assert_recorded_device("cpu", "1 threads");
        must(shell("rm -rf whole parts cpu"), "rm");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_resumes_to_the_bit_and_is_the_processors),
    };
    return cmocka_run_group_tests(tests, set_up, remove_kinds);
}
