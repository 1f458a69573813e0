/* OpenAI's completions and chat completions: what is asked for. */
#include "service.h"

#include <masa/memory.h>
#include <masa/random.h>

#include <string.h>

/* What would change the answer and is not done here, and the value that asks for nothing. */
static const struct {
    const char *name, *nothing;
} unsupported[] = {
    {"frequency_penalty", "0"},
    {"presence_penalty", "0"},
    {"logit_bias", "{}"},
    {"best_of", "1"},
    {"echo", "false"},
    {"suffix", "\"\""},
    {"tools", "[]"},
    {"functions", "[]"},
    {"top_logprobs", "0"},
    {"response_format", "{\"type\":\"text\"}"},
};

static bool asks_for_nothing(const json_t *value, const char *nothing)
{
    json_t *none = json_loads(nothing, JSON_DECODE_ANY, NULL);
    bool same = json_is_number(value) && json_is_number(none)
                    ? json_number_value(value) == json_number_value(none)
                    : json_equal(value, none);
    json_decref(none);
    return same;
}

static masa_status refuse_unsupported(const json_t *body, masa_error *err)
{
    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++) {
        const json_t *value = json_object_get(body, unsupported[i].name);
        if (value && !json_is_null(value) && !asks_for_nothing(value, unsupported[i].nothing))
            return MASA_FAIL(err, MASA_ERR_DATA, "'%s' is not supported", unsupported[i].name);
    }
    return MASA_OK;
}

/* ---- prompts ---- */

static masa_tokens *add_prompt(job *j)
{
    j->prompts = masa_realloc(j->prompts, j->n_prompts + 1, sizeof *j->prompts);
    j->prompts[j->n_prompts] = (masa_tokens){0};
    return &j->prompts[j->n_prompts++];
}

/* A text, or a list of ids. */
static masa_status read_prompt(job *j, const json_t *prompt, const service *s, masa_error *err)
{
    masa_tokens *out = add_prompt(j);
    if (!json_is_string(prompt)) return read_ids(out, s, prompt, "prompt", err);
    masa_tokenizer_encode(s->tokenizer, json_string_value(prompt), json_string_length(prompt),
                          true, out);
    return MASA_OK;
}

/* One prompt, or a list of them. */
static masa_status read_prompts(job *j, const json_t *body, const service *s, masa_error *err)
{
    const json_t *prompt = json_object_get(body, "prompt"), *item;
    size_t i;
    masa_status st = MASA_OK;
    if (!json_is_string(prompt) && !json_is_array(prompt))
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "'prompt' must be a text, a list of token ids, or a list of these");
    if (json_is_string(prompt) || json_is_integer(json_array_get(prompt, 0)))
        return read_prompt(j, prompt, s, err);
    if (json_array_size(prompt) > SERVE_CHOICES_MOST)
        return MASA_FAIL(err, MASA_ERR_DATA, "'prompt' has more than %d prompts",
                         SERVE_CHOICES_MOST);
    json_array_foreach(prompt, i, item) if (st == MASA_OK) st = read_prompt(j, item, s, err);
    return st;
}

/* A text, or its parts. NULL: it is neither. */
static char *read_content(const json_t *content)
{
    masa_text text = {0};
    size_t i;
    const json_t *part;
    bool parts = json_is_array(content), valid = parts || json_is_string(content);
    if (json_is_string(content)) masa_text_add(&text, json_string_value(content));
    if (parts) json_array_foreach(content, i, part)
        {
            const char *type = json_string_value(json_object_get(part, "type"));
            const char *piece = json_string_value(json_object_get(part, "text"));
            valid = valid && type && strcmp(type, "text") == 0 && piece;
            if (valid) masa_text_add(&text, piece);
        }
    if (valid) return masa_text_take(&text);
    masa_text_deinit(&text);
    return NULL;
}

static masa_status read_messages(job *j, const json_t *body, const service *s, masa_error *err)
{
    const json_t *list = json_object_get(body, "messages"), *item;
    size_t n = json_array_size(list), i;
    masa_status st = MASA_OK;
    if (!s->chat)
        return MASA_FAIL(err, MASA_ERR_DATA, "this model is served without a chat template");
    if (n == 0) return MASA_FAIL(err, MASA_ERR_DATA, "'messages' must be a list of messages");
    masa_message *messages = masa_alloc(n, sizeof *messages);
    json_array_foreach(list, i, item)
    {
        messages[i].role = json_string_value(json_object_get(item, "role"));
        messages[i].content = read_content(json_object_get(item, "content"));
        if (st == MASA_OK && (!messages[i].role || !messages[i].content))
            st = MASA_FAIL(err, MASA_ERR_DATA,
                           "messages[%zu] needs a 'role' and a 'content' of text", i);
    }
    if (st == MASA_OK) st = masa_chat_encode(add_prompt(j), s->chat, messages, n, true, err);
    for (i = 0; i < n; i++) free((char *)(uintptr_t)messages[i].content);
    free(messages);
    return st;
}

