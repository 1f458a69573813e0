/* Standard output: whether what was printed arrived, asked in one place. */
#ifndef MASA_CLI_OUTPUT_H
#define MASA_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <masa/error.h>

/* Before anything is opened: a standard stream that the caller has closed would lend its number
 * to a file, and what is printed would go into that. */
void cli_output_start(void);
/* Columns of the terminal that standard output is; without an end where it is none. */
size_t cli_output_columns(void);
/* What is printed so far is to be seen now. False: some of it was lost, and what is printed from
 * here on is for nobody; cli_output_close tells of it. */
bool cli_output_flush(void);
/* The last thing a command does: an error if anything printed did not arrive. */
masa_status cli_output_close(masa_error *err);

#endif
