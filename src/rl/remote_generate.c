/* Requests to servers, dealt out as they have room, and what comes back. */
#include "remote_internal.h"

#include <masa/memory.h>
#include <masa/random.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- a call ---- */

static json_t *ids_of(const int32_t *ids, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(list, json_integer(ids[i]));
    return list;
}

static size_t limit_of(const masa_request *request, size_t sample)
{
    return request->sample_max_tokens ? request->sample_max_tokens[sample]
                                      : request->max_tokens;
}

/* What makes a draw the same wherever it is made; of no use to others than masa. */
static json_t *own_members(const remote_piece *p)
{
    const masa_request *q = p->request;
    char key[20];
    snprintf(key, sizeof key, "%016llx", (unsigned long long)q->key);
    json_t *own = json_pack("{s:s,s:I}", "key", key, "first_sample",
                            (json_int_t)(q->first_sample + p->first));
    if (!q->sample_max_tokens) return own;
    json_t *limits = json_array();
    for (size_t i = 0; i < p->n; i++)
        json_array_append_new(limits, json_integer((json_int_t)limit_of(q, p->first + i)));
    json_object_set_new(own, "limits", limits);
    return own;
}

void remote_ask(masa_http_call *call, const remote_piece *p, bool foreign)
{
    const masa_request *q = p->request;
    uint64_t seed = masa_key(q->key, q->first_sample + p->first) >> 1;
    json_t *params = json_pack(
        "{s:I,s:f,s:f,s:f,s:I,s:I,s:i,s:o,s:b,s:b}", "n", (json_int_t)p->n, "temperature",
        (double)q->sampling.temperature, "top_p", (double)q->sampling.top_p, "min_p",
        (double)q->sampling.min_p, "max_tokens", (json_int_t)limit_of(q, p->first), "seed",
        (json_int_t)seed, "logprobs", 0, "stop_token_ids",
        ids_of(q->stop_tokens, q->n_stop_tokens), "ignore_eos", 1, "detokenize", 0);
    if (q->sampling.top_k > 0)
        json_object_set_new(params, "top_k", json_integer(q->sampling.top_k));
    json_t *body = json_pack("{s:o,s:o}", "token_ids", ids_of(q->prompt, q->prompt_size),
                             "sampling_params", params);
    if (foreign) json_object_set_new(body, "output_mode", json_string("tokens"));
    else json_object_set_new(body, "masa", own_members(p));
    char *text = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(17));
    masa_text_clear(&call->body);
    masa_text_add(&call->body, text);
    free(text);
    json_decref(body);
}

/* ---- its answer ---- */

static bool is_stop_token(const masa_request *q, int32_t token)
{
    for (size_t i = 0; i < q->n_stop_tokens; i++)
        if (q->stop_tokens[i] == token) return true;
    return false;
}

/* What is wrong with a choice, or NULL; c has room for its tokens. */
static const char *take_tokens(masa_completion *c, const json_t *choice, size_t most,
                               size_t vocab)
{
    const json_t *ids = json_object_get(choice, "token_ids"),
                 *logprobs = json_object_get(json_object_get(choice, "logprobs"), "content");
    size_t n = json_array_size(ids);
    if (n == 0 || n > most) return "a number of tokens that was not asked for";
    if (json_array_size(logprobs) != n) return "not one log-probability for each token";
    c->tokens = masa_alloc(n, sizeof *c->tokens);
    c->logprobs = masa_alloc(n, sizeof *c->logprobs);
    for (; c->n < n; c->n++) {
        const json_t *id = json_array_get(ids, c->n),
                     *logprob = json_object_get(json_array_get(logprobs, c->n), "logprob");
        json_int_t token = json_integer_value(id);
        if (!json_is_integer(id) || token < 0 || (size_t)token >= vocab)
            return "a token that the model has not";
        if (!json_is_number(logprob) || !isfinite(json_number_value(logprob)))
            return "a log-probability that is no number";
        c->tokens[c->n] = (int32_t)token;
        c->logprobs[c->n] = (float)json_number_value(logprob);
    }
    return NULL;
}

