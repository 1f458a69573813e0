/* What the files behind remote.h share. */
#ifndef RL_REMOTE_INTERNAL_H
#define RL_REMOTE_INTERNAL_H

#include "remote.h"
#include <masa/http_calls.h>

#include <jansson.h>

/* What is known of a server; rank 0 tells the others, as it stands. */
typedef struct remote_server {
    bool there;   /* it has the weights */
    bool foreign; /* it is not masa's */
    bool heard;   /* its canary, */
    double apart; /* which differed so at first */
} remote_server;

struct rl_remote {
    size_t n;
    char **urls;            /* [n] */
    remote_server *servers; /* [n] */
    char *folder;           /* for weights */
    char version[64];       /* of the weights that servers have; "": none */
    masa_http *http;
    char why[512]; /* the last server was left out */
};

/* A part of a request: its samples first to first + n - 1, counted within the request. */
typedef struct remote_piece {
    const masa_request *request;
    size_t first, n;
} remote_piece;

/* The call's body, that asks a server for a piece. */
void remote_ask(masa_http_call *call, const remote_piece *piece, bool foreign);
/* The n completions of its answer, empty before, but for `request`. MASA_ERR_DATA names the server:
 * what came is not what was asked for, or of other weights than the session's. */
masa_status remote_take(masa_completion *out, const masa_http_call *call,
                        const remote_piece *piece, const rl_session *session, masa_error *err);

/* Leaves the server out, saying why. */
void remote_leave_out(rl_remote *remote, size_t server, const char *why);
/* MASA_ERR_IO when none is there. */
masa_status remote_check_any(const rl_remote *remote, masa_error *err);

#endif
