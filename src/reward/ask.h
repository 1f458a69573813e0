/* What asking a program and asking a server have in common. */
#ifndef REWARD_ASK_H
#define REWARD_ASK_H

#include <masa/reward.h>
#include <masa/text.h>

/* How often a program or server is tried without an answer in between. */
enum { ASK_TRIES = 3 };

/* What came back for a response. */
typedef struct ask_reply {
    bool there;
    double reward;
    int correct; /* 1, 0, or -1: not said */
    char *text;  /* or NULL */
} ask_reply;

/* Responses to be rewarded, and what came back so far. */
typedef struct ask {
    const masa_response *responses; /* [n] */
    ask_reply *replies;             /* [n] */
    size_t n, n_there;
    size_t first; /* the id of the first: no id comes twice, so a late line is told apart */
} ask;

/* Appends the line that asks for the reward of response i. */
void ask_add_line(masa_text *out, const ask *a, size_t i);

/*
 * Takes a line that came back: MASA_ERR_DATA, in one line that begins with `who`, when it is no
 * reply to one of the responses. *i is the response's number.
 */
masa_status ask_take_line(ask *a, size_t *i, const char *who, const char *line, size_t size,
                          masa_error *err);

typedef struct ask_command ask_command;
/* Starts the copies. */
masa_status ask_command_open(ask_command **out, const masa_reward_options *options,
                             masa_error *err);
masa_status ask_command_run(ask_command *command, ask *a, masa_error *err);
void ask_command_close(ask_command *command);

typedef struct ask_url ask_url;
masa_status ask_url_open(ask_url **out, const masa_reward_options *options, masa_error *err);
masa_status ask_url_run(ask_url *url, ask *a, masa_error *err);
void ask_url_close(ask_url *url);

#endif
