/* A run's folder: creating, resuming, its lock, and a step's metrics. */
#include "run_internal.h"

#include <masa/file.h>
#include <masa/log.h>
#include <masa/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

char *masa_run_config_path(const char *folder)
{
    return masa_path_join(folder, "config.yaml");
}

char *masa_run_store_path(const char *folder)
{
    return masa_path_join(folder, "store.sqlite");
}

/* Who holds the lock has written its number there. */
static void read_holder(char pid[32], int lock)
{
    ssize_t n = pread(lock, pid, 31, 0);
    pid[n > 0 ? n : 0] = '\0';
    pid[strcspn(pid, "\n")] = '\0';
}

/* The lock goes with the process, however it ends; the file itself stays. */
static masa_status take_lock(masa_run *run, masa_error *err)
{
    char *path = masa_path_join(run->path, "lock"), pid[32] = "";
    masa_status st = MASA_OK;
    run->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (run->lock < 0) {
        st = MASA_FAIL(err, MASA_ERR_IO, "cannot write %s: %s", path, strerror(errno));
    } else if (flock(run->lock, LOCK_EX | LOCK_NB) != 0) {
        bool held = errno == EWOULDBLOCK;
        st = MASA_FAIL(err, MASA_ERR_IO, "cannot lock %s: %s", path, strerror(errno));
        if (held) read_holder(pid, run->lock);
        if (held)
            st = MASA_FAIL(err, MASA_ERR_CONFIG,
                           "%s is being trained in by process %s; wait for it, or stop it with "
                           "`kill %s`, which saves it",
                           run->path, pid, pid);
    } else {
        int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
        if (ftruncate(run->lock, 0) != 0 || pwrite(run->lock, pid, (size_t)n, 0) != n)
            st = MASA_FAIL(err, MASA_ERR_IO, "cannot write %s: %s", path, strerror(errno));
    }
    free(path);
    return st;
}

bool masa_run_is_training(const char *folder, char pid[32])
{
    char *path = masa_path_join(folder, "lock");
    int lock = open(path, O_RDONLY | O_CLOEXEC);
    bool is = lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (is && pid) read_holder(pid, lock);
    if (lock >= 0) close(lock);
    free(path);
    return is;
}

static masa_status open_store(masa_run *run, masa_error *err)
{
    char *path = masa_run_store_path(run->path);
    masa_status st = masa_store_open(&run->store, path, MASA_STORE_WRITE, err);
    if (st == MASA_OK) masa_store_heed(run->store, run->stop);
    free(path);
    return st;
}

/* For reading: a start or a resume that is refused has then changed nothing, not even a store of
 * an older program. One whose making was cut short holds nothing yet and is made now. *out
 * stays NULL where there is none. */
static masa_status open_record(masa_store **out, const char *folder, masa_error *err)
{
    char *path = masa_run_store_path(folder);
    masa_text journal = {0};
    struct stat file;
    masa_text_addf(&journal, "%s-journal", path);
    bool begun = (stat(path, &file) == 0 && file.st_size == 0) ||
                 masa_path_exists(masa_text_get(&journal));
    masa_status st = MASA_OK;
    if (!masa_path_missing(path))
        st = masa_store_open(out, path, begun ? MASA_STORE_WRITE : MASA_STORE_READ, err);
    masa_text_deinit(&journal);
    free(path);
    return st;
}

static masa_status open_events(masa_run *run, masa_error *err)
{
    char *path = masa_path_join(run->path, "tensorboard");
    masa_status st = events_open(&run->events, path, err);
    free(path);
    return st;
}

/* For people: a run does without it where it must. */
static void open_log(masa_run *run)
{
    char *path = masa_path_join(run->path, "log.txt");
    run->log = fopen(path, "ae");
    if (!run->log) masa_warn("cannot write %s: %s", path, strerror(errno));
    free(path);
}

static masa_run *make(const char *folder)
{
    masa_run *run = masa_alloc(1, sizeof *run);
    run->path = masa_strdup(folder);
    run->checkpoints = masa_path_join(folder, "checkpoints");
    run->lock = run->best = -1;
    return run;
}

