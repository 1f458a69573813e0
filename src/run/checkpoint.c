/*
 * The checkpoints of a run: CHECKPOINTS/step-000020 and so on.
 *
 * Names while things change: tmp-step-000020 is being written or removed and means
 * nothing; old-step-000020 is a checkpoint whose replacement of the same step is about
 * to take its name.
 *
 * A folder that cannot be read is never taken for an empty one, nor a file that cannot be
 * read for a damaged one: either would have a run thrown away that is whole.
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
#include <unistd.h>

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

static masa_status fail_read(const char *folder, masa_error *err)
{
    return MASA_FAIL(err, MASA_ERR_IO, "cannot read folder %s: %s", folder, strerror(errno));
}

typedef struct step_list {
    long *steps; /* newest first; the caller frees them, after an error too */
    size_t n;
} step_list;

/* Steps of the entries called PREFIXstep-.... A folder that does not exist has none; one that
 * cannot be read is an error, for an empty one lets a run begin again. */
static masa_status list_steps(step_list *out, const char *checkpoints, const char *prefix,
                              masa_error *err)
{
    size_t capacity = 0;
    struct dirent *entry;
    *out = (step_list){0};
    DIR *dir = opendir(checkpoints);
    if (!dir) return errno == ENOENT ? MASA_OK : fail_read(checkpoints, err);
    while (errno = 0, (entry = readdir(dir))) {
        long step = step_of(entry->d_name, prefix);
        if (step >= 0) MASA_PUSH(out->steps, out->n, capacity, step);
    }
    masa_status st = errno ? fail_read(checkpoints, err) : MASA_OK;
    closedir(dir);
    if (out->n) qsort(out->steps, out->n, sizeof *out->steps, descending);
    return st;
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
    step_list all;
    masa_status st = list_steps(&all, checkpoints, "", err);
    for (size_t i = 0; i < all.n && st == MASA_OK; i++)
        if (all.steps[i] > step) st = remove_step(checkpoints, all.steps[i], err);
    free(all.steps);
    return st;
}

masa_status checkpoints_newest(long *step, const char *checkpoints, masa_error *err)
{
    step_list all;
    masa_status st = list_steps(&all, checkpoints, "", err);
    if (st == MASA_OK) *step = all.n ? all.steps[0] : -1;
    free(all.steps);
    return st;
}

