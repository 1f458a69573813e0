/* Asking a server of the user's: each request holds a batch of lines, its answer as many. */
#include "ask.h"

#include <masa/memory.h>

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char who[] = "reward.url";

/* A request under way. */
typedef struct request {
    CURL *handle;
    masa_text sent, got;
    size_t *asked; /* [batch] */
    size_t n_asked;
    char why[CURL_ERROR_SIZE];
} request;

struct ask_url {
    char *url;
    size_t n_requests, batch;
    double timeout;
    const volatile sig_atomic_t *stop;
    CURLM *multi;
    struct curl_slist *headers;
    request *requests;
    int failed; /* requests that failed since one was answered */
};

static size_t receive(char *data, size_t size, size_t n, void *context)
{
    enum { MOST = 64 << 20 };
    request *r = context;
    if (r->got.size + size * n > MOST) return 0;
    masa_text_append(&r->got, data, size * n);
    return size * n;
}

static void set_up(const ask_url *u, request *r)
{
    CURL *h = r->handle;
    curl_easy_setopt(h, CURLOPT_URL, u->url);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, u->headers);
    curl_easy_setopt(h, CURLOPT_POST, 1L);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)(1000 * u->timeout));
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, r->why);
    curl_easy_setopt(h, CURLOPT_PRIVATE, r);
}

masa_status ask_url_open(ask_url **out, const masa_reward_options *o, masa_error *err)
{
    static bool ready;
    if (!ready && curl_global_init(CURL_GLOBAL_ALL) != 0)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED, "libcurl cannot be used here");
    ready = true;
    ask_url *u = masa_alloc(1, sizeof *u);
    *u = (ask_url){.url = masa_strdup(o->url),
                   .n_requests = o->copies,
                   .batch = o->batch,
                   .timeout = o->timeout,
                   .stop = o->stop,
                   .multi = curl_multi_init(),
                   .headers = curl_slist_append(NULL, "Content-Type: application/x-ndjson"),
                   .requests = masa_alloc(o->copies, sizeof *u->requests)};
    bool made = u->multi && u->headers;
    for (size_t k = 0; k < u->n_requests; k++) {
        request *r = &u->requests[k];
        r->asked = masa_alloc(u->batch, sizeof *r->asked);
        r->handle = curl_easy_init();
        made = made && r->handle;
        if (made) set_up(u, r);
    }
    if (made) {
        *out = u;
        return MASA_OK;
    }
    ask_url_close(u);
    return MASA_FAIL(err, MASA_ERR_MEMORY, "not enough memory for requests to %s", o->url);
}

void ask_url_close(ask_url *u)
{
    if (!u) return;
    for (size_t k = 0; k < u->n_requests; k++) {
        request *r = &u->requests[k];
        if (r->handle) curl_multi_remove_handle(u->multi, r->handle);
        curl_easy_cleanup(r->handle);
        masa_text_deinit(&r->sent);
        masa_text_deinit(&r->got);
        free(r->asked);
    }
    curl_multi_cleanup(u->multi);
    curl_slist_free_all(u->headers);
    free(u->requests);
    free(u->url);
    free(u);
}

/* Sends the next responses from *next on. */
static void send_batch(ask_url *u, request *r, const ask *a, size_t *next)
{
    masa_text_clear(&r->sent);
    masa_text_clear(&r->got);
    while (*next < a->n && r->n_asked < u->batch) {
        ask_add_line(&r->sent, a, *next);
        r->asked[r->n_asked++] = (*next)++;
    }
    curl_easy_setopt(r->handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->sent.size);
    curl_easy_setopt(r->handle, CURLOPT_POSTFIELDS, r->sent.data);
    curl_multi_add_handle(u->multi, r->handle);
}

static masa_status take_answer(request *r, ask *a, masa_error *err)
{
    masa_status st = MASA_OK;
    const char *p = masa_text_get(&r->got), *end = p + r->got.size, *line;
    size_t n, i;
    while (st == MASA_OK && masa_line_next(&p, end, &line, &n))
        if (n > 0) st = ask_take_line(a, &i, who, line, n, err);
    size_t missing = 0;
    for (size_t k = 0; k < r->n_asked; k++) missing += !a->replies[r->asked[k]].there;
    if (st == MASA_OK && missing)
        st = MASA_FAIL(err, MASA_ERR_DATA, "%s answered %zu of the %zu responses of a request", who,
                       r->n_asked - missing, r->n_asked);
    r->n_asked = 0;
    return st;
}

/* Tries a request again after a while, unless that was too often. */
static masa_status try_again(ask_url *u, request *r, const char *how, masa_error *err)
{
    if (++u->failed == ASK_TRIES)
        return MASA_FAIL(err, MASA_ERR_IO, "%s %s: %s, %d times in a row", who, u->url, how,
                         ASK_TRIES);
    nanosleep(&(struct timespec){0, 500000000}, NULL);
    masa_text_clear(&r->got);
    curl_multi_add_handle(u->multi, r->handle);
    return MASA_OK;
}

static masa_status finish(ask_url *u, request *r, CURLcode code, ask *a, masa_error *err)
{
    long status = 0;
    char how[CURL_ERROR_SIZE + 40];
    curl_multi_remove_handle(u->multi, r->handle);
    curl_easy_getinfo(r->handle, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OPERATION_TIMEDOUT)
        snprintf(how, sizeof how, "gave no answer for %g s", u->timeout);
    else
        snprintf(how, sizeof how, "%s", r->why[0] ? r->why : curl_easy_strerror(code));
    if (code != CURLE_OK) return try_again(u, r, how, err);
    snprintf(how, sizeof how, "answered with status %ld", status);
    if (status >= 500) return try_again(u, r, how, err);
    if (status != 200)
        return MASA_FAIL(err, MASA_ERR_DATA, "%s %s: %s", who, u->url, how);
    u->failed = 0;
    return take_answer(r, a, err);
}

static masa_status go_on(ask_url *u, ask *a, size_t *next, masa_error *err)
{
    enum { TICK = 200 /* ms */ };
    masa_status st = MASA_OK;
    int running, left;
    for (size_t k = 0; k < u->n_requests; k++)
        if (u->requests[k].n_asked == 0 && *next < a->n) send_batch(u, &u->requests[k], a, next);
    curl_multi_perform(u->multi, &running);
    for (CURLMsg *m; st == MASA_OK && (m = curl_multi_info_read(u->multi, &left));) {
        char *r = NULL;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &r);
        st = finish(u, (request *)(void *)r, code, a, err);
    }
    if (st == MASA_OK && u->stop && *u->stop)
        st = MASA_FAIL(err, MASA_ERR_INTERRUPTED, "stopped while waiting for rewards");
    if (st == MASA_OK && a->n_there < a->n) curl_multi_poll(u->multi, NULL, 0, TICK, NULL);
    return st;
}

masa_status ask_url_run(ask_url *u, ask *a, masa_error *err)
{
    masa_status st = MASA_OK;
    size_t next = 0;
    while (st == MASA_OK && a->n_there < a->n) st = go_on(u, a, &next, err);
    return st;
}
