/**
 * Command-line options from one table: it parses, checks and writes the help,
 * so the help cannot name an option that does not exist.
 *
 *     bool json = false; double temperature = 1.0;
 *     const cli_option options[] = {
 *         CLI_FLAG("json", 'j', &json, "write JSON Lines"),
 *         CLI_DOUBLE("temperature", 't', &temperature, "T", "sampling temperature"),
 *         CLI_END,
 *     };
 *     st = cli_parse(&usage, options, &argc, &argv, &helped, err);
 *
 * Defaults are the values the targets hold before parsing; the help shows them.
 */
#ifndef MASA_CLI_OPTIONS_H
#define MASA_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <masa/error.h>

typedef enum cli_kind {
    CLI_KIND_END,
    CLI_KIND_FLAG,   /* bool *: set true */
    CLI_KIND_LONG,   /* long * */
    CLI_KIND_DOUBLE, /* double * */
    CLI_KIND_STRING, /* const char **: points into argv */
    CLI_KIND_LIST,   /* cli_list *: may be given several times */
} cli_kind;

/* Values of a repeatable option; the strings point into argv. Free items. */
typedef struct cli_list {
    const char **items;
    size_t n, capacity;
} cli_list;

typedef struct cli_option {
    const char *name;
    char letter; /* 0: none */
    cli_kind kind;
    void *target;
    const char *argument; /* how the help calls the value */
    const char *help;
} cli_option;

/* clang-format off */
#define CLI_FLAG(name, letter, target, help)                                              \
    {name, letter, CLI_KIND_FLAG, (bool *){target}, NULL, help}
#define CLI_LONG(name, letter, target, argument, help)                                    \
    {name, letter, CLI_KIND_LONG, (long *){target}, argument, help}
#define CLI_DOUBLE(name, letter, target, argument, help)                                  \
    {name, letter, CLI_KIND_DOUBLE, (double *){target}, argument, help}
#define CLI_STRING(name, letter, target, argument, help)                                  \
    {name, letter, CLI_KIND_STRING, (const char **){target}, argument, help}
#define CLI_LIST(name, letter, target, argument, help)                                    \
    {name, letter, CLI_KIND_LIST, (cli_list *){target}, argument, help}
/* clang-format on */
/* masa_device_start's name, for commands that run a model. */
#define CLI_DEVICE(target)                                                                     \
    CLI_STRING("device", 0, target, "NAME",                                                    \
               "what computes: auto (a GPU if there is one), cpu, cuda or cuda:N")
/* A path to a model, which means the same everywhere (masa_model_find). */
#define CLI_MODEL_HELP                                                                         \
    "GGUF file, Hugging Face folder, checkpoint or run (its newest checkpoint)"
#define CLI_MODEL(target) CLI_STRING("model", 'm', target, "PATH", CLI_MODEL_HELP)
/* For commands that tell progress. */
#define CLI_QUIET(target)                                                                      \
    CLI_FLAG("quiet", 'q', target, "no progress, only warnings and errors")
#define CLI_END                                                                                \
    {                                                                                          \
        NULL, 0, CLI_KIND_END, NULL, NULL, NULL                                                \
    }

typedef struct cli_usage {
    const char *command;   /* "generate" */
    const char *arguments; /* "MODEL [FILE]" */
    const char *summary;   /* one sentence */
    const char *details;   /* longer text below the options, or NULL */
    int least, most;       /* number of positional arguments; most < 0: any */
} cli_usage;

/**
 * Parses argv (argv[0] is the command's name) and leaves *argc / *argv with the
 * positional arguments alone. --help prints the help (help.h) on standard output and sets
 * *helped; the caller then returns success. Errors are MASA_ERR_USAGE.
 */
masa_status cli_parse(const cli_usage *usage, const cli_option *options, int *argc,
                      char ***argv, bool *helped, masa_error *err);

#endif
