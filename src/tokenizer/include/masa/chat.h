/**
 * Chat templates. The family is recognised from the model's own template
 * string; one that is not known is an error naming the option to choose one.
 */
#ifndef MASA_CHAT_H
#define MASA_CHAT_H

#include <masa/tokenizer.h>

typedef enum masa_chat_family {
    MASA_CHAT_AUTO,    /* from the model's template string */
    MASA_CHAT_SMOLLM2, /* ChatML with SmolLM2's default system turn */
    MASA_CHAT_CHATML,  /* ChatML with no default system turn */
    MASA_CHAT_QWEN2,   /* ChatML with Qwen2's default system turn */
    MASA_CHAT_QWEN3,   /* keeps the reasoning of the last turns only */
    MASA_CHAT_LLAMA3,
    MASA_CHAT_GEMMA, /* Gemma 1 and 2: no system turn */
    MASA_CHAT_QWEN25,
    MASA_CHAT_QWEN25_MATH,
    MASA_CHAT_QWEN3_NOTHINK, /* enable_thinking=false: the reply begins behind an empty thought */
    MASA_CHAT_LLAMA31,       /* 3.1 to 3.3: dates in the system turn, fixed to 26 Jul 2024 */
    MASA_CHAT_GEMMA3,        /* system text goes before the first user's */
} masa_chat_family;

/** "auto", "smollm2", "chatml", ...; MASA_ERR_CONFIG lists the names. */
masa_status masa_chat_family_parse(masa_chat_family *out, const char *name, masa_error *err);
const char *masa_chat_family_name(masa_chat_family family);

/** Resolves MASA_CHAT_AUTO by the tokenizer's template; other values pass through. */
masa_status masa_chat_family_resolve(masa_chat_family *family,
                                     const masa_tokenizer *tokenizer, masa_error *err);

typedef struct masa_message {
    const char *role; /* "system", "user", "assistant" */
    const char *content;
} masa_message;

/**
 * Appends the rendered conversation. add_generation_prompt opens the
 * assistant's turn. MASA_ERR_DATA for a role or order the template refuses.
 */
masa_status masa_chat_render(masa_text *out, masa_chat_family family,
                             const masa_message *messages, size_t n,
                             bool add_generation_prompt, masa_error *err);

/**
 * The token ids of the rendered conversation: the template's own special
 * tokens become ids, the same text inside a message's content stays plain text.
 */
masa_status masa_chat_encode(masa_tokens *out, const masa_tokenizer *tokenizer,
                             masa_chat_family family, const masa_message *messages,
                             size_t n, bool add_generation_prompt, masa_error *err);

/** The same for one user's turn, behind a system message when there is one (NULL or "":
 *  none), with the assistant's turn opened. */
masa_status masa_chat_encode_turn(masa_tokens *out, const masa_tokenizer *tokenizer,
                                  masa_chat_family family, const char *system,
                                  const char *user, masa_error *err);

/** Ids that end the assistant's turn (EOS, the family's end of turn and of text); returns
 *  how many. */
size_t masa_chat_stop_tokens(int32_t out[8], const masa_tokenizer *tokenizer,
                             masa_chat_family family);

#endif
