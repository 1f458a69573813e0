#include "masa_test.h"

#include <masa/config.h>
#include <masa/file.h>
#include <masa/log.h>
#include <masa/run_folder.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char *folder;
static masa_config config;
static size_t warnings;

static void count_warning(masa_log_level level, const char *message)
{
    (void)message;
    warnings += level == MASA_LOG_WARN;
}

static int set_up(void **state)
{
    (void)state;
    char template[] = "/tmp/masa-run-XXXXXX";
    folder = strdup(mkdtemp(template));
    warnings = 0;
    masa_log_set_sink(count_warning);
    return masa_config_load(&config, NULL, NULL, NULL, 0, NULL) != MASA_OK;
}

static int tear_down(void **state)
{
    (void)state;
    masa_config_deinit(&config);
    masa_folder_remove(folder, NULL);
    free(folder);
    return 0;
}

static const char *at(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text)
{
    assert_int_equal(masa_file_write(at(name), text, strlen(text), NULL), MASA_OK);
}

static masa_run *create(void)
{
    masa_run *run = NULL;
    masa_error err = {0};
    if (masa_run_create(&run, folder, &config, &err) != MASA_OK) fail_msg("%s", err.message);
    return run;
}

static masa_run *resume(void)
{
    masa_run *run = NULL;
    masa_run_state state = {0};
    masa_error err = {0};
    char *place = NULL;
    masa_status st = masa_run_resume(&run, folder, &err);
    if (st == MASA_OK) st = masa_run_checkpoint_find(folder, &place, &state, &err);
    if (st == MASA_OK) st = masa_run_continue(run, &config, place ? state.step : -1, &err);
    if (st != MASA_OK) fail_msg("%s", err.message);
    masa_run_state_deinit(&state);
    free(place);
    return run;
}

typedef struct moments {
    const float *m, *v;
} moments;

static masa_status give_moments(void *context, float *to, bool second, size_t first, size_t n,
                                masa_error *err)
{
    const moments *from = context;
    (void)err;
    memcpy(to, (second ? from->v : from->m) + first, n * sizeof *to);
    return MASA_OK;
}

static void take_moments(void *context, const float *all, bool second)
{
    float *(*to)[2] = context;
    memcpy((*to)[second], all, 1000 * sizeof *all);
}

static masa_status write_moments(const char *path, const float *m, const float *v, size_t n,
                                 long step, masa_error *err)
{
    moments from = {m, v};
    return masa_moments_write(path, give_moments, &from, n, step, err);
}

/* A checkpoint with a weight file, one in a subfolder, and the moments. */
static void save_evaluated(masa_run *run, long step, double accuracy)
{
    const char *place = NULL;
    char path[512];
    float m[3] = {1, 2, (float)step}, v[3] = {4, 5, 6};
    assert_int_equal(masa_run_begin_step(run, NULL), MASA_OK);
    assert_int_equal(masa_run_add_metric(run, step, "loss", 0.5, NULL), MASA_OK);
    assert_int_equal(masa_run_commit_step(run, NULL), MASA_OK);
    assert_int_equal(masa_run_checkpoint_begin(run, step, &place, NULL), MASA_OK);
    snprintf(path, sizeof path, "%s/model.safetensors", place);
    assert_int_equal(masa_file_write(path, "weights", 7, NULL), MASA_OK);
    snprintf(path, sizeof path, "%s/adapter", place);
    assert_int_equal(masa_folder_create(path, NULL), MASA_OK);
    snprintf(path, sizeof path, "%s/adapter/a.bin", place);
    assert_int_equal(masa_file_write(path, "adapter", 7, NULL), MASA_OK);
    snprintf(path, sizeof path, "%s/" MASA_MOMENTS_FILE, place);
    assert_int_equal(write_moments(path, m, v, 3, step, NULL), MASA_OK);
    char extra[] = "{\"history\":[1,2]}";
    masa_run_state state = {.step = step,
                            .draws = 10 * step,
                            .tokens = 1000,
                            .seconds = 0.1 * (double)step,
                            .cpu_seconds = 0.2 * (double)step,
                            .extra = extra,
                            .evaluated = accuracy >= 0,
                            .score = accuracy};
    masa_error err = {0};
    if (masa_run_checkpoint_commit(run, &state, &err) != MASA_OK) fail_msg("%s", err.message);
}

