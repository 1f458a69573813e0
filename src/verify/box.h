/* One Python interpreter in bubblewrap: its start, what it writes, and its end. */
#ifndef MASA_VERIFY_BOX_H
#define MASA_VERIFY_BOX_H

#include "sandbox.h"

#include <sys/types.h>

enum { BOX_FILES = 2 };

/* What is read from a box: bubblewrap's report of how far it came, standard output and
 * standard error. */
enum { BOX_REPORT, BOX_OUTPUT, BOX_ERRORS, BOX_STREAMS };

typedef struct box {
    int files[BOX_FILES], filter;
    int started; /* ends with the exec, else carries what failed before it */
    int inner[BOX_STREAMS], outer[BOX_STREAMS]; /* the ends of a pipe for each */
    masa_text texts[BOX_STREAMS];               /* as far as they were read */
    pid_t process;                              /* bubblewrap; 0 before the start */
} box;

#define BOX_CLOSED                                                                             \
    {                                                                                          \
        .files = {-1, -1}, .filter = -1, .started = -1, .inner = {-1, -1, -1}, .outer = {      \
            -1,                                                                                \
            -1,                                                                                \
            -1                                                                                 \
        }                                                                                      \
    }

/* Starts the interpreter on files[0] with `input` as its standard input. An error is the
 * machine's; the box is to be ended all the same. */
masa_status box_start(box *b, const sandbox_file files[BOX_FILES], int input,
                      const masa_code_limits *limits, masa_error *err);

/* Whether its /tmp holds more files than it may, whose number no size limits. */
bool box_is_full(const box *b);

/* Kills it with all that is in it if it still runs, waits for it and frees the box.
 * MASA_ERR_UNSUPPORTED when bubblewrap had ended without starting the interpreter. */
masa_status box_end(box *b, masa_error *err);

#endif