static masa_status write_config(masa_run *run, const masa_config *config, long step,
                                masa_error *err)
{
    char *path = masa_run_config_path(run->path);
    run->keep = config->train.keep_checkpoints;
    run->keep_best = config->train.keep_best;
    masa_text text = {0};
    masa_text_add(&text, "```yaml\n");
    masa_config_print(config, false, &text);
    masa_text_add(&text, "```\n");
    masa_status st = events_add_text(run->events, step, "settings", masa_text_get(&text), err);
    masa_text_deinit(&text);
    if (st == MASA_OK) st = masa_config_write(config, path, err);
    if (st == MASA_OK) st = masa_folder_sync(run->path, err);
    free(path);
    return st;
}

/* Without config.yaml: what a start that failed left is fine, steps or checkpoints are not. */
static masa_status check_new(const masa_run *run, masa_error *err)
{
    char *config = masa_run_config_path(run->path);
    bool is_run = !masa_path_missing(config);
    long newest = -1, last = -1;
    masa_store *record = NULL;
    masa_status st = checkpoints_newest(&newest, run->checkpoints, err);
    if (st == MASA_OK && !is_run) st = open_record(&record, run->path, err);
    if (st == MASA_OK && record) st = masa_store_last_step(record, &last, err);
    masa_store_close(record);
    if (st == MASA_OK && is_run)
        st = MASA_FAIL(err, MASA_ERR_CONFIG,
                       "%s holds a run already; resume it or choose another folder", run->path);
    else if (st == MASA_OK && (newest >= 0 || last >= 0))
        st =
            MASA_FAIL(err, MASA_ERR_CONFIG,
                      "%s holds a run that has lost its config.yaml; bring it back and resume, "
                      "or choose another folder",
                      run->path);
    free(config);
    return st;
}

/* config.yaml is what makes a folder a run, so it is written last: a start that failed
 * before can simply be started again. */
masa_status masa_run_create(masa_run **out, const char *folder, const masa_config *config,
                            masa_error *err)
{
    masa_status st = masa_folder_create(folder, err);
    if (st != MASA_OK) return st;
    masa_run *run = make(folder);
    st = take_lock(run, err);
    if (st == MASA_OK) st = check_new(run, err);
    if (st == MASA_OK) st = masa_folder_create(run->checkpoints, err);
    if (st == MASA_OK) st = open_store(run, err);
    if (st == MASA_OK) st = open_events(run, err);
    if (st == MASA_OK) st = write_config(run, config, 0, err);
    if (st == MASA_OK) open_log(run);
    if (st == MASA_OK) *out = run;
    else masa_run_close(run);
    return st;
}

masa_status masa_run_resume(masa_run **out, const char *folder, masa_error *err)
{
    char *config = masa_run_config_path(folder);
    masa_run *run = make(folder);
    masa_status st = MASA_OK;
    if (masa_path_missing(config))
        st = MASA_FAIL(err, MASA_ERR_CONFIG, "%s holds no run to resume (no config.yaml)",
                       folder);
    if (st == MASA_OK) st = take_lock(run, err);
    if (st == MASA_OK) st = open_record(&run->store, folder, err);
    if (st == MASA_OK) *out = run;
    else masa_run_close(run);
    free(config);
    return st;
}

void masa_run_heed(masa_run *run, const volatile sig_atomic_t *stop)
{
    run->stop = stop;
    if (run->store) masa_store_heed(run->store, stop);
}

masa_status masa_run_last_step(masa_run *run, long *step, masa_error *err)
{
    *step = -1;
    return run->store ? masa_store_last_step(run->store, step, err) : MASA_OK;
}

static void warn_of_gap(const masa_run *run, long step, long last)
{
    if (step <= 0) return; /* there need not be a record yet */
    if (last < 0)
        masa_warn("%s has no record of the steps up to %ld; what comes is recorded", run->path,
                  step);
    else if (last < step)
        masa_warn(
            "the record in %s ends with step %ld, the checkpoint is of step %ld: what was "
            "recorded between is missing",
            run->path, last, step);
}

