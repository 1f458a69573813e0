/* masa report: one HTML page on one or several runs. */
#include "commands.h"
#include "options.h"

#include <masa/experiment.h>
#include <masa/file.h>
#include <masa/memory.h>
#include <masa/report.h>
#include <masa/run_folder.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A folder that is no run itself may be a comparison's: then its runs are meant. */
static masa_status add_folder(masa_experiment *out, const char *folder, masa_error *err)
{
    char *config = masa_run_config_path(folder);
    masa_status st = MASA_OK;
    if (masa_path_exists(config)) {
        masa_experiment_run run = {.path = masa_strdup(folder)};
        MASA_PUSH(out->items, out->n, out->capacity, run);
    } else {
        masa_experiment found = {0};
        st = masa_experiment_find(&found, folder, err);
        for (size_t i = 0; st == MASA_OK && i < found.n; i++) {
            MASA_PUSH(out->items, out->n, out->capacity, found.items[i]);
            found.items[i] = (masa_experiment_run){0};
        }
        masa_experiment_deinit(&found);
    }
    free(config);
    return st;
}

static masa_status write_report(const masa_experiment *runs, const char *path, masa_error *err)
{
    masa_text page = {0};
    const char **folders = masa_alloc(runs->n, sizeof *folders);
    for (size_t i = 0; i < runs->n; i++) folders[i] = runs->items[i].path;
    masa_status st = masa_report_html(&page, folders, runs->n, err);
    if (st == MASA_OK) st = masa_file_write(path, page.data, page.size, err);
    if (st == MASA_OK && strcmp(path, "-") != 0)
        fprintf(stderr, "masa: the report is in %s\n", path);
    free(folders);
    masa_text_deinit(&page);
    return st;
}

static const char details[] = "RUN is the folder of a run, or of a comparison, which "
                              "means all of its runs. The page\n"
                              "needs nothing but itself: curves, predictions against the "
                              "truth, decisions, rollouts to\n"
                              "read, settings. Runs may be going on.";

masa_status cli_report(int argc, char **argv, masa_error *err)
{
    const char *path = "report.html";
    bool helped = false;
    const cli_option options[] = {
        CLI_STRING("output", 'o', &path, "FILE", "the page; - is standard output"),
        CLI_END,
    };
    const cli_usage usage = {"report", "RUN...", "Writes an HTML page on one or several runs.",
                             details,  1,        -1};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st != MASA_OK || helped) return st;
    masa_experiment runs = {0};
    for (int i = 0; i < argc && st == MASA_OK; i++) st = add_folder(&runs, argv[i], err);
    if (st == MASA_OK) st = write_report(&runs, path, err);
    masa_experiment_deinit(&runs);
    return st;
}
