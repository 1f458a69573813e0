/* masa train and masa sft: options to a configuration, then the loop. */
#include "commands.h"
#include "options.h"

#include <masa/cpu.h>
#include <masa/file.h>
#include <masa/rl.h>
#include <masa/run_folder.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t stop_asked;

/* The first signal stops at the next safe point, the second at once. */
static void on_signal(int number)
{
    if (stop_asked) {
        signal(number, SIG_DFL);
        raise(number);
    }
    stop_asked = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* What a kind of training names on the command line beside --set. */
typedef struct shortcut {
    const char *key; /* of the setting */
    const char *value;
} shortcut;

typedef struct train_command {
    const char *file, *preset;
    cli_list set;
    bool resume;
    shortcut model, data, test, steps;
} train_command;

static const char *add_set(cli_list *list, const char *key, const char *value)
{
    size_t size = strlen(key) + strlen(value) + 2;
    char *text = malloc(size);
    if (!text) abort();
    snprintf(text, size, "%s=%s", key, value);
    list->items = realloc(list->items, (list->n + 1) * sizeof *list->items);
    if (!list->items) abort();
    list->items[list->n++] = text;
    return text;
}

/* --set comes after the shortcuts, so that it wins over them. */
static masa_status load_config(masa_config *config, const train_command *c,
                               const char *folder, masa_error *err)
{
    cli_list set = {0};
    const shortcut *shortcuts[] = {&c->model, &c->data, &c->test, &c->steps};
    size_t given = 0;
    for (size_t i = 0; i < 4; i++)
        if (shortcuts[i]->value) {
            add_set(&set, shortcuts[i]->key, shortcuts[i]->value);
            given++;
        }
    for (size_t i = 0; i < c->set.n; i++) {
        set.items = realloc(set.items, (set.n + 1) * sizeof *set.items);
        if (!set.items) abort();
        set.items[set.n++] = c->set.items[i];
    }
    char *path = c->resume ? masa_run_config_path(folder) : NULL;
    masa_status st = MASA_OK;
    if (c->resume && !masa_path_exists(path))
        st = MASA_FAIL(err, MASA_ERR_DATA, "%s holds no run to resume", folder);
    if (st == MASA_OK)
        st = masa_config_load(config, path ? path : c->file, c->preset, set.items, set.n, err);
    for (size_t i = 0; i < given; i++) free((char *)(uintptr_t)set.items[i]);
    free(set.items);
    free(path);
    return st;
}

typedef masa_status train_function(const masa_config *, const char *,
                                   const masa_train_options *, masa_error *);

static masa_status train(const train_command *c, const char *folder,
                         train_function *run, masa_error *err)
{
    if (c->resume && (c->file || c->preset))
        return MASA_FAIL(err, MASA_ERR_USAGE,
                         "--resume goes on with the run's own configuration; leave --config "
                         "and --preset out (--set changes single keys)");
    masa_config config;
    masa_status st = load_config(&config, c, folder, err);
    if (st != MASA_OK) return st;
    masa_train_options options = {c->resume, stderr, &stop_asked};
    fprintf(stderr, "masa: %d threads, %s\n",
            config.train.threads ? (int)config.train.threads : masa_threads(),
            masa_isa_name(masa_isa_get()));
    catch_signals();
    st = run(&config, folder, &options, err);
    masa_config_deinit(&config);
    if (st == MASA_OK)
        fprintf(stderr, "masa: done; read the run with: masa inspect %s\n", folder);
    return st;
}

static const char details[] =
    "RUN is a new folder: configuration, store of every rollout, TensorBoard events and\n"
    "checkpoints (Hugging Face folders) go there. ^C saves and stops; --resume goes on.\n"
    "`masa config --help` lists the presets, `masa config` every setting.";

masa_status cli_train(int argc, char **argv, masa_error *err)
{
    train_command c = {.model = {"model.path", NULL}, .data = {"data.train", NULL},
                       .test = {"data.test", NULL}, .steps = {"train.steps", NULL}};
    bool helped = false;
    const cli_option options[] = {
        CLI_STRING("model", 'm', &c.model.value, "PATH", "GGUF file or Hugging Face folder"),
        CLI_STRING("train", 'd', &c.data.value, "FILE", "problems to train on (JSON Lines)"),
        CLI_STRING("test", 't', &c.test.value, "FILE", "unseen problems to evaluate on"),
        CLI_STRING("steps", 'n', &c.steps.value, "N", "length of the run"),
        CLI_STRING("preset", 'p', &c.preset, "NAME", "start from a preset"),
        CLI_STRING("config", 'c', &c.file, "FILE", "YAML file of settings"),
        CLI_LIST("set", 's', &c.set, "KEY=VALUE", "set one key, as rollout.group_size=16"),
        CLI_FLAG("resume", 'r', &c.resume, "go on with the run in RUN"),
        CLI_END,
    };
    const cli_usage usage = {"train", "RUN",
                             "Trains a model to reason, by reinforcement learning on problems "
                             "whose answers\ncan be checked.",
                             details, 1, 1};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st == MASA_OK && !helped) st = train(&c, argv[0], masa_rl_train, err);
    free(c.set.items);
    return st;
}

masa_status cli_sft(int argc, char **argv, masa_error *err)
{
    train_command c = {.model = {"model.path", NULL}, .data = {"sft.data", NULL},
                       .test = {"data.test", NULL}, .steps = {"sft.epochs", NULL}};
    bool helped = false;
    const cli_option options[] = {
        CLI_STRING("model", 'm', &c.model.value, "PATH", "GGUF file or Hugging Face folder"),
        CLI_STRING("data", 'd', &c.data.value, "FILE",
                   "conversations (JSON Lines with `messages`)"),
        CLI_STRING("epochs", 'n', &c.steps.value, "N", "passes over the data"),
        CLI_STRING("preset", 'p', &c.preset, "NAME", "start from a preset"),
        CLI_STRING("config", 'c', &c.file, "FILE", "YAML file of settings"),
        CLI_LIST("set", 's', &c.set, "KEY=VALUE", "set one key, as optimizer.lr=1e-5"),
        CLI_FLAG("resume", 'r', &c.resume, "go on with the run in RUN"),
        CLI_END,
    };
    const cli_usage usage = {"sft", "RUN",
                             "Trains a model on conversations: the assistant's turns are "
                             "what is learned.",
                             details, 1, 1};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st == MASA_OK && !helped) st = train(&c, argv[0], masa_sft_train, err);
    free(c.set.items);
    return st;
}
