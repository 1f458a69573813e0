/* Standard output: whether what was printed arrived, asked in one place. */
#ifndef MASA_CLI_OUTPUT_H
#define MASA_CLI_OUTPUT_H

#include <masa/error.h>

/* Before anything is opened: a standard stream that the caller has closed would lend its number
 * to a file, and what is printed would go into that. */
void cli_output_start(void);
/* What is printed so far is to be seen now; cli_output_close tells whether it was. */
void cli_output_flush(void);
/* The last thing a command does: an error if anything printed did not arrive. */
masa_status cli_output_close(masa_error *err);

#endif
