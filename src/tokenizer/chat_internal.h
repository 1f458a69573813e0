/* What the files about chat templates share. */
#ifndef MASA_CHAT_INTERNAL_H
#define MASA_CHAT_INTERNAL_H

#include "tokenizer_internal.h"

#include <masa/chat.h>

/* A rendered conversation and which of its bytes came from the messages. */
typedef struct chat__writer {
    masa_text *text;
    tokenizer__ranges contents; /* relative to the text's beginning */
} chat__writer;

masa_status chat__render(chat__writer *w, masa_chat_family family,
                         const masa_message *messages, size_t n,
                         bool add_generation_prompt, masa_error *err);

/* Hash of a template that ignores how it is laid out: equal hashes render equally. */
uint64_t chat__template_hash(const char *template_text);
/* The family of a known template; AUTO when it is not known. */
masa_chat_family chat__known_template(const char *template_text);
/* The family whose marks an unknown template bears, for a hint; AUTO: none. */
masa_chat_family chat__similar_template(const char *template_text);

#endif
