/**
 * A model served over HTTP: OpenAI's completions and chat completions, and what a trainer
 * elsewhere needs, tokens in and tokens out, and other weights.
 */
#ifndef MASA_SERVE_H
#define MASA_SERVE_H

#include <signal.h>
#include <stddef.h>
#include <masa/chat.h>
#include <masa/error.h>
#include <masa/model.h>
#include <masa/tokenizer.h>

typedef struct masa_serve_options {
    const char *listen;  /* "ADDRESS:PORT", "[ADDRESS]:PORT"; port 0: the system chooses one */
    const char *name;    /* of the model, as clients see it */
    const char *weights; /* folder below which weights may be reloaded; NULL: they may not */
    size_t batch;        /* sequences decoded at once */
    size_t cache_bytes;  /* most for keys and values */
    size_t context; /* of a prompt with its response; 0: as much as model and cache allow */
    size_t queue;   /* requests that may wait or run at once; more are refused */
    const volatile sig_atomic_t *stop; /* not 0: end */
    void (*ready)(void *context,
                  const char *url); /* once, when clients may come; may be NULL */
    void *ready_context;
} masa_serve_options;

/**
 * Serves until `stop`, which ends requests under way with an error; then MASA_OK. The model is
 * borrowed, and no one else's meanwhile: reloading changes its weights. chat NULL: there are
 * no chat completions. MASA_ERR_USAGE for an address that is none, MASA_ERR_IO where one
 * cannot listen, MASA_ERR_CONFIG for a batch or cache that cannot be.
 */
masa_status masa_serve(masa_model *model, const masa_tokenizer *tokenizer,
                       const masa_chat *chat, const masa_serve_options *options,
                       masa_error *err);

#endif
