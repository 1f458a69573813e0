/* Standard output: whether what was printed arrived, asked in one place. */
#ifndef MASA_CLI_OUTPUT_H
#define MASA_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <masa/error.h>

/* Before anything is opened. A standard stream that the caller has closed would lend its number
 * to a file, and what is printed would go into that. And what models, problems and files hold
 * is not to be a terminal's commands: stdout and stderr show it (masa_text_add_shown) where they
 * are terminals, and pass it on where they are not. */
void cli_output_start(void);
/* The terminal itself, or whatever standard error is, for lines that are rewritten in place: what
 * is written there must be harmless. */
FILE *cli_output_progress(void);
/* Columns of the terminal that standard output is; without an end where it is none. */
size_t cli_output_columns(void);
/* What is printed so far is to be seen now. False: some of it was lost, and what is printed from
 * here on is for nobody; cli_output_close tells of it. */
bool cli_output_flush(void);
/* The last thing a command does: an error if anything printed did not arrive. */
masa_status cli_output_close(masa_error *err);

#endif
