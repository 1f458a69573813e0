/* masa serve: a model over HTTP. */
#include "commands.h"
#include "output.h"
#include "text_model.h"
#include "training.h"

#include <masa/memory.h>
#include <masa/serve.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct serve_command {
    text_model text;
    const char *listen, *name, *weights;
    long batch, cache, context, queue;
    bool quiet;
} serve_command;

/* context: the model's name, or NULL when nothing but the address is to be said. */
static void tell_ready(void *context, const char *url)
{
    const char *name = context;
    if (name) fprintf(stderr, "masa: serving %s; ^C or SIGTERM ends it\n", name);
    printf("%s\n", url);
    cli_output_flush();
}

/* The model's path without what leads to it. */
static char *name_of(const serve_command *c)
{
    masa_text name = {0};
    char *path = masa_strdup(c->text.found);
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') path[--n] = '\0';
    const char *slash = strrchr(path, '/'), *last = slash && slash[1] ? slash + 1 : path;
    if (c->name) last = c->name;
    masa_text_add_utf8(&name, last, strlen(last));
    free(path);
    return masa_text_take(&name);
}

static masa_status serve(serve_command *c, masa_error *err)
{
    if (c->batch < 1 || c->cache < 1 || c->queue < 1 || c->context < 0 || c->cache > 1 << 24)
        return MASA_FAIL(err, MASA_ERR_USAGE,
                         "--batch, --cache and --queue must be positive, --context 0 or more");
    masa_status st = text_model_open(&c->text, err);
    if (st != MASA_OK) return st;
    char *name = name_of(c);
    masa_serve_options options = {.listen = c->listen,
                                  .name = name,
                                  .weights = c->weights,
                                  .batch = (size_t)c->batch,
                                  .cache_bytes = (size_t)c->cache << 20,
                                  .context = (size_t)c->context,
                                  .queue = (size_t)c->queue,
                                  .stop = &cli_stop_asked,
                                  .ready = tell_ready,
                                  .ready_context = c->quiet ? NULL : name};
    cli_catch_signals(CLI_ENDED "\n");
    cli_heed_stops();
    signal(SIGPIPE, SIG_IGN); /* a client that leaves is no reason to stop */
    st = masa_serve(c->text.model, c->text.tokenizer, c->text.chat, &options, err);
    text_model_close(&c->text);
    free(name);
    return st;
}

masa_status cli_serve(int argc, char **argv, masa_error *err)
{
    serve_command c = {.text = TEXT_MODEL_DEFAULTS,
                       .listen = "127.0.0.1:8000",
                       .batch = 64,
                       .cache = 2048,
                       .queue = 1024};
    bool helped;
    const cli_option options[] = {
        CLI_MODEL(&c.text.path),
        CLI_DEVICE(&c.text.device),
        CLI_STRING("compute", 0, &c.text.compute, "TYPE",
                   "what products are computed in: auto, f32 or bf16"),
        CLI_STRING("chat-template", 0, &c.text.template, "NAME", CHAT_TEMPLATE_HELP),
        CLI_STRING("listen", 'l', &c.listen, "ADDR:PORT", "where clients come; port 0: any"),
        CLI_STRING("name", 'n', &c.name, "NAME", "what clients see as the model's name"),
        CLI_STRING("weights", 'w', &c.weights, "FOLDER",
                   "let trainers have weights below FOLDER reloaded"),
        CLI_LONG("batch", 'b', &c.batch, "N", "sequences decoded at once"),
        CLI_LONG("cache", 0, &c.cache, "MIB", "most memory for keys and values"),
        CLI_LONG("context", 0, &c.context, "N",
                 "most tokens of a prompt with its response; 0: what model and cache allow"),
        CLI_LONG("queue", 0, &c.queue, "N", "requests at once; more are refused"),
        CLI_QUIET(&c.quiet),
        CLI_END,
    };
    const cli_usage usage = {
        .command = "serve",
        .arguments = "--model PATH",
        .least = 0,
        .most = 0,
        .summary = "Serves a model over HTTP to OpenAI's clients, and to runs of masa "
                   "elsewhere.",
        .details = "POST /v1/completions and /v1/chat/completions, whole or as streams; "
                   "GET /v1/models and\n"
                   "/health. For runs (`masa train --rollouts URL`), as in vLLM: POST\n"
                   "/inference/v1/generate (tokens in, tokens out) and /collective_rpc "
                   "(reload_weights).\n"
                   "The URL is printed once clients may come. Nobody is asked who they "
                   "are: keep it on\n"
                   "a network of your own. docs/scale.md says more."};
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st == MASA_OK && !helped) st = serve(&c, err);
    return st;
}
