/* The runs of a comparison: FOLDER/<preset>-seed<k> for every preset and seed. */
#ifndef MASA_CLI_COMPARE_H
#define MASA_CLI_COMPARE_H

#include "training.h"

typedef struct compare_run {
    char *preset, *path; /* owned */
    long seed;
} compare_run;

typedef struct compare_runs {
    compare_run *items;
    size_t n, capacity;
} compare_runs;

void compare_runs_deinit(compare_runs *runs);

/* Presets ("grpo,masa") x seeds ("1,2,3"), seed by seed, so that a comparison broken off
 * early is still balanced. */
masa_status compare_runs_plan(compare_runs *out, const char *folder, const char *presets,
                              const char *seeds, masa_error *err);
/* The runs that the folder has, by seed and preset. */
masa_status compare_runs_find(compare_runs *out, const char *folder, masa_error *err);

/* Where a run stands, by its store. */
typedef struct compare_state {
    bool exists, finished;
    long step, steps; /* done; of the whole run */
    double seconds;   /* so far, evaluations too */
} compare_state;
masa_status compare_run_state(compare_state *out, const compare_run *run,
                              masa_error *err);

/* Trains every run that is not finished, one after the other; settings are what all have
 * in common. Refuses before the first step when a run of the folder was made with others,
 * or two presets come to the same. */
masa_status compare_runs_train(const compare_runs *runs, const cli_settings *common,
                               masa_error *err);

#endif
