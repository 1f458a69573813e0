/**
 * The training loop: rollouts, verification, advantages, update, evaluation,
 * checkpoint. Everything it does is in the run folder afterwards.
 */
#ifndef MASA_RL_H
#define MASA_RL_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <masa/config.h>
#include <masa/error.h>

typedef struct masa_train_options {
    bool resume;                       /* go on with the run in the folder */
    bool restart;                      /* with resume: begin again where there is no
                                            checkpoint, dropping the steps on record */
    FILE *progress;                    /* for people; NULL: nowhere. Borrowed */
    void (*begin)(void);               /* called when all is loaded and nothing of the run is
                                            touched yet: stops are heeded from here on; may be
                                            NULL */
    const volatile sig_atomic_t *stop; /* not 0: stop soon, saving; may be NULL */
    volatile sig_atomic_t *status;     /* not 0: a line on where the run stands, which makes
                                            it 0 again; may be NULL */
} masa_train_options;

/**
 * Trains by reinforcement learning as config says, in run folder `folder`: created;
 * with resume, continued from its newest checkpoint exactly as if it had never
 * stopped. MASA_ERR_INTERRUPTED after a stop was asked for: the steps done so far are
 * in a checkpoint then.
 */
masa_status masa_rl_train(const masa_config *config, const char *folder,
                          const masa_train_options *options, masa_error *err);

/** Supervised training on conversations (config->sft) with the same engine, run folder
 *  and checkpoints. */
masa_status masa_sft_train(const masa_config *config, const char *folder,
                           const masa_train_options *options, masa_error *err);

#endif