static void save(masa_run *run, long step)
{
    save_evaluated(run, step, -1);
}

/* The step of the checkpoint that a resumed run would start from; -1: none. */
static long find(void)
{
    char *place = NULL;
    masa_run_state state;
    masa_error err = {0};
    if (masa_run_checkpoint_find(folder, &place, &state, &err) != MASA_OK)
        fail_msg("%s", err.message);
    if (!place) return -1;
    long step = state.step;
    char name[40];
    snprintf(name, sizeof name, "/checkpoints/step-%06ld", step);
    assert_non_null(strstr(place, name));
    assert_int_equal(state.draws, 10 * step);
    assert_int_equal(state.tokens, 1000);
    assert_true(state.seconds == 0.1 * (double)step);
    assert_true(state.cpu_seconds == 0.2 * (double)step);
    assert_string_equal(state.extra, "{\"history\":[1,2]}");
    free(place);
    masa_run_state_deinit(&state);
    return step;
}

static masa_status count_metric(void *context, long step, const char *name, double value,
                                masa_error *err)
{
    (void)step, (void)name, (void)value, (void)err;
    ++*(size_t *)context;
    return MASA_OK;
}

static void a_run_is_created_and_resumed(void **state)
{
    (void)state;
    masa_run *run = create();
    assert_string_equal(masa_run_path(run), folder);
    for (long step = 1; step <= 3; step++) {
        assert_int_equal(masa_run_begin_step(run, NULL), MASA_OK);
        assert_int_equal(masa_run_add_metric(run, step, "loss", 0.5, NULL), MASA_OK);
        assert_int_equal(masa_run_commit_step(run, NULL), MASA_OK);
        if (step == 2) save(run, 2);
    }
    masa_run_close(run);

    masa_run *again = NULL;
    masa_error err = {0};
    assert_int_equal(masa_run_create(&again, folder, &config, &err), MASA_ERR_CONFIG);
    assert_non_null(strstr(err.message, "holds a run already"));
    assert_null(again);

    char *path = masa_run_config_path(folder);
    masa_config stored;
    const char *longer[] = {"train.steps=500"};
    assert_int_equal(masa_config_load(&stored, path, NULL, longer, 1, NULL), MASA_OK);
    assert_int_equal(masa_run_resume(&again, folder, NULL), MASA_OK);
    assert_int_equal(find(), 2);
    assert_int_equal(masa_run_continue(again, &stored, 2, NULL), MASA_OK);
    masa_config_deinit(&stored);
    assert_int_equal(masa_config_load(&stored, path, NULL, NULL, 0, NULL), MASA_OK);
    assert_int_equal(stored.train.steps, 500);
    masa_config_deinit(&stored);
    free(path);
    size_t n = 0;
    assert_int_equal(
        masa_store_metrics(masa_run_store(again), 0, -1, NULL, count_metric, &n, NULL),
        MASA_OK);
    assert_int_equal(n, 2);
    masa_run_close(again);
}

static void a_folder_without_a_run_is_not_resumed(void **state)
{
    (void)state;
    masa_run *run = NULL;
    masa_error err = {0};
    assert_int_equal(masa_run_resume(&run, folder, &err), MASA_ERR_CONFIG);
    assert_non_null(strstr(err.message, "holds no run"));
    assert_int_equal(masa_run_create(&run, "/proc/self/nowhere", &config, &err), MASA_ERR_IO);
    put("plain", "a file");
    assert_int_equal(masa_run_create(&run, at("plain/run"), &config, &err), MASA_ERR_IO);
    /* a start that failed half-way can be started again */
    put("store.sqlite", "not a database, and long enough to be looked at as a header of "
                        "one, which takes a hundred bytes or more of text in this file");
    assert_int_equal(masa_run_create(&run, folder, &config, &err), MASA_ERR_FORMAT);
    assert_int_equal(unlink(at("store.sqlite")), 0);
    masa_run_close(create());
}

