/* Pieces of a GGUF file, byte by byte. */
#ifndef MASA_TESTS_FORMATS_BUILD_GGUF_H
#define MASA_TESTS_FORMATS_BUILD_GGUF_H

#include "masa_test.h"
#include <masa/gguf.h>
#include <masa/text.h>

static inline void put(masa_text *t, const void *p, size_t n)
{
    masa_text_append(t, p, n);
}

static inline void put_u32(masa_text *t, uint32_t v)
{
    put(t, &v, sizeof v);
}

static inline void put_u64(masa_text *t, uint64_t v)
{
    put(t, &v, sizeof v);
}

static inline void put_string(masa_text *t, const char *s)
{
    put_u64(t, strlen(s));
    masa_text_add(t, s);
}

static inline void put_tensor(masa_text *t, const char *name, uint32_t n_dims, uint64_t cols,
                              uint64_t rows, uint32_t type, uint64_t offset)
{
    put_string(t, name);
    put_u32(t, n_dims);
    put_u64(t, cols);
    if (n_dims > 1) put_u64(t, rows);
    put_u32(t, type);
    put_u64(t, offset);
}

#endif
