/* Memory that runs out, loaded before the C library (LD_PRELOAD). Of the allocations of the
 * program and of all its libraries, counted from the start of main, the one with number
 * $INJECT_NTH fails; so do all after it when $INJECT_ON is set. Into the file $INJECT_COUNT go,
 * where none fails, the numbers of those that were the first from their place, a place being a
 * chain of callers: once each of these has failed, each way to ask for memory has. */
#include <errno.h>
#include <execinfo.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What stands behind the names that this file takes. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

enum { DEPTH = 6, SEEN = 1 << 16, MOST = SEEN / 2 };
static atomic_long calls;
static long nth; /* 0: none fails */
static bool on, counting;
static const char *places_path;
static uint64_t seen[SEEN]; /* hashes of places */
static long places[MOST];   /* their first calls */
static size_t n_places;
static _Thread_local bool looking; /* the unwinder allocates too */

/* Libraries are made ready in the order of their needs, this one last of all. */
__attribute__((constructor)) static void start(void)
{
    const char *text = getenv("INJECT_NTH");
    void *first[1];
    nth = text ? strtol(text, NULL, 10) : 0;
    on = getenv("INJECT_ON") != NULL;
    places_path = nth ? NULL : getenv("INJECT_COUNT");
    backtrace(first, 1); /* loads what it needs */
    counting = true;
}

static void note_place(long call)
{
    void *callers[DEPTH];
    looking = true;
    int n = backtrace(callers, DEPTH);
    looking = false;
    uint64_t hash = 1;
    for (int i = 0; i < n; i++) hash = (hash ^ (uintptr_t)callers[i]) * 0x9E3779B97F4A7C15u;
    size_t at = hash >> 48;
    while (seen[at] && seen[at] != hash) at = (at + 1) % SEEN;
    if (seen[at] == hash || n_places == MOST) return;
    seen[at] = hash;
    places[n_places++] = call;
}

static bool fails(void)
{
    if (!counting || looking) return false;
    long call = atomic_fetch_add(&calls, 1) + 1;
    if (places_path) note_place(call);
    if (nth == 0 || call < nth || (call > nth && !on)) return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    return fails() ? NULL : __libc_realloc(p, size);
}

void *memalign(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *p = fails() ? NULL : __libc_memalign(alignment, size);
    if (p) *out = p;
    return p ? 0 : ENOMEM;
}

__attribute__((destructor)) static void write_places(void)
{
    counting = false;
    FILE *file = places_path ? fopen(places_path, "w") : NULL;
    if (!file) return;
    for (size_t i = 0; i < n_places; i++) fprintf(file, "%ld\n", places[i]);
    fclose(file);
}