masa_status checkpoints_clean(const char *checkpoints, masa_error *err)
{
    step_list all;
    masa_status st = list_steps(&all, checkpoints, "tmp-", err);
    for (size_t i = 0; i < all.n && st == MASA_OK; i++) {
        char *path = step_path(checkpoints, "tmp-", all.steps[i]);
        st = masa_folder_remove(path, err);
        free(path);
    }
    free(all.steps);
    if (st != MASA_OK) return st;
    st = list_steps(&all, checkpoints, "old-", err);
    for (size_t i = 0; i < all.n && st == MASA_OK; i++) {
        char *old = step_path(checkpoints, "old-", all.steps[i]);
        char *path = step_path(checkpoints, "", all.steps[i]);
        st = masa_path_missing(path) ? move(old, path, err) : masa_folder_remove(old, err);
        free(old);
        free(path);
    }
    free(all.steps);
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

masa_status checkpoints_name(const char *checkpoints, const char *as, long step,
                             masa_error *err)
{
    char *path = masa_path_join(checkpoints, as), name[40];
    int n = snprintf(name, sizeof name, "step-%06ld\n", step);
    masa_status st = masa_file_write(path, name, (size_t)n, err);
    free(path);
    return st;
}

static masa_status find_named(long *step, const char *checkpoints, const char *as,
                              masa_error *err)
{
    char *path = masa_path_join(checkpoints, as);
    masa_text name = {0};
    bool missing = masa_path_missing(path);
    masa_status st = missing ? MASA_OK : masa_file_read_part(&name, path, err);
    if (st == MASA_OK) {
        if (name.size) name.data[strcspn(name.data, "\n")] = '\0';
        *step = step_of(masa_text_get(&name), "");
    }
    masa_text_deinit(&name);
    free(path);
    return st;
}

/* What cannot be removed costs room and nothing else. */
static void prune(const masa_run *run, long newest)
{
    step_list all;
    masa_error why = {0};
    long kept = 1;
    masa_status st = list_steps(&all, run->checkpoints, "", &why);
    for (size_t i = 0; i < all.n && st == MASA_OK; i++)
        if (all.steps[i] < newest && ++kept > run->keep && all.steps[i] != run->best)
            st = remove_step(run->checkpoints, all.steps[i], &why);
    if (st != MASA_OK) masa_warn("an old checkpoint stays: %s", why.message);
    free(all.steps);
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
    st = checkpoints_name(run->checkpoints, "latest", step, err);
    if (st == MASA_OK && masa_run_improves(run, state)) {
        run->best = step;
        run->best_score = state->score;
        st = checkpoints_name(run->checkpoints, "best", step, err);
    }
    if (st == MASA_OK) prune(run, step);
    return st;
}

bool masa_run_improves(const masa_run *run, const masa_run_state *state)
{
    return run->keep_best && state->evaluated &&
           (run->best < 0 || state->score > run->best_score);
}

masa_status checkpoints_find_best(masa_run *run, masa_error *err)
{
    step_list all;
    char *name = masa_path_join(run->checkpoints, "best");
    masa_status st = list_steps(&all, run->checkpoints, "", err);
    for (size_t i = all.n; i-- > 0;) { /* oldest first */
        char *path = step_path(run->checkpoints, "", all.steps[i]);
        masa_run_state state = {0};
        /* One that is broken was not resumed from and is not the best either. */
        if (checkpoint_read(path, &state, NULL) == MASA_OK && masa_run_improves(run, &state)) {
            run->best = all.steps[i];
            run->best_score = state.score;
        }
        masa_run_state_deinit(&state);
        free(path);
    }
    if (st == MASA_OK && run->best >= 0)
        st = checkpoints_name(run->checkpoints, "best", run->best, err);
    else if (st == MASA_OK && !masa_path_missing(name) && unlink(name) != 0)
        st = MASA_FAIL(err, MASA_ERR_IO, "cannot remove %s: %s", name, strerror(errno));
    free(all.steps);
    free(name);
    return st;
}

void masa_run_state_deinit(masa_run_state *state)
{
    free(state->extra);
    free(state->inputs);
    *state = (masa_run_state){0};
}

/* Every checkpoint's folder, newest first; one whose replacement a crash broke off counts
 * where the replacement is not there. */
typedef struct folder_list {
    char **paths;
    size_t n, capacity;
} folder_list;

static masa_status list_folders(folder_list *out, const char *checkpoints, masa_error *err)
{
    step_list whole, old = {0};
    size_t i = 0, k = 0;
    masa_status st = list_steps(&whole, checkpoints, "", err);
    if (st == MASA_OK) st = list_steps(&old, checkpoints, "old-", err);
    while (st == MASA_OK && (i < whole.n || k < old.n)) {
        bool is_old = i == whole.n || (k < old.n && old.steps[k] > whole.steps[i]);
        long step = is_old ? old.steps[k++] : whole.steps[i++];
        if (!is_old && k < old.n && old.steps[k] == step) k++;
        char *path = step_path(checkpoints, is_old ? "old-" : "", step);
        MASA_PUSH(out->paths, out->n, out->capacity, path);
    }
    free(whole.steps);
    free(old.steps);
    return st;
}

masa_status masa_run_checkpoint_find(const char *run_folder, char **folder,
                                     masa_run_state *state, masa_error *err)
{
    char *checkpoints = masa_path_join(run_folder, "checkpoints"), *found = NULL;
    folder_list all = {0};
    masa_run_state good = {0};
    masa_status st = list_folders(&all, checkpoints, err);
    for (size_t i = 0; st == MASA_OK && i < all.n && !found; i++) {
        masa_error why = {0};
        st = checkpoint_verify(all.paths[i], &good, &why);
        if (st == MASA_OK) {
            found = masa_strdup(all.paths[i]);
        } else if (st == MASA_ERR_FORMAT) {
            masa_warn("checkpoint %s is broken and not used: %s", all.paths[i], why.message);
            st = MASA_OK;
        } else if (err) { /* it may be whole: the disk would not say */
            *err = why;
        }
    }
    if (st == MASA_OK && all.n && !found)
        st = MASA_FAIL(err, MASA_ERR_FORMAT,
                       "no checkpoint in %s is whole; start anew in another folder",
                       checkpoints);
    if (st == MASA_OK) {
        *folder = found;
        *state = good;
    }
    for (size_t i = 0; i < all.n; i++) free(all.paths[i]);
    free(all.paths);
    free(checkpoints);
    return st;
}

masa_status masa_run_saved_step(const char *run_folder, long *step, masa_error *err)
{
    char *checkpoints = masa_path_join(run_folder, "checkpoints");
    masa_status st = find_named(step, checkpoints, "latest", err);
    free(checkpoints);
    return st;
}
