/* Conversations for supervised training, as token ids: JSON Lines with `messages`, or with
 * `problem` and `solution`. */
#ifndef RL_CONVERSATIONS_H
#define RL_CONVERSATIONS_H

#include "session.h"

/* One turn to be learned: the assistant's last turn and what comes before it. */
typedef struct rl_example {
    masa_tokens prompt, response;
    size_t line; /* of the file; 0: of none */
} rl_example;
void rl_example_deinit(rl_example *example);

/* The turn number `turn` of a conversation, an assistant's: what is rendered up to it asks
 * for it, and what rendering it adds, up to the token that ends it, is the response. Where the
 * template opens a turn otherwise than it renders one, its generation block is the response. */
masa_status rl_encode_turn(rl_example *out, const rl_session *session,
                           const masa_message *messages, size_t turn, masa_error *err);

typedef struct rl_examples {
    rl_example *items;
    size_t n, capacity;
    size_t left_out; /* longer than sft.max_tokens */
} rl_examples;

/* What rl_examples_load refuses of a file whatever the model is. What can be read only once, a
 * pipe, is left to that. */
masa_status rl_examples_check(const masa_config *config, const char *path, masa_error *err);

/* Every assistant turn of every conversation is an example of its own. A broken line is
 * MASA_ERR_DATA with path and line; so is a file in which nothing remains. */
masa_status rl_examples_load(rl_examples *out, const rl_session *session, const char *path,
                             masa_error *err);
void rl_examples_deinit(rl_examples *examples);

#endif
