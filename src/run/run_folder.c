/* A run's folder: creating, resuming, its lock, and a step's metrics. */
#include "run_internal.h"

#include <masa/file.h>
#include <masa/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

char *masa_run_config_path(const char *folder)
{
    return masa_path_join(folder, "config.yaml");
}

char *masa_run_store_path(const char *folder)
{
    return masa_path_join(folder, "store.sqlite");
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
        ssize_t n = held ? pread(run->lock, pid, sizeof pid - 1, 0) : 0;
        if (n > 0) pid[strcspn(pid, "\n")] = '\0';
        st = held ? MASA_FAIL(err, MASA_ERR_CONFIG,
                              "%s is being trained in by process %s; wait for it or stop it",
                              run->path, pid)
                  : MASA_FAIL(err, MASA_ERR_IO, "cannot lock %s: %s", path, strerror(errno));
    } else {
        int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
        if (ftruncate(run->lock, 0) != 0 || pwrite(run->lock, pid, (size_t)n, 0) != n)
            st = MASA_FAIL(err, MASA_ERR_IO, "cannot write %s: %s", path, strerror(errno));
    }
    free(path);
    return st;
}

static masa_status open_files(masa_run *run, masa_error *err)
{
    char *store = masa_run_store_path(run->path);
    char *board = masa_path_join(run->path, "tensorboard");
    masa_status st = masa_folder_create(run->checkpoints, err);
    if (st == MASA_OK) st = masa_store_open(&run->store, store, MASA_STORE_WRITE, err);
    if (st == MASA_OK) st = events_open(&run->events, board, err);
    free(store);
    free(board);
    return st;
}

static masa_run *make(const char *folder, const masa_config *config)
{
    masa_run *run = masa_alloc(1, sizeof *run);
    run->path = masa_strdup(folder);
    run->checkpoints = masa_path_join(folder, "checkpoints");
    run->lock = -1;
    run->keep = config->train.keep_checkpoints;
    return run;
}

/* config.yaml is what makes a folder a run, so a new one is written last: a start that
 * failed before can simply be started again. */
static masa_status start(masa_run **out, const char *folder, const masa_config *config,
                         bool fresh, masa_error *err)
{
    masa_run *run = make(folder, config);
    char *path = masa_run_config_path(folder);
    masa_status st = take_lock(run, err);
    if (st == MASA_OK && fresh && masa_path_exists(path))
        st = MASA_FAIL(err, MASA_ERR_CONFIG,
                       "%s holds a run already; resume it or choose another folder", folder);
    if (st == MASA_OK && !fresh) st = checkpoints_clean(run->checkpoints, err);
    if (st == MASA_OK) st = open_files(run, err);
    if (st == MASA_OK) st = masa_config_write(config, path, err);
    if (st == MASA_OK) st = masa_folder_sync(folder, err);
    free(path);
    if (st == MASA_OK)
        *out = run;
    else
        masa_run_close(run);
    return st;
}

masa_status masa_run_create(masa_run **out, const char *folder, const masa_config *config,
                            masa_error *err)
{
    masa_status st = masa_folder_create(folder, err);
    return st == MASA_OK ? start(out, folder, config, true, err) : st;
}

masa_status masa_run_resume(masa_run **out, const char *folder, const masa_config *config,
                            masa_error *err)
{
    char *path = masa_run_config_path(folder);
    bool exists = masa_path_exists(path);
    free(path);
    if (!exists)
        return MASA_FAIL(err, MASA_ERR_CONFIG, "%s holds no run to resume (no config.yaml)",
                         folder);
    return start(out, folder, config, false, err);
}

masa_status masa_run_rewind(masa_run *run, long step, masa_error *err)
{
    masa_status st = masa_store_truncate(run->store, step, err);
    if (st == MASA_OK) st = events_rewind(run->events, step, err);
    if (st == MASA_OK) st = events_flush(run->events, err);
    if (st == MASA_OK) st = checkpoints_remove_after(run->checkpoints, step, err);
    return st;
}

void masa_run_close(masa_run *run)
{
    if (!run) return;
    masa_run_checkpoint_abort(run);
    events_close(run->events);
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

masa_status masa_run_add_metric(masa_run *run, long step, const char *name, double value,
                                masa_error *err)
{
    masa_status st = masa_store_add_metric(run->store, step, name, value, err);
    return st == MASA_OK ? events_add_scalar(run->events, step, name, value, err) : st;
}

masa_status masa_run_begin_step(masa_run *run, masa_error *err)
{
    return masa_store_begin(run->store, err);
}

masa_status masa_run_commit_step(masa_run *run, masa_error *err)
{
    masa_status st = masa_store_commit(run->store, err);
    return st == MASA_OK ? events_flush(run->events, err) : st;
}
