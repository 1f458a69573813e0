/** What a terminal can do, and what may be shown on one. */
#ifndef MASA_TERMINAL_H
#define MASA_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** Whether the stream (NULL: no) is a terminal that can rewrite a line: TERM=dumb cannot. */
bool masa_terminal_draws(FILE *file);
/** Its columns now, 80 where it does not say; without an end for what is no terminal. */
size_t masa_terminal_columns(FILE *file);

#endif