static void two_trainers_cannot_share_a_run(void **state)
{
    (void)state;
    masa_run *run = create(), *other = NULL;
    masa_error err = {0};
    char pid[40];
    assert_int_equal(masa_run_resume(&other, folder, &err), MASA_ERR_CONFIG);
    snprintf(pid, sizeof pid, "process %ld;", (long)getpid());
    assert_non_null(strstr(err.message, pid));
    masa_run_close(run);
    masa_run_close(resume());
    /* a process that dies holding the lock frees it */
    pid_t child = fork();
    if (child == 0) {
        masa_run *held = NULL;
        _exit(masa_run_resume(&held, folder, NULL) == MASA_OK ? 7 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 7);
    masa_run_close(resume());
}

static void old_checkpoints_go(void **state)
{
    (void)state;
    masa_run *run = create();
    assert_int_equal(find(), -1);
    for (long step = 10; step <= 50; step += 10) save(run, step);
    assert_false(masa_path_exists(at("checkpoints/step-000030")));
    assert_true(masa_path_exists(at("checkpoints/step-000040")));
    assert_true(masa_path_exists(at("checkpoints/step-000050")));
    masa_text latest = {0};
    assert_int_equal(masa_file_read(&latest, at("checkpoints/latest"), NULL), MASA_OK);
    assert_string_equal(masa_text_get(&latest), "step-000050\n");
    masa_text_deinit(&latest);
    save(run, 50); /* the same step again replaces it */
    assert_int_equal(find(), 50);
    assert_false(masa_path_exists(at("checkpoints/old-step-000050")));
    assert_true(masa_path_exists(at("checkpoints/step-000040")));
    masa_run_close(run);
    assert_int_equal(warnings, 0);
}

static void assert_best(const char *name)
{
    masa_text text = {0};
    bool missing = masa_path_missing(at("checkpoints/best"));
    if (!missing)
        assert_int_equal(masa_file_read(&text, at("checkpoints/best"), NULL), MASA_OK);
    assert_string_equal(masa_text_get(&text), name);
    masa_text_deinit(&text);
}

static void the_best_checkpoint_stays(void **state)
{
    (void)state;
    masa_run *run = create();
    save(run, 10);
    assert_best("");
    save_evaluated(run, 20, 0.5);
    save_evaluated(run, 30, 0.75);
    save_evaluated(run, 40, 0.75); /* of equals the first is the best */
    save(run, 50);
    save_evaluated(run, 60, 0.25);
    assert_best("step-000030\n");
    assert_true(masa_path_exists(at("checkpoints/step-000030")));
    assert_false(masa_path_exists(at("checkpoints/step-000020")));
    assert_false(masa_path_exists(at("checkpoints/step-000040")));
    masa_run_close(run);
    /* a crash before it was named, then a better one */
    assert_int_equal(unlink(at("checkpoints/best")), 0);
    run = resume();
    assert_best("step-000030\n");
    save_evaluated(run, 70, 0.8);
    assert_best("step-000070\n");
    assert_false(masa_path_exists(at("checkpoints/step-000030")));
    masa_run_close(run);
    /* what a run falls back behind is not its best any more */
    assert_int_equal(truncate(at("checkpoints/step-000070/model.safetensors"), 3), 0);
    masa_run_close(resume());
    assert_best("step-000060\n");
    config.train.keep_best = false;
    masa_run_close(resume());
    assert_best("");
}

static void a_broken_checkpoint_falls_back(void **state)
{
    (void)state;
    static const char *const broken[] = {"model.safetensors", "adapter/a.bin",
                                         MASA_MOMENTS_FILE, "state.json"};
    masa_run *run = create();
    save(run, 10);
    for (size_t i = 0; i < 4; i++)
        for (int kind = 0; kind < 3; kind++) {
            char name[128];
            save(run, 20);
            snprintf(name, sizeof name, "checkpoints/step-000020/%s", broken[i]);
            masa_text text = {0};
            assert_int_equal(masa_file_read(&text, at(name), NULL), MASA_OK);
            if (kind == 0) assert_int_equal(unlink(at(name)), 0);
            if (kind == 1) assert_int_equal(truncate(at(name), (off_t)text.size - 1), 0);
            if (kind == 2) { /* one byte differs; in the state, its first */
                text.data[i == 3 ? 0 : text.size / 2] ^= 1;
                assert_int_equal(masa_file_write(at(name), text.data, text.size, NULL),
                                 MASA_OK);
            }
            masa_text_deinit(&text);
            warnings = 0;
            assert_int_equal(find(), 10);
            assert_int_equal(warnings, 1);
        }
    masa_run_close(run);
    masa_run_close(resume());
    assert_false(masa_path_exists(at("checkpoints/step-000020")));
    /* nothing whole is left: an error, not a fresh start */
    assert_int_equal(truncate(at("checkpoints/step-000010/model.safetensors"), 3), 0);
    char *place = NULL;
    masa_run_state found;
    masa_error err = {0};
    assert_int_equal(masa_run_checkpoint_find(folder, &place, &found, &err), MASA_ERR_FORMAT);
}

static void every_byte_of_the_state_counts(void **state)
{
    (void)state;
    masa_run *run = create();
    save(run, 10);
    save(run, 20);
    masa_run_close(run);
    masa_text text = {0};
    char *name = strdup(at("checkpoints/step-000020/state.json"));
    assert_int_equal(masa_file_read(&text, name, NULL), MASA_OK);
    for (size_t i = 0; i < text.size; i++) {
        text.data[i] ^= 1; /* a digit becomes another digit */
        assert_int_equal(masa_file_write(name, text.data, text.size, NULL), MASA_OK);
        if (find() != 10) fail_msg("byte %zu, now %c", i, text.data[i]);
        text.data[i] ^= 1;
    }
    assert_int_equal(masa_file_write(name, text.data, text.size, NULL), MASA_OK);
    assert_int_equal(find(), 20);
    masa_text_deinit(&text);
    free(name);
}

/* What cannot be read may be whole: nothing older is taken in its place. */
static void an_unreadable_checkpoint_is_not_a_broken_one(void **state)
{
    (void)state;
    masa_run *run = create();
    save(run, 10);
    save(run, 20);
    masa_run_close(run);
    char *place = NULL, *name = strdup(at("checkpoints/step-000020/state.json"));
    masa_run_state found;
    masa_error err = {0};
    assert_int_equal(unlink(name), 0);
    assert_int_equal(masa_folder_create(name, NULL), MASA_OK); /* reading it is EISDIR */
    assert_int_equal(masa_run_checkpoint_find(folder, &place, &found, &err), MASA_ERR_IO);
    assert_non_null(strstr(err.message, "step-000020"));
    assert_int_equal(masa_folder_remove(name, NULL), MASA_OK);
    assert_int_equal(find(), 10);
    free(name);
    /* nor is a folder that cannot be listed an empty one */
    name = strdup(at("checkpoints"));
    assert_int_equal(rename(name, at("aside")), 0);
    put("checkpoints", "not a folder");
    assert_int_equal(masa_run_checkpoint_find(folder, &place, &found, &err), MASA_ERR_IO);
    free(name);
}

/* A store that is gone, and one older than the checkpoint, are told and filled from there. */
static void a_gap_in_the_record_is_told(void **state)
{
    (void)state;
    masa_run *run = create();
    save(run, 10);
    masa_run_close(run);
    assert_int_equal(unlink(at("store.sqlite")), 0);
    warnings = 0;
    masa_run_close(resume());
    assert_int_equal(warnings, 1);
    masa_run_close(resume()); /* the new store ends before step 10 */
    assert_int_equal(warnings, 2);
    assert_int_equal(find(), 10);
}

static void a_folder_that_lost_its_configuration_is_no_new_one(void **state)
{
    (void)state;
    masa_run *run = create();
    masa_error err = {0};
    save(run, 10);
    masa_run_close(run);
    assert_int_equal(unlink(at("config.yaml")), 0);
    assert_int_equal(masa_run_create(&run, folder, &config, &err), MASA_ERR_CONFIG);
    assert_non_null(strstr(err.message, "lost its config.yaml"));
    assert_int_equal(find(), 10);
    assert_int_equal(masa_folder_remove(at("checkpoints"), NULL), MASA_OK);
    assert_int_equal(masa_run_create(&run, folder, &config, &err), MASA_ERR_CONFIG);
}

/* A crash between a checkpoint and its name in `latest`. */
static void a_stale_latest_is_mended(void **state)
{
    (void)state;
    masa_run *run = create();
    long step = 0;
    save(run, 10);
    save(run, 20);
    masa_run_close(run);
    put("checkpoints/latest", "step-000010\n");
    assert_int_equal(masa_run_saved_step(folder, &step, NULL), MASA_OK);
    assert_int_equal(step, 10);
    masa_run_close(resume());
    assert_int_equal(masa_run_saved_step(folder, &step, NULL), MASA_OK);
    assert_int_equal(step, 20);
    assert_int_equal(unlink(at("checkpoints/latest")), 0);
    assert_int_equal(masa_run_saved_step(folder, &step, NULL), MASA_OK);
    assert_int_equal(step, -1);
}

static void half_written_checkpoints_are_cleaned(void **state)
{
    (void)state;
    masa_run *run = create();
    const char *place = NULL;
    save(run, 10);
    assert_int_equal(masa_run_checkpoint_begin(run, 20, &place, NULL), MASA_OK);
    masa_run_checkpoint_abort(run);
    assert_false(masa_path_exists(at("checkpoints/tmp-step-000020")));
    masa_run_checkpoint_abort(run);
    masa_run_close(run);

    /* crash while writing */
    assert_int_equal(masa_folder_create(at("checkpoints/tmp-step-000020/x"), NULL), MASA_OK);
    put("checkpoints/tmp-step-000020/model.safetensors", "half");
    assert_int_equal(find(), 10);
    masa_run_close(resume());
    assert_false(masa_path_exists(at("checkpoints/tmp-step-000020")));

    /* crash between making room and taking the name */
    char *from = strdup(at("checkpoints/step-000010"));
    char *to = strdup(at("checkpoints/old-step-000010"));
    assert_int_equal(rename(from, to), 0);
    masa_run_close(resume());
    assert_int_equal(find(), 10);
    assert_false(masa_path_exists(to));
    /* crash before the old one was removed */
    assert_int_equal(masa_folder_create(to, NULL), MASA_OK);
    masa_run_close(resume());
    assert_false(masa_path_exists(to));
    assert_int_equal(find(), 10);
    free(from);
    free(to);
    /* names that are not ours are left alone */
    put("checkpoints/step-old", "x");
    put("checkpoints/step-00001x", "x");
    assert_int_equal(find(), 10);
}

static void a_bad_state_aborts_the_checkpoint(void **state)
{
    (void)state;
    masa_run *run = create();
    const char *place = NULL;
    save(run, 10);
    char list[] = "[1]";
    masa_run_state states[] = {{.step = 20, .extra = list},
                               {.step = 20, .seconds = NAN},
                               {.step = 20, .evaluated = true, .score = NAN}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(masa_run_checkpoint_begin(run, 20, &place, NULL), MASA_OK);
        assert_int_equal(masa_run_checkpoint_commit(run, &states[i], NULL), MASA_ERR_DATA);
        assert_false(masa_path_exists(at("checkpoints/tmp-step-000020")));
        assert_int_equal(find(), 10);
    }
    masa_run_close(run);
}

/* A trainer that is killed at any moment leaves a whole checkpoint, not older than the
 * last one it knew to be saved. */
static void a_killed_trainer_loses_nothing(void **state)
{
    (void)state;
    masa_run_close(create());
    long step = 0;
    for (int round = 0; round < 8; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            masa_run *run = resume();
            for (long next = step + 1;; next++) {
                save(run, next);
                if (write(ends[1], &next, sizeof next) != sizeof next) _exit(1);
            }
        }
        close(ends[1]);
        for (int i = 0; i <= round % 4; i++)
            assert_int_equal(read(ends[0], &step, sizeof step), sizeof step);
        /* spend a little of the child's time, a different part in every round */
        for (int i = 0; i < round; i++) masa_path_exists(at("checkpoints"));
        kill(child, SIGKILL);
        long more;
        while (read(ends[0], &more, sizeof more) == sizeof more) step = more;
        close(ends[0]);
        assert_int_equal(waitpid(child, NULL, 0), child);
        masa_run_close(resume());
        long found = find();
        assert_in_range(found, step, step + 1);
        step = found;
    }
    assert_int_equal(warnings, 0);
}

