/* masa compare: presets x seeds on the same data, and one table. */
#include "commands.h"
#include "cmd_compare.h"

#include <masa/comparison.h>
#include <masa/file.h>
#include <masa/log.h>
#include <masa/memory.h>
#include <masa/run_folder.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL, TRAIN, TEST, STEPS, SHORTCUTS };

typedef struct compare_command {
    const char *folder, *file, *presets, *seeds, *baseline, *stratum;
    cli_list set;
    cli_shortcut shortcuts[SHORTCUTS];
    bool report_only, json, quiet;
} compare_command;

/* ---- the table ---- */

static masa_status read_run(masa_compared_run *out, masa_curve *curve, const compare_run *run,
                            const char *stratum, masa_error *err)
{
    masa_store *store = NULL;
    compare_state state;
    char *path = masa_run_store_path(run->path);
    masa_status st = compare_run_state(&state, run, err);
    if (st == MASA_OK && state.exists) {
        st = masa_store_open(&store, path, MASA_STORE_READ, err);
        if (st == MASA_OK) st = masa_curve_read(curve, store, err);
        masa_store_close(store);
    }
    masa_curve_keep_stratum(curve, stratum);
    *out = (masa_compared_run){run->arm, run->seed, curve, state.finished};
    free(path);
    return st;
}

/* Where the folder cannot be written, standard output has the table all the same. */
static void write_files(const compare_command *c, const masa_text *markdown,
                        const masa_text *lines)
{
    masa_error why = {0};
    char *table = masa_path_join(c->folder, "compare.md");
    char *json = masa_path_join(c->folder, "compare.jsonl");
    masa_status st = masa_file_write(table, markdown->data, markdown->size, &why);
    if (st == MASA_OK) st = masa_file_write(json, lines->data, lines->size, &why);
    if (st != MASA_OK) masa_warn("the table is not kept: %s", why.message);
    else if (!c->quiet) fprintf(stderr, "masa: the table is in %s and %s\n", table, json);
    free(table);
    free(json);
}

static masa_status report(const compare_command *c, const compare_runs *runs, masa_error *err)
{
    masa_compared_run *compared = masa_alloc(runs->n, sizeof *compared);
    masa_curve *curves = masa_alloc(runs->n, sizeof *curves);
    masa_status st = MASA_OK;
    for (size_t i = 0; i < runs->n && st == MASA_OK; i++)
        st = read_run(&compared[i], &curves[i], &runs->items[i], c->stratum, err);
    if (st == MASA_OK) {
        const char *baseline = c->baseline ? c->baseline : "grpo";
        masa_comparison *comparison = masa_comparison_create(compared, runs->n, baseline);
        masa_text markdown = {0}, lines = {0};
        masa_comparison_markdown(comparison, &markdown);
        masa_comparison_json(comparison, &lines);
        if (comparison->n == 0)
            st = MASA_FAIL(err, MASA_ERR_DATA, "no run in %s has two evaluations yet",
                           c->folder);
        else if (c->baseline && !comparison->baseline)
            st = MASA_FAIL(err, MASA_ERR_DATA, "no run of --baseline %s has two evaluations",
                           c->baseline);
        else write_files(c, &markdown, &lines);
        if (st == MASA_OK) fputs(masa_text_get(c->json ? &lines : &markdown), stdout);
        masa_text_deinit(&markdown);
        masa_text_deinit(&lines);
        masa_comparison_destroy(comparison);
    }
    for (size_t i = 0; i < runs->n; i++) masa_curve_deinit(&curves[i]);
    free(curves);
    free(compared);
    return st;
}

/* ---- the command ---- */

