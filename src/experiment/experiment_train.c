/* Training the runs of an experiment: their settings, and what is refused beforehand. */
#include "experiment_internal.h"

#include <masa/file.h>
#include <masa/memory.h>
#include <masa/run_folder.h>
#include <masa/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The settings of one run: those in common, its preset and its seed. */
static masa_status load_config(masa_config *out, const masa_experiment_run *run,
                               const masa_experiment_options *options, masa_error *err)
{
    char seed[40];
    snprintf(seed, sizeof seed, "train.seed=%ld", run->seed);
    size_t all = options->set.n, own = run->set.n;
    const char **set = masa_alloc(all + own + 1, sizeof *set);
    set[0] = seed;
    if (all) memcpy(set + 1, options->set.items, all * sizeof *set);
    if (own) memcpy(set + 1 + all, run->set.items, own * sizeof *set);
    masa_status st = masa_config_load(out, options->file, run->preset, set, all + own + 1, err);
    if (st == MASA_OK) {
        st = masa_config_resolve(out, err);
        if (st == MASA_OK && out->train.seed != run->seed)
            st = MASA_FAIL(err, MASA_ERR_USAGE,
                           "train.seed is set: the seeds of an experiment are given apart");
        if (st != MASA_OK) masa_config_deinit(out);
    }
    if (st != MASA_OK) masa_error_context(err, "%s", run->arm);
    free(set);
    return st;
}

/* ---- what can be refused before the first step ---- */

static masa_status check_folder(const masa_experiment_run *run, const masa_config *wanted,
                                masa_error *err)
{
    char *path = masa_run_config_path(run->path);
    masa_config there;
    masa_text difference = {0};
    masa_status st = MASA_OK;
    if (masa_path_exists(path)) {
        st = masa_config_load(&there, path, NULL, NULL, 0, err);
        if (st == MASA_OK) {
            if (masa_config_difference(&there, wanted, &difference))
                st = MASA_FAIL(err, MASA_ERR_CONFIG,
                               "%s was made with other settings (there, now): %.300s; give "
                               "the same or another folder",
                               run->path, masa_text_get(&difference));
            masa_config_deinit(&there);
        }
    }
    masa_text_deinit(&difference);
    free(path);
    return st;
}

/* Two arms that come to the same would compare a run with itself. */
static masa_status check_arms(const masa_experiment *runs, const masa_config *configs,
                              masa_error *err)
{
    masa_text difference = {0};
    masa_status st = MASA_OK;
    for (size_t i = 0; i < runs->n && st == MASA_OK; i++)
        for (size_t j = 0; j < i && st == MASA_OK; j++)
            if (masa_config_difference(&configs[i], &configs[j], &difference) == 0)
                st = MASA_FAIL(err, MASA_ERR_CONFIG,
                               "%s and %s are the same with these settings: what they "
                               "differ in is set by the configuration or settings of all",
                               runs->items[j].arm, runs->items[i].arm);
    masa_text_deinit(&difference);
    return st;
}

masa_status experiment_train(const masa_experiment *runs, const masa_experiment_options *how,
                             const experiment_keeper *keeper, size_t *finished, masa_error *err)
{
    masa_config *configs = masa_alloc(runs->n, sizeof *configs);
    bool *done = masa_alloc(runs->n, sizeof *done);
    masa_status st = MASA_OK;
    size_t n = 0;
    while (n < runs->n && st == MASA_OK) {
        st = load_config(&configs[n], &runs->items[n], how, err);
        if (st != MASA_OK) break;
        const masa_experiment_run *run = &runs->items[n];
        if (keeper->known) st = keeper->known(keeper->context, run, &configs[n], &done[n], err);
        if (st == MASA_OK) st = check_folder(run, &configs[n], err);
        n++;
    }
    if (st == MASA_OK) st = masa_config_require(&configs[0], "data.test", err);
    if (st == MASA_OK) st = check_arms(runs, configs, err);
    if (st == MASA_OK) st = experiment_go(runs, configs, done, how, keeper, finished, err);
    for (size_t i = 0; i < n; i++) masa_config_deinit(&configs[i]);
    free(configs);
    free(done);
    return st;
}

masa_status masa_experiment_train(const masa_experiment *experiment,
                                  const masa_experiment_options *options, size_t *finished,
                                  masa_error *err)
{
    return experiment_train(experiment, options, &(experiment_keeper){0}, finished, err);
}
