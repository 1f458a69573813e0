/* Asking a server of the user's: each request holds a batch of lines, its answer as many. */
#include "ask.h"

#include <masa/http_calls.h>
#include <masa/memory.h>

#include <stdlib.h>
#include <time.h>

static const char who[] = "reward.url";

/* A request, under way while it has asked for something. */
typedef struct request {
    masa_http_call call; /* first: what comes back is known by it */
    size_t *asked;       /* [batch] */
    size_t n_asked;
} request;

struct ask_url {
    char *url;
    size_t n_requests, batch;
    const volatile sig_atomic_t *stop;
    masa_http *http;
    request *requests;
    int failed; /* requests that failed since one was answered */
};

masa_status ask_url_open(ask_url **out, const masa_reward_options *o, masa_error *err)
{
    masa_http *http = NULL;
    masa_status st = masa_http_open(&http, "application/x-ndjson", o->timeout, o->stop, err);
    if (st != MASA_OK) return st;
    ask_url *u = *out = masa_alloc(1, sizeof *u);
    *u = (ask_url){.url = masa_strdup(o->url),
                   .n_requests = o->copies,
                   .batch = o->batch,
                   .stop = o->stop,
                   .http = http,
                   .requests = masa_alloc(o->copies, sizeof *u->requests)};
    for (size_t k = 0; k < u->n_requests; k++)
        u->requests[k] = (request){.call.url = u->url,
                                   .asked = masa_alloc(u->batch, sizeof *u->requests[k].asked)};
    return MASA_OK;
}

void ask_url_close(ask_url *u)
{
    if (!u) return;
    for (size_t k = 0; k < u->n_requests; k++) {
        masa_http_drop(u->http, &u->requests[k].call);
        masa_http_call_deinit(&u->requests[k].call);
        free(u->requests[k].asked);
    }
    masa_http_close(u->http);
    free(u->requests);
    free(u->url);
    free(u);
}

/* Sends the next responses from *next on. */
static void send_batch(ask_url *u, request *r, const ask *a, size_t *next)
{
    masa_text_clear(&r->call.body);
    while (*next < a->n && r->n_asked < u->batch) {
        ask_add_line(&r->call.body, a, *next);
        r->asked[r->n_asked++] = (*next)++;
    }
    masa_http_send(u->http, &r->call);
}

static masa_status take_answer(request *r, ask *a, masa_error *err)
{
    masa_status st = MASA_OK;
    const char *p = masa_text_get(&r->call.got), *end = p + r->call.got.size, *line;
    size_t n, i;
    while (st == MASA_OK && masa_line_next(&p, end, &line, &n))
        if (n > 0) st = ask_take_line(a, &i, who, line, n, err);
    size_t missing = 0;
    for (size_t k = 0; k < r->n_asked; k++) missing += !a->replies[r->asked[k]].there;
    if (st == MASA_OK && missing)
        st = MASA_FAIL(err, MASA_ERR_DATA, "%s answered %zu of the %zu responses of a request",
                       who, r->n_asked - missing, r->n_asked);
    r->n_asked = 0;
    return st;
}

/* Tries a request again after a while, unless that was too often. */
static masa_status try_again(ask_url *u, request *r, masa_error *err)
{
    if (++u->failed == ASK_TRIES)
        return MASA_FAIL(err, MASA_ERR_IO, "%s %s: %s, %d times in a row", who, u->url,
                         r->call.why, ASK_TRIES);
    nanosleep(&(struct timespec){0, 500000000}, NULL);
    masa_http_send(u->http, &r->call);
    return MASA_OK;
}

static masa_status take(ask_url *u, request *r, ask *a, masa_error *err)
{
    long status = r->call.status;
    if (status == 0 || status >= 500) return try_again(u, r, err);
    if (status != 200)
        return MASA_FAIL(err, MASA_ERR_DATA, "%s %s: %s", who, u->url, r->call.why);
    u->failed = 0;
    return take_answer(r, a, err);
}

masa_status ask_url_run(ask_url *u, ask *a, masa_error *err)
{
    masa_status st = MASA_OK;
    size_t next = 0;
    while (st == MASA_OK && a->n_there < a->n) {
        for (size_t k = 0; k < u->n_requests; k++)
            if (u->requests[k].n_asked == 0 && next < a->n)
                send_batch(u, &u->requests[k], a, &next);
        masa_http_call *call = masa_http_wait(u->http);
        if (call) st = take(u, (request *)(void *)call, a, err);
        if (st == MASA_OK && u->stop && *u->stop)
            st = MASA_FAIL(err, MASA_ERR_INTERRUPTED, "stopped while waiting for rewards");
    }
    return st;
}
