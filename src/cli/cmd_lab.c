/* masa lab: a series of runs from one file, a record of each, and tables from the records. */
#include "commands.h"
#include "lab_file.h"
#include "masa_version.h"

#include <masa/comparison.h>
#include <masa/figure.h>
#include <masa/file.h>
#include <masa/memory.h>
#include <masa/run_record.h>

#include <stdio.h>
#include <stdlib.h>

typedef struct lab_command {
    const char *file, *runs, *records, *stratum, *figure;
    long jobs;
    double minutes;
    bool table, json, quiet;
    /* of the file */
    lab_file *lab;
    compare_runs plan;
    char *folder; /* of its records */
} lab_command;

/* ---- records ---- */

static char *record_path(const lab_command *c, const compare_run *run)
{
    masa_text name = {0};
    masa_text_addf(&name, "%s-%ld.json", run->arm, run->seed);
    char *path = masa_path_join(c->folder, masa_text_get(&name));
    masa_text_deinit(&name);
    return path;
}

static masa_status write_record(void *context, const compare_run *run, masa_error *err)
{
    lab_command *c = context;
    masa_text json = {0};
    compare_state state;
    char *path = record_path(c, run);
    masa_status st = compare_run_state(&state, run, err);
    masa_record_about about = {c->lab->name, run->arm, MASA_VERSION, run->seed, state.finished};
    if (st == MASA_OK) st = masa_record_make(&json, run->path, &about, err);
    if (st == MASA_OK) st = masa_folder_create(c->folder, err);
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
                       "same, or another name or --records",
                       path, masa_text_get(&difference));
    masa_text_deinit(&difference);
    masa_config_deinit(&there);
    return st;
}

/* A finished run needs no folder any more: in a clone that has the records alone only what is
 * missing is made. */
static masa_status check_record(void *context, const compare_run *run,
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

/* Those that there are, in the order of the plan. */
static masa_status read_records(masa_record *out, size_t *n, const lab_command *c,
                                masa_error *err)
{
    masa_status st = MASA_OK;
    *n = 0;
    for (size_t i = 0; st == MASA_OK && i < c->plan.n; i++) {
        char *path = record_path(c, &c->plan.items[i]);
        masa_text json = {0};
        if (masa_path_exists(path)) {
            st = masa_file_read(&json, path, err);
            if (st == MASA_OK)
                st = masa_record_parse(&out[*n], masa_text_get(&json), json.size, path, err);
            if (st == MASA_OK) masa_curve_keep_stratum(&out[(*n)++].curve, c->stratum);
        }
        masa_text_deinit(&json);
        free(path);
    }
    return st;
}

/* ---- the table ---- */

static masa_status print_table(const lab_command *c, masa_error *err)
{
    size_t n;
    masa_record *records = masa_alloc(c->plan.n, sizeof *records);
    masa_compared_run *compared = masa_alloc(c->plan.n, sizeof *compared);
    masa_status st = read_records(records, &n, c, err);
    if (st == MASA_OK) {
        for (size_t i = 0; i < n; i++)
            compared[i] = (masa_compared_run){records[i].arm, records[i].seed,
                                              &records[i].curve, records[i].finished};
        masa_comparison *table = masa_comparison_create(compared, n, c->lab->baseline);
        masa_text text = {0};
        if (table->n == 0)
            st =
                MASA_FAIL(err, MASA_ERR_DATA, "%s holds no record with two evaluations%s%s yet",
                          c->folder, c->stratum ? " of " : "", c->stratum ? c->stratum : "");
        else if (c->json) masa_comparison_json(table, &text);
        else masa_comparison_markdown(table, &text);
        fputs(masa_text_get(&text), stdout);
        masa_text_clear(&text);
        if (st == MASA_OK && c->figure) {
            masa_figure_svg(&text, compared, n);
            st = masa_file_write(c->figure, text.data, text.size, err);
        }
        masa_text_deinit(&text);
        masa_comparison_destroy(table);
    }
    for (size_t i = 0; i < n; i++) masa_record_deinit(&records[i]);
    free(records);
    free(compared);
    return st;
}

/* ---- the command ---- */

static masa_status train(lab_command *c, masa_error *err)
{
    const lab_file *lab = c->lab;
    const cli_shortcut shortcuts[] = {{"model.path", lab->model},
                                      {"data.train", lab->train},
                                      {"data.test", lab->test},
                                      {"train.steps", lab->steps}};
    const cli_list set = {(const char **)lab->set, lab->set_count, lab->set_count};
    const cli_settings common = {lab->config, NULL, shortcuts,
                                 sizeof shortcuts / sizeof *shortcuts, &set};
    const compare_how how = {.jobs = c->jobs,
                             .minutes = c->minutes,
                             .quiet = c->quiet,
                             .restart = true,
                             .known = check_record,
                             .ended = write_record,
                             .context = c};
    return compare_runs_train(&c->plan, &common, &how, err);
}

static masa_status run(lab_command *c, masa_error *err)
{
    if (c->jobs < 1 || c->minutes < 0)
        return MASA_FAIL(err, MASA_ERR_USAGE,
                         "--jobs must be at least 1 and --minutes not negative");
    masa_status st = lab_file_open(&c->lab, c->file, err);
    if (st != MASA_OK) return st;
    c->folder = masa_path_join(c->records, c->lab->name);
    st = lab_file_plan(&c->plan, c->lab, c->runs, err);
    if (st == MASA_OK && !c->table) st = train(c, err);
    if (st == MASA_OK) st = print_table(c, err);
    compare_runs_deinit(&c->plan);
    free(c->folder);
    lab_file_close(c->lab);
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
