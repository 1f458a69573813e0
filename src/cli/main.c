/* masa: finds the command, runs it, and turns an error into one clear line. */
#include "commands.h"
#include "help.h"
#include "library_memory.h"
#include "output.h"

#include <masa/dist.h>
#include <masa/text.h>
#include "masa_version.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const cli_entry cli_commands[] = {
#define X(name, help) {#name, help, cli_##name},
    CLI_COMMANDS(X)
#undef X
        {NULL, NULL, NULL},
};

/* A message may quote a hostile file: one line of valid text, no terminal's commands. */
static void print_error(const masa_error *err, bool verbose)
{
    masa_text raw = {0}, line = {0};
    if (err->path[0]) masa_text_addf(&raw, "%s:", err->path);
    if (err->path[0] && err->line) masa_text_addf(&raw, "%zu:", err->line);
    masa_text_addf(&raw, "%s%s", err->path[0] ? " " : "", err->message);
    masa_text_add_line_shown(&line, masa_text_get(&raw));
    fprintf(stderr, "masa: %s\n", masa_text_get(&line));
    masa_text_deinit(&raw);
    masa_text_deinit(&line);
    if (verbose) fprintf(stderr, "  raised at %s:%d\n", err->source, err->source_line);
}

masa_status cli_version(int argc, char **argv, masa_error *err)
{
    bool helped = false;
    const cli_option options[] = {CLI_END};
    const cli_usage usage = {
        "version", "", "Prints the version, and the commit it was built from.", NULL, 0, 0};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st == MASA_OK && !helped) printf("masa " MASA_VERSION "\n");
    return st;
}

/* masa --help, and the forms of it that help.h names. */
static masa_status print_overview(int argc, char **argv, masa_error *err)
{
    (void)argc;
    const char *form = strchr(argv[0], '=');
    return cli_help_program(form ? form + 1 : NULL, err);
}

/* NULL: there is no such command. */
static cli_command *find_command(const char *name)
{
    if (strcmp(name, "--version") == 0) return cli_version;
    if (strcmp(name, "--help") == 0 || strncmp(name, "--help=", 7) == 0 ||
        strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
        return print_overview;
    for (const cli_entry *c = cli_commands; c->name; c++)
        if (strcmp(name, c->name) == 0) return c->run;
    return NULL;
}

int main(int argc, char **argv)
{
    bool verbose = argc > 1 && strcmp(argv[1], "--verbose") == 0;
    cli_library_memory_start();
    cli_output_start();
    if (verbose) argc--, argv++;
    if (argc < 2) {
        cli_help_overview(stderr);
        return masa_status_exit(MASA_ERR_USAGE);
    }
    cli_command *run = find_command(argv[1]);
    if (!run) {
        fprintf(stderr, "masa: no command '%s'; see masa --help\n", argv[1]);
        return masa_status_exit(MASA_ERR_USAGE);
    }
    masa_error err = {0};
    masa_status st = run(argc - 1, argv + 1, &err);
    masa_status arrived = cli_output_close(st == MASA_OK ? &err : NULL);
    if (st == MASA_OK) st = arrived;
    if (st != MASA_OK && masa_dist_speaks()) print_error(&err, verbose);
    masa_dist_close(st);
    return masa_status_exit(st);
}
