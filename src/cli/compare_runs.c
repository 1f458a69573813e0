/* Which runs a comparison has, and where each stands. */
#include "compare.h"

#include <masa/file.h>
#include <masa/memory.h>
#include <masa/run_folder.h>
#include <masa/store.h>
#include <masa/text.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char mark[] = "-seed"; /* between preset and seed in a folder's name */

void compare_runs_deinit(compare_runs *runs)
{
    for (size_t i = 0; i < runs->n; i++) {
        free(runs->items[i].preset);
        free(runs->items[i].path);
    }
    free(runs->items);
    *runs = (compare_runs){0};
}

static void add_run(compare_runs *out, const char *folder, const char *preset, size_t n,
                    long seed)
{
    masa_text name = {0};
    masa_text_addf(&name, "%.*s%s%ld", (int)n, preset, mark, seed);
    compare_run run = {masa_strndup(preset, n),
                       masa_path_join(folder, masa_text_get(&name)), seed};
    MASA_PUSH(out->items, out->n, out->capacity, run);
    masa_text_deinit(&name);
}

static bool has_run(const compare_runs *runs, const char *preset, size_t n, long seed)
{
    for (size_t i = 0; i < runs->n; i++)
        if (runs->items[i].seed == seed && strlen(runs->items[i].preset) == n &&
            memcmp(runs->items[i].preset, preset, n) == 0)
            return true;
    return false;
}

/* Whole number at the start of text; *end is what follows it. */
static bool parse_seed(long *out, const char *text, const char **end)
{
    char *stop = NULL;
    errno = 0;
    *out = strtol(text, &stop, 10);
    *end = stop;
    return stop != text && *out >= 0 && errno == 0 && *text >= '0' && *text <= '9';
}

masa_status compare_runs_plan(compare_runs *out, const char *folder, const char *presets,
                              const char *seeds, masa_error *err)
{
    for (const char *s = seeds; *s;) {
        long seed;
        const char *end;
        if (!parse_seed(&seed, s, &end) || (*end && *end != ','))
            return MASA_FAIL(err, MASA_ERR_USAGE,
                             "--seeds takes whole numbers as 1,2,3, not '%s'", seeds);
        for (const char *p = presets; *p;) {
            size_t n = strcspn(p, ",");
            if (has_run(out, p, n, seed))
                return MASA_FAIL(err, MASA_ERR_USAGE,
                                 "preset %.*s with seed %ld is given "
                                 "twice",
                                 (int)n, p, seed);
            if (n) add_run(out, folder, p, n, seed);
            p += n + (p[n] == ',');
        }
        s = end + (*end == ',');
    }
    if (out->n == 0)
        return MASA_FAIL(err, MASA_ERR_USAGE, "no preset or no seed is given");
    return MASA_OK;
}

static int by_seed_and_preset(const void *a, const void *b)
{
    const compare_run *x = a, *y = b;
    if (x->seed != y->seed) return x->seed < y->seed ? -1 : 1;
    return strcmp(x->preset, y->preset);
}

/* The last mark in the name: presets may have one too. */
static const char *find_mark(const char *name)
{
    const char *found = NULL;
    for (const char *p = name; (p = strstr(p, mark)); p++) found = p;
    return found;
}

masa_status compare_runs_find(compare_runs *out, const char *folder, masa_error *err)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return MASA_FAIL(err, MASA_ERR_IO, "cannot read %s: %s", folder, strerror(errno));
    for (struct dirent *entry; (entry = readdir(dir));) {
        const char *at = find_mark(entry->d_name), *end;
        long seed;
        if (!at || at == entry->d_name || !parse_seed(&seed, at + strlen(mark), &end) ||
            *end)
            continue;
        char *path = masa_path_join(folder, entry->d_name);
        char *config = masa_run_config_path(path);
        if (masa_path_exists(config))
            add_run(out, folder, entry->d_name, (size_t)(at - entry->d_name), seed);
        free(config);
        free(path);
    }
    closedir(dir);
    if (out->n == 0)
        return MASA_FAIL(
            err, MASA_ERR_DATA,
            "%s holds no runs to compare; give --preset, --model, --train and "
            "--test to make them",
            folder);
    qsort(out->items, out->n, sizeof *out->items, by_seed_and_preset);
    return MASA_OK;
}

/* ---- where a run stands ---- */

static masa_status see_seconds(void *context, long step, const char *name, double value,
                               masa_error *err)
{
    (void)step, (void)name, (void)err;
    *(double *)context = value;
    return MASA_OK;
}

static masa_status read_store(compare_state *out, const char *path, masa_error *err)
{
    masa_store *store = NULL;
    masa_status st = masa_store_open(&store, path, MASA_STORE_READ, err);
    if (st == MASA_OK) st = masa_store_last_step(store, &out->step, err);
    if (st == MASA_OK)
        st = masa_store_metrics(store, 0, -1, "total_seconds", see_seconds, &out->seconds,
                                err);
    masa_store_close(store);
    if (out->step < 0) out->step = 0;
    return st;
}

masa_status compare_run_state(compare_state *out, const compare_run *run, masa_error *err)
{
    char *path = masa_run_config_path(run->path), *store = masa_run_store_path(run->path);
    masa_config config;
    masa_status st = MASA_OK;
    *out = (compare_state){.exists = masa_path_exists(path)};
    if (out->exists) {
        st = masa_config_load(&config, path, NULL, NULL, 0, err);
        if (st == MASA_OK) {
            double limit = 60 * config.train.time_limit_minutes;
            long saved = -1;
            st = read_store(out, store, err);
            if (st == MASA_OK) st = masa_run_saved_step(run->path, &saved, err);
            out->steps = config.train.steps;
            /* The record is ahead of the checkpoint when a run dies before it has saved. */
            out->finished = saved == out->step && (out->step >= out->steps ||
                                                   (limit > 0 && out->seconds > limit));
            masa_config_deinit(&config);
        }
    }
    free(path);
    free(store);
    return st;
}
