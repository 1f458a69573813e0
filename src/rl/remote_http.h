/* Calls of servers over HTTP, many at once, by libcurl. */
#ifndef RL_REMOTE_HTTP_H
#define RL_REMOTE_HTTP_H

#include <signal.h>
#include <masa/error.h>
#include <masa/text.h>

typedef struct remote_call {
    const char *url;  /* of the server, borrowed */
    const char *path; /* "/health" */
    masa_text body;   /* JSON to be posted; empty: GET */
    masa_text got;
    char why[320];    /* what went wrong, if something did */
    long status;      /* of HTTP; 0: there was no answer */
    void *handle;     /* of libcurl, while it runs */
} remote_call;
void remote_call_deinit(remote_call *call);

typedef struct remote_http remote_http;

/* timeout: seconds for an answer. stop may be NULL. */
masa_status remote_http_open(remote_http **out, double timeout,
                             const volatile sig_atomic_t *stop, masa_error *err);
void remote_http_close(remote_http *http);

/* The call stays where it is until it has come back, or been dropped. */
void remote_http_send(remote_http *http, remote_call *call);
/* The next one that comes back; NULL: none yet, after a moment in which a stop may be seen. */
remote_call *remote_http_wait(remote_http *http);
void remote_http_drop(remote_http *http, remote_call *call);

/* All n of them; MASA_ERR_INTERRUPTED after a stop. */
masa_status remote_http_all(remote_http *http, remote_call *calls, size_t n, masa_error *err);

#endif
