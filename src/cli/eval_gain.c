/* masa eval: reading files of results; --gain, over those of several checkpoints. */
#include "commands.h"
#include "cmd_eval.h"

#include <masa/file.h>
#include <masa/memory.h>
#include <masa/text.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A folder stands for the file of the usual name in it. */
masa_status eval_read_file(masa_result_sets *sets, char **settings, const char *path,
                           masa_error *err)
{
    char *inside = masa_path_is_folder(path) ? masa_path_join(path, eval_default_out) : NULL;
    masa_results *results = NULL;
    masa_status st =
        masa_results_open(&results, inside ? inside : path, MASA_RESULTS_READ, NULL, err);
    if (st == MASA_OK) st = masa_results_settings(settings, results, err);
    if (st == MASA_OK) st = masa_results_read(sets, results, err);
    if (st == MASA_OK && sets->n == 0)
        st = MASA_FAIL(err, MASA_ERR_DATA, "%s has no results yet", path);
    masa_results_close(results);
    free(inside);
    return st;
}

/* Predictions are judged by the length that they were asked for, and its range. */
masa_meta_judge eval_judge(const eval_command *c, const char *settings)
{
    masa_meta_judge judge = {c->method, c->sigma, c->tolerance};
    json_t *s = json_loads(settings, 0, NULL);
    const json_t *least = json_object_get(s, "length_min"),
                 *most = json_object_get(s, "length_max");
    if (json_is_integer(least)) judge.meta.length_min = (long)json_integer_value(least);
    if (json_is_integer(most)) judge.meta.length_max = (long)json_integer_value(most);
    if (json_object_get(s, "length_rule")) judge.meta.length_rule = MASA_LENGTH_QUANTILE;
    json_decref(s);
    return judge;
}

/* ---- gain ---- */

typedef struct file {
    masa_result_sets sets;
    char *settings;
} file;

/* The step that a checkpoint's folder is named by; NAN: the model is none. */
static double step_of(const char *settings)
{
    json_t *s = json_loads(settings, 0, NULL);
    const char *model = json_string_value(json_object_get(s, "model")), *found = NULL;
    double step = NAN;
    for (const char *p = model; p && (p = strstr(p, "step-")); p++) found = p;
    if (found && found[5] >= '0' && found[5] <= '9') step = strtod(found + 5, NULL);
    json_decref(s);
    return step;
}

/* The file's results in a benchmark; false: it has none with predictions. */
static bool take(masa_checkpoint_result *out, const file *f, const char *benchmark,
                 const eval_command *c)
{
    const masa_bootstrap_options once = {.level = 0.95, .resamples = 1, .seed = 1};
    masa_meta_judge judge = eval_judge(c, f->settings);
    bool found = false;
    for (size_t i = 0; i < f->sets.n && !found; i++) {
        masa_eval_summary summary;
        masa_meta_summary meta;
        if (strcmp(f->sets.items[i].benchmark, benchmark) != 0) continue;
        masa_eval_summarise(&summary, &f->sets.items[i], &once);
        masa_meta_summarise(&meta, &f->sets.items[i], &judge, &once);
        found = summary.problems > 0 && meta.n_predictions > 0;
        *out = (masa_checkpoint_result){step_of(f->settings), summary.accuracy, meta.difficulty,
                                        meta.length, meta.notion};
        masa_meta_summary_deinit(&meta);
    }
    return found;
}

static void print_split(const char *benchmark, const masa_gain_split *g, size_t n, bool json)
{
    static const char *const names[MASA_GAIN_PARTS] = {"steps", "difficulty", "length",
                                                       "notion"};
    masa_text out = {0};
    if (json) {
        masa_text_add(&out, "{\"benchmark\":");
        masa_text_add_json(&out, benchmark, strlen(benchmark));
        masa_text_addf(&out, ",\"results\":%zu,\"pairs\":%zu,\"r2\":", n, g->pairs);
        masa_text_addf(&out, isfinite(g->r2) ? "%.9g" : "null", g->r2);
    } else {
        masa_text_addf(&out, "%s: R² %.3f over %zu pairs of %zu results:", benchmark, g->r2,
                       g->pairs, n);
    }
    for (int k = 0; k < MASA_GAIN_PARTS; k++) {
        if (!json && isnan(g->share[k])) continue;
        masa_text_addf(&out, json ? ",\"%s\":" : " %s", names[k]);
        masa_text_addf(&out, isfinite(g->share[k]) ? json ? "%.9g" : " %.3f" : "null",
                       g->share[k]);
    }
    printf("%s%s\n", masa_text_get(&out), json ? "}" : "");
    masa_text_deinit(&out);
}

static masa_status split_all(const eval_command *c, const file *files, size_t n,
                             masa_error *err)
{
    masa_checkpoint_result *results = masa_alloc(n, sizeof *results);
    size_t done = 0;
    for (size_t i = 0; i < files[0].sets.n; i++) {
        const char *benchmark = files[0].sets.items[i].benchmark;
        size_t found = 0;
        for (size_t k = 0; k < n; k++) found += take(&results[k], &files[k], benchmark, c);
        if (found < n) continue;
        masa_gain_split split = masa_eval_gain(results, n);
        print_split(benchmark, &split, n, c->json);
        done++;
    }
    free(results);
    if (done) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_DATA,
                     "these files have no benchmark with predictions in common; evaluate the "
                     "checkpoints with --meta");
}

masa_status eval_gain(const eval_command *c, int n, char *const *paths, masa_error *err)
{
    if (n < MASA_GAIN_LEAST)
        return MASA_FAIL(err, MASA_ERR_USAGE,
                         "--gain takes at least %d files of results, first to last",
                         MASA_GAIN_LEAST);
    file *files = masa_alloc((size_t)n, sizeof *files);
    masa_status st = MASA_OK;
    for (int i = 0; st == MASA_OK && i < n; i++)
        st = eval_read_file(&files[i].sets, &files[i].settings, paths[i], err);
    if (st == MASA_OK) st = split_all(c, files, (size_t)n, err);
    for (int i = 0; i < n; i++) {
        masa_result_sets_deinit(&files[i].sets);
        free(files[i].settings);
    }
    free(files);
    return st;
}
