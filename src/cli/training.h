/* What the commands that train have in common: settings from the command line, and
 * stopping on a signal. */
#ifndef MASA_CLI_TRAINING_H
#define MASA_CLI_TRAINING_H

#include <signal.h>
#include <masa/config.h>
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

/* masa_config_load with these settings, paths made absolute. */
masa_status cli_settings_load(masa_config *out, const cli_settings *settings, masa_error *err);

/* For masa_train_options: not 0 once a signal asked to stop or, with SIGUSR1, for a line on
 * where the run stands. */
extern volatile sig_atomic_t cli_stop_asked, cli_status_asked;
/* From here on ^C, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ and SIGUSR2 ask to stop; the second of
 * the first two ends the program. */
void cli_catch_signals(void);

/* "masa: 2 threads, avx512" on standard error. */
void cli_say_machine(const masa_config *config);

#endif
