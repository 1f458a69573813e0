/**
 * Experiments: runs that differ in an arm and a seed alone, trained and compared. An arm is a
 * preset and maybe settings of its own; the run of an arm and a seed is FOLDER/<arm>-seed<k>, an
 * ordinary one.
 *
 *     masa_experiment e = {0};
 *     st = masa_experiment_plan(&e, "runs/c", "grpo,masa", "1,2,3", err);
 *     if (!st) st = masa_experiment_train(&e, &common, &(masa_experiment_options){.jobs = 1},
 *                                         &finished, err);
 *     if (!st) st = masa_experiment_read(&results, &e, NULL, err);
 *     table = masa_comparison_create(results.runs, results.n, "grpo");   // masa/comparison.h
 */
#ifndef MASA_EXPERIMENT_H
#define MASA_EXPERIMENT_H

#include <signal.h>
#include <stdio.h>
#include <masa/comparison.h>
#include <masa/config.h>
#include <masa/error.h>

/* Settings as "section.key=value", borrowed. */
typedef struct masa_settings {
    const char *const *items;
    size_t n;
} masa_settings;

typedef struct masa_experiment_run {
    char *arm, *path;   /* owned */
    const char *preset; /* borrowed; NULL: none */
    masa_settings set;  /* of the arm alone; they win over what all have in common */
    long seed;
} masa_experiment_run;

typedef struct masa_experiment {
    masa_experiment_run *items;
    size_t n, capacity;
} masa_experiment;

void masa_experiment_deinit(masa_experiment *experiment);

/** The run of an arm (arm[0..n)) and a seed, added at the end; its preset is the arm's name. NULL,
 *  and nothing added, when it is there already. The pointer is good until the next one is added. */
masa_experiment_run *masa_experiment_add(masa_experiment *experiment, const char *folder,
                                         const char *arm, size_t n, long seed);
/** Presets ("grpo,masa") x seeds ("1,2,3"), seed by seed, so that an experiment broken off early is
 *  still balanced. MASA_ERR_USAGE when a list is none, or names a run twice. */
masa_status masa_experiment_plan(masa_experiment *out, const char *folder, const char *presets,
                                 const char *seeds, masa_error *err);
/** The runs that the folder has, by seed and arm; MASA_ERR_DATA when there are none. */
masa_status masa_experiment_find(masa_experiment *out, const char *folder, masa_error *err);

/* Where a run stands, by its store. */
typedef struct masa_run_standing {
    bool exists, finished;
    long step, steps; /* done; of the whole run */
    double seconds;   /* so far, evaluations too */
} masa_run_standing;
masa_status masa_run_standing_read(masa_run_standing *out, const masa_experiment_run *run,
                                   masa_error *err);

typedef struct masa_experiment_options {
    const char *file;  /* YAML of settings that all runs have in common; NULL: none */
    masa_settings set; /* more of these; they win over the file and presets */
    long jobs;         /* runs that go at once, each in a process of its own; at least 1 */
    double minutes;    /* then all are stopped and saved; 0: no limit */
    bool restart;      /* a run with steps on record and no checkpoint begins again */
    FILE *progress;    /* of the runs, as masa_train_options has it; NULL: none */
    const volatile sig_atomic_t *stop; /* as masa_train_options has them, or NULL */
    volatile sig_atomic_t *status;
    /* Before the first run begins, with its settings, and a line on each run that begins or is
     * found finished; NULL: nothing. */
    void (*begin)(void *context, const masa_config *first);
    void (*tell)(void *context, const char *line);
    void *context;
} masa_experiment_options;

/**
 * Trains every run that is not finished, in their order; *finished: how many are then. Refuses
 * before the first step when a run of the folder was made with other settings, or two arms come
 * to the same. A run that fails is told of and leaves the others alone: the first one's error is
 * returned. MASA_ERR_INTERRUPTED when it was stopped; the same call goes on.
 */
masa_status masa_experiment_train(const masa_experiment *experiment,
                                  const masa_experiment_options *options, size_t *finished,
                                  masa_error *err);

/* The runs as comparisons take them, with their curves. */
typedef struct masa_experiment_results {
    masa_compared_run *runs; /* [n] arms are borrowed from the experiment */
    masa_curve *curves;      /* [n] */
    size_t n;
} masa_experiment_results;

/** Reads every run, or the part "key=value" of its test problems (data.strata; NULL: all). */
masa_status masa_experiment_read(masa_experiment_results *out,
                                 const masa_experiment *experiment, const char *stratum,
                                 masa_error *err);
void masa_experiment_results_deinit(masa_experiment_results *results);

#endif
