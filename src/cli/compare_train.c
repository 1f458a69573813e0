/* Training the runs of a comparison: their settings, and what is refused beforehand. */
#include "cmd_compare.h"

#include <masa/file.h>
#include <masa/memory.h>
#include <masa/run_folder.h>
#include <masa/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The settings of one run: those in common, its preset and its seed. */
static masa_status load_config(masa_config *out, const compare_run *run,
                               const cli_settings *common, masa_error *err)
{
    char seed[32];
    snprintf(seed, sizeof seed, "%ld", run->seed);
    size_t n = common->n_shortcuts, own = run->set ? run->set->n : 0, all = common->set->n;
    cli_shortcut *shortcuts = masa_alloc(n + 1, sizeof *shortcuts);
    memcpy(shortcuts, common->shortcuts, n * sizeof *shortcuts);
    shortcuts[n] = (cli_shortcut){"train.seed", seed};
    cli_list set = {masa_alloc(all + own + 1, sizeof *set.items), all + own, all + own};
    if (all) memcpy(set.items, common->set->items, all * sizeof *set.items);
    if (own) memcpy(set.items + all, run->set->items, own * sizeof *set.items);
    cli_settings settings = {common->file, run->preset, shortcuts, n + 1, &set};
    masa_status st = cli_settings_load(out, &settings, err);
    if (st == MASA_OK && out->train.seed != run->seed) {
        masa_config_deinit(out);
        st = MASA_FAIL(err, MASA_ERR_USAGE,
                       "--set train.seed: the seeds of a comparison are given apart");
    }
    if (st != MASA_OK) masa_error_context(err, "%s", run->arm);
    free(set.items);
    free(shortcuts);
    return st;
}

/* ---- what can be refused before the first step ---- */

static masa_status check_folder(const compare_run *run, const masa_config *wanted,
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
static masa_status check_arms(const compare_runs *runs, const masa_config *configs,
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

masa_status compare_runs_train(const compare_runs *runs, const cli_settings *common,
                               const compare_how *how, masa_error *err)
{
    masa_config *configs = masa_alloc(runs->n, sizeof *configs);
    bool *done = masa_alloc(runs->n, sizeof *done);
    masa_status st = MASA_OK;
    size_t n = 0;
    while (n < runs->n && st == MASA_OK) {
        st = load_config(&configs[n], &runs->items[n], common, err);
        if (st != MASA_OK) break;
        const compare_run *run = &runs->items[n];
        if (how->known) st = how->known(how->context, run, &configs[n], &done[n], err);
        if (st == MASA_OK) st = check_folder(run, &configs[n], err);
        n++;
    }
    if (st == MASA_OK) st = masa_config_require(&configs[0], "data.test", err);
    if (st == MASA_OK) st = check_arms(runs, configs, err);
    if (st == MASA_OK) st = compare_runs_go(runs, configs, done, how, err);
    for (size_t i = 0; i < n; i++) masa_config_deinit(&configs[i]);
    free(configs);
    free(done);
    return st;
}
