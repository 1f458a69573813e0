/* What `masa inspect` looks at: one function for each kind of thing. */
#ifndef MASA_CLI_INSPECT_H
#define MASA_CLI_INSPECT_H

#include <stdbool.h>
#include <masa/error.h>

typedef struct cli_inspect_options {
    bool json;    /* JSON Lines instead of text */
    bool tensors; /* of a model: also one line for each tensor, with statistics */
} cli_inspect_options;

/* True for a GGUF file or a folder with a config.json. */
bool cli_is_model(const char *path);
masa_status cli_inspect_model(const char *path, const cli_inspect_options *options,
                              masa_error *err);

#endif
