/* The records of a laboratory's runs. */
#include <masa/lab.h>
#include "experiment_internal.h"

#include <masa/file.h>
#include <masa/memory.h>
#include <masa/run_record.h>
#include <masa/text.h>

#include <stdlib.h>
#include <string.h>

static char *record_path(const masa_lab_records *r, const masa_experiment_run *run)
{
    masa_text name = {0};
    masa_text_addf(&name, "%s-%ld.json", run->arm, run->seed);
    char *path = masa_path_join(r->folder, masa_text_get(&name));
    masa_text_deinit(&name);
    return path;
}

static masa_status write_record(void *context, const masa_experiment_run *run, masa_error *err)
{
    const masa_lab_records *r = context;
    masa_text json = {0};
    masa_run_standing standing;
    char *path = record_path(r, run);
    masa_status st = masa_run_standing_read(&standing, run, err);
    masa_record_about about = {r->lab->name, run->arm, r->version, run->seed,
                               standing.finished};
    if (st == MASA_OK) st = masa_record_make(&json, run->path, &about, err);
    if (st == MASA_OK) st = masa_folder_create(r->folder, err);
    if (st == MASA_OK) st = masa_file_write(path, json.data, json.size, err);
    masa_text_deinit(&json);
    free(path);
    return st;
}

static masa_status compare_settings(const char *path, const masa_text *json,
                                    const masa_config *wanted, masa_error *err)
{
    masa_config there;
    masa_text difference = {0};
    masa_status st = masa_record_settings(&there, masa_text_get(json), json->size, path, err);
    if (st != MASA_OK) return st;
    st = masa_config_make_absolute(&there, err); /* as `wanted` is */
    if (st == MASA_OK && masa_config_difference(&there, wanted, &difference))
        st = MASA_FAIL(err, MASA_ERR_CONFIG,
                       "%s is of a run with other settings (there, now): %.300s; give the "
                       "same, or another name or folder of records",
                       path, masa_text_get(&difference));
    masa_text_deinit(&difference);
    masa_config_deinit(&there);
    return st;
}

/* A finished run needs no folder any more: in a clone that has the records alone only what is
 * missing is made. */
static masa_status check_record(void *context, const masa_experiment_run *run,
                                const masa_config *wanted, bool *done, masa_error *err)
{
    char *path = record_path(context, run);
    masa_text json = {0};
    masa_record record = {0};
    masa_status st = MASA_OK;
    if (masa_path_exists(path)) st = masa_file_read(&json, path, err);
    if (st == MASA_OK && json.size)
        st = masa_record_parse(&record, masa_text_get(&json), json.size, path, err);
    if (st == MASA_OK && record.finished) st = compare_settings(path, &json, wanted, err);
    *done = st == MASA_OK && record.finished;
    masa_record_deinit(&record);
    masa_text_deinit(&json);
    free(path);
    return st;
}

masa_status masa_lab_train(const masa_lab_records *records, const masa_experiment *plan,
                           const masa_experiment_options *options, size_t *finished,
                           masa_error *err)
{
    const masa_lab *lab = records->lab;
    const char *const common[][2] = {{"model.path", lab->model},
                                     {"data.train", lab->train},
                                     {"data.test", lab->test},
                                     {"train.steps", lab->steps}};
    enum { COMMON = sizeof common / sizeof *common };
    char *own[COMMON];
    const char **set = masa_alloc(COMMON + lab->set_count, sizeof *set);
    size_t n = 0, made = 0;
    for (size_t i = 0; i < COMMON; i++) {
        masa_text pair = {0};
        if (!common[i][1]) continue;
        masa_text_addf(&pair, "%s=%s", common[i][0], common[i][1]);
        set[n++] = own[made++] = masa_text_take(&pair);
    }
    for (unsigned i = 0; i < lab->set_count; i++) set[n++] = lab->set[i];
    masa_experiment_options of_lab = *options;
    of_lab.file = lab->config;
    of_lab.set = (masa_settings){set, n};
    of_lab.restart = true;
    experiment_keeper keeper = {check_record, write_record, (void *)records};
    masa_status st = experiment_train(plan, &of_lab, &keeper, finished, err);
    for (size_t i = 0; i < made; i++) free(own[i]);
    free(set);
    return st;
}

static masa_status read_record(masa_experiment_results *out, const char *path,
                               const char *stratum, masa_error *err)
{
    masa_text json = {0};
    masa_record record = {0};
    masa_status st = masa_file_read(&json, path, err);
    if (st == MASA_OK)
        st = masa_record_parse(&record, masa_text_get(&json), json.size, path, err);
    if (st == MASA_OK) {
        masa_curve *curve = &out->curves[out->n];
        *curve = record.curve;
        record.curve = (masa_curve){0};
        masa_curve_keep_stratum(curve, stratum);
        out->runs[out->n++].finished = record.finished;
    }
    masa_record_deinit(&record);
    masa_text_deinit(&json);
    return st;
}

masa_status masa_lab_read(masa_experiment_results *out, const masa_lab_records *records,
                          const masa_experiment *plan, const char *stratum, masa_error *err)
{
    masa_experiment_results r = {.runs = masa_alloc(plan->n, sizeof *r.runs),
                                 .curves = masa_alloc(plan->n, sizeof *r.curves)};
    masa_status st = MASA_OK;
    for (size_t i = 0; st == MASA_OK && i < plan->n; i++) {
        const masa_experiment_run *run = &plan->items[i];
        char *path = record_path(records, run);
        masa_compared_run *as = &r.runs[r.n];
        *as = (masa_compared_run){run->arm, run->seed, &r.curves[r.n], false};
        if (masa_path_exists(path)) st = read_record(&r, path, stratum, err);
        free(path);
    }
    if (st == MASA_OK) *out = r;
    else masa_experiment_results_deinit(&r);
    return st;
}
