/**
 * Calls of servers over HTTP, many at once, by libcurl.
 *
 * Threads: an object belongs to one at a time.
 */
#ifndef MASA_HTTP_CALLS_H
#define MASA_HTTP_CALLS_H

#include <masa/error.h>
#include <masa/text.h>
#include <signal.h>

/* Starts as zeros but for url. */
typedef struct masa_http_call {
    const char *url;  /* of the server; borrowed */
    const char *path; /* what follows it, borrowed: "/health"; NULL: nothing */
    masa_text body;   /* to be posted; empty: GET */
    masa_text got;    /* cleared when it is sent */
    long status;      /* of HTTP; 0: there was no answer */
    char why[320];    /* as it goes on after the server's name, where the status is not 200:
                         "gave no answer for 3 s", "answered with status 500: out of memory" */
    void *handle;     /* of libcurl, while it runs */
} masa_http_call;
void masa_http_call_deinit(masa_http_call *call);

typedef struct masa_http masa_http;

/** content_type: of what is posted. timeout: seconds for an answer. stop may be NULL.
 *  MASA_ERR_UNSUPPORTED or MASA_ERR_MEMORY. Close with no call under way. */
masa_status masa_http_open(masa_http **out, const char *content_type, double timeout,
                           const volatile sig_atomic_t *stop, masa_error *err);
void masa_http_close(masa_http *http);

/** The call stays where it is until it has come back, or been dropped. */
void masa_http_send(masa_http *http, masa_http_call *call);
/** The next one that comes back; NULL: none yet, after a moment in which a stop may be seen. */
masa_http_call *masa_http_wait(masa_http *http);
/** Ends a call; nothing where it is not under way. */
void masa_http_drop(masa_http *http, masa_http_call *call);

/** All n of them; MASA_ERR_INTERRUPTED after a stop. */
masa_status masa_http_all(masa_http *http, masa_http_call *calls, size_t n, masa_error *err);

#endif
