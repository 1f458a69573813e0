/**
 * The folder of a run:
 *
 *     config.yaml               the resolved configuration
 *     store.sqlite              metrics, rollouts, evaluations (store.h)
 *     tensorboard/events...     the metrics for TensorBoard
 *     log.txt                   what the terminal was told, with the time
 *     checkpoints/step-000020/  a Hugging Face folder, optimizer.bin and state.json
 *     checkpoints/latest        name of the newest checkpoint
 *     checkpoints/best          name of the one with the best evaluation (train.keep_best)
 *     lock                      held by the process that trains
 *
 * A checkpoint is written under a temporary name, synced and renamed; its
 * state.json lists every file with size and checksum. Older ones are removed only
 * after that, so there is always a good one.
 */
#ifndef MASA_RUN_FOLDER_H
#define MASA_RUN_FOLDER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <masa/config.h>
#include <masa/error.h>
#include <masa/store.h>

typedef struct masa_run masa_run;

/**
 * Starts a run in `folder` (created when missing): locks it, writes config.yaml,
 * opens the store and the event file. A folder that holds a run already is
 * MASA_ERR_CONFIG and is left as it is; so is one that another process trains in.
 */
masa_status masa_run_create(masa_run **out, const char *folder, const masa_config *config,
                            masa_error *err);

/**
 * Opens the run in `folder` to go on with it: locks it and opens its store to be read.
 * Nothing of the run is changed; the caller now finds the checkpoint and loads all that can
 * fail to load, then calls masa_run_continue.
 */
masa_status masa_run_resume(masa_run **out, const char *folder, masa_error *err);
/** A store that another program has locked is no longer waited for once *stop, which is borrowed,
 *  is not 0. */
void masa_run_heed(masa_run *run, const volatile sig_atomic_t *stop);
/** The last step that a resumed run has on record; -1: none, or no store. */
masa_status masa_run_last_step(masa_run *run, long *step, masa_error *err);
/**
 * Goes on from the checkpoint of `step` (-1: from the beginning): removes the leftovers of
 * a crash and what the run holds of later steps, which it does again, then writes
 * `config`, which the caller loaded from masa_run_config_path with its overrides. A store
 * of an older program is brought up to date; one that is missing is made anew, one that ends
 * before `step` goes on with a gap: both are warned about.
 */
masa_status masa_run_continue(masa_run *run, const masa_config *config, long step,
                              masa_error *err);
/** Flushes, closes and unlocks. NULL is fine. */
void masa_run_close(masa_run *run);

/** Whether a process trains in the folder; pid, which may be NULL, takes its number. */
bool masa_run_is_training(const char *folder, char pid[32]);

const char *masa_run_path(const masa_run *run); /* borrowed */
masa_store *masa_run_store(masa_run *run);      /* borrowed */
FILE *masa_run_log(masa_run *run);              /* borrowed; log.txt, or NULL */

/** FOLDER/config.yaml and FOLDER/store.sqlite; caller frees. */
char *masa_run_config_path(const char *folder);
char *masa_run_store_path(const char *folder);

/** A metric of a step into the store (inside its transaction) and TensorBoard. */
masa_status masa_run_add_metric(masa_run *run, long step, const char *name, double value,
                                masa_error *err);
/** masa_store_begin / masa_store_commit, the latter also flushing TensorBoard. */
masa_status masa_run_begin_step(masa_run *run, masa_error *err);
masa_status masa_run_commit_step(masa_run *run, masa_error *err);
/** Undoes what was recorded since masa_run_begin_step; nothing after a commit. */
void masa_run_abandon_step(masa_run *run);

/** Bytes that may still be written where the run lies. */
size_t masa_run_room(const masa_run *run);

/** Keeps a line on what was changed after `step`, for masa_run_history. */
masa_status masa_run_add_history(masa_run *run, long step, const char *what, masa_error *err);
/** The lines "step 20: WHAT", oldest first; NULL when there are none. Caller frees. */
masa_status masa_run_history(masa_store *store, char **out, masa_error *err);

/* ---- checkpoints ---- */

