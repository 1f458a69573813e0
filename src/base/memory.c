#include <masa/memory.h>

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Allocations until the one that fails, itself among them; 0: none does. Other threads allocate
 * too. */
static atomic_size_t until_failure;

size_t masa_memory_fail_at(size_t n)
{
    return atomic_exchange(&until_failure, n);
}

bool masa_memory_denied(void)
{
    size_t n = atomic_load(&until_failure);
    while (n && !atomic_compare_exchange_weak(&until_failure, &n, n - 1)) continue;
    return n == 1;
}

void masa_memory_out(double bytes, const char *what)
{
    bool many = bytes >= 1 << 20;
    if (bytes > 0)
        fprintf(stderr, "masa: out of memory: %.0f %s asked for, for %s\n",
                many ? bytes / (1 << 20) : bytes, many ? "MiB" : "bytes", what);
    else fprintf(stderr, "masa: out of memory: no more for %s\n", what);
    exit(1);
}

static void *checked(void *p, size_t count, size_t size)
{
    if (!p) masa_memory_out((double)count * (double)size, "lists and texts");
    return p;
}

bool masa_size_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

void *masa_alloc(size_t count, size_t size)
{
    if (count == 0 || size == 0) count = size = 1;
    return checked(masa_memory_denied() ? NULL : calloc(count, size), count, size);
}

void *masa_realloc(void *p, size_t count, size_t size)
{
    size_t bytes;
    bool fails = !masa_size_mul(count, size, &bytes) || masa_memory_denied();
    return checked(fails ? NULL : realloc(p, bytes ? bytes : 1), count, size);
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
    bool fits =
        masa_size_mul(count, size, &bytes) && bytes < SIZE_MAX - 64 && !masa_memory_denied();
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
