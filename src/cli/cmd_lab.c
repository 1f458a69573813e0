/* masa lab: a series of runs from one file, a record of each, and tables from the records. */
#include "commands.h"
#include "training.h"
#include "masa_version.h"

#include <masa/comparison.h>
#include <masa/figure.h>
#include <masa/file.h>
#include <masa/lab.h>

#include <stdio.h>
#include <stdlib.h>

typedef struct lab_command {
    const char *file, *runs, *records, *stratum, *figure;
    long jobs;
    double minutes;
    bool table, json, quiet;
    /* of the file */
    masa_lab *lab;
    masa_experiment plan;
} lab_command;

/* ---- the table ---- */

static masa_status print_table(const lab_command *c, const masa_lab_records *records,
                               masa_error *err)
{
    masa_experiment_results results = {0};
    masa_status st = masa_lab_read(&results, records, &c->plan, c->stratum, err);
    if (st != MASA_OK) return st;
    masa_comparison *table = masa_comparison_create(results.runs, results.n, c->lab->baseline);
    masa_text text = {0};
    if (table->n == 0)
        st = MASA_FAIL(err, MASA_ERR_DATA, "%s holds no record with two evaluations%s%s yet",
                       records->folder, c->stratum ? " of " : "", c->stratum ? c->stratum : "");
    else if (c->json) masa_comparison_json(table, &text);
    else masa_comparison_markdown(table, &text);
    fputs(masa_text_get(&text), stdout);
    masa_text_clear(&text);
    if (st == MASA_OK && c->figure) {
        masa_figure_svg(&text, results.runs, results.n);
        st = masa_file_write(c->figure, text.data, text.size, err);
    }
    masa_text_deinit(&text);
    masa_comparison_destroy(table);
    masa_experiment_results_deinit(&results);
    return st;
}

/* ---- the command ---- */

static masa_status train(const lab_command *c, const masa_lab_records *records, masa_error *err)
{
    masa_experiment_options how = cli_experiment_options(c->quiet);
    size_t finished;
    how.jobs = c->jobs;
    how.minutes = c->minutes;
    masa_status st = masa_lab_train(records, &c->plan, &how, &finished, err);
    if (st == MASA_OK) cli_say_time_up(finished, c->plan.n);
    return st;
}

static masa_status run(lab_command *c, masa_error *err)
{
    if (c->jobs < 1 || c->minutes < 0)
        return MASA_FAIL(err, MASA_ERR_USAGE,
                         "--jobs must be at least 1 and --minutes not negative");
    masa_status st = masa_lab_open(&c->lab, c->file, err);
    if (st != MASA_OK) return st;
    char *folder = masa_path_join(c->records, c->lab->name);
    masa_lab_records records = {c->lab, folder, MASA_VERSION};
    st = masa_lab_plan(&c->plan, c->lab, c->runs, err);
    if (st == MASA_OK && !c->table) st = train(c, &records, err);
    if (st == MASA_OK) st = print_table(c, &records, err);
    masa_experiment_deinit(&c->plan);
    free(folder);
    masa_lab_close(c->lab);
    return st;
}

static const char details[] =
    "FILE is YAML:\n\n"
    "  model: start            # what all runs have in common\n"
    "  train: train.jsonl\n"
    "  test: test.jsonl\n"
    "  steps: 80\n"
    "  config: common.yaml     # optional: more settings, and\n"
    "  set: [train.threads=1]  # single ones\n"
    "  seeds: [1, 2, 3]\n"
    "  baseline: grpo          # left out: the first arm\n"
    "  arms:\n"
    "    - name: grpo\n"
    "      preset: grpo\n"
    "    - name: gate\n"
    "      preset: masa-efficient\n"
    "      set: [meta.audit_share=0.1]\n\n"
    "Runs are made in the order of seeds, all arms of the first one first, so that a series\n"
    "broken off is balanced. ^C or --minutes saves and stops; the same command goes on. Each\n"
    "run is an ordinary one in DIR/<name>/<arm>-seed<k>; what is to be kept of it is in\n"
    "RECORDS/<name>/<arm>-<k>.json, from which --table makes the table without the runs. A\n"
    "run that is finished by its record is not made again.";

masa_status cli_lab(int argc, char **argv, masa_error *err)
{
    lab_command c = {.runs = "runs", .records = "experiments/records", .jobs = 1};
    bool helped = false;
    const cli_option options[] = {
        CLI_STRING("runs", 'R', &c.runs, "DIR", "folder of the runs"),
        CLI_STRING("records", 'o', &c.records, "RECORDS", "folder of the records"),
        CLI_LONG("jobs", 'J', &c.jobs, "N",
                 "runs at a time; several write what they say into DIR/.../<arm>-seed<k>.log"),
        CLI_DOUBLE("minutes", 'm', &c.minutes, "N",
                   "stop all after so many minutes; 0: no limit"),
        CLI_FLAG("table", 't', &c.table, "train nothing, make the table from the records"),
        CLI_STRING("stratum", 's', &c.stratum, "KEY=VALUE",
                   "compare on this part of the test problems alone (data.strata)"),
        CLI_STRING("figure", 'f', &c.figure, "FILE",
                   "also draw accuracy over cost, with the seeds' range, as SVG"),
        CLI_FLAG("json", 'j', &c.json, "print JSON Lines"),
        CLI_QUIET(&c.quiet),
        CLI_END,
    };
    const cli_usage usage = {"lab",
                             "FILE",
                             "Makes the runs that FILE describes, keeps a record of each, "
                             "and compares the arms.",
                             details,
                             1,
                             1};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st != MASA_OK || helped) return st;
    c.file = argv[0];
    return run(&c, err);
}
