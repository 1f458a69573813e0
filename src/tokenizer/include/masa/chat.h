/**
 * Chat templates: conversations as the model was trained to read them. A template is Jinja
 * (masa/jinja.h): the model's own, a file, or one that masa brings for models without.
 */
#ifndef MASA_CHAT_H
#define MASA_CHAT_H

#include <masa/tokenizer.h>

/** A template with the tokenizer it is for; immutable, safe to share by threads. */
typedef struct masa_chat masa_chat;

/**
 * name: "auto", the tokenizer's own template; "auto-nothink", the same with `enable_thinking`
 * and `thinking` false; a built-in one ("chatml"; MASA_ERR_CONFIG lists them); or the path of a
 * file that ends in ".jinja". The tokenizer is borrowed. An own template or file beyond
 * src/jinja is an error that names the construct and its line.
 */
masa_status masa_chat_create(masa_chat **out, const char *name, const masa_tokenizer *tokenizer,
                             masa_error *err);
void masa_chat_destroy(masa_chat *chat);
/** What can be refused of a name before there is a tokenizer: MASA_ERR_CONFIG, or the error of
 *  opening the file. */
masa_status masa_chat_check_name(const char *name, masa_error *err);

/** What tells this template from others: a built-in one's name, else a hash of the source. */
const char *masa_chat_name(const masa_chat *chat);

typedef struct masa_message {
    const char *role; /* "system", "user", "assistant" */
    const char *content;
} masa_message;

/**
 * Appends the rendered conversation. add_generation_prompt opens the
 * assistant's turn. MASA_ERR_DATA for a role or order the template refuses.
 */
masa_status masa_chat_render(masa_text *out, const masa_chat *chat,
                             const masa_message *messages, size_t n, bool add_generation_prompt,
                             masa_error *err);

/**
 * The token ids of the rendered conversation: the template's own special
 * tokens become ids, the same text inside a message's content stays plain text,
 * wherever the template puts it.
 */
masa_status masa_chat_encode(masa_tokens *out, const masa_chat *chat,
                             const masa_message *messages, size_t n, bool add_generation_prompt,
                             masa_error *err);

/** The same for one user's turn, behind a system message when there is one (NULL or "":
 *  none), with the assistant's turn opened. */
masa_status masa_chat_encode_turn(masa_tokens *out, const masa_chat *chat, const char *system,
                                  const char *user, masa_error *err);

/**
 * Appends the ids of a conversation's last turn, the assistant's, to answer, and those of what
 * stands before it to prompt, by the template's {% generation %} blocks: the last stretch of
 * such bytes is the answer. MASA_ERR_UNSUPPORTED for a template without.
 */
masa_status masa_chat_encode_answer(masa_tokens *prompt, masa_tokens *answer,
                                    const masa_chat *chat, const masa_message *messages,
                                    size_t n, masa_error *err);

/** Ids that end the assistant's turn: EOS, the special token that the template writes behind
 *  an answer, and the usual ends of a turn or a text that the vocabulary has. Returns how
 *  many. */
size_t masa_chat_stop_tokens(int32_t out[8], const masa_chat *chat);

#endif
