#include <masa/memory.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *p, size_t bytes)
{
    if (p || bytes == 0) return p;
    fprintf(stderr, "masa: out of memory (%zu bytes)\n", bytes);
    exit(1);
}

bool masa_size_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

void *masa_alloc(size_t count, size_t size)
{
    if (count == 0 || size == 0) count = size = 1;
    return checked(calloc(count, size), SIZE_MAX);
}

void *masa_realloc(void *p, size_t count, size_t size)
{
    size_t bytes;
    if (!masa_size_mul(count, size, &bytes)) checked(NULL, SIZE_MAX);
    return checked(realloc(p, bytes ? bytes : 1), bytes ? bytes : 1);
}

char *masa_strdup(const char *s)
{
    return masa_strndup(s, strlen(s));
}

char *masa_strndup(const char *s, size_t n)
{
    n = strnlen(s, n);
    char *copy = masa_alloc(n + 1, 1);
    memcpy(copy, s, n);
    return copy;
}

masa_status masa_alloc_large(void **out, size_t count, size_t size, const char *what,
                             masa_error *err)
{
    size_t bytes;
    void *p = NULL;
    bool fits = masa_size_mul(count, size, &bytes) && bytes < SIZE_MAX - 64;
    if (fits) p = aligned_alloc(64, (bytes + 64) / 64 * 64);
    if (!p)
        return MASA_FAIL(err, MASA_ERR_MEMORY, "not enough memory for %s (%.0f MiB)", what,
                         (double)count * (double)size / (1 << 20));
    memset(p, 0, bytes);
    *out = p;
    return MASA_OK;
}

void *masa_grow(void *items, size_t *capacity, size_t need, size_t size)
{
    if (need <= *capacity) return items;
    size_t grown = *capacity ? *capacity * 2 : 8;
    if (grown < need) grown = need;
    items = masa_realloc(items, grown, size);
    *capacity = grown;
    return items;
}
