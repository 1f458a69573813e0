/* All that a training process holds, opened once: model, data, engines, run folder. */
#ifndef RL_SESSION_H
#define RL_SESSION_H

#include <masa/chat.h>
#include <masa/config.h>
#include <masa/generate.h>
#include <masa/lora.h>
#include <masa/model.h>
#include <masa/optimizer.h>
#include <masa/problems.h>
#include <masa/progress.h>
#include <masa/reward.h>
#include <masa/rl.h>
#include <masa/run_folder.h>
#include <masa/tokenizer.h>
#include <masa/trainer.h>

#include "health.h"

/* The shares that a step's work is cut into, and those of this process (shares.h). */
enum { RL_SHARE_LEVELS = 12 }; /* of the tree that adds up 4096 */
typedef struct rl_shares {
    size_t n, first, last;
    float DEVICE *partial[RL_SHARE_LEVELS]; /* [size] sums put aside; NULL: never needed */
    size_t size;
} rl_shares;

typedef struct rl_remote rl_remote; /* remote.h */

typedef struct rl_session {
    const masa_config *config; /* borrowed, like the next four */
    const volatile sig_atomic_t *stop;
    volatile sig_atomic_t *status;
    void (*begin)(void); /* masa_train_options has it; or NULL */
    FILE *log;
    const char *folder; /* of the run; NULL: there is none */

    masa_run *run;        /* NULL: another process keeps the record */
    masa_run_state state; /* as of the last finished step */
    char *checkpoint;     /* folder resumed from, or NULL */

    masa_tokenizer *tokenizer;
    masa_chat *chat;
    int32_t stop_tokens[8];
    size_t n_stop_tokens;

    masa_model *model, *reference; /* reference: the frozen start, or NULL */
    int64_t base_fingerprint;      /* of the weights that the run began with; 0: not at hand */
    masa_lora *lora;               /* or NULL */
    masa_lora *predictor;          /* factors of predictions alone (factors.h); or NULL */
    masa_optimizer *optimizer;
    masa_optimizer *meta_optimizer; /* of the meta path's updates; NULL: the one above */
    masa_trainer *trainer, *reference_trainer;
    masa_activations *kept; /* of a step's rollouts; or NULL */
    masa_progress *progress;
    masa_rewards *rewards; /* of reinforcement learning (score.h) */
    rl_remote *remote;     /* servers that sample instead of this process; or NULL */
    rl_health health;

    rl_shares shares;
    double flops_elsewhere; /* of other processes' passes (flops.h) */

    size_t skipped; /* updates of this step that were left out: their gradient was not finite */
    int skipped_in_row; /* of this process; the next one that is made sets it to 0 */
} rl_session;

/* What the kind of training wants from the engines. */
typedef struct rl_session_options {
    bool reference;      /* keep a frozen copy of the starting model */
    bool meta_optimizer; /* keep a second optimiser for the meta path's updates */
    bool predictor;      /* keep factors for predictions alone */
    bool recompute;      /* activations in the backward pass */
    size_t kept_rows;    /* tokens of rollouts whose activations may be kept */
    float temperature;   /* of the trained policy */
    bool stops_logprobs; /* masa_trainer_logprobs heeds the stop */
    long total_updates;  /* for schedules that end */
    long total_steps;    /* for the progress line */
} rl_session_options;

/* What products are computed in on this machine. */
masa_dtype rl_compute_dtype(const masa_config *config);
/* All but total_steps. */
masa_optimizer_options rl_optimizer_options(const masa_config *config);
masa_lora_options rl_lora_options(const masa_config *config);
/* Whether the model is a frozen one, with factors beside it. */
bool rl_is_compact(const masa_config *config);

/* Settings that can be refused before a model is loaded, which may take minutes. */
masa_status rl_session_check(const masa_config *config, masa_error *err);

/* Finds the newest checkpoint of the run in `folder` when it is to be resumed, plans the
 * memory, which completes wants (rl_memory_reserve; generator NULL: there is none), and loads
 * everything up to the trainer. Of the run nothing is changed yet. On failure
 * rl_session_close is still the caller's. */
masa_status rl_session_open(rl_session *session, const masa_config *config, const char *folder,
                            const masa_train_options *options,
                            const masa_generator_options *generator, rl_session_options *wants,
                            masa_error *err);
/* Once all that can be refused is checked, which came to `opened`: a vote on it, and whether all
 * processes are about to do the same; then the one that keeps the record makes the run folder,
 * or takes the resumed one back to its checkpoint. */
masa_status rl_session_start(rl_session *session, const char *folder,
                             const rl_session_options *wants, masa_status opened,
                             masa_error *err);
void rl_session_close(rl_session *session);

/* What masa_optimizer_step_at does with the gradient that masa_trainer_accumulate made, whose
 * status is `accumulated`. One that is not finite is no error: the update is left out, counted
 * in `skipped` and warned about, and *made is false. */
masa_status rl_session_update(rl_session *session, masa_optimizer *optimizer,
                              masa_status accumulated, double lr, double *norm, bool *made,
                              masa_error *err);
/* So many updates in a row were left out that it is no accident. */
bool rl_session_diverged(const rl_session *session);

/* Writes the checkpoint of the session's state, if this process keeps the record; the others give
 * it the moments that they keep (train.shard_optimizer), so that all call it. Weights that
 * are not finite are MASA_ERR_NUMERIC, and no checkpoint. */
masa_status rl_session_save(rl_session *session, masa_error *err);

/* Whether the step is to be saved, of which saved_step is the newest checkpoint's: as far as this
 * process knows, so it takes a vote; which checkpoint is the best, the one with the record does. */
bool rl_session_save_due(const rl_session *session, long saved_step);

/* Ends a run of `steps` before its end for `why`, which err tells: MASA_ERR_INTERRUPTED when it
 * was asked for or the run diverged. Saves, unless that is done already (save false), and
 * says so. Never MASA_OK. */
masa_status rl_session_stop(rl_session *session, masa_status why, bool save, long steps,
                            masa_error *err);

/* On a full disk: waits until `bytes` are free, saying so once a minute. False when the disk
 * is not full, train.wait_for_room is off, or a stop was asked for. */
bool rl_session_wait_for_room(const rl_session *session, size_t bytes);

/* Whether all of n numbers are finite. */
bool rl_all_finite(const float DEVICE *values, size_t n);

static inline bool rl_stop_asked(const rl_session *session)
{
    return session->stop && *session->stop;
}

#endif
