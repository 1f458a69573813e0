/* Which runs an experiment has, where each stands, and what they came to. */
#include <masa/experiment.h>

#include <masa/file.h>
#include <masa/memory.h>
#include <masa/run_folder.h>
#include <masa/store.h>
#include <masa/text.h>

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char mark[] = "-seed"; /* between arm and seed in a folder's name */

void masa_experiment_deinit(masa_experiment *runs)
{
    for (size_t i = 0; i < runs->n; i++) {
        free(runs->items[i].arm);
        free(runs->items[i].path);
    }
    free(runs->items);
    *runs = (masa_experiment){0};
}

masa_experiment_run *masa_experiment_add(masa_experiment *out, const char *folder,
                                         const char *arm, size_t n, long seed)
{
    for (size_t i = 0; i < out->n; i++)
        if (out->items[i].seed == seed && strlen(out->items[i].arm) == n &&
            memcmp(out->items[i].arm, arm, n) == 0)
            return NULL;
    masa_text name = {0};
    masa_text_addf(&name, "%.*s%s%ld", (int)n, arm, mark, seed);
    masa_experiment_run run = {.arm = masa_strndup(arm, n),
                               .path = masa_path_join(folder, masa_text_get(&name)),
                               .seed = seed};
    run.preset = run.arm;
    MASA_PUSH(out->items, out->n, out->capacity, run);
    masa_text_deinit(&name);
    return &out->items[out->n - 1];
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

static masa_status add_all(masa_experiment *out, const char *folder, const char *presets,
                           const char *seeds, masa_error *err)
{
    for (const char *s = seeds; *s;) {
        long seed;
        const char *end;
        if (!parse_seed(&seed, s, &end) || (*end && *end != ','))
            return MASA_FAIL(err, MASA_ERR_USAGE, "seeds are whole numbers as 1,2,3, not '%s'",
                             seeds);
        for (const char *p = presets; *p;) {
            size_t n = strcspn(p, ",");
            if (n && !masa_experiment_add(out, folder, p, n, seed))
                return MASA_FAIL(err, MASA_ERR_USAGE,
                                 "preset %.*s with seed %ld is given "
                                 "twice",
                                 (int)n, p, seed);
            p += n + (p[n] == ',');
        }
        s = end + (*end == ',');
    }
    if (out->n == 0) return MASA_FAIL(err, MASA_ERR_USAGE, "no preset or no seed is given");
    return MASA_OK;
}

masa_status masa_experiment_plan(masa_experiment *out, const char *folder, const char *presets,
                                 const char *seeds, masa_error *err)
{
    *out = (masa_experiment){0};
    masa_status st = add_all(out, folder, presets, seeds, err);
    if (st != MASA_OK) masa_experiment_deinit(out);
    return st;
}

static int by_seed_and_arm(const void *a, const void *b)
{
    const masa_experiment_run *x = a, *y = b;
    if (x->seed != y->seed) return x->seed < y->seed ? -1 : 1;
    return strcmp(x->arm, y->arm);
}

/* The last mark in the name: arms may have one too. */
static const char *find_mark(const char *name)
{
    const char *found = NULL;
    for (const char *p = name; (p = strstr(p, mark)); p++) found = p;
    return found;
}

masa_status masa_experiment_find(masa_experiment *out, const char *folder, masa_error *err)
{
    *out = (masa_experiment){0};
    DIR *dir = opendir(folder);
    if (!dir) return MASA_FAIL(err, MASA_ERR_IO, "cannot read %s: %s", folder, strerror(errno));
    for (struct dirent *entry; errno = 0, (entry = readdir(dir));) {
        const char *at = find_mark(entry->d_name), *end;
        long seed;
        if (!at || at == entry->d_name || !parse_seed(&seed, at + strlen(mark), &end) || *end)
            continue;
        char *path = masa_path_join(folder, entry->d_name);
        char *config = masa_run_config_path(path);
        if (masa_path_exists(config))
            masa_experiment_add(out, folder, entry->d_name, (size_t)(at - entry->d_name), seed);
        free(config);
        free(path);
    }
    masa_status st =
        errno ? MASA_FAIL(err, MASA_ERR_IO, "cannot read %s: %s", folder, strerror(errno))
              : MASA_OK;
    closedir(dir);
    if (st != MASA_OK) masa_experiment_deinit(out);
    if (st != MASA_OK) return st;
    if (out->n == 0)
        return MASA_FAIL(err, MASA_ERR_DATA, "%s holds no runs to compare", folder);
    qsort(out->items, out->n, sizeof *out->items, by_seed_and_arm);
    return MASA_OK;
}

/* ---- where a run stands ---- */

static masa_status see_value(void *context, long step, const char *name, double value,
                             masa_error *err)
{
    (void)step, (void)name, (void)err;
    *(double *)context = value;
    return MASA_OK;
}

/* *last: the accuracy after the last step, NaN while there is none. */
static masa_status read_store(masa_run_standing *out, double *last, const char *path,
                              masa_error *err)
{
    masa_store *store = NULL;
    *last = NAN;
    masa_status st = masa_store_open(&store, path, MASA_STORE_READ, err);
    if (st == MASA_OK) st = masa_store_last_step(store, &out->step, err);
    if (st == MASA_OK)
        st = masa_store_metrics(store, 0, -1, "total_seconds", see_value, &out->seconds, err);
    if (st == MASA_OK)
        st = masa_store_metrics(store, out->steps, out->steps, "eval_accuracy", see_value, last,
                                err);
    masa_store_close(store);
    if (out->step < 0) out->step = 0;
    return st;
}

masa_status masa_run_standing_read(masa_run_standing *out, const masa_experiment_run *run,
                                   masa_error *err)
{
    char *path = masa_run_config_path(run->path), *store = masa_run_store_path(run->path);
    masa_config config;
    masa_status st = MASA_OK;
    *out = (masa_run_standing){.exists = masa_path_exists(path)};
    if (out->exists) {
        st = masa_config_load(&config, path, NULL, NULL, 0, err);
        if (st == MASA_OK) {
            double limit = 60 * config.train.time_limit_minutes, last;
            long saved = -1;
            out->steps = config.train.steps;
            st = read_store(out, &last, store, err);
            if (st == MASA_OK) st = masa_run_saved_step(run->path, &saved, err);
            /* The record is ahead of the checkpoint when a run dies before it has saved; a run
             * that was stopped in its last evaluation is saved and makes up for that. */
            bool evaluated = !config.data.test[0] || !isnan(last);
            out->finished = saved == out->step && ((out->step >= out->steps && evaluated) ||
                                                   (limit > 0 && out->seconds > limit));
            masa_config_deinit(&config);
        }
    }
    free(path);
    free(store);
    return st;
}

/* ---- what they came to ---- */

static masa_status read_run(masa_compared_run *out, masa_curve *curve,
                            const masa_experiment_run *run, const char *stratum,
                            masa_error *err)
{
    masa_store *store = NULL;
    masa_run_standing standing;
    char *path = masa_run_store_path(run->path);
    masa_status st = masa_run_standing_read(&standing, run, err);
    if (st == MASA_OK && standing.exists) {
        st = masa_store_open(&store, path, MASA_STORE_READ, err);
        if (st == MASA_OK) st = masa_curve_read(curve, store, err);
        masa_store_close(store);
    }
    masa_curve_keep_stratum(curve, stratum);
    *out = (masa_compared_run){run->arm, run->seed, curve, standing.finished};
    free(path);
    return st;
}

masa_status masa_experiment_read(masa_experiment_results *out,
                                 const masa_experiment *experiment, const char *stratum,
                                 masa_error *err)
{
    masa_experiment_results r = {.runs = masa_alloc(experiment->n, sizeof *r.runs),
                                 .curves = masa_alloc(experiment->n, sizeof *r.curves)};
    masa_status st = MASA_OK;
    for (; st == MASA_OK && r.n < experiment->n; r.n++)
        st = read_run(&r.runs[r.n], &r.curves[r.n], &experiment->items[r.n], stratum, err);
    if (st == MASA_OK) *out = r;
    else masa_experiment_results_deinit(&r);
    return st;
}

void masa_experiment_results_deinit(masa_experiment_results *results)
{
    for (size_t i = 0; i < results->n; i++) masa_curve_deinit(&results->curves[i]);
    free(results->curves);
    free(results->runs);
    *results = (masa_experiment_results){0};
}
