/**
 * Progress for people: one line per step, which stays; on a terminal below it what goes on,
 * rewritten in place. Of a narrow terminal's lines the less important fields are left out.
 *
 *     step  12/100  reward 0.412  right 38.3%  length 143  1204 tok/s  left 42m10s
 *     step 13: rollouts 120/256
 */
#ifndef MASA_PROGRESS_H
#define MASA_PROGRESS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct masa_progress masa_progress;

/* One finished step. NaN leaves a field out. */
typedef struct masa_progress_step {
    long step;       /* steps done */
    double reward;   /* mean */
    double loss;     /* of supervised training */
    double accuracy; /* share of solution rollouts that are right, 0..1 */
    double length;   /* mean tokens of a response */
    double meta;     /* mean reward of the meta rollouts */
    double gated;    /* share of the prompts that were skipped, 0..1 */
    double tokens_per_second;
    double seconds; /* this step took */
} masa_progress_step;

/** Writes to `file` (stderr), NULL: nowhere; and every line that stays to `log` with the time,
 *  NULL: nowhere. Both are borrowed. total: steps of the run. While there is a progress, it sees
 *  the messages of masa/log.h (masa_log_set_watcher): they go into `log` too. */
masa_progress *masa_progress_create(FILE *file, FILE *log, long total);
/** Whoever sets *asked (borrowed; NULL: nobody) gets a line on where the run stands at the
 *  next masa_progress_phase, which sets it back. */
void masa_progress_answer(masa_progress *progress, volatile sig_atomic_t *asked);
/** Leaves nothing but whole lines. NULL is fine. */
void masa_progress_destroy(masa_progress *progress);

/** Line of a finished step. */
void masa_progress_step_done(masa_progress *progress, const masa_progress_step *step);
/** What goes on inside a step ("rollouts", 120 of 256), on a terminal alone, at most ten
 *  times a second; total 0: unknown. */
void masa_progress_phase(masa_progress *progress, const char *what, size_t done, size_t total);
/** A line that stays, such as an evaluation's result. */
void masa_progress_note(masa_progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Seconds left, from the smoothed time of a step; NaN before the first. */
double masa_progress_left(const masa_progress *progress);

#endif
