/* The runs of a comparison: FOLDER/<arm>-seed<k> for every arm and seed. An arm is a preset
 * and maybe settings of its own; the arms of `masa compare` are presets. */
#ifndef MASA_CLI_COMPARE_H
#define MASA_CLI_COMPARE_H

#include "training.h"

typedef struct compare_run {
    char *arm, *path;    /* owned */
    const char *preset;  /* borrowed; NULL: none */
    const cli_list *set; /* settings of the arm alone, borrowed; NULL: none */
    long seed;
} compare_run;

typedef struct compare_runs {
    compare_run *items;
    size_t n, capacity;
} compare_runs;

void compare_runs_deinit(compare_runs *runs);

/* The run of an arm and a seed, added at the end; the arm's preset is arm's name. NULL, and
 * nothing added, when it is there already. The pointer is good until the next one is added. */
compare_run *compare_runs_add(compare_runs *runs, const char *folder, const char *arm, size_t n,
                              long seed);

/* Presets ("grpo,masa") x seeds ("1,2,3"), seed by seed, so that a comparison broken off
 * early is still balanced. */
masa_status compare_runs_plan(compare_runs *out, const char *folder, const char *presets,
                              const char *seeds, masa_error *err);
/* The runs that the folder has, by seed and arm. */
masa_status compare_runs_find(compare_runs *out, const char *folder, masa_error *err);

/* Where a run stands, by its store. */
typedef struct compare_state {
    bool exists, finished;
    long step, steps; /* done; of the whole run */
    double seconds;   /* so far, evaluations too */
} compare_state;
masa_status compare_run_state(compare_state *out, const compare_run *run, masa_error *err);

typedef struct compare_how {
    long jobs;      /* runs that go at once, at least 1 */
    double minutes; /* then all are stopped and saved; 0: no limit */
    bool quiet;     /* no progress */
    bool restart;   /* a run with steps on record and no checkpoint begins again */
    /* Whether a run is done though its folder may be gone; NULL: the folder says. */
    masa_status (*known)(void *context, const compare_run *run, const masa_config *wanted,
                         bool *done, masa_error *err);
    /* After a run has ended, finished or stopped, or was found finished; NULL: nothing. */
    masa_status (*ended)(void *context, const compare_run *run, masa_error *err);
    void *context;
} compare_how;

/* Trains every run that is not finished, in their order; `common` is what all have in
 * common, and wins over nothing that an arm sets itself. Refuses before the first step when
 * a run of the folder was made with other settings, or two arms come to the same. A run that
 * fails is told of and leaves the others alone: the first one's error is returned. */
masa_status compare_runs_train(const compare_runs *runs, const cli_settings *common,
                               const compare_how *how, masa_error *err);

/* The second half of it: configs [runs->n] are checked; done [runs->n]: known to be
 * (compare_jobs.c). */
masa_status compare_runs_go(const compare_runs *runs, const masa_config *configs,
                            const bool *done, const compare_how *how, masa_error *err);

#endif
