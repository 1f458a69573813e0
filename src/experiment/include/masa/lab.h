/**
 * A laboratory: a file that describes an experiment (the arms, the seeds, what all have in
 * common), and a record of each of its runs, from which tables are made when the runs are gone.
 */
#ifndef MASA_LAB_H
#define MASA_LAB_H

#include <masa/experiment.h>

typedef struct masa_lab_arm {
    char *name, *preset; /* preset NULL: the default settings */
    char **set;          /* "KEY=VALUE" */
    unsigned set_count;
} masa_lab_arm;

typedef struct masa_lab {
    char *name;                                  /* of its records' folder */
    char *model, *train, *test, *config, *steps; /* NULL: not given */
    char *baseline;                              /* an arm; never NULL once read */
    char **set;
    unsigned set_count;
    long *seeds;
    unsigned seeds_count;
    masa_lab_arm *arms;
    unsigned arms_count;
} masa_lab;

/** Errors name the file, and where it can be said the line. Free with masa_lab_close. */
masa_status masa_lab_open(masa_lab **out, const char *path, masa_error *err);
void masa_lab_close(masa_lab *lab);

/** All arms of the first seed, then of the second, in the folder runs/<name>; settings are
 *  borrowed from lab. */
masa_status masa_lab_plan(masa_experiment *out, const masa_lab *lab, const char *runs,
                          masa_error *err);

/* Where the records are, and who makes them. */
typedef struct masa_lab_records {
    const masa_lab *lab;
    const char *folder;  /* RECORDS/<name>/<arm>-<seed>.json */
    const char *version; /* of the program, for new ones */
} masa_lab_records;

/**
 * masa_experiment_train of the laboratory's plan. Each run's record is written when it ends; one
 * that is finished by its record is not made again. Of the options jobs, minutes, progress, stop,
 * status, begin, tell and their context count: the rest is the laboratory's.
 */
masa_status masa_lab_train(const masa_lab_records *records, const masa_experiment *plan,
                           const masa_experiment_options *options, size_t *finished,
                           masa_error *err);
/** The records that there are, in the order of the plan; stratum as masa_experiment_read. */
masa_status masa_lab_read(masa_experiment_results *out, const masa_lab_records *records,
                          const masa_experiment *plan, const char *stratum, masa_error *err);

#endif
