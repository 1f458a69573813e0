/** Writing a model as a GGUF file that llama.cpp and masa load. */
#ifndef MASA_GGUF_WRITE_H
#define MASA_GGUF_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/error.h>
#include <masa/gguf.h>
#include <masa/model_file.h>

/* Kinds of tokens, as the format numbers them. */
typedef enum masa_gguf_token_type {
    MASA_GGUF_TOKEN_NORMAL = 1,
    MASA_GGUF_TOKEN_UNKNOWN = 2,
    MASA_GGUF_TOKEN_CONTROL = 3,      /* special: never in plain text */
    MASA_GGUF_TOKEN_USER_DEFINED = 4, /* added, matched before the merges */
    MASA_GGUF_TOKEN_UNUSED = 5,
    MASA_GGUF_TOKEN_BYTE = 6,
} masa_gguf_token_type;

/* A byte-level BPE tokenizer; everything is borrowed. */
typedef struct masa_gguf_vocab {
    const char *pre;                /* how text is split: "smollm", "qwen2", "llama-bpe", ... */
    const masa_gguf_string *tokens; /* [n] in the byte-level alphabet */
    const int32_t *types;           /* [n] masa_gguf_token_type */
    size_t n;                       /* at most the model's vocabulary; the rest is padded */
    const masa_gguf_string *merges; /* [n_merges] "left right" */
    size_t n_merges;
    const char *chat_template;      /* or NULL */
    int32_t bos, eos, pad, unknown; /* -1: none */
    bool add_bos;                   /* encoding puts bos before every text */
} masa_gguf_vocab;

/**
 * Writes config, tokenizer and tensors (Hugging Face names and layouts, all that the
 * config implies, in any order). Vectors are stored as F32, matrices as dtype. The
 * file is complete or absent. A value beyond float16 is MASA_ERR_DATA.
 */
masa_status masa_gguf_write(const char *path, const masa_model_config *config,
                            const masa_named_tensor *tensors, size_t n, masa_save_dtype dtype,
                            const masa_gguf_vocab *vocab, masa_error *err);

/** The same with the tensors of an open model, one in memory at a time. */
masa_status masa_gguf_write_file(const char *path, const masa_model_file *source,
                                 masa_save_dtype dtype, const masa_gguf_vocab *vocab,
                                 masa_error *err);

#endif
