/* Training the runs of a comparison, one after the other. */
#include "compare.h"

#include <masa/clock.h>
#include <masa/file.h>
#include <masa/memory.h>
#include <masa/rl.h>
#include <masa/run_folder.h>
#include <masa/text.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The settings of one run: those in common, its preset and its seed. */
static masa_status load_config(masa_config *out, const compare_run *run,
                               const cli_settings *common, masa_error *err)
{
    char seed[32];
    snprintf(seed, sizeof seed, "%ld", run->seed);
    size_t n = common->n_shortcuts;
    cli_shortcut *shortcuts = masa_alloc(n + 1, sizeof *shortcuts);
    memcpy(shortcuts, common->shortcuts, n * sizeof *shortcuts);
    shortcuts[n] = (cli_shortcut){"train.seed", seed};
    cli_settings settings = {common->file, run->preset, shortcuts, n + 1, common->set};
    masa_status st = cli_settings_load(out, &settings, err);
    if (st == MASA_OK && out->train.seed != run->seed) {
        masa_config_deinit(out);
        st = MASA_FAIL(err, MASA_ERR_USAGE,
                       "--set train.seed: a comparison takes --seeds");
    }
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
                st = MASA_FAIL(
                    err, MASA_ERR_CONFIG,
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

/* Two presets that come to the same would compare a run with itself. */
static masa_status check_presets(const compare_runs *runs, const masa_config *configs,
                                 masa_error *err)
{
    masa_text difference = {0};
    masa_status st = MASA_OK;
    for (size_t i = 0; i < runs->n && st == MASA_OK; i++)
        for (size_t j = 0; j < i && st == MASA_OK; j++)
            if (masa_config_difference(&configs[i], &configs[j], &difference) == 0)
                st = MASA_FAIL(err, MASA_ERR_CONFIG,
                               "presets %s and %s are the same with these settings: what "
                               "they differ in is set by --config or --set",
                               runs->items[j].preset, runs->items[i].preset);
    masa_text_deinit(&difference);
    return st;
}

/* ---- training ---- */

/* Seconds left for runs[from..n), from the pace of those that have begun: of the same
 * preset where there is one, else of all. NaN when none has. */
static double time_left(const compare_runs *runs, const compare_state *states,
                        size_t from)
{
    double left = 0;
    for (size_t i = from; i < runs->n; i++) {
        double own = 0, all = 0, steps = (double)states[i].steps;
        size_t n_own = 0, n_all = 0;
        for (size_t j = 0; j < runs->n; j++) {
            if (states[j].step < 1) continue;
            double pace = states[j].seconds / (double)states[j].step;
            bool same = strcmp(runs->items[i].preset, runs->items[j].preset) == 0;
            all += pace, n_all++;
            if (same) own += pace, n_own++;
        }
        if (n_all == 0) return NAN;
        double pace = n_own ? own / (double)n_own : all / (double)n_all;
        if (!states[i].finished) left += pace * (steps - (double)states[i].step);
    }
    return left;
}

static void say_run(const compare_runs *runs, const compare_state *states, size_t i)
{
    const compare_run *run = &runs->items[i];
    double left = time_left(runs, states, i);
    char text[32] = "";
    if (isfinite(left)) masa_duration_text(text, sizeof text, left);
    fprintf(stderr, "masa: run %zu of %zu: preset %s, seed %ld", i + 1, runs->n,
            run->preset, run->seed);
    if (states[i].finished)
        fprintf(stderr, "; done already\n");
    else
        fprintf(stderr, "%s%s%s\n", states[i].exists ? "; goes on" : "",
                *text ? "; all runs: left " : "", text);
}

static masa_status train_run(const compare_runs *runs, size_t i,
                             const masa_config *config, bool resume, masa_error *err)
{
    const compare_run *run = &runs->items[i];
    masa_train_options options = {
        .resume = resume, .progress = stderr, .stop = &cli_stop_asked};
    masa_status st = masa_rl_train(config, run->path, &options, err);
    if (st == MASA_ERR_INTERRUPTED)
        return MASA_FAIL(
            err, st,
            "stopped in run %zu of %zu (%s), which is saved; the same command goes "
            "on, `masa compare FOLDER` compares what there is",
            i + 1, runs->n, run->path);
    if (st != MASA_OK) masa_error_context(err, "%s", run->path);
    return st;
}

static masa_status train_all(const compare_runs *runs, const masa_config *configs,
                             masa_error *err)
{
    compare_state *states = masa_alloc(runs->n, sizeof *states);
    masa_status st = MASA_OK;
    for (size_t i = 0; i < runs->n && st == MASA_OK; i++) {
        st = compare_run_state(&states[i], &runs->items[i], err);
        states[i].steps = configs[i].train.steps;
    }
    if (st == MASA_OK) cli_say_machine(&configs[0]);
    cli_catch_signals();
    for (size_t i = 0; i < runs->n && st == MASA_OK; i++) {
        say_run(runs, states, i);
        if (states[i].finished) continue;
        st = train_run(runs, i, &configs[i], states[i].exists, err);
        if (st == MASA_OK) st = compare_run_state(&states[i], &runs->items[i], err);
    }
    free(states);
    return st;
}

masa_status compare_runs_train(const compare_runs *runs, const cli_settings *common,
                               masa_error *err)
{
    masa_config *configs = masa_alloc(runs->n, sizeof *configs);
    masa_status st = MASA_OK;
    size_t n = 0;
    while (n < runs->n && st == MASA_OK) {
        st = load_config(&configs[n], &runs->items[n], common, err);
        if (st != MASA_OK) break;
        n++;
        st = check_folder(&runs->items[n - 1], &configs[n - 1], err);
    }
    if (st == MASA_OK) st = masa_config_require(&configs[0], "data.test", err);
    if (st == MASA_OK) st = check_presets(runs, configs, err);
    if (st == MASA_OK) st = train_all(runs, configs, err);
    for (size_t i = 0; i < n; i++) masa_config_deinit(&configs[i]);
    free(configs);
    return st;
}
