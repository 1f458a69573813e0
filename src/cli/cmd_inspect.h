/* What `masa inspect` looks at: one function for each kind of thing. */
#ifndef MASA_CLI_INSPECT_H
#define MASA_CLI_INSPECT_H

#include <stdbool.h>
#include <masa/error.h>
#include <masa/store.h>
#include <masa/text.h>

typedef struct cli_inspect_options {
    bool json;    /* JSON Lines instead of text */
    bool tensors; /* of a model: also one line for each tensor, with statistics */
    /* of a run: */
    bool rollouts, evals, decisions, predictions, events; /* these in place of the metrics */
    bool follow;              /* metrics: go on as long as the run does */
    const char *metrics;      /* names, separated by commas; NULL: the first */
    masa_store_filter filter; /* its steps also choose metrics and evaluations */
} cli_inspect_options;

/* True for a GGUF file or a folder with a config.json. */
bool cli_is_model(const char *path);
masa_status cli_inspect_model(const char *path, const cli_inspect_options *options,
                              masa_error *err);

/* True for a folder with a store.sqlite. */
bool cli_is_run(const char *path);
masa_status cli_inspect_run(const char *path, const cli_inspect_options *options,
                            masa_error *err);

/* Part of cli_inspect_run: the table of metrics, and what the run's health had to say. */
masa_status cli_inspect_metrics(masa_store *store, const char *run,
                                const cli_inspect_options *options, masa_error *err);

/* A line of JSON, member by member; end prints and empties it. */
void inspect_add_number(masa_text *line, const char *key, double value);
void inspect_end_object(masa_text *line);

/* Part of cli_inspect_run: the table of predictions against what came true. */
masa_status cli_inspect_predictions(masa_store *store, const cli_inspect_options *options,
                                    masa_error *err);

#endif