static masa_status check_usage(const compare_command *c, masa_error *err)
{
    bool settings = c->file || c->set.n;
    for (int i = 0; i < SHORTCUTS; i++) settings |= c->shortcuts[i].value != NULL;
    if (settings && (!c->presets || c->report_only))
        return MASA_FAIL(err, MASA_ERR_USAGE,
                         "settings are for runs that are made: give --preset with them, and "
                         "no --report-only");
    if (c->baseline && c->presets) {
        size_t n = strlen(c->baseline);
        for (const char *p = c->presets; *p; p += strcspn(p, ","), p += *p == ',')
            if (strcspn(p, ",") == n && memcmp(p, c->baseline, n) == 0) return MASA_OK;
        return MASA_FAIL(err, MASA_ERR_USAGE, "--baseline %s is not among --preset %s",
                         c->baseline, c->presets);
    }
    return MASA_OK;
}

static masa_status compare(const compare_command *c, masa_error *err)
{
    cli_settings common = {c->file, NULL, c->shortcuts, SHORTCUTS, &c->set};
    compare_runs runs = {0};
    masa_status st = check_usage(c, err);
    if (st == MASA_OK)
        st = c->presets ? compare_runs_plan(&runs, c->folder, c->presets, c->seeds, err)
                        : compare_runs_find(&runs, c->folder, err);
    if (st == MASA_OK && c->presets && !c->report_only)
        st = compare_runs_train(&runs, &common, &(compare_how){.jobs = 1, .quiet = c->quiet},
                                err);
    if (st == MASA_OK) st = report(c, &runs, err);
    compare_runs_deinit(&runs);
    return st;
}

static const char details[] =
    "Each run is an ordinary one in FOLDER/<preset>-seed<k>; all are equal in everything "
    "but\n"
    "preset and seed. ^C saves and stops; the same command goes on, leaving finished "
    "runs\n"
    "alone. Without --preset the table is made from the runs that there are. It is "
    "printed\n"
    "and kept in FOLDER/compare.md and FOLDER/compare.jsonl.\n\n"
    "  masa compare runs/c --preset grpo,dapo --model MODEL --train a.jsonl --test "
    "b.jsonl\n"
    "  masa compare runs/c --baseline dapo";

masa_status cli_compare(int argc, char **argv, masa_error *err)
{
    compare_command c = {.seeds = "1,2,3",
                         .shortcuts = {{"model.path", NULL},
                                       {"data.train", NULL},
                                       {"data.test", NULL},
                                       {"train.steps", NULL}}};
    bool helped = false;
    const cli_option options[] = {
        CLI_STRING("preset", 'p', &c.presets, "NAMES", "presets to compare, as grpo,dapo"),
        CLI_STRING("seeds", 'k', &c.seeds, "NUMBERS", "seeds of each preset"),
        CLI_STRING("baseline", 'b', &c.baseline, "NAME",
                   "preset that the others are compared with; left out: grpo"),
        CLI_STRING("model", 'm', &c.shortcuts[MODEL].value, "PATH", CLI_MODEL_HELP),
        CLI_STRING("train", 'd', &c.shortcuts[TRAIN].value, "FILE",
                   "problems to train on (JSON Lines)"),
        CLI_STRING("test", 't', &c.shortcuts[TEST].value, "FILE",
                   "unseen problems to evaluate on"),
        CLI_STRING("steps", 'n', &c.shortcuts[STEPS].value, "N", "length of each run"),
        CLI_STRING("config", 'c', &c.file, "FILE", "YAML file of settings for all runs"),
        CLI_LIST("set", 's', &c.set, "KEY=VALUE", "set one key in all runs"),
        CLI_STRING("stratum", 0, &c.stratum, "KEY=VALUE",
                   "compare on this part of the test problems alone (data.strata)"),
        CLI_FLAG("report-only", 'r', &c.report_only, "train nothing, make the table"),
        CLI_FLAG("json", 'j', &c.json, "print JSON Lines"),
        CLI_QUIET(&c.quiet),
        CLI_END,
    };
    const cli_usage usage = {"compare",
                             "FOLDER",
                             "Trains the same model on the same problems by several presets "
                             "and seeds, and compares\naccuracy at equal steps, tokens, time "
                             "and compute.",
                             details,
                             1,
                             1};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st == MASA_OK && !helped) {
        c.folder = argv[0];
        st = compare(&c, err);
    }
    free(c.set.items);
    return st;
}