static const char *take_cause(masa_completion *c, const json_t *choice, const masa_request *q,
                              size_t most)
{
    const char *reason = json_string_value(json_object_get(choice, "finish_reason"));
    bool stopped = is_stop_token(q, c->tokens[c->n - 1]);
    if (!reason) return "no finish_reason";
    if (strcmp(reason, "stop") == 0) c->cause = MASA_STOP_EOS;
    else if (strcmp(reason, "length") == 0)
        c->cause = c->n < most ? MASA_STOP_CONTEXT : MASA_STOP_LENGTH;
    else return "a finish_reason that is neither stop nor length";
    if (stopped != (c->cause == MASA_STOP_EOS)) return "an end where none was asked for";
    c->seconds = json_number_value(json_object_get(choice, "seconds"));
    return NULL;
}

/* All tokens must be by the step's weights: the choice says which are by what. */
static masa_status check_versions(const json_t *choice, const char *wanted, const char *url,
                                  masa_error *err)
{
    size_t i;
    const json_t *span, *spans = json_object_get(choice, "weight_versions");
    const char *said = json_array_size(spans) ? NULL : "none";
    json_array_foreach(spans, i, span)
    {
        const char *version = json_string_value(json_object_get(span, "version"));
        if (!version || strcmp(version, wanted) != 0) said = version ? version : "none";
    }
    return said ? MASA_FAIL(err, MASA_ERR_DATA,
                            "%s has sampled with the weights '%.100s' where the step has "
                            "'%s'; does another run use this server?",
                            url, said, wanted)
                : MASA_OK;
}

/* Choice number `of` of the answer; NULL: it is not there once. */
static const json_t *find_choice(const json_t *answer, size_t of, size_t n)
{
    const json_t *choices = json_object_get(answer, "choices"), *choice, *found = NULL;
    size_t i, times = 0;
    json_array_foreach(choices, i, choice)
    {
        const json_t *index = json_object_get(choice, "index");
        if (!json_is_integer(index) || json_integer_value(index) != (json_int_t)of) continue;
        found = choice;
        times++;
    }
    return times == 1 && json_array_size(choices) == n ? found : NULL;
}

masa_status remote_take(masa_completion *out, const masa_http_call *call, const remote_piece *p,
                        const rl_session *s, masa_error *err)
{
    json_t *answer = json_loadb(masa_text_get(&call->got), call->got.size, 0, NULL);
    size_t vocab = masa_model_get_config(s->model)->vocab_size;
    masa_status st = MASA_OK;
    for (size_t i = 0; st == MASA_OK && i < p->n; i++) {
        masa_completion *c = &out[i];
        size_t most = limit_of(p->request, p->first + i);
        const json_t *choice = find_choice(answer, i, p->n);
        const char *wrong = choice ? NULL : "other choices than were asked for";
        if (choice) st = check_versions(choice, s->remote->version, call->url, err);
        if (st == MASA_OK && !wrong) wrong = take_tokens(c, choice, most, vocab);
        if (st == MASA_OK && !wrong) wrong = take_cause(c, choice, p->request, most);
        if (st == MASA_OK && wrong)
            st = MASA_FAIL(err, MASA_ERR_DATA, "%s: its answer has %s", call->url, wrong);
    }
    json_decref(answer);
    return st;
}

/* ---- all of them ---- */

/* A piece of the work, and its call while it is with a server. */
typedef struct task {
    remote_piece piece;
    masa_http_call call;
    masa_completion *completions; /* [piece.n] */
    size_t server;
    bool sent, done;
} task;

typedef struct work {
    rl_session *session;
    task *tasks; /* [n] */
    size_t n, done;
    size_t *busy; /* [servers] samples that each is asked for */
    masa_generate_callback *callback;
    void *context;
} work;

/* Others than masa know one limit a request. */
static void add_tasks(work *w, const masa_request *q, size_t number,
                      masa_completion *completions)
{
    size_t step = q->sample_max_tokens && rl_remote_foreign(w->session) ? 1 : q->n_samples;
    for (size_t first = 0; first < q->n_samples; first += step) {
        for (size_t i = 0; i < step; i++)
            completions[first + i] = (masa_completion){.request = number, .sample = first + i};
        w->tasks[w->n++] =
            (task){.piece = {q, first, step}, .completions = completions + first};
    }
}

