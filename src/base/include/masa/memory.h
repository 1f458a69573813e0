/**
 * Memory: book-keeping that never fails, and large arrays that may.
 *
 * Two kinds of allocation. Small book-keeping (strings, lists, handles) uses
 * masa_alloc and friends, which never return NULL: a machine that cannot give
 * a few kilobytes ends the program with one line. Sizes that a user chooses
 * (models, caches, batches) use masa_alloc_large, which reports failure.
 */
#ifndef MASA_MEMORY_H
#define MASA_MEMORY_H

#include <stddef.h>
#include <stdbool.h>
#include <masa/error.h>

/** Zeroed memory for count items of size bytes; never NULL. Free with free(). */
void *masa_alloc(size_t count, size_t size);
/** Like realloc for count items of size bytes; never NULL; new bytes are undefined. */
void *masa_realloc(void *p, size_t count, size_t size);
/** Copies of a string; never NULL; caller frees. masa_strndup stops at n bytes. */
char *masa_strdup(const char *s);
char *masa_strndup(const char *s, size_t n);

/**
 * Zeroed memory of count*size bytes, aligned to 64 bytes, for tensors.
 * `what` names it in the error: "not enough memory for WHAT (N MiB)".
 * Free with free(). Overflow of count*size is the same error.
 */
masa_status masa_alloc_large(void **out, size_t count, size_t size, const char *what,
                             masa_error *err);

/** Ends the program with one line: "out of memory: N MiB asked for, for WHAT". 0 bytes: the one
 * who asks does not know how much it was. */
_Noreturn void masa_memory_out(double bytes, const char *what);

/** For tests: the n-th allocation from now on fails, once; 0: none does. Returns what was left
 *  of the n before: 0 if it has failed. */
size_t masa_memory_fail_at(size_t n);
/** Whether the allocation that is about to be made must fail: asked by all who allocate without
 *  the functions above. */
bool masa_memory_denied(void);

/** a*b into *out; false on overflow. */
bool masa_size_mul(size_t a, size_t b, size_t *out);

/** Most bytes of memory that the process has had so far; 0: the system does not say. */
size_t masa_memory_peak(void);
/** Bytes that it has now. 0: the system does not say. */
size_t masa_memory_used(void);

/** Bytes that it may still take: what is free or in the file cache, within the limits of the control
 * groups (version 1 or 2) that it is in. 0: unknown. */
size_t masa_memory_available(void);

/** Grows an array to hold at least `need` items, doubling. For MASA_PUSH. */
void *masa_grow(void *items, size_t *capacity, size_t need, size_t size);

/** Appends to a {T *items; size_t n, capacity;}-style triple. */
#define MASA_PUSH(items, n, capacity, value)                                                   \
    ((items) = masa_grow((items), &(capacity), (n) + 1, sizeof *(items)),                      \
     (items)[(n)++] = (value))

#endif
