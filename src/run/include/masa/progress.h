/**
 * Progress for people: one line per step, rewritten in place on a terminal.
 *
 *     step  12/100  reward 0.412  right 38.3%  length 143  1 204 tok/s  left 42m10s
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
    double seconds;  /* this step took */
} masa_progress_step;

/** Writes to `file` (stderr; borrowed), NULL: nowhere. total: steps of the run. */
masa_progress *masa_progress_create(FILE *file, long total);
/** Whoever sets *asked (borrowed; NULL: nobody) gets a line on where the run stands at the
 *  next masa_progress_phase, which sets it back. */
void masa_progress_answer(masa_progress *progress, volatile sig_atomic_t *asked);
/** Ends the line. NULL is fine. */
void masa_progress_destroy(masa_progress *progress);

/** Line of a finished step. */
void masa_progress_step_done(masa_progress *progress, const masa_progress_step *step);
/** What goes on inside a step ("rollouts", 120 of 256), on a terminal alone, at most ten
 *  times a second; total 0: unknown. */
void masa_progress_phase(masa_progress *progress, const char *what, size_t done,
                         size_t total);
/** A line that stays, such as an evaluation's result. */
void masa_progress_note(masa_progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Seconds left, from the smoothed time of a step; NaN before the first. */
double masa_progress_left(const masa_progress *progress);

#endif
