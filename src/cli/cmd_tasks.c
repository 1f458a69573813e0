/* masa tasks: makes verifiable problems. */
#include "commands.h"
#include "options.h"

#include <masa/tasks.h>
#include <masa/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static masa_status parse_kinds(unsigned *out, const char *names, masa_error *err)
{
    *out = 0;
    for (const char *p = names; p && *p;) {
        size_t n = strcspn(p, ",");
        unsigned before = *out;
        for (int k = 0; k < MASA_TASK_KINDS; k++) {
            const char *name = masa_task_name((masa_task_kind)k);
            if (strlen(name) == n && memcmp(name, p, n) == 0) *out |= 1u << k;
        }
        if (*out == before)
            return MASA_FAIL(err, MASA_ERR_USAGE,
                             "no task kind '%.*s'; the kinds are arithmetic, word, compare, "
                             "equation", (int)n, p);
        p += n + (p[n] == ',');
    }
    return MASA_OK;
}

static masa_status parse_levels(masa_task_options *o, const char *text, masa_error *err)
{
    char end;
    int got = sscanf(text, "%d-%d%c", &o->least_level, &o->most_level, &end);
    if (got == 1 && !strchr(text, '-')) o->most_level = o->least_level;
    else if (got != 2)
        return MASA_FAIL(err, MASA_ERR_USAGE, "--level takes N or N-M, not '%s'", text);
    return MASA_OK;
}

static void print_problem(const masa_problem *p, bool solution)
{
    masa_text line = {0};
    masa_text_add(&line, "{\"id\":");
    masa_text_add_json(&line, p->id, strlen(p->id));
    masa_text_addf(&line, ",\"source\":\"masa tasks\",\"subject\":\"%.*s\",\"level\":%d,",
                   (int)strcspn(p->id, "_"), p->id, p->level);
    masa_text_add(&line, "\"problem\":");
    masa_text_add_json(&line, p->problem, strlen(p->problem));
    masa_text_addf(&line, ",\"answer\":\"%s\",\"kind\":\"%s\"", p->answer, p->kind);
    if (solution) {
        masa_text_add(&line, ",\"solution\":");
        masa_text_add_json(&line, p->solution, strlen(p->solution));
    }
    masa_text_add(&line, "}\n");
    fputs(masa_text_get(&line), stdout);
    masa_text_deinit(&line);
}

masa_status cli_tasks(int argc, char **argv, masa_error *err)
{
    long n = 1000, seed = 1;
    bool test = false, solutions = false, helped;
    const char *kinds = "arithmetic,word,compare,equation", *level = "1-4";
    const cli_option options[] = {
        CLI_LONG("number", 'n', &n, "N", "how many problems"),
        CLI_STRING("kind", 'k', &kinds, "KINDS", "comma-separated kinds"),
        CLI_STRING("level", 'l', &level, "N[-M]", "difficulty, from 1 to 6"),
        CLI_FLAG("test", 0, &test, "problems of the test split; no seed ever puts one of "
                                   "them in the train split"),
        CLI_FLAG("solutions", 0, &solutions, "with worked solutions, for `masa sft`"),
        CLI_LONG("seed", 's', &seed, "N", "same seed, same problems"),
        CLI_END,
    };
    const cli_usage usage = {
        "tasks", "[OPTIONS]",
        "Writes verifiable problems of graded difficulty as JSON Lines to standard output.",
        "Example: masa tasks -n 2000 -l 1-3 >train.jsonl", 0, 0};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st != MASA_OK || helped) return st;
    masa_task_options o = {.test = test, .seed = (uint64_t)seed};
    if (n < 1) return MASA_FAIL(err, MASA_ERR_USAGE, "--number must be positive");
    if ((st = parse_kinds(&o.kinds, kinds, err)) != MASA_OK) return st;
    if ((st = parse_levels(&o, level, err)) != MASA_OK) return st;
    masa_problems problems = {0};
    st = masa_tasks_generate(&problems, (size_t)n, &o, err);
    for (size_t i = 0; st == MASA_OK && i < problems.n; i++)
        print_problem(&problems.items[i], solutions);
    masa_problems_deinit(&problems);
    return st;
}
