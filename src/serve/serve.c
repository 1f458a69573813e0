/* The server's life. */
#include "service.h"

#include <masa/memory.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static masa_status open_weights(service *s, masa_error *err)
{
    const char *folder = s->options->weights;
    if (!folder) return MASA_OK;
    s->weights = realpath(folder, NULL);
    return s->weights
               ? MASA_OK
               : MASA_FAIL(err, MASA_ERR_IO, "cannot open %s: %s", folder, strerror(errno));
}

static masa_status open_generator(service *s, masa_error *err)
{
    const masa_serve_options *o = s->options;
    masa_generator_options options =
        masa_generator_fit(s->model, o->batch, o->context, o->cache_bytes);
    return masa_generator_create(&s->generator, s->model, s->tokenizer, &options, err);
}

static void find_stop_tokens(service *s)
{
    int32_t eos = masa_tokenizer_eos(s->tokenizer);
    if (s->chat) s->n_stop_tokens = masa_chat_stop_tokens(s->stop_tokens, s->chat);
    else if (eos >= 0) s->stop_tokens[s->n_stop_tokens++] = eos;
}

masa_status service_open(service *s, masa_model *model, const masa_tokenizer *tokenizer,
                         const masa_chat *chat, const masa_serve_options *options,
                         masa_error *err)
{
    *s = (service){.model = model,
                   .tokenizer = tokenizer,
                   .chat = chat,
                   .options = options,
                   .created = (long)time(NULL)};
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->arrived, NULL);
    snprintf(s->version, sizeof s->version, "%016llx",
             (unsigned long long)masa_model_fingerprint(model));
    find_stop_tokens(s);
    masa_status st = open_weights(s, err);
    return st == MASA_OK ? open_generator(s, err) : st;
}

void service_close(service *s)
{
    masa_generator_destroy(s->generator);
    pthread_cond_destroy(&s->arrived);
    pthread_mutex_destroy(&s->lock);
    free(s->running);
    free(s->weights);
}

masa_status masa_serve(masa_model *model, const masa_tokenizer *tokenizer,
                       const masa_chat *chat, const masa_serve_options *options,
                       masa_error *err)
{
    struct MHD_Daemon *daemon = NULL;
    service s;
    masa_status st = service_open(&s, model, tokenizer, chat, options, err);
    if (st == MASA_OK) st = http_start(&daemon, &s, err);
    if (st == MASA_OK) decode_jobs(&s);
    http_end(daemon, &s);
    service_close(&s);
    return st;
}
