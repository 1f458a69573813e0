/*
 * The checkpoints of a run: CHECKPOINTS/step-000020 and so on.
 *
 * Names while things change: tmp-step-000020 is being written or removed and means
 * nothing; old-step-000020 is a checkpoint whose replacement of the same step is about
 * to take its name.
 */
#include "run_internal.h"

#include <masa/file.h>
#include <masa/log.h>
#include <masa/memory.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *step_path(const char *checkpoints, const char *prefix, long step)
{
    masa_text path = {0};
    masa_text_addf(&path, "%s/%sstep-%06ld", checkpoints, prefix, step);
    return masa_text_take(&path);
}

static masa_status move(const char *from, const char *to, masa_error *err)
{
    return rename(from, to) == 0 ? MASA_OK
                                 : MASA_FAIL(err, MASA_ERR_IO, "cannot rename %s to %s: %s",
                                             from, to, strerror(errno));
}

/* The step in "PREFIXstep-000020"; -1 for any other name. */
static long step_of(const char *name, const char *prefix)
{
    size_t n = strlen(prefix);
    if (strncmp(name, prefix, n) != 0 || strncmp(name + n, "step-", 5) != 0) return -1;
    const char *digits = name + n + 5;
    if (strlen(digits) < 6 || strlen(digits) > 18 ||
        strspn(digits, "0123456789") != strlen(digits))
        return -1;
    return strtol(digits, NULL, 10);
}

static int descending(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;
    return (x < y) - (x > y);
}

/* Steps of the entries called PREFIXstep-..., newest first; caller frees. A folder that
 * does not exist has none. */
static long *list_steps(const char *checkpoints, const char *prefix, size_t *n)
{
    long *steps = NULL;
    size_t capacity = 0;
    DIR *dir = opendir(checkpoints);
    struct dirent *entry;
    *n = 0;
    while (dir && (entry = readdir(dir))) {
        long step = step_of(entry->d_name, prefix);
        if (step >= 0) MASA_PUSH(steps, *n, capacity, step);
    }
    if (dir) closedir(dir);
    if (*n) qsort(steps, *n, sizeof *steps, descending);
    return steps;
}

/* Under a temporary name first: half removed must not look like a broken checkpoint. */
static masa_status remove_step(const char *checkpoints, long step, masa_error *err)
{
    char *path = step_path(checkpoints, "", step), *gone = step_path(checkpoints, "tmp-", step);
    masa_status st = masa_folder_remove(gone, err);
    if (st == MASA_OK) st = move(path, gone, err);
    if (st == MASA_OK) st = masa_folder_remove(gone, err);
    free(path);
    free(gone);
    return st;
}

masa_status checkpoints_remove_after(const char *checkpoints, long step, masa_error *err)
{
    masa_status st = MASA_OK;
    size_t n;
    long *steps = list_steps(checkpoints, "", &n);
    for (size_t i = 0; i < n && st == MASA_OK; i++)
        if (steps[i] > step) st = remove_step(checkpoints, steps[i], err);
    free(steps);
    return st;
}

masa_status checkpoints_clean(const char *checkpoints, masa_error *err)
{
    masa_status st = MASA_OK;
    size_t n;
    long *steps = list_steps(checkpoints, "tmp-", &n);
    for (size_t i = 0; i < n && st == MASA_OK; i++) {
        char *path = step_path(checkpoints, "tmp-", steps[i]);
        st = masa_folder_remove(path, err);
        free(path);
    }
    free(steps);
    steps = list_steps(checkpoints, "old-", &n);
    for (size_t i = 0; i < n && st == MASA_OK; i++) {
        char *old = step_path(checkpoints, "old-", steps[i]);
        char *path = step_path(checkpoints, "", steps[i]);
        st = masa_path_exists(path) ? masa_folder_remove(old, err) : move(old, path, err);
        free(old);
        free(path);
    }
    free(steps);
    return st;
}