/* A limit on the size of files stands in for a disk that fills up. */
static void a_full_disk_keeps_the_last_checkpoint(void **state)
{
    (void)state;
    enum { N = 10000 };
    static float m[N], v[N];
    masa_run *run = create();
    save(run, 10);
    const char *place = NULL;
    char path[512];
    assert_int_equal(masa_run_checkpoint_begin(run, 20, &place, NULL), MASA_OK);
    snprintf(path, sizeof path, "%s/" MASA_MOMENTS_FILE, place);
    struct rlimit whole, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &whole), 0);
    small = (struct rlimit){4096, whole.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    masa_error err = {0};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    masa_status st = write_moments(path, m, v, N, 1, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &whole), 0);
    assert_int_equal(st, MASA_ERR_IO);
    assert_non_null(strstr(err.message, MASA_MOMENTS_FILE));

    assert_int_equal(write_moments(path, m, v, 10, 1, NULL), MASA_OK);
    small.rlim_cur = 20; /* now state.json does not fit */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    st = masa_run_checkpoint_commit(run, &(masa_run_state){.step = 20}, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &whole), 0);
    assert_int_equal(st, MASA_ERR_IO);
    assert_non_null(strstr(err.message, "state.json"));
    assert_false(masa_path_exists(at("checkpoints/tmp-step-000020")));
    assert_int_equal(find(), 10);
    save(run, 20);
    assert_int_equal(find(), 20);
    masa_run_close(run);
}