/* Prompts that leave no room for a response would be refused later: here they take no memory. */
static masa_status check_prompts(const job *j, const service *s, size_t n, masa_error *err)
{
    size_t context = masa_generator_context(s->generator);
    if (j->n_prompts == 0 || n > SERVE_CHOICES_MOST / j->n_prompts)
        return MASA_FAIL(err, MASA_ERR_DATA, "a request may ask for 1 to %d responses, not %zu",
                         SERVE_CHOICES_MOST, n * j->n_prompts);
    for (size_t i = 0; i < j->n_prompts; i++) {
        if (j->prompts[i].n == 0)
            return MASA_FAIL(err, MASA_ERR_DATA, "prompt %zu is empty", i);
        if (j->prompts[i].n >= context)
            return MASA_FAIL(
                err, MASA_ERR_DATA,
                "prompt %zu has %zu tokens, which leaves no room for a response in a "
                "context of %zu",
                i, j->prompts[i].n, context);
    }
    return MASA_OK;
}

/* ---- settings ---- */

/* A text, or a list of them. */
static masa_status read_stops(job *j, const json_t *body, masa_error *err)
{
    enum { MOST = 16 };
    const json_t *stop = json_object_get(body, "stop");
    if (!stop || json_is_null(stop)) return MASA_OK;
    size_t n = json_is_array(stop) ? json_array_size(stop) : 1;
    bool valid = n <= MOST;
    j->stops = masa_alloc(MOST, sizeof(char *));
    for (size_t i = 0; valid && i < n; i++) {
        const char *text =
            json_string_value(json_is_array(stop) ? json_array_get(stop, i) : stop);
        valid = text && text[0];
        if (valid) j->stops[j->n_stops++] = masa_strdup(text);
    }
    return valid ? MASA_OK
                 : MASA_FAIL(err, MASA_ERR_DATA,
                             "'stop' must be a text that is not empty, or a list of up to %d",
                             MOST);
}

/* Of completions a number of alternatives, of which there are none but the token itself. */
static masa_status read_logprobs(job *j, const json_t *body, masa_error *err)
{
    size_t alternatives = 0;
    const json_t *o = json_object_get(body, "logprobs");
    if (j->kind == JOB_CHAT) return read_switch(&j->logprobs, body, "logprobs", err);
    if (!json_is_integer(o)) return read_switch(&j->logprobs, body, "logprobs", err);
    masa_status st = read_whole(&alternatives, body, "logprobs", 0, 0, err);
    if (st != MASA_OK)
        return MASA_FAIL(
            err, MASA_ERR_DATA,
            "'logprobs' can be 0, for the tokens themselves; others' are not there");
    j->logprobs = true;
    return MASA_OK;
}

static masa_status read_settings(masa_request *out, size_t *n, job *j, const json_t *body,
                                 masa_error *err)
{
    enum { MOST_TOKENS = 1 << 24 };
    /* OpenAI's defaults: a few tokens, or as many as the context allows. */
    out->max_tokens = j->kind == JOB_CHAT ? MOST_TOKENS : 16;
    masa_status st = refuse_unsupported(body, err);
    if (st == MASA_OK) st = read_whole(n, body, "n", 1, SERVE_CHOICES_MOST, err);
    if (st == MASA_OK)
        st = read_whole(&out->max_tokens, body, "max_tokens", 1, MOST_TOKENS, err);
    if (st == MASA_OK && j->kind == JOB_CHAT)
        st = read_whole(&out->max_tokens, body, "max_completion_tokens", 1, MOST_TOKENS, err);
    if (st == MASA_OK) st = read_sampling(&out->sampling, body, err);
    if (st == MASA_OK) st = read_seed(&out->key, body, err);
    if (st == MASA_OK) st = read_stops(j, body, err);
    if (st == MASA_OK) st = read_switch(&j->stream, body, "stream", err);
    if (st == MASA_OK)
        st = read_switch(&j->usage, json_object_get(body, "stream_options"), "include_usage",
                         err);
    return st == MASA_OK ? read_logprobs(j, body, err) : st;
}

masa_status openai_read(job *j, const json_t *body, service *s, masa_error *err)
{
    masa_request settings = {0};
    size_t n = 1;
    masa_status st = read_settings(&settings, &n, j, body, err);
    if (st == MASA_OK)
        st = j->kind == JOB_CHAT ? read_messages(j, body, s, err)
                                 : read_prompts(j, body, s, err);
    if (st == MASA_OK) st = check_prompts(j, s, n, err);
    if (st != MASA_OK) return st;
    memcpy(j->stop_tokens, s->stop_tokens, sizeof s->stop_tokens);
    j->n_stop_tokens = s->n_stop_tokens;
    settings.stop_strings = (const char *const *)j->stops;
    settings.n_stop_strings = j->n_stops;
    job_plan(j, n, &settings);
    j->streams = masa_alloc(j->n_choices, sizeof *j->streams);
    j->told = masa_alloc(j->n_choices, sizeof *j->told);
    j->offsets = masa_alloc(j->n_choices, sizeof *j->offsets);
    for (size_t i = 0; i < j->n_choices; i++)
        j->streams[i] =
            (masa_text_stream){.request = &j->requests[i / n], .tokenizer = s->tokenizer};
    /* As `masa generate --seed` does. */
    for (size_t i = 0; i < j->n_prompts; i++) j->requests[i].key = masa_key(settings.key, i);
    return MASA_OK;
}
