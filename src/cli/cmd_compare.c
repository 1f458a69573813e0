/* masa compare: presets x seeds on the same data, and one table. */
#include "commands.h"
#include "training.h"

#include <masa/comparison.h>
#include <masa/file.h>
#include <masa/log.h>
#include <masa/memory.h>

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

static masa_status report(const compare_command *c, const masa_experiment *runs,
                          masa_error *err)
{
    masa_experiment_results results = {0};
    masa_status st = masa_experiment_read(&results, runs, c->stratum, err);
    if (st != MASA_OK) return st;
    const char *baseline = c->baseline ? c->baseline : "grpo";
    masa_comparison *comparison = masa_comparison_create(results.runs, results.n, baseline);
    masa_text markdown = {0}, lines = {0};
    masa_comparison_markdown(comparison, &markdown);
    masa_comparison_json(comparison, &lines);
    if (comparison->n == 0)
        st = MASA_FAIL(err, MASA_ERR_DATA, "no run in %s has two evaluations yet", c->folder);
    else if (c->baseline && !comparison->baseline)
        st = MASA_FAIL(err, MASA_ERR_DATA, "no run of --baseline %s has two evaluations",
                       c->baseline);
    else write_files(c, &markdown, &lines);
    if (st == MASA_OK) fputs(masa_text_get(c->json ? &lines : &markdown), stdout);
    masa_text_deinit(&markdown);
    masa_text_deinit(&lines);
    masa_comparison_destroy(comparison);
    masa_experiment_results_deinit(&results);
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

static masa_status train(const compare_command *c, const masa_experiment *runs, masa_error *err)
{
    cli_pairs pairs;
    size_t finished;
    masa_experiment_options how = cli_experiment_options(c->quiet);
    cli_pairs_make(&pairs, c->shortcuts, SHORTCUTS, &c->set);
    how.file = c->file;
    how.set = (masa_settings){(const char *const *)pairs.items, pairs.n};
    masa_status st = masa_experiment_train(runs, &how, &finished, err);
    cli_pairs_deinit(&pairs);
    return st;
}

static masa_status compare(const compare_command *c, masa_error *err)
{
    masa_experiment runs = {0};
    masa_status st = check_usage(c, err);
    if (st == MASA_OK)
        st = c->presets ? masa_experiment_plan(&runs, c->folder, c->presets, c->seeds, err)
                        : masa_experiment_find(&runs, c->folder, err);
    if (st == MASA_ERR_DATA)
        MASA_FAIL(err, st,
                  "%s holds no runs to compare; give --preset, --model, --train and --test to "
                  "make them",
                  c->folder);
    if (st == MASA_OK && c->presets && !c->report_only) st = train(c, &runs, err);
    if (st == MASA_OK) st = report(c, &runs, err);
    masa_experiment_deinit(&runs);
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