/* The server with the least to do that has room, or `n` of them: none. */
static size_t free_server(const work *w, size_t samples)
{
    const rl_remote *r = w->session->remote;
    size_t best = r->n, most = 2 * (size_t)w->session->config->rollout.batch;
    for (size_t i = 0; i < r->n; i++) {
        bool room = w->busy[i] == 0 || w->busy[i] + samples <= most;
        if (r->servers[i].there && room && (best == r->n || w->busy[i] < w->busy[best]))
            best = i;
    }
    return best;
}

static void send_tasks(work *w)
{
    rl_remote *r = w->session->remote;
    for (size_t i = 0; i < w->n; i++) {
        task *t = &w->tasks[i];
        if (t->sent) continue;
        size_t server = free_server(w, t->piece.n);
        if (server == r->n) return;
        t->server = server;
        t->sent = true;
        t->call.url = r->urls[server];
        t->call.path = "/inference/v1/generate";
        remote_ask(&t->call, &t->piece, r->servers[server].foreign);
        w->busy[server] += t->piece.n;
        masa_http_send(r->http, &t->call);
    }
}

/* What a server answered, or that it did not: then others are asked. */
static masa_status take_task(work *w, task *t, masa_error *err)
{
    rl_session *s = w->session;
    long status = t->call.status;
    w->busy[t->server] -= t->piece.n;
    if (status == 429) { /* too much at once: in a moment */
        nanosleep(&(struct timespec){0, 100000000}, NULL);
        t->sent = false;
        return MASA_OK;
    }
    if (status == 0 || status >= 500) {
        remote_leave_out(s->remote, t->server, t->call.why);
        t->sent = false;
        return MASA_OK;
    }
    if (status != 200) return MASA_FAIL(err, MASA_ERR_DATA, "%s %s", t->call.url, t->call.why);
    masa_status st = remote_take(t->completions, &t->call, &t->piece, s, err);
    t->done = true;
    w->done++;
    masa_text_deinit(&t->call.got);
    for (size_t i = 0; st == MASA_OK && i < t->piece.n; i++)
        w->callback(w->context, &t->completions[i], true);
    return st;
}

static task *task_of(const work *w, const masa_http_call *call)
{
    size_t i = 0;
    while (&w->tasks[i].call != call) i++;
    return &w->tasks[i];
}

static masa_status run(work *w, masa_error *err)
{
    rl_session *s = w->session;
    masa_status st = MASA_OK;
    while (st == MASA_OK && w->done < w->n) {
        send_tasks(w);
        st = remote_check_any(s->remote, err);
        if (st != MASA_OK) break;
        masa_http_call *call = masa_http_wait(s->remote->http);
        if (call) st = take_task(w, task_of(w, call), err);
        if (st == MASA_OK && rl_stop_asked(s))
            st = MASA_FAIL(err, MASA_ERR_INTERRUPTED, "stopped while sampling");
    }
    return st;
}

masa_status rl_remote_generate(rl_session *s, const masa_request *requests, size_t n,
                               masa_completion *completions, masa_generate_callback *callback,
                               void *context, masa_error *err)
{
    size_t total = 0, at = 0;
    for (size_t i = 0; i < n; i++) total += requests[i].n_samples;
    work w = {.session = s, .callback = callback, .context = context};
    w.tasks = masa_alloc(total + 1, sizeof *w.tasks);
    w.busy = masa_alloc(s->remote->n, sizeof *w.busy);
    for (size_t i = 0; i < n; at += requests[i++].n_samples)
        add_tasks(&w, &requests[i], i, completions + at);
    masa_status st = run(&w, err);
    for (size_t i = 0; i < w.n; i++) {
        masa_http_drop(s->remote->http, &w.tasks[i].call);
        masa_http_call_deinit(&w.tasks[i].call);
    }
    for (size_t i = 0; st != MASA_OK && i < total; i++) masa_completion_deinit(&completions[i]);
    free(w.tasks);
    free(w.busy);
    return st;
}
