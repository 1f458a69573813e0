/* A request's life: what it asks for, the queue, and its answer. */
#include "service.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

job *job_create(struct MHD_Connection *connection)
{
    job *j = masa_alloc(1, sizeof *j);
    *j = (job){.connection = connection, .holders = 1, .status = MHD_HTTP_OK};
    return j;
}

static void job_destroy(job *j)
{
    for (size_t i = 0; j->completions && i < j->n_choices; i++) {
        masa_completion_deinit(&j->completions[i]);
        if (j->streams) masa_text_deinit(&j->streams[i].text);
    }
    for (size_t i = 0; i < j->n_prompts; i++) masa_tokens_deinit(&j->prompts[i]);
    for (size_t i = 0; i < j->n_stops; i++) free(j->stops[i]);
    masa_text_deinit(&j->body);
    masa_text_deinit(&j->out);
    free(j->prompts);
    free(j->requests);
    free(j->stops);
    free(j->limits);
    free(j->path);
    free(j->version);
    free(j->completions);
    free(j->streams);
    free(j->told);
    free(j->offsets);
    free(j);
}

void job_release(service *s, job *j)
{
    pthread_mutex_lock(&s->lock);
    bool last = --j->holders == 0;
    if (last && j->queued) s->n_jobs--;
    pthread_mutex_unlock(&s->lock);
    if (last) job_destroy(j);
}

void job_wake(job *j)
{
    if (!j->suspended) return;
    j->suspended = false;
    MHD_resume_connection(j->connection);
}

/* Appends an answer that is whole, or the last event of a stream. */
static void give(service *s, job *j, unsigned status, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    pthread_mutex_lock(&s->lock);
    if (j->begun) {
        masa_text_addf(&j->out, "data: %s\n\n", text);
    } else {
        masa_text_add(&j->out, text);
        masa_text_add(&j->out, "\n");
        j->status = status;
        j->stream = false;
    }
    j->finished = true;
    job_wake(j);
    pthread_mutex_unlock(&s->lock);
    free(text);
    json_decref(object);
}

void job_fail(service *s, job *j, unsigned status, const char *message)
{
    const char *type = status == MHD_HTTP_TOO_MANY_REQUESTS ? "rate_limit_error"
                       : status >= 500                      ? "server_error"
                                                            : "invalid_request_error";
    masa_text shown = {0};
    masa_text_add_utf8(&shown, message, strlen(message));
    give(s, j, status,
         json_pack("{s:{s:s,s:s,s:n,s:i}}", "error", "message", masa_text_get(&shown), "type",
                   type, "param", "code", (int)status));
    masa_text_deinit(&shown);
}

void job_fail_with(service *s, job *j, masa_status st, const masa_error *err)
{
    bool theirs = st == MASA_ERR_DATA || st == MASA_ERR_CONFIG || st == MASA_ERR_USAGE;
    job_fail(s, j, theirs ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_INTERNAL_SERVER_ERROR,
             err->message);
}

void job_answer(service *s, job *j, json_t *object)
{
    give(s, j, MHD_HTTP_OK, object);
}

static json_t *answer_models(service *s)
{
    return json_pack("{s:s,s:[{s:s,s:s,s:I,s:s,s:I}]}", "object", "list", "data", "id",
                     s->options->name, "object", "model", "created", (json_int_t)s->created,
                     "owned_by", "masa", "max_model_len",
                     (json_int_t)masa_generator_context(s->generator));
}

static json_t *answer_health(service *s)
{
    pthread_mutex_lock(&s->lock);
    json_t *o = json_pack("{s:s,s:s,s:s,s:I,s:I}", "status", "ok", "model", s->options->name,
                          "weight_version", s->version, "requests", (json_int_t)s->n_jobs,
                          "waiting", (json_int_t)s->n_waiting);
    pthread_mutex_unlock(&s->lock);
    return o;
}

/* ---- requests ---- */

typedef masa_status read_function(job *j, const json_t *body, service *s, masa_error *err);

static const struct route {
    const char *path, *method;
    job_kind kind;
    read_function *read;          /* of a job to be queued; or */
    json_t *(*answer)(service *); /* at once */
} routes[] = {
    {"/v1/completions", "POST", JOB_COMPLETION, openai_read, NULL},
    {"/v1/chat/completions", "POST", JOB_CHAT, openai_read, NULL},
    {"/inference/v1/generate", "POST", JOB_TOKENS, tokens_read, NULL},
    {"/collective_rpc", "POST", JOB_RELOAD, reload_read, NULL},
    {"/v1/models", "GET", JOB_COMPLETION, NULL, answer_models},
    {"/health", "GET", JOB_COMPLETION, NULL, answer_health},
};

static const struct route *find_route(const char *path)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (strcmp(routes[i].path, path) == 0) return &routes[i];
    return NULL;
}

/* Queues a job that has been read, and suspends its connection, if it has one. */
static void submit(service *s, job *j)
{
    pthread_mutex_lock(&s->lock);
    bool closing = s->closing, full = s->n_jobs >= s->options->queue;
    if (!closing && !full) {
        s->n_jobs++;
        s->n_waiting++;
        snprintf(j->id, sizeof j->id, "%s-%llx-%llu", j->kind == JOB_CHAT ? "chatcmpl" : "cmpl",
                 (unsigned long long)s->created, (unsigned long long)++s->count);
        j->created = (long)time(NULL);
        j->holders++;
        j->queued = true;
        j->suspended = j->connection != NULL;
        if (j->suspended) MHD_suspend_connection(j->connection);
        if (s->last) s->last->next = j;
        else s->first = j;
        s->last = j;
        pthread_cond_signal(&s->arrived);
    }
    pthread_mutex_unlock(&s->lock);
    if (closing) job_fail(s, j, MHD_HTTP_SERVICE_UNAVAILABLE, "the server is stopping");
    else if (full)
        job_fail(s, j, MHD_HTTP_TOO_MANY_REQUESTS,
                 "too many requests are waiting; try again later");
}

/* What is wrong with it is the whole answer; else it is queued. */
static void read_job(service *s, job *j, read_function *read)
{
    masa_error err = {0};
    json_error_t why;
    json_t *body = json_loadb(masa_text_get(&j->body), j->body.size, 0, &why);
    masa_status st;
    if (json_is_object(body)) st = read(j, body, s, &err);
    else if (body) st = MASA_FAIL(&err, MASA_ERR_DATA, "the body is no JSON object");
    else
        st = MASA_FAIL(&err, MASA_ERR_DATA, "the body is no JSON: line %d: %s", why.line,
                       why.text);
    json_decref(body);
    masa_text_deinit(&j->body);
    if (st != MASA_OK) job_fail_with(s, j, st, &err);
    else submit(s, j);
}

void job_take(service *s, job *j, const char *path, const char *method)
{
    const struct route *route = find_route(path);
    if (!route) job_fail(s, j, MHD_HTTP_NOT_FOUND, "there is nothing at this path");
    else if (strcmp(method, route->method) != 0)
        job_fail(s, j, MHD_HTTP_METHOD_NOT_ALLOWED,
                 route->answer ? "this path wants GET" : "this path wants POST");
    else if (route->answer) job_answer(s, j, route->answer(s));
    else {
        j->kind = route->kind;
        read_job(s, j, route->read);
    }
}
