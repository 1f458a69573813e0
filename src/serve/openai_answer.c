/* OpenAI's completions and chat completions: what comes of them. */
#include "service.h"

#include <string.h>

static json_t *text_of(const char *bytes, size_t n)
{
    masa_text text = {0};
    masa_text_add_utf8(&text, bytes, n);
    json_t *o = json_stringn(masa_text_get(&text), text.size);
    masa_text_deinit(&text);
    return o;
}

static json_t *token_text(const service *s, int32_t token, masa_text *bytes)
{
    masa_text_clear(bytes);
    masa_tokenizer_decode(s->tokenizer, &token, 1, false, bytes);
    return text_of(masa_text_get(bytes), bytes->size);
}

/* Tokens that a reader is shown: all but the one that ended the response. */
static size_t shown_tokens(const masa_completion *c, bool finished)
{
    return finished && c->cause == MASA_STOP_EOS && c->n > 0 ? c->n - 1 : c->n;
}

static json_t *chat_logprobs(const service *s, const masa_completion *c, size_t from, size_t to)
{
    masa_text bytes = {0};
    json_t *list = json_array();
    for (size_t i = from; i < to; i++) {
        json_t *text = token_text(s, c->tokens[i], &bytes), *numbers = json_array();
        for (size_t k = 0; k < bytes.size; k++)
            json_array_append_new(numbers, json_integer((unsigned char)bytes.data[k]));
        json_array_append_new(list, json_pack("{s:o,s:f,s:o,s:[]}", "token", text, "logprob",
                                              (double)c->logprobs[i], "bytes", numbers,
                                              "top_logprobs"));
    }
    masa_text_deinit(&bytes);
    return json_pack("{s:o,s:n}", "content", list, "refusal");
}

/* *offset: bytes of the text before token `from`; then before `to`. */
static json_t *completion_logprobs(const service *s, const masa_completion *c, size_t from,
                                   size_t to, size_t *offset)
{
    masa_text bytes = {0};
    json_t *tokens = json_array(), *logprobs = json_array(), *offsets = json_array();
    for (size_t i = from; i < to; i++) {
        json_array_append_new(tokens, token_text(s, c->tokens[i], &bytes));
        json_array_append_new(logprobs, json_real((double)c->logprobs[i]));
        json_array_append_new(offsets, json_integer((json_int_t)*offset));
        *offset += bytes.size;
    }
    masa_text_deinit(&bytes);
    return json_pack("{s:o,s:o,s:n,s:o}", "tokens", tokens, "token_logprobs", logprobs,
                     "top_logprobs", "text_offset", offsets);
}

/* Of tokens from..to - 1. */
static json_t *logprobs_of(const service *s, const job *j, const masa_completion *c,
                           size_t from, size_t to)
{
    if (!j->logprobs) return json_null();
    return j->kind == JOB_CHAT
               ? chat_logprobs(s, c, from, to)
               : completion_logprobs(s, c, from, to, &j->offsets[c - j->completions]);
}

static json_t *reason_of(const masa_completion *c, bool finished)
{
    bool cut = c->cause == MASA_STOP_LENGTH || c->cause == MASA_STOP_CONTEXT;
    return finished ? json_string(cut ? "length" : "stop") : json_null();
}

static json_t *usage_of(const job *j)
{
    json_int_t prompt = 0, completion = 0;
    for (size_t i = 0; i < j->n_prompts; i++) prompt += (json_int_t)j->prompts[i].n;
    for (size_t i = 0; i < j->n_choices; i++) completion += (json_int_t)j->completions[i].n;
    return json_pack("{s:I,s:I,s:I}", "prompt_tokens", prompt, "completion_tokens", completion,
                     "total_tokens", prompt + completion);
}

/* The object around choices, which are taken. */
static json_t *envelope(const service *s, const job *j, json_t *choices)
{
    const char *object = j->kind == JOB_COMPLETION ? "text_completion"
                         : j->stream               ? "chat.completion.chunk"
                                                   : "chat.completion";
    return json_pack("{s:s,s:s,s:I,s:s,s:s,s:o}", "id", j->id, "object", object, "created",
                     (json_int_t)j->created, "model", s->options->name, "system_fingerprint",
                     s->version, "choices", choices);
}

/* ---- streams ---- */

static void send_event(service *s, job *j, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    pthread_mutex_lock(&s->lock);
    masa_text_addf(&j->out, "data: %s\n\n", text);
    j->begun = true;
    job_wake(j);
    pthread_mutex_unlock(&s->lock);
    free(text);
    json_decref(object);
}

static json_t *chunk(const service *s, job *j, const masa_completion *c, bool finished,
                     const char *piece, size_t n)
{
    size_t choice = (size_t)(c - j->completions), to = shown_tokens(c, finished);
    bool first = j->told[choice] == 0;
    json_t *text = text_of(piece, n), *logprobs = logprobs_of(s, j, c, j->told[choice], to), *o;
    j->told[choice] = to;
    if (j->kind == JOB_COMPLETION) {
        o = json_pack("{s:I,s:o,s:o,s:o}", "index", (json_int_t)choice, "text", text,
                      "logprobs", logprobs, "finish_reason", reason_of(c, finished));
    } else {
        json_t *delta = json_pack("{s:o}", "content", text);
        if (first) json_object_set_new(delta, "role", json_string("assistant"));
        o = json_pack("{s:I,s:o,s:o,s:o}", "index", (json_int_t)choice, "delta", delta,
                      "logprobs", logprobs, "finish_reason", reason_of(c, finished));
    }
    return envelope(s, j, json_pack("[o]", o));
}

void openai_stream(service *s, job *j, const masa_completion *c, bool finished)
{
    const char *piece;
    size_t n;
    masa_text_stream_next(&j->streams[c - j->completions], c, finished, &piece, &n);
    if (n > 0 || finished) send_event(s, j, chunk(s, j, c, finished, piece, n));
}

/* ---- whole answers ---- */

static json_t *choice_of(const service *s, const job *j, size_t choice)
{
    const masa_completion *c = &j->completions[choice];
    json_t *logprobs = logprobs_of(s, j, c, 0, shown_tokens(c, true));
    masa_text bytes = {0};
    masa_completion_text(&bytes, c, j->streams[choice].request, s->tokenizer);
    json_t *text = text_of(masa_text_get(&bytes), bytes.size);
    masa_text_deinit(&bytes);
    if (j->kind == JOB_COMPLETION)
        return json_pack("{s:I,s:o,s:o,s:o}", "index", (json_int_t)choice, "text", text,
                         "logprobs", logprobs, "finish_reason", reason_of(c, true));
    return json_pack("{s:I,s:{s:s,s:o,s:n},s:o,s:o}", "index", (json_int_t)choice, "message",
                     "role", "assistant", "content", text, "refusal", "logprobs", logprobs,
                     "finish_reason", reason_of(c, true));
}

void openai_finish(service *s, job *j)
{
    if (!j->stream) {
        json_t *choices = json_array();
        for (size_t i = 0; i < j->n_choices; i++)
            json_array_append_new(choices, choice_of(s, j, i));
        json_t *answer = envelope(s, j, choices);
        json_object_set_new(answer, "usage", usage_of(j));
        job_answer(s, j, answer);
        return;
    }
    if (j->usage) {
        json_t *last = envelope(s, j, json_array());
        json_object_set_new(last, "usage", usage_of(j));
        send_event(s, j, last);
    }
    pthread_mutex_lock(&s->lock);
    masa_text_add(&j->out, "data: [DONE]\n\n");
    j->finished = true;
    job_wake(j);
    pthread_mutex_unlock(&s->lock);
}