/* Where a run stands, in a checkpoint's state.json. */
typedef struct masa_run_state {
    long step;          /* steps done */
    long draws;         /* problems drawn from the training file so far */
    long tokens;        /* tokens generated so far */
    double seconds;     /* of training so far */
    char *extra;        /* a JSON object of the loop's own, or NULL */
    char *inputs;       /* a JSON object: checksums of what the run is made of, or NULL */
    double cpu_seconds; /* that processors have worked on training so far */
    bool evaluated;     /* after this very step, and came to this: */
    double score;       /* the share of right answers; of sft minus the loss held out */
} masa_run_state;
/** Frees extra and inputs. */
void masa_run_state_deinit(masa_run_state *state);

/** An empty folder to write a checkpoint's files into; *folder is borrowed and valid
 *  until commit or abort. */
masa_status masa_run_checkpoint_begin(masa_run *run, long step, const char **folder,
                                      masa_error *err);
/** Adds state.json, syncs, puts it in its place and removes the oldest beyond
 *  train.keep_checkpoints, but for the best. After an error the checkpoint is aborted. */
masa_status masa_run_checkpoint_commit(masa_run *run, const masa_run_state *state,
                                       masa_error *err);
void masa_run_checkpoint_abort(masa_run *run);
/** With train.keep_best: the state was evaluated as better than every checkpoint that there
 *  is, the first of equals being the best. */
bool masa_run_improves(const masa_run *run, const masa_run_state *state);

/**
 * The newest checkpoint whose files are all there and whole; a broken one is warned
 * about and the one before it taken. One that the system fails to read may be whole: that
 * is MASA_ERR_IO. *folder is the caller's to free (NULL when the
 * run has no good checkpoint: then *state is zeroes and MASA_OK is returned; a run
 * whose checkpoints are ALL broken is MASA_ERR_FORMAT).
 */
masa_status masa_run_checkpoint_find(const char *run_folder, char **folder,
                                     masa_run_state *state, masa_error *err);

/**
 * The model that a path means, wherever one is asked for: a GGUF file, a Hugging Face folder and
 * a checkpoint are themselves, the folder of a run is its newest checkpoint. A run without one is
 * MASA_ERR_DATA, a checkpoint that is an adapter alone MASA_ERR_UNSUPPORTED; what is none of
 * these, or not there, is left to its reader. *out is the caller's to free.
 */
masa_status masa_model_find(char **out, const char *path, masa_error *err);

/** The step that checkpoints/latest names; -1: there is no such file. */
masa_status masa_run_saved_step(const char *run_folder, long *step, masa_error *err);

/** CRC-32C of a file. */
masa_status masa_run_file_checksum(const char *path, uint32_t *out, masa_error *err);

/* Where moments come from: n of the first ones m (or the second ones v) from number `first` on. */
typedef masa_status masa_moments_source(void *context, float *to, bool second, size_t first,
                                        size_t n, masa_error *err);
/**
 * The optimiser's moments m, v [n] and its step count in one file with a checksum. The source is
 * asked a piece at a time, in the file's order; path NULL, or one that cannot be written, changes
 * nothing in what it is asked for: other processes may have to be asked along.
 */
masa_status masa_moments_write(const char *path, masa_moments_source *source, void *context,
                               size_t n, long step, masa_error *err);
/* Where they go: all first ones, then all second ones. */
typedef void masa_moments_sink(void *context, const float *moments, bool second);
/** Hands them to the sink. A file that is cut short, damaged or of another n is MASA_ERR_FORMAT,
 *  and the sink is not called. */
masa_status masa_moments_read(const char *path, masa_moments_sink *sink, void *context,
                              size_t n, long *step, masa_error *err);
/* The files' names in a checkpoint: of the policy, and of the meta path where it has its own. */
#define MASA_MOMENTS_FILE      "optimizer.bin"
#define MASA_META_MOMENTS_FILE "meta_optimizer.bin"
/* The folder in it of the factors that predictions are made with (meta.adapter). */
#define MASA_PREDICTOR_FOLDER "predictor"

#endif