static void moments_are_checked(void **state)
{
    (void)state;
    enum { N = 1000 };
    float m[N], v[N], m2[N] = {0}, v2[N] = {0};
    float *to[2] = {m2, v2};
    long step = 0;
    masa_error err = {0};
    for (int i = 0; i < N; i++) m[i] = (float)i / 3, v[i] = -m[i];
    char path[512];
    snprintf(path, sizeof path, "%s", at("optimizer.bin"));
    assert_int_equal(write_moments(path, m, v, N, 1L << 40, NULL), MASA_OK);
    assert_int_equal(masa_moments_read(path, take_moments, to, N, &step, NULL), MASA_OK);
    assert_memory_equal(m, m2, sizeof m);
    assert_memory_equal(v, v2, sizeof v);
    assert_true(step == 1L << 40);
    assert_int_equal(masa_moments_read(path, NULL, NULL, N - 1, &step, &err), MASA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "1000 trained numbers, the run has 999"));

    masa_text whole = {0};
    assert_int_equal(masa_file_read(&whole, path, NULL), MASA_OK);
    for (size_t size = 0; size < whole.size; size += 613) {
        assert_int_equal(masa_file_write(path, whole.data, size, NULL), MASA_OK);
        assert_int_equal(masa_moments_read(path, NULL, NULL, N, &step, &err), MASA_ERR_FORMAT);
    }
    for (size_t i = 0; i < whole.size; i += 211) {
        whole.data[i] ^= 4;
        assert_int_equal(masa_file_write(path, whole.data, whole.size, NULL), MASA_OK);
        assert_int_equal(masa_moments_read(path, NULL, NULL, N, &step, &err), MASA_ERR_FORMAT);
        whole.data[i] ^= 4;
    }
    assert_int_equal(write_moments("/proc/self/nowhere/o", m, v, N, 1, &err), MASA_ERR_IO);
    masa_text_deinit(&whole);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_run_is_created_and_resumed),
        T(a_folder_without_a_run_is_not_resumed),
        T(two_trainers_cannot_share_a_run),
        T(old_checkpoints_go),
        T(the_best_checkpoint_stays),
        T(a_broken_checkpoint_falls_back),
        T(every_byte_of_the_state_counts),
        T(an_unreadable_checkpoint_is_not_a_broken_one),
        T(a_gap_in_the_record_is_told),
        T(a_folder_that_lost_its_configuration_is_no_new_one),
        T(a_stale_latest_is_mended),
        T(half_written_checkpoints_are_cleaned),
        T(a_bad_state_aborts_the_checkpoint),
        T(a_killed_trainer_loses_nothing),
        T(a_full_disk_keeps_the_last_checkpoint),
        T(moments_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