/* config.yaml comes last here too: until then a failure leaves the run with the settings it
 * had, and only that removed which the run does again. */
masa_status masa_run_continue(masa_run *run, const masa_config *config, long step,
                              masa_error *err)
{
    long last = -1;
    masa_status st = masa_folder_create(run->checkpoints, err);
    masa_store_close(run->store); /* it was to be read */
    run->store = NULL;
    if (st == MASA_OK) st = open_store(run, err);
    if (st == MASA_OK) st = masa_run_last_step(run, &last, err);
    if (st == MASA_OK) st = open_events(run, err);
    if (st == MASA_OK) warn_of_gap(run, step, last);
    if (st == MASA_OK) st = checkpoints_clean(run->checkpoints, err);
    if (st == MASA_OK) st = masa_store_truncate(run->store, step, err);
    if (st == MASA_OK) st = events_rewind(run->events, step, err);
    if (st == MASA_OK) st = events_flush(run->events, err);
    if (st == MASA_OK) st = checkpoints_remove_after(run->checkpoints, step, err);
    if (st == MASA_OK && step >= 0)
        st = checkpoints_name(run->checkpoints, "latest", step, err);
    if (st == MASA_OK) st = write_config(run, config, step < 0 ? 0 : step, err);
    if (st == MASA_OK) open_log(run);
    return st == MASA_OK ? checkpoints_find_best(run, err) : st;
}

void masa_run_close(masa_run *run)
{
    if (!run) return;
    masa_run_checkpoint_abort(run);
    events_close(run->events);
    if (run->log) fclose(run->log);
    masa_store_close(run->store);
    if (run->lock >= 0) close(run->lock);
    free(run->checkpoints);
    free(run->path);
    free(run);
}

const char *masa_run_path(const masa_run *run)
{
    return run->path;
}

masa_store *masa_run_store(masa_run *run)
{
    return run->store;
}

FILE *masa_run_log(masa_run *run)
{
    return run->log;
}

masa_status masa_run_add_metric(masa_run *run, long step, const char *name, double value,
                                masa_error *err)
{
    masa_status st = masa_store_add_metric(run->store, step, name, value, err);
    if (st != MASA_OK || !isfinite(value)) return st; /* TensorBoard would draw what is off */
    char *tag = run_tag(name);
    st = events_add_scalar(run->events, step, tag, value, err);
    free(tag);
    return st;
}

masa_status masa_run_begin_step(masa_run *run, masa_error *err)
{
    return masa_store_begin(run->store, err);
}

/* The store comes last: a step that failed is not on record and can be recorded again. */
masa_status masa_run_commit_step(masa_run *run, masa_error *err)
{
    masa_status st = events_flush(run->events, err);
    return st == MASA_OK ? masa_store_commit(run->store, err) : st;
}

void masa_run_abandon_step(masa_run *run)
{
    masa_store_rollback(run->store);
}

size_t masa_run_room(const masa_run *run)
{
    struct statvfs disk;
    if (statvfs(run->path, &disk) != 0) return SIZE_MAX; /* writing will tell */
    return (size_t)disk.f_bavail * disk.f_frsize;
}

/* In the store's table of facts, so that an older store has it too. */
static const char history_key[] = "history";

masa_status masa_run_history(masa_store *store, char **out, masa_error *err)
{
    return masa_store_get_info(store, history_key, out, err);
}

masa_status masa_run_add_history(masa_run *run, long step, const char *what, masa_error *err)
{
    char *before = NULL;
    masa_text text = {0};
    masa_status st = masa_run_history(run->store, &before, err);
    if (st == MASA_OK) {
        masa_text_addf(&text, "%sstep %ld: ", before ? before : "", step);
        masa_text_add_line_shown(&text, what);
        masa_text_add(&text, "\n");
        st = masa_store_set_info(run->store, history_key, masa_text_get(&text), err);
    }
    masa_text_deinit(&text);
    free(before);
    return st;
}
