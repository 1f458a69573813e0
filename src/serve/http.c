/* The thread that speaks HTTP, by libmicrohttpd. */
#include "service.h"

#include <masa/memory.h>

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- jobs ---- */

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

/* ---- answers ---- */

static enum MHD_Result send_whole(struct MHD_Connection *connection, job *j)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(j->out.size, j->out.data, MHD_RESPMEM_MUST_COPY);
    if (!response) return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "application/json");
    if (j->status == MHD_HTTP_TOO_MANY_REQUESTS)
        MHD_add_response_header(response, "Retry-After", "1");
    enum MHD_Result sent = MHD_queue_response(connection, j->status, response);
    MHD_destroy_response(response);
    return sent;
}

typedef struct reader {
    service *service;
    job *job;
} reader;

static ssize_t read_stream(void *context, uint64_t at, char *to, size_t most)
{
    reader *r = context;
    job *j = r->job;
    (void)at;
    pthread_mutex_lock(&r->service->lock);
    size_t left = j->out.size - j->sent, n = left < most ? left : most;
    if (n > 0) memcpy(to, j->out.data + j->sent, n);
    j->sent += n;
    if (j->sent == j->out.size) {
        masa_text_clear(&j->out);
        j->sent = 0;
    }
    if (n == 0 && !j->finished) {
        j->suspended = true;
        MHD_suspend_connection(j->connection);
    }
    bool ends = n == 0 && j->finished;
    pthread_mutex_unlock(&r->service->lock);
    return ends ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)n;
}

static enum MHD_Result send_stream(service *s, struct MHD_Connection *connection, job *j)
{
    enum { BLOCK = 4096 };
    reader *r = masa_alloc(1, sizeof *r);
    *r = (reader){s, j};
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, r, free);
    if (!response) {
        free(r);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", "text/event-stream");
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    enum MHD_Result sent = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return sent;
}

json_t *answer_models(service *s)
{
    return json_pack("{s:s,s:[{s:s,s:s,s:I,s:s,s:I}]}", "object", "list", "data", "id",
                     s->options->name, "object", "model", "created", (json_int_t)s->created,
                     "owned_by", "masa", "max_model_len",
                     (json_int_t)masa_generator_context(s->generator));
}

json_t *answer_health(service *s)
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

/* Queues a job that has been read, and suspends its connection. */
static void submit(service *s, job *j, struct MHD_Connection *connection)
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
        j->queued = j->suspended = true;
        MHD_suspend_connection(connection);
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
static void read_job(service *s, job *j, read_function *read, struct MHD_Connection *connection)
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
    else submit(s, j, connection);
}

static void answer_request(service *s, job *j, const char *path, const char *method,
                           struct MHD_Connection *connection)
{
    const struct route *route = find_route(path);
    if (!route) job_fail(s, j, MHD_HTTP_NOT_FOUND, "there is nothing at this path");
    else if (strcmp(method, route->method) != 0)
        job_fail(s, j, MHD_HTTP_METHOD_NOT_ALLOWED,
                 route->answer ? "this path wants GET" : "this path wants POST");
    else if (route->answer) job_answer(s, j, route->answer(s));
    else {
        j->kind = route->kind;
        read_job(s, j, route->read, connection);
    }
}

/* Called for the head of a request, for every piece of its body, at its end, and once more when
 * its job has woken it. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection,
                              const char *path, const char *method, const char *version,
                              const char *data, size_t *size, void **of_request)
{
    service *s = context;
    job *j = *of_request;
    (void)version;
    if (!j) {
        *of_request = j = masa_alloc(1, sizeof *j);
        j->connection = connection;
        j->holders = 1;
        j->status = MHD_HTTP_OK;
        return MHD_YES;
    }
    if (*size > 0) {
        j->too_large = j->too_large || j->body.size + *size > SERVE_BODY_MOST;
        if (!j->too_large) masa_text_append(&j->body, data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (j->too_large && !j->finished)
        job_fail(s, j, MHD_HTTP_CONTENT_TOO_LARGE, "the body has more than 4 MiB");
    else if (!j->queued) {
        answer_request(s, j, path, method, connection);
        if (j->queued) return MHD_YES;
    }
    pthread_mutex_lock(&s->lock);
    bool streams = j->begun;
    pthread_mutex_unlock(&s->lock);
    return streams ? send_stream(s, connection, j) : send_whole(connection, j);
}

static void on_end(void *context, struct MHD_Connection *connection, void **of_request,
                   enum MHD_RequestTerminationCode why)
{
    service *s = context;
    job *j = *of_request;
    (void)connection, (void)why;
    if (!j) return;
    pthread_mutex_lock(&s->lock);
    j->gone = true;
    j->suspended = false;
    pthread_mutex_unlock(&s->lock);
    *of_request = NULL;
    job_release(s, j);
}

/* ---- life ---- */

/* "[::1]:8000" or "127.0.0.1:8000"; free with freeaddrinfo. */
static masa_status parse_address(struct addrinfo **out, const char *listen, masa_error *err)
{
    const char *colon = strrchr(listen, ':');
    size_t n = colon ? (size_t)(colon - listen) : 0;
    bool brackets = n > 2 && listen[0] == '[' && listen[n - 1] == ']';
    char *host = brackets ? masa_strndup(listen + 1, n - 2) : masa_strndup(listen, n);
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    bool valid = n > 0 && colon[1] && getaddrinfo(host, colon + 1, &hints, out) == 0;
    free(host);
    return valid ? MASA_OK
                 : MASA_FAIL(err, MASA_ERR_USAGE,
                             "--listen takes an address and a port, as 127.0.0.1:8000 or "
                             "[::]:8000, not '%s'",
                             listen);
}

static void tell_ready(struct MHD_Daemon *daemon, const service *s)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    const char *listen = s->options->listen;
    masa_text url = {0};
    masa_text_addf(&url, "http://%.*s:%u", (int)(strrchr(listen, ':') - listen), listen,
                   info ? (unsigned)info->port : 0);
    if (s->options->ready) s->options->ready(s->options->ready_context, masa_text_get(&url));
    masa_text_deinit(&url);
}

masa_status http_start(struct MHD_Daemon **out, service *s, masa_error *err)
{
    enum { CONNECTIONS = 512, SECONDS = 60 /* without a word */ };
    struct addrinfo *address = NULL;
    masa_status st = parse_address(&address, s->options->listen, err);
    if (st != MASA_OK) return st;
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    if (address->ai_family == AF_INET6) flags |= MHD_USE_IPv6;
    struct MHD_Daemon *daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, handle, s, MHD_OPTION_SOCK_ADDR, address->ai_addr,
        MHD_OPTION_NOTIFY_COMPLETED, on_end, s, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SECONDS,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
    freeaddrinfo(address);
    if (!daemon)
        return MASA_FAIL(err, MASA_ERR_IO, "cannot listen on %s; is there another server?",
                         s->options->listen);
    tell_ready(daemon, s);
    *out = daemon;
    return MASA_OK;
}

void http_end(struct MHD_Daemon *daemon, service *s)
{
    enum { TRIES = 100 };
    const struct timespec moment = {0, 10000000};
    if (!daemon) return;
    int listening = MHD_quiesce_daemon(daemon);
    for (int i = 0; i < TRIES; i++) {
        pthread_mutex_lock(&s->lock);
        bool done = s->n_jobs == 0;
        pthread_mutex_unlock(&s->lock);
        if (done) break;
        nanosleep(&moment, NULL);
    }
    MHD_stop_daemon(daemon);
    if (listening >= 0) close(listening);
}
