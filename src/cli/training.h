/* What the commands that train have in common: settings from the command line, and
 * stopping on a signal. */
#ifndef MASA_CLI_TRAINING_H
#define MASA_CLI_TRAINING_H

#include <signal.h>
#include <masa/config.h>
#include <masa/experiment.h>
#include "options.h"

/* A setting that has an option of its own beside --set. */
typedef struct cli_shortcut {
    const char *key;   /* of the setting, as "model.path" */
    const char *value; /* NULL: not given */
} cli_shortcut;

typedef struct cli_settings {
    const char *file, *preset;     /* NULL: none */
    const cli_shortcut *shortcuts; /* [n_shortcuts] */
    size_t n_shortcuts;
    const cli_list *set; /* comes last, so that it wins over the shortcuts */
} cli_settings;

/* Shortcuts that were given, then --set, as "KEY=VALUE". */
typedef struct cli_pairs {
    char **items;
    size_t n;
} cli_pairs;
void cli_pairs_make(cli_pairs *out, const cli_shortcut *shortcuts, size_t n_shortcuts,
                    const cli_list *set);
void cli_pairs_deinit(cli_pairs *pairs);

/* masa_config_load with these settings, and masa_config_resolve. */
masa_status cli_settings_load(masa_config *out, const cli_settings *settings, masa_error *err);

/* For masa_train_options: not 0 once a signal asked to stop or, with SIGUSR1, for a line on
 * where the run stands. */
extern volatile sig_atomic_t cli_stop_asked, cli_status_asked;
/* From here on ^C, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ and SIGUSR2 ask to stop; a second one of
 * the first two, half a second later or more, ends the program with this line, which is borrowed:
 * CLI_ENDED and how to go on. */
void cli_catch_signals(const char *line);
/* Before this ^C and SIGTERM end the program, which has nothing to save yet and may be waiting for
 * a file. */
void cli_heed_stops(void);
#define CLI_ENDED "\nmasa: ended at once, by a second signal"

/* "masa: 2 threads, avx512" on standard error. */
void cli_say_machine(const masa_config *config);

/* How commands train an experiment: with progress, or only warnings and errors; it ends by
 * signals. */
masa_experiment_options cli_experiment_options(bool quiet);
/* What is to be said when it ended without an error; n runs in all. */
void cli_say_time_up(size_t finished, size_t n);

#endif
