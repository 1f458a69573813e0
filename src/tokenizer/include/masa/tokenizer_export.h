/** The tokenizer as plain arrays, for writing it into a GGUF file. */
#ifndef MASA_TOKENIZER_EXPORT_H
#define MASA_TOKENIZER_EXPORT_H

#include <masa/gguf_write.h>
#include <masa/tokenizer.h>

typedef struct masa_tokenizer_arrays {
    masa_gguf_vocab vocab; /* for masa_gguf_write; points at what follows */
    masa_gguf_string *tokens, *merges;
    int32_t *types;
    masa_text text; /* the bytes of strings that the tokenizer does not hold as such */
} masa_tokenizer_arrays;

/**
 * Fills zero-initialised arrays from a tokenizer, which must outlive them. The
 * tokens are in the byte-level alphabet and in the order of their ids.
 */
masa_status masa_tokenizer_export(masa_tokenizer_arrays *out, const masa_tokenizer *tokenizer,
                                  masa_error *err);
void masa_tokenizer_arrays_deinit(masa_tokenizer_arrays *arrays);

#endif
