/* Libraries that are out of memory. */
#include "library_memory.h"

#include <masa/memory.h>

#include <flint/flint.h>
#include <gmp.h>
#include <jansson.h>
#include <malloc.h>
#include <sqlite3.h>
#include <stdlib.h>

static void *allocate(size_t size)
{
    return masa_realloc(NULL, 1, size);
}

static void *resize(void *p, size_t size)
{
    return masa_realloc(p, 1, size);
}

static void *resize_known(void *p, size_t before, size_t size)
{
    (void)before;
    return masa_realloc(p, 1, size);
}

static void release_known(void *p, size_t size)
{
    (void)size;
    free(p);
}

/* SQLite knows the size of each of its pieces: its own functions stand behind these. */
static sqlite3_mem_methods plain;

static void *sqlite_allocate(int size)
{
    void *p = masa_memory_denied() ? NULL : plain.xMalloc(size);
    if (!p) masa_memory_out((double)size, "a database (SQLite)");
    return p;
}

static void *sqlite_resize(void *p, int size)
{
    void *resized = masa_memory_denied() ? NULL : plain.xRealloc(p, size);
    if (!resized) masa_memory_out((double)size, "a database (SQLite)");
    return resized;
}

static void sqlite_start(void)
{
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain) != SQLITE_OK) return;
    sqlite3_mem_methods methods = plain;
    methods.xMalloc = sqlite_allocate;
    methods.xRealloc = sqlite_resize;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}

void cli_library_memory_start(void)
{
    sqlite_start();
    json_set_alloc_funcs(allocate, free);
    mp_set_memory_functions(allocate, resize_known, release_known);
    __flint_set_memory_functions(allocate, masa_alloc, resize, free);
}

/* oneDNN allocates by this and uses what it gets without a look at it. A program's own comes
 * before the C library's, for all the libraries that it uses; those that ask get what they asked
 * for. */
int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *p = masa_memory_denied() ? NULL : memalign(alignment, size);
    if (!p) masa_memory_out((double)size, "a library (oneDNN)");
    *out = p;
    return 0;
}
