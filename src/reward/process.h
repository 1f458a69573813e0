/* A program of the user's that is spoken to on its standard input and output. */
#ifndef REWARD_PROCESS_H
#define REWARD_PROCESS_H

#include <masa/error.h>
#include <masa/text.h>

#include <stdbool.h>
#include <sys/types.h>

typedef struct process {
    pid_t pid;   /* 0: not running */
    int in, out; /* its standard input and output; do not block */
    masa_text to_write, read;
    size_t written; /* of to_write */
} process;

/* Starts the command in a shell and a process group of its own, standard error to the end of the
 * file `log`. */
masa_status process_start(process *p, const char *command, const char *log, masa_error *err);

/* Writes what there is room for. False when it has closed its standard input, which is no
 * failure by itself. */
bool process_write(process *p);
/* Appends what it has printed to `read`; false at its end. */
bool process_read(process *p);

/* Closes its standard input and waits; after `patience` seconds the group is killed. Returns the
 * status of waitpid. */
int process_end(process *p, double patience);

#endif
