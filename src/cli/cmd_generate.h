/* The ways in which masa generate is used: one prompt, a file, a chat. */
#ifndef MASA_CLI_GENERATE_H
#define MASA_CLI_GENERATE_H

#include <masa/generate.h>
#include "text_model.h"

typedef struct generate_options {
    text_model text;
    masa_sampling sampling;
    size_t samples, max_tokens, batch, cache_mib;
    uint64_t seed;
    const char *const *stops;
    size_t n_stops;
    bool json;  /* JSON Lines for a prompt on the command line too */
    bool quiet; /* nothing but warnings and errors on standard error */
    int32_t stop_tokens[8];
    size_t n_stop_tokens;
} generate_options;

/* A request with the command's settings; its draws are keyed by (seed, index). */
masa_request generate_request(const generate_options *o, const masa_tokens *prompt,
                              size_t index);

/* A generator for sequences of up to `context` tokens within the cache that is allowed;
 * one for as long a conversation as fits when context is 0. */
masa_status generate_open(masa_generator **out, const generate_options *o, size_t batch,
                          size_t context, masa_error *err);

/* Prints the text of one completion as it grows. */
void generate_print_text(masa_text_stream *s, const masa_completion *completion, bool finished);

/* "57 tokens in 0.8 s: 71 tokens/s" on standard error, unless it is to be quiet. */
void generate_report(const generate_options *o, const masa_generator *generator);

masa_status generate_lines(const generate_options *o, json_lines *lines, const char *path,
                           masa_error *err);
masa_status generate_prompt(const generate_options *o, const char *prompt, masa_error *err);
masa_status generate_chat(const generate_options *o, masa_error *err);

#endif
