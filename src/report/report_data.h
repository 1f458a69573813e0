/* What a report shows of a run, read from its folder. */
#ifndef REPORT_DATA_H
#define REPORT_DATA_H

#include <stdbool.h>
#include <masa/config.h>
#include <masa/curve.h>
#include <masa/forecasts.h>
#include <masa/store.h>

/* One metric over the steps that have it. */
typedef struct report_series {
    char *name;
    double *step, *value; /* [n] */
    size_t n, capacity, value_capacity;
} report_series;

/* How often a part of meta answers came to what: "pass_rate", "valid" or why not. */
typedef struct report_cause {
    const char *part; /* static */
    char *cause;
    size_t n;
} report_cause;

/* The meta rollouts of a part of the run. */
typedef struct report_meta {
    size_t rollouts;
    double *predicted_rate, *true_rate;     /* [n_rates] 0..1 */
    double *predicted_length, *true_length; /* [n_lengths] tokens */
    size_t n_rates, n_lengths;
    size_t capacities[4];
    double difficulty, length, notion; /* sums of the rewards of n_rewarded rollouts */
    size_t n_rewarded;
    report_cause *causes;
    size_t n_causes, causes_capacity;
} report_meta;

typedef struct report_decisions {
    size_t gates, gated;           /* prompts that were decided on; left out */
    size_t audits, audits_right;   /* rolled out all the same; without variance in truth */
    size_t cutoffs, cutoffs_taken; /* prompts; below the response limit */
    double cutoff_sum;             /* tokens, of those taken */
    size_t rollouts, cut;          /* of those prompts; stopped there */
} report_decisions;

/* A rollout to read. */
typedef struct report_example {
    char *title, *problem, *prompt, *text, *answer, *cause;
    char *extracted; /* "" where no answer was found, and of meta rollouts */
    char *recorded;  /* what else is known of it, or "" */
    long step, tokens;
    double reward;
} report_example;

/* Which examples a run has, if it has them. */
typedef enum report_example_kind {
    REPORT_RIGHT,
    REPORT_WRONG,
    REPORT_BEST_RATE,  /* meta rollouts of the last third: */
    REPORT_WORST_RATE, /* predicted pass rate nearest to and farthest from the truth */
    REPORT_WORST_LENGTH,
    REPORT_EXAMPLES,
} report_example_kind;

/* What the run's health had to say after a step. */
typedef struct report_event {
    long step;
    char *text;
} report_event;

typedef struct report_run {
    char *label; /* the folder's name */
    masa_config config;
    report_series *series; /* in the order in which they were recorded */
    size_t n_series, series_capacity;
    masa_curve curve;
    long last_step, steps; /* done; of the whole run */
    report_event *events;
    size_t n_events, events_capacity;
    report_meta early, late; /* first and last third of the steps */
    masa_forecasts forecasts;
    report_decisions decisions;
    report_example examples[REPORT_EXAMPLES]; /* text NULL: none */
} report_run;

masa_status report_run_read(report_run *out, const char *folder, masa_error *err);
void report_run_deinit(report_run *run);

/* NULL when the run has no such metric. */
const report_series *report_run_series(const report_run *run, const char *name);

/* Gathers the meta rollouts and their examples (report_meta.c). */
masa_status report_read_meta(report_run *run, masa_store *store, masa_error *err);
void report_meta_deinit(report_meta *meta);

/* Puts a copy of the rollout in an example's place. */
void report_example_set(report_example *example, const masa_store_rollout *rollout,
                        const char *title);

#endif
