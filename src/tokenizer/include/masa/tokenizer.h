/**
 * Byte-level BPE, identical to Hugging Face's `tokenizers` for the tokenizers
 * of the models supported. Immutable after loading; safe to share by threads.
 */
#ifndef MASA_TOKENIZER_H
#define MASA_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/error.h>
#include <masa/text.h>

typedef struct masa_tokenizer masa_tokenizer;

/* A growable list of token ids. Zero-initialise; free with masa_tokens_deinit. */
typedef struct masa_tokens {
    int32_t *ids;
    size_t n, capacity;
} masa_tokens;
void masa_tokens_deinit(masa_tokens *tokens);

/** From a Hugging Face folder (tokenizer.json, tokenizer_config.json) or a GGUF file. */
masa_status masa_tokenizer_load(masa_tokenizer **out, const char *model_path, masa_error *err);
void masa_tokenizer_destroy(masa_tokenizer *tokenizer);

/**
 * Appends the ids of text[0..n) to out. parse_special: the text of special
 * tokens ("<|im_end|>") becomes their id; otherwise it is plain text, as
 * user-supplied text must be. Adds no BOS/EOS by itself.
 */
void masa_tokenizer_encode(const masa_tokenizer *tokenizer, const char *text, size_t n,
                           bool parse_special, masa_tokens *out);
/** Appends the bytes of ids to out (may be cut UTF-8 at the end). */
void masa_tokenizer_decode(const masa_tokenizer *tokenizer, const int32_t *ids, size_t n,
                           bool skip_special, masa_text *out);

size_t masa_tokenizer_vocab_size(const masa_tokenizer *tokenizer);
bool masa_tokenizer_is_special(const masa_tokenizer *tokenizer, int32_t id);
int32_t masa_tokenizer_bos(const masa_tokenizer *tokenizer); /* -1: none */
int32_t masa_tokenizer_eos(const masa_tokenizer *tokenizer); /* -1: none */
/** Id of a token's exact text, or -1. */
int32_t masa_tokenizer_find(const masa_tokenizer *tokenizer, const char *text);
/** The model's chat template string as stored, or NULL; borrowed. */
const char *masa_tokenizer_chat_template(const masa_tokenizer *tokenizer);

/**
 * Writes tokenizer.json, tokenizer_config.json and special_tokens_map.json into
 * an existing folder so that transformers loads the same tokenizer and template.
 */
masa_status masa_tokenizer_save(const masa_tokenizer *tokenizer, const char *folder,
                                masa_error *err);

#endif
