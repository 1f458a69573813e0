/* masa train and masa sft: options to a configuration, then the loop. */
#include "commands.h"
#include "output.h"
#include "masa_version.h"
#include "training.h"

#include <masa/device.h>
#include <masa/dist.h>
#include <masa/file.h>
#include <masa/rl.h>
#include <masa/run_folder.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL, DATA, TEST, STEPS, ROLLOUTS, SHORTCUTS };

typedef struct train_command {
    const char *file, *preset, *device;
    cli_list set;
    bool resume, restart, quiet;
    cli_shortcut shortcuts[SHORTCUTS];
} train_command;

static masa_status load_config(masa_config *config, const train_command *c, const char *folder,
                               masa_error *err)
{
    char *path = c->resume ? masa_run_config_path(folder) : NULL;
    cli_settings settings = {path ? path : c->file, c->preset, c->shortcuts, SHORTCUTS,
                             &c->set};
    masa_status st = MASA_OK;
    if (c->resume && !masa_path_exists(path))
        st = MASA_FAIL(err, MASA_ERR_DATA, "%s holds no run to resume", folder);
    if (st == MASA_OK) st = cli_settings_load(config, &settings, err);
    free(path);
    return st;
}

typedef masa_status train_function(const masa_config *, const char *,
                                   const masa_train_options *, masa_error *);

static masa_status train(const train_command *c, const char *folder, train_function *run,
                         masa_error *err)
{
    if (c->resume && (c->file || c->preset))
        return MASA_FAIL(err, MASA_ERR_USAGE,
                         "--resume goes on with the run's own configuration; leave --config "
                         "and --preset out (--set changes single keys)");
    if (c->restart && !c->resume)
        return MASA_FAIL(err, MASA_ERR_USAGE, "--restart goes with --resume");
    masa_config config;
    masa_status st = masa_dist_open(MASA_VERSION, err);
    if (st == MASA_OK) st = masa_device_start(c->device, masa_dist_where().number, err);
    if (st == MASA_OK) st = load_config(&config, c, folder, err);
    bool loaded = st == MASA_OK;
    st = masa_dist_agree(st, NULL, err); /* what is wrong with all of them is said once */
    if (st != MASA_OK) {
        if (loaded) masa_config_deinit(&config);
        return st;
    }
    bool quiet = c->quiet || masa_dist_rank() > 0;
    masa_train_options options = {.resume = c->resume,
                                  .restart = c->restart,
                                  .progress = quiet ? NULL : cli_output_progress(),
                                  .begin = cli_heed_stops,
                                  .stop = &cli_stop_asked,
                                  .status = &cli_status_asked};
    if (!quiet) cli_say_machine(&config);
    if (!quiet && strcmp(masa_device_kind(), "cpu") != 0)
        fprintf(stderr, "masa: computing on %s\n", masa_device_name());
    cli_catch_signals(CLI_ENDED "; --resume goes on from the last checkpoint\n");
    st = run(&config, folder, &options, err);
    masa_config_deinit(&config);
    if (st == MASA_OK && !quiet)
        fprintf(stderr, "masa: done; read the run with: masa inspect %s\n", folder);
    return st;
}

static const char details[] =
    "RUN is a new folder: configuration, store of all that happens, TensorBoard events and\n"
    "checkpoints (Hugging Face folders) go there. ^C saves and stops; --resume goes on.\n"
    "So do SIGTERM, SIGHUP, SIGPIPE and SIGUSR2; SIGUSR1 prints where the run stands. A second ^C\n"
    "or SIGTERM ends it at once: the resume then does again what came after the last checkpoint.\n"
    "`mpirun -n N masa ...` divides the work of a run among N processes.\n"
    "`masa config --help` lists the presets, `masa config` every setting.";

masa_status cli_train(int argc, char **argv, masa_error *err)
{
    train_command c = {.shortcuts = {{"model.path", NULL},
                                     {"data.train", NULL},
                                     {"data.test", NULL},
                                     {"train.steps", NULL},
                                     {"rollout.servers", NULL}}};
    bool helped = false;
    const cli_option options[] = {
        CLI_STRING("model", 'm', &c.shortcuts[MODEL].value, "PATH", CLI_MODEL_HELP),
        CLI_STRING("train", 'd', &c.shortcuts[DATA].value, "FILE",
                   "problems to train on (JSON Lines)"),
        CLI_STRING("test", 't', &c.shortcuts[TEST].value, "FILE",
                   "unseen problems to evaluate on"),
        CLI_STRING("steps", 'n', &c.shortcuts[STEPS].value, "N", "length of the run"),
        CLI_STRING("rollouts", 0, &c.shortcuts[ROLLOUTS].value, "URL[,URL...]",
                   "servers that sample instead: masa serve, or vLLM (docs/scale.md)"),
        CLI_DEVICE(&c.device),
        CLI_STRING("preset", 'p', &c.preset, "NAME", "start from a preset"),
        CLI_STRING("config", 'c', &c.file, "FILE", "YAML file of settings"),
        CLI_LIST("set", 's', &c.set, "KEY=VALUE", "set one key, as rollout.group_size=16"),
        CLI_FLAG("resume", 'r', &c.resume, "go on with the run in RUN"),
        CLI_FLAG("restart", 0, &c.restart,
                 "with --resume: where RUN has no checkpoint, drop its record and begin again"),
        CLI_QUIET(&c.quiet),
        CLI_END,
    };
    const cli_usage usage = {"train",
                             "RUN",
                             "Trains a model to reason, by reinforcement learning on problems "
                             "whose answers\ncan be checked.",
                             details,
                             1,
                             1};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st == MASA_OK && !helped) st = train(&c, argv[0], masa_rl_train, err);
    free(c.set.items);
    return st;
}

masa_status cli_sft(int argc, char **argv, masa_error *err)
{
    train_command c = {.shortcuts = {{"model.path", NULL},
                                     {"sft.data", NULL},
                                     {"data.test", NULL},
                                     {"sft.epochs", NULL},
                                     {"rollout.servers", NULL}}};
    bool helped = false;
    const cli_option options[] = {
        CLI_STRING("model", 'm', &c.shortcuts[MODEL].value, "PATH", CLI_MODEL_HELP),
        CLI_STRING("data", 'd', &c.shortcuts[DATA].value, "FILE",
                   "JSON Lines with `messages`, or `problem` and `solution`"),
        CLI_STRING("epochs", 'n', &c.shortcuts[STEPS].value, "N", "passes over the data"),
        CLI_DEVICE(&c.device),
        CLI_STRING("preset", 'p', &c.preset, "NAME", "start from a preset"),
        CLI_STRING("config", 'c', &c.file, "FILE", "YAML file of settings"),
        CLI_LIST("set", 's', &c.set, "KEY=VALUE", "set one key, as optimizer.lr=1e-5"),
        CLI_FLAG("resume", 'r', &c.resume, "go on with the run in RUN"),
        CLI_FLAG("restart", 0, &c.restart,
                 "with --resume: where RUN has no checkpoint, drop its record and begin again"),
        CLI_QUIET(&c.quiet),
        CLI_END,
    };
    const cli_usage usage = {"sft",
                             "RUN",
                             "Trains a model on conversations: the assistant's turns are "
                             "what is learned.",
                             details,
                             1,
                             1};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st == MASA_OK && !helped) st = train(&c, argv[0], masa_sft_train, err);
    free(c.set.items);
    return st;
}
