/* The thread that speaks HTTP, by libmicrohttpd. */
#include "service.h"

#include <masa/memory.h>

#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* ---- requests ---- */

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
        *of_request = job_create(connection);
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
        job_take(s, j, path, method);
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
    /* The library would take a port of more than 16 bits for another one. */
    bool valid = n > 0 && colon[1] && strtoul(colon + 1, NULL, 10) <= UINT16_MAX &&
                 getaddrinfo(host, colon + 1, &hints, out) == 0;
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
        return MASA_FAIL(err, MASA_ERR_IO, "cannot listen on %s: %s", s->options->listen,
                         strerror(errno));
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
