/* What the files of the run folder share. */
#ifndef RUN_INTERNAL_H
#define RUN_INTERNAL_H

#include "events.h"

#include <masa/run_folder.h>

struct masa_run {
    char *path;
    char *checkpoints; /* PATH/checkpoints */
    int lock;          /* file descriptor; -1: none */
    long keep;         /* train.keep_checkpoints */
    bool keep_best;    /* train.keep_best */
    long best;         /* step of the checkpoint with the best evaluation; -1: none */
    double best_score;
    masa_store *store;
    const volatile sig_atomic_t *stop; /* or NULL */
    events *events;
    FILE *log;     /* log.txt; NULL: it could not be opened */
    char *pending; /* folder of the checkpoint being written, or NULL */
    long pending_step;
};

/* What TensorBoard calls a metric: "GROUP/NAME" (metric_tag.c). Caller frees. */
char *run_tag(const char *metric);

/* Removes half-written checkpoints, and puts back one that was being replaced. */
masa_status checkpoints_clean(const char *checkpoints, masa_error *err);
/* The step of the newest one by name; -1: there is none. */
masa_status checkpoints_newest(long *step, const char *checkpoints, masa_error *err);
/* Removes those of later steps. */
masa_status checkpoints_remove_after(const char *checkpoints, long step, masa_error *err);

/* CHECKPOINTS/latest and the like: a file that names a step, for people. Without the file
 * *step is -1. */
masa_status checkpoints_name(const char *checkpoints, const char *as, long step,
                             masa_error *err);

/* Finds the best checkpoint by what their states say, and names it in CHECKPOINTS/best. */
masa_status checkpoints_find_best(masa_run *run, masa_error *err);

/* state.json of a checkpoint (checkpoint_state.c): written with the size and checksum of
 * every file in the folder, which are synced; read and compared with them. */
masa_status checkpoint_seal(const char *folder, const masa_run_state *state, masa_error *err);
masa_status checkpoint_verify(const char *folder, masa_run_state *state, masa_error *err);
/* The state alone, the other files not looked at. */
masa_status checkpoint_read(const char *folder, masa_run_state *state, masa_error *err);

#endif
