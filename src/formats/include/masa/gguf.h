/**
 * GGUF files, versions 2 and 3, memory-mapped.
 *
 *     masa_gguf *gguf = NULL;
 *     masa_status st = masa_gguf_open(&gguf, "model.gguf", err);
 *     if (st != MASA_OK) return st;
 *     masa_gguf_array tokens;
 *     if (masa_gguf_get_array(gguf, "tokenizer.ggml.tokens", MASA_GGUF_STRING, &tokens))
 *         for (size_t i = 0; i < tokens.n; i++)
 *             use(tokens.strings[i].data, tokens.strings[i].size);
 *     masa_gguf_close(gguf);
 *
 * Opening checks the whole file but the values of tensors: afterwards every
 * pointer handed out is inside the mapping and lives until masa_gguf_close.
 * Immutable after opening; safe to share by threads.
 */
#ifndef MASA_GGUF_H
#define MASA_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/error.h>
#include <masa/tensor_type.h>

typedef struct masa_gguf masa_gguf;

/* Bytes inside the file: not NUL-terminated, any content. */
typedef struct masa_gguf_string {
    const char *data;
    size_t size;
} masa_gguf_string;

/* Types of metadata values, as the format numbers them. */
typedef enum masa_gguf_type {
    MASA_GGUF_U8,
    MASA_GGUF_I8,
    MASA_GGUF_U16,
    MASA_GGUF_I16,
    MASA_GGUF_U32,
    MASA_GGUF_I32,
    MASA_GGUF_F32,
    MASA_GGUF_BOOL,
    MASA_GGUF_STRING,
    MASA_GGUF_ARRAY,
    MASA_GGUF_U64,
    MASA_GGUF_I64,
    MASA_GGUF_F64,
} masa_gguf_type;

typedef struct masa_gguf_array {
    masa_gguf_type type; /* of the items; never ARRAY */
    size_t n;
    const masa_gguf_string *strings; /* [n] when type is STRING, else NULL */
    const uint8_t *data;             /* packed, unaligned values of the other types */
} masa_gguf_array;

typedef struct masa_gguf_tensor {
    masa_gguf_string name;
    masa_tensor_type type;
    unsigned n_dims;     /* 1..4 */
    size_t dims[4];      /* dims[0] is the contiguous one (columns); unused ones are 1 */
    size_t n;            /* elements: the product of dims */
    const uint8_t *data; /* n / block blocks */
} masa_gguf_tensor;

/** Maps and checks a file. Errors name the path and the key or tensor at fault. */
masa_status masa_gguf_open(masa_gguf **out, const char *path, masa_error *err);
/** The same of a copy in memory (masa_file_load). */
masa_status masa_gguf_load(masa_gguf **out, const char *path, masa_error *err);
/** The same over size bytes that the caller keeps until masa_gguf_close. */
masa_status masa_gguf_open_memory(masa_gguf **out, const void *data, size_t size,
                                  masa_error *err);
void masa_gguf_close(masa_gguf *gguf);

/** True if the file begins like a GGUF file. False also when it cannot be read. */
bool masa_gguf_detect(const char *path);

/**
 * Metadata by key. Each returns false, leaving *out alone, when the key is
 * absent or its value has another kind. Integers are of any width (a U64 above
 * INT64_MAX counts as another kind) or bool; floats are F32, F64 or any integer.
 */
bool masa_gguf_get_string(const masa_gguf *gguf, const char *key, masa_gguf_string *out);
bool masa_gguf_get_integer(const masa_gguf *gguf, const char *key, int64_t *out);
bool masa_gguf_get_float(const masa_gguf *gguf, const char *key, double *out);
bool masa_gguf_get_bool(const masa_gguf *gguf, const char *key, bool *out);
/** An array whose items have the type asked for (I32 for "tokenizer.ggml.token_type",
 *  where U32 is accepted too, F32 for "tokenizer.ggml.scores"). */
bool masa_gguf_get_array(const masa_gguf *gguf, const char *key, masa_gguf_type type,
                         masa_gguf_array *out);
/** Item i < n of an array of integers or bools. */
int64_t masa_gguf_array_integer(const masa_gguf_array *array, size_t i);

/** True if the string is the NUL-terminated s. */
bool masa_gguf_string_is(masa_gguf_string string, const char *s);

/** Metadata in file order, for listing: the key and type of entry i < count. */
size_t masa_gguf_entry_count(const masa_gguf *gguf);
masa_gguf_string masa_gguf_entry_key(const masa_gguf *gguf, size_t i, masa_gguf_type *type);

/** Tensors: by name (NULL when absent), or in file order, i < count. */
const masa_gguf_tensor *masa_gguf_find_tensor(const masa_gguf *gguf, const char *name);
size_t masa_gguf_tensor_count(const masa_gguf *gguf);
const masa_gguf_tensor *masa_gguf_get_tensor(const masa_gguf *gguf, size_t i);

#endif
