#include <masa/http_calls.h>

#include <masa/memory.h>

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

struct masa_http {
    CURLM *multi;
    struct curl_slist *headers;
    double timeout;
    const volatile sig_atomic_t *stop;
};

void masa_http_call_deinit(masa_http_call *c)
{
    masa_text_deinit(&c->body);
    masa_text_deinit(&c->got);
}

masa_status masa_http_open(masa_http **out, const char *content_type, double timeout,
                           const volatile sig_atomic_t *stop, masa_error *err)
{
    if (curl_global_init(CURL_GLOBAL_ALL) != 0)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED, "libcurl cannot be used here");
    masa_http *h = masa_alloc(1, sizeof *h);
    char type[100];
    snprintf(type, sizeof type, "Content-Type: %s", content_type);
    *h = (masa_http){.multi = curl_multi_init(),
                     .headers = curl_slist_append(NULL, type),
                     .timeout = timeout,
                     .stop = stop};
    /* Large bodies would wait for a second for leave to be sent. */
    if (h->headers && !curl_slist_append(h->headers, "Expect:")) {
        curl_slist_free_all(h->headers);
        h->headers = NULL;
    }
    if (h->multi && h->headers) {
        *out = h;
        return MASA_OK;
    }
    masa_http_close(h);
    return MASA_FAIL(err, MASA_ERR_MEMORY, "not enough memory for requests to servers");
}

void masa_http_close(masa_http *h)
{
    if (!h) return;
    curl_multi_cleanup(h->multi);
    curl_slist_free_all(h->headers);
    free(h);
}

static size_t receive(char *data, size_t size, size_t n, void *context)
{
    enum { MOST = 1 << 30 };
    masa_http_call *c = context;
    if (c->got.size + size * n > MOST) return 0;
    masa_text_append(&c->got, data, size * n);
    return size * n;
}

void masa_http_send(masa_http *h, masa_http_call *c)
{
    masa_text url = {0};
    CURL *e = curl_easy_init();
    if (!e) masa_memory_out(0, "a request to a server");
    masa_text_addf(&url, "%s%s", c->url, c->path ? c->path : "");
    c->handle = e;
    c->status = 0;
    c->why[0] = '\0';
    masa_text_clear(&c->got);
    curl_easy_setopt(e, CURLOPT_URL, masa_text_get(&url));
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, h->headers);
    if (c->body.size) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.size);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body.data);
    }
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)(1000 * h->timeout));
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->why);
    curl_easy_setopt(e, CURLOPT_PRIVATE, c);
    curl_multi_add_handle(h->multi, e);
    masa_text_deinit(&url);
}

void masa_http_drop(masa_http *h, masa_http_call *c)
{
    if (!c->handle) return;
    curl_multi_remove_handle(h->multi, c->handle);
    curl_easy_cleanup(c->handle);
    c->handle = NULL;
}

/* What a server says is wrong, in OpenAI's form or another. */
static void explain(masa_http_call *c)
{
    json_t *o = json_loadb(masa_text_get(&c->got), c->got.size, 0, NULL);
    const char *said =
        json_string_value(json_object_get(json_object_get(o, "error"), "message"));
    if (!said) said = json_string_value(json_object_get(o, "detail"));
    snprintf(c->why, sizeof c->why, "answered with status %ld%s%.250s", c->status,
             said ? ": " : "", said ? said : "");
    json_decref(o);
}

static void finish(masa_http *h, masa_http_call *c, CURLcode code)
{
    if (code == CURLE_OK) {
        curl_easy_getinfo(c->handle, CURLINFO_RESPONSE_CODE, &c->status);
        if (c->status != 200) explain(c);
    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        snprintf(c->why, sizeof c->why, "gave no answer for %g s", h->timeout);
    } else if (!c->why[0]) {
        snprintf(c->why, sizeof c->why, "%s", curl_easy_strerror(code));
    }
    masa_http_drop(h, c);
}

masa_http_call *masa_http_wait(masa_http *h)
{
    enum { TICK = 200 /* ms */ };
    int running, left;
    for (int tries = 0; tries < 2; tries++) {
        curl_multi_perform(h->multi, &running);
        for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left));) {
            char *of = NULL;
            CURLcode code = m->data.result;
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &of);
            masa_http_call *c = (masa_http_call *)(void *)of;
            finish(h, c, code);
            return c;
        }
        if (tries == 0) curl_multi_poll(h->multi, NULL, 0, TICK, NULL);
    }
    return NULL;
}

masa_status masa_http_all(masa_http *h, masa_http_call *calls, size_t n, masa_error *err)
{
    size_t left = n;
    for (size_t i = 0; i < n; i++) masa_http_send(h, &calls[i]);
    while (left > 0 && !(h->stop && *h->stop)) left -= masa_http_wait(h) != NULL;
    for (size_t i = 0; i < n; i++) masa_http_drop(h, &calls[i]);
    return left ? MASA_FAIL(err, MASA_ERR_INTERRUPTED, "stopped while waiting for servers")
                : MASA_OK;
}
