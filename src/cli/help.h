/* What --help prints, in three forms: a text for people; with --help=man a manual page, and with
 * --help=bash completion for that shell. All come from one table, so none can be behind. */
#ifndef MASA_CLI_HELP_H
#define MASA_CLI_HELP_H

#include <stdio.h>
#include "options.h"

/* The program's overview as text. */
void cli_help_overview(FILE *out);
/* On standard output, the help of the program, or of a command. form: NULL, "man" or "bash";
 * any other is MASA_ERR_USAGE. */
masa_status cli_help_program(const char *form, masa_error *err);
masa_status cli_help_command(const char *form, const cli_usage *usage,
                             const cli_option *options, masa_error *err);

#endif
