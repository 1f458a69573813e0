/* A laboratory's file: the arms and seeds of a series of runs, and what all have in common. */
#ifndef MASA_CLI_LAB_FILE_H
#define MASA_CLI_LAB_FILE_H

#include "cmd_compare.h"

typedef struct lab_arm {
    char *name, *preset; /* preset NULL: the default settings */
    char **set;          /* "KEY=VALUE" */
    unsigned set_count;
    cli_list own; /* the same, borrowed from set */
} lab_arm;

typedef struct lab_file {
    char *name;                                  /* of its records' folder */
    char *model, *train, *test, *config, *steps; /* NULL: not given */
    char *baseline;                              /* an arm; never NULL once read */
    char **set;
    unsigned set_count;
    long *seeds;
    unsigned seeds_count;
    lab_arm *arms;
    unsigned arms_count;
} lab_file;

/* Errors name the file, and where it can be said the line. Free with lab_file_close. */
masa_status lab_file_open(lab_file **out, const char *path, masa_error *err);
void lab_file_close(lab_file *lab);

/* All arms of the first seed, then of the second; settings are borrowed from lab. */
masa_status lab_file_plan(compare_runs *out, const lab_file *lab, const char *runs,
                          masa_error *err);

#endif