masa_status masa_run_checkpoint_begin(masa_run *run, long step, const char **folder,
                                      masa_error *err)
{
    masa_run_checkpoint_abort(run);
    char *path = step_path(run->checkpoints, "tmp-", step);
    masa_status st = masa_folder_remove(path, err);
    if (st == MASA_OK) st = masa_folder_create(path, err);
    if (st != MASA_OK) {
        free(path);
        return st;
    }
    run->pending = path;
    run->pending_step = step;
    *folder = path;
    return MASA_OK;
}

void masa_run_checkpoint_abort(masa_run *run)
{
    if (!run->pending) return;
    masa_folder_remove(run->pending, NULL);
    free(run->pending);
    run->pending = NULL;
}

/* Gives the sealed folder its name; one of the same step makes room and is removed after. */
static masa_status put_in_place(masa_run *run, masa_error *err)
{
    char *path = step_path(run->checkpoints, "", run->pending_step);
    char *old = step_path(run->checkpoints, "old-", run->pending_step);
    bool replaces = masa_path_exists(path);
    masa_status st = MASA_OK;
    if (replaces) {
        st = masa_folder_remove(old, err);
        if (st == MASA_OK) st = move(path, old, err);
    }
    if (st == MASA_OK) {
        st = move(run->pending, path, err);
        if (st != MASA_OK && replaces) rename(old, path);
    }
    if (st == MASA_OK) st = masa_folder_sync(run->checkpoints, err);
    if (st == MASA_OK && replaces) st = masa_folder_remove(old, err);
    free(path);
    free(old);
    return st;
}

static masa_status write_latest(const masa_run *run, long step, masa_error *err)
{
    char *path = masa_path_join(run->checkpoints, "latest"), name[40];
    int n = snprintf(name, sizeof name, "step-%06ld\n", step);
    masa_status st = masa_file_write(path, name, (size_t)n, err);
    free(path);
    return st;
}

static masa_status prune(const masa_run *run, long newest, masa_error *err)
{
    masa_status st = MASA_OK;
    size_t n;
    long *steps = list_steps(run->checkpoints, "", &n), kept = 1;
    for (size_t i = 0; i < n && st == MASA_OK; i++)
        if (steps[i] < newest && ++kept > run->keep)
            st = remove_step(run->checkpoints, steps[i], err);
    free(steps);
    return st;
}

masa_status masa_run_checkpoint_commit(masa_run *run, const masa_run_state *state,
                                       masa_error *err)
{
    long step = run->pending_step;
    masa_status st = checkpoint_seal(run->pending, state, err);
    if (st == MASA_OK) st = put_in_place(run, err);
    if (st != MASA_OK) {
        masa_run_checkpoint_abort(run);
        return st;
    }
    free(run->pending);
    run->pending = NULL;
    st = write_latest(run, step, err);
    return st == MASA_OK ? prune(run, step, err) : st;
}

void masa_run_state_deinit(masa_run_state *state)
{
    free(state->extra);
    *state = (masa_run_state){0};
}

masa_status masa_run_checkpoint_find(const char *run_folder, char **folder,
                                     masa_run_state *state, masa_error *err)
{
    char *checkpoints = masa_path_join(run_folder, "checkpoints"), *found = NULL;
    size_t n;
    long *steps = list_steps(checkpoints, "", &n);
    masa_run_state good = {0};
    masa_status st = MASA_OK;
    for (size_t i = 0; i < n && !found; i++) {
        char *path = step_path(checkpoints, "", steps[i]);
        masa_error why = {0};
        st = checkpoint_verify(path, &good, &why);
        if (st == MASA_OK) {
            found = path;
            continue;
        }
        masa_warn("checkpoint %s is broken and not used: %s", path, why.message);
        free(path);
    }
    if (n && !found)
        st = MASA_FAIL(err, MASA_ERR_FORMAT, "no checkpoint in %s is whole", checkpoints);
    if (st == MASA_OK) {
        *folder = found;
        *state = good;
    }
    free(steps);
    free(checkpoints);
    return st;
}
