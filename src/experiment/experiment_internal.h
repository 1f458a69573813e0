/* What the files that train an experiment share. */
#ifndef EXPERIMENT_INTERNAL_H
#define EXPERIMENT_INTERNAL_H

#include <masa/experiment.h>

/* Who keeps more of runs than their folders. */
typedef struct experiment_keeper {
    /* Whether a run is done though its folder may be gone; NULL: the folder says. */
    masa_status (*known)(void *context, const masa_experiment_run *run,
                         const masa_config *wanted, bool *done, masa_error *err);
    /* After a run has ended, finished or stopped, or was found finished; NULL: nothing. */
    masa_status (*ended)(void *context, const masa_experiment_run *run, masa_error *err);
    void *context;
} experiment_keeper;

/* masa_experiment_train with a keeper. */
masa_status experiment_train(const masa_experiment *experiment,
                             const masa_experiment_options *options,
                             const experiment_keeper *keeper, size_t *finished,
                             masa_error *err);

/* The second half of it: configs [n] are checked; done [n]: known to be (experiment_jobs.c). */
masa_status experiment_go(const masa_experiment *experiment, const masa_config *configs,
                          const bool *done, const masa_experiment_options *options,
                          const experiment_keeper *keeper, size_t *finished, masa_error *err);

#endif
