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
    MASA_CHAT_QWEN2,   /* ChatML with Qwen2/2.5's default system turn */
    MASA_CHAT_QWEN3,
    MASA_CHAT_LLAMA3,
    MASA_CHAT_GEMMA,
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

/** Ids that end the assistant's turn (EOS and the family's end of turn); returns how many. */
size_t masa_chat_stop_tokens(int32_t out[8], const masa_tokenizer *tokenizer,
                             masa_chat_family family);

#endif
