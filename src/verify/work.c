#include "work.h"

#include "node.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

typedef struct block {
    struct block *next;
    size_t used, size;
    /* the bytes follow */
} block;

enum { BLOCK_BYTES = 8192, DEFAULT_STEPS = 1000000 };

void work_init(work *w, const masa_verify_options *options)
{
    memset(w, 0, sizeof *w);
    w->options = options;
    w->steps = options->steps ? options->steps : DEFAULT_STEPS;
    w->rule = "";
}

void work_deinit(work *w)
{
    for (node *n = w->numbers; n; n = n->next_number) fmpq_clear(n->value);
    for (block *b = w->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    memset(w, 0, sizeof *w);
}

bool work_give_up(work *w)
{
    w->exhausted = true;
    w->steps = 0;
    return false;
}

bool work_too_large(work *w)
{
    return w->at_point ? false : work_give_up(w);
}

bool work_spend(work *w, unsigned long n)
{
    if (w->exhausted || w->steps < n) return work_give_up(w);
    w->steps -= n;
    return true;
}

void *work_alloc(work *w, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    block *b = w->blocks;
    if (!b || b->size - b->used < size) {
        size_t bytes = size > BLOCK_BYTES / 2 ? size : BLOCK_BYTES;
        b = masa_alloc(1, sizeof(block) + 16 + bytes);
        b->size = bytes;
        /* A large block goes behind the current one, which still has room. */
        if (w->blocks && bytes != BLOCK_BYTES) {
            b->next = w->blocks->next;
            w->blocks->next = b;
        } else {
            b->next = w->blocks;
            w->blocks = b;
        }
    }
    uintptr_t base = ((uintptr_t)(b + 1) + 15) & ~(uintptr_t)15;
    void *p = (void *)(base + b->used);
    b->used += size;
    return p;
}

char *work_text(work *w, const char *s, size_t n)
{
    char *copy = work_alloc(w, n + 1);
    memcpy(copy, s, n);
    return copy;
}

int work_symbol(work *w, const char *name, size_t size)
{
    for (int i = 0; i < w->n_symbols; i++)
        if (w->symbols[i].size == size && memcmp(w->symbols[i].name, name, size) == 0) return i;
    if (w->n_symbols == MOST_SYMBOLS) {
        work_give_up(w);
        return -1;
    }
    w->symbols[w->n_symbols].name = work_text(w, name, size);
    w->symbols[w->n_symbols].size = size;
    return w->n_symbols++;
}
