/* masa doctor: what would spoil a run, before it. */
#include "commands.h"
#include "output.h"
#include "training.h"

#include <masa/device.h>
#include <masa/doctor.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { MODEL, DATA, TEST, SHORTCUTS };

static void print_json(const masa_findings *f)
{
    for (size_t i = 0; i < f->n; i++) {
        const masa_finding *x = &f->items[i];
        json_t *line = json_pack("{s:s, s:s, s:s, s:s?}", "check", x->check, "grade",
                                 masa_finding_grade_name(x->grade), "message", x->message,
                                 "remedy", x->remedy);
        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(line);
    }
}

static void print_text(const masa_findings *f)
{
    for (size_t i = 0; i < f->n; i++) {
        const masa_finding *x = &f->items[i];
        printf("%-7s %s: %s\n", masa_finding_grade_name(x->grade), x->check, x->message);
        if (x->remedy) printf("        -> %s\n", x->remedy);
    }
}

static size_t count_spoilers(const masa_findings *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++) n += f->items[i].grade == MASA_FINDING_SPOILS;
    return n;
}

static masa_status examine(const cli_settings *settings, const char *device, long prompts,
                           bool json, bool quiet, masa_error *err)
{
    masa_config config;
    masa_findings found = {0};
    masa_status st = masa_device_start(device, 0, err);
    if (st == MASA_OK) st = cli_settings_load(&config, settings, err);
    if (st != MASA_OK) return st;
    st = masa_doctor_examine(&found, &config, (size_t)prompts,
                             quiet ? NULL : cli_output_progress(), err);
    if (st == MASA_OK && json) print_json(&found);
    else if (st == MASA_OK) print_text(&found);
    size_t n = count_spoilers(&found);
    if (st == MASA_OK && n)
        st = MASA_FAIL(err, MASA_ERR_DATA, "%zu of the findings would spoil the run", n);
    masa_findings_deinit(&found);
    masa_config_deinit(&config);
    return st;
}

cli_command cli_doctor;
masa_status cli_doctor(int argc, char **argv, masa_error *err)
{
    cli_shortcut shortcuts[SHORTCUTS] = {
        {"model.path", NULL}, {"data.train", NULL}, {"data.test", NULL}};
    const char *file = NULL, *preset = NULL, *device = NULL;
    cli_list set = {0};
    long prompts = 16;
    bool json = false, quiet = false, helped = false;
    const cli_option options[] = {
        CLI_STRING("test", 't', &shortcuts[TEST].value, "FILE", "unseen problems of the run"),
        CLI_LONG("prompts", 'n', &prompts, "N", "problems whose groups are sampled"),
        CLI_DEVICE(&device),
        CLI_STRING("preset", 'p', &preset, "NAME", "the run's preset"),
        CLI_STRING("config", 'c', &file, "FILE", "the run's YAML file of settings"),
        CLI_LIST("set", 's', &set, "KEY=VALUE", "one of the run's settings"),
        CLI_FLAG("json", 'j', &json, "findings as JSON Lines"),
        CLI_QUIET(&quiet),
        CLI_END,
    };
    const cli_usage usage = {
        "doctor",
        "MODEL DATA",
        "Looks for what would spoil a run, before it.",
        "The settings are those of `masa train`. Looked at are the chat template, the "
        "memory, gold\n"
        "answers, duplicates within DATA and with the test file, and a few groups that "
        "are sampled and\n"
        "judged as the run would: stop tokens, cut off and looping responses, answers by "
        "rule, groups\n"
        "without variance, time. Exit status 1 if a finding would spoil the run.",
        2,
        2};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st == MASA_OK && !helped && (prompts < 1 || prompts > 100000))
        st = MASA_FAIL(err, MASA_ERR_USAGE, "--prompts must be from 1 to 100000");
    if (st == MASA_OK && !helped) {
        shortcuts[MODEL].value = argv[0];
        shortcuts[DATA].value = argv[1];
        cli_settings settings = {file, preset, shortcuts, SHORTCUTS, &set};
        st = examine(&settings, device, prompts, json, quiet, err);
    }
    free(set.items);
    return st;
}
