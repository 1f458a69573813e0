/* What commands over texts share: a model with its tokenizer and chat template,
 * prompts from the command line or from JSON, and JSON Lines in and out. */
#ifndef MASA_CLI_TEXT_MODEL_H
#define MASA_CLI_TEXT_MODEL_H

#include "options.h"

#include <jansson.h>
#include <masa/chat.h>
#include <masa/model.h>
#include <masa/tokenizer.h>

/* Set the options, then open it. */
typedef struct text_model {
    const char *path, *device, *compute, *template, *system;
    bool raw;    /* no template: prompts are text as it stands, special tokens included */
    char *found; /* what path means (masa_model_find) */
    masa_model *model;
    masa_tokenizer *tokenizer;
    masa_chat *chat; /* NULL when raw */
} text_model;

#define TEXT_MODEL_DEFAULTS                                                                    \
    {                                                                                          \
        .compute = "auto", .template = "auto"                                                  \
    }

#define CHAT_TEMPLATE_HELP "auto (the model's own), auto-nothink, a built-in one, or FILE.jinja"

/* The options that every such command has, for its table. */
#define TEXT_MODEL_OPTIONS(m)                                                                  \
    CLI_MODEL(&(m)->path), CLI_DEVICE(&(m)->device),                                           \
        CLI_STRING("compute", 0, &(m)->compute, "TYPE",                                        \
                   "what products are computed in: auto, f32 or bf16"),                        \
        CLI_STRING("chat-template", 0, &(m)->template, "NAME", CHAT_TEMPLATE_HELP),            \
        CLI_STRING("system", 's', &(m)->system, "TEXT", "system message before a prompt"),     \
        CLI_FLAG("raw", 'r', &(m)->raw,                                                        \
                 "no chat template: prompts as they stand, special tokens included")

masa_status text_model_open(text_model *m, masa_error *err);
void text_model_close(text_model *m);

/* Appends the ids of a prompt, rendered with the system message unless raw. */
masa_status text_model_prompt(masa_tokens *out, const text_model *m, const char *prompt,
                              size_t size, masa_error *err);
/* The same for a line's "prompt_tokens", "messages" or "prompt". */
masa_status text_model_json_prompt(masa_tokens *out, const text_model *m, const json_t *line,
                                   masa_error *err);
/* Appends a list of token ids. */
masa_status text_model_json_ids(masa_tokens *out, const text_model *m, const json_t *list,
                                const char *name, masa_error *err);

/* The objects of a JSON Lines file ("-": standard input). Errors name file and line. */
typedef struct json_lines {
    json_t **items;
    size_t *numbers; /* line of each, from 1 */
    size_t n, capacity, numbers_capacity;
} json_lines;
masa_status json_lines_read(json_lines *out, const char *path, masa_error *err);
void json_lines_deinit(json_lines *lines);

/* Lists of ids and of log-probabilities (not a number: null); the caller owns them. */
json_t *json_ids(const int32_t *ids, size_t n);
json_t *json_floats(const float *values, size_t n);
/* Writes the object as one line of standard output. */
void json_print_line(const json_t *object);

#endif
