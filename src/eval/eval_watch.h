/* Progress of an evaluation for people. */
#ifndef EVAL_WATCH_H
#define EVAL_WATCH_H

#include <masa/verify.h>

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct eval_watch {
    FILE *file; /* NULL: nothing is written */
    const char *name;
    size_t total;                       /* samples wanted */
    size_t before;                      /* of them in the file already */
    size_t done, judged, right, tokens; /* of this call */
    masa_found found;                   /* answers of this call, but for programs */
    size_t too_long;                    /* problems whose prompt does not fit */
    bool terminal;
    volatile sig_atomic_t *asked; /* not 0: a line at once, that stays; may be NULL */
    double started_at, drawn_at;
} eval_watch;

void eval_watch_start(eval_watch *watch, FILE *file, const char *name);
void eval_watch_count(eval_watch *watch, bool judged, bool right); /* a finished sample */
void eval_watch_judged(eval_watch *watch, bool right);
/* At most ten times a second on a terminal, every half minute elsewhere; now where that is said
 * or asked for. */
void eval_watch_draw(eval_watch *watch, bool now);
void eval_watch_end(eval_watch *watch);

#endif
