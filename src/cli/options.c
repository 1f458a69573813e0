#include "options.h"
#include "help.h"

#include <masa/memory.h>
#include <masa/text.h>

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HELP = 1000, FIRST = 1001 };

static masa_status store(const cli_option *o, const char *value, masa_error *err)
{
    char *end = NULL;
    errno = 0;
    switch (o->kind) {
    case CLI_KIND_FLAG: *(bool *)o->target = true; return MASA_OK;
    case CLI_KIND_STRING: *(const char **)o->target = value; return MASA_OK;
    case CLI_KIND_LIST: {
        cli_list *list = o->target;
        MASA_PUSH(list->items, list->n, list->capacity, value);
        return MASA_OK;
    }
    case CLI_KIND_LONG: *(long *)o->target = strtol(value, &end, 10); break;
    case CLI_KIND_DOUBLE: *(double *)o->target = strtod(value, &end); break;
    case CLI_KIND_END: return MASA_OK;
    }
    bool number = o->kind != CLI_KIND_DOUBLE || isfinite(*(double *)o->target);
    if (errno || end == value || *end || !number)
        return MASA_FAIL(err, MASA_ERR_USAGE, "--%s takes a number, not '%s'", o->name, value);
    return MASA_OK;
}

masa_status cli_parse(const cli_usage *usage, const cli_option *options, int *argc,
                      char ***argv, bool *helped, masa_error *err)
{
    size_t n = 0;
    while (options[n].kind != CLI_KIND_END) n++;
    struct option *table = masa_alloc(n + 2, sizeof *table);
    masa_text letters = {0};
    masa_text_add(&letters, ":h");
    for (size_t i = 0; i < n; i++) {
        const cli_option *o = &options[i];
        bool valued = o->kind != CLI_KIND_FLAG;
        table[i] = (struct option){o->name, valued ? required_argument : no_argument, NULL,
                                   FIRST + (int)i};
        if (o->letter) masa_text_addf(&letters, "%c%s", o->letter, valued ? ":" : "");
    }
    table[n] = (struct option){"help", optional_argument, NULL, HELP};

    masa_status st = MASA_OK;
    *helped = false;
    opterr = 0;
    optind = 0;
    int c;
    while (st == MASA_OK &&
           (c = getopt_long(*argc, *argv, masa_text_get(&letters), table, NULL)) != -1) {
        const cli_option *hit = c >= FIRST ? &options[c - FIRST] : NULL;
        for (size_t i = 0; !hit && c != '?' && c != ':' && i < n; i++)
            if (options[i].letter == c) hit = &options[i];
        if (c == HELP || (c == 'h' && !hit)) {
            st = cli_help_command(c == HELP ? optarg : NULL, usage, options, err);
            *helped = true;
            break;
        }
        if (hit) st = store(hit, optarg, err);
        else
            st = MASA_FAIL(err, MASA_ERR_USAGE, "%s '%s'; see masa %s --help",
                           c == ':' ? "a value is missing after" : "unknown option",
                           (*argv)[optind - 1], usage->command);
    }
    *argc -= optind;
    *argv += optind;
    if (st == MASA_OK && !*helped &&
        (*argc < usage->least || (usage->most >= 0 && *argc > usage->most)))
        st = MASA_FAIL(err, MASA_ERR_USAGE, "usage: masa %s%s%s; see masa %s --help",
                       usage->command, *usage->arguments ? " " : "", usage->arguments,
                       usage->command);
    free(table);
    masa_text_deinit(&letters);
    return st;
}
