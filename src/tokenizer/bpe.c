/*
 * Byte-pair encoding of one word: the pair with the lowest rank merges first,
 * the leftmost of equals. Short words scan an array; long ones keep a heap over
 * a linked list, so that a megabyte of one letter stays O(n log n).
 */
#include "tokenizer_internal.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

enum { SHORT_WORD = 48 };

typedef struct symbol {
    int32_t id;
    int32_t merge;       /* scan: index into the merge slots of (this, next), or -1 */
    size_t before, next; /* heap: neighbours; SIZE_MAX at the ends */
} symbol;

typedef struct candidate {
    int32_t rank, left, right, result;
    size_t at;
} candidate;

struct tokenizer_bpe {
    symbol *symbols;
    size_t symbol_capacity;
    candidate *heap;
    size_t n_heap, heap_capacity;
    masa_text alphabet;
};

tokenizer_bpe *tokenizer_bpe_create(void)
{
    return masa_alloc(1, sizeof(tokenizer_bpe));
}

void tokenizer_bpe_destroy(tokenizer_bpe *work)
{
    if (!work) return;
    free(work->symbols);
    free(work->heap);
    masa_text_deinit(&work->alphabet);
    free(work);
}

/* One symbol per byte. A byte without a token is the unknown token, or nothing. */
static size_t set_symbols(const masa_tokenizer *t, tokenizer_bpe *work, const char *s, size_t n)
{
    work->symbols = masa_grow(work->symbols, &work->symbol_capacity, n, sizeof *work->symbols);
    size_t count = 0;
    bool unknown = false;
    for (size_t i = 0; i < n; i++) {
        int32_t id = t->byte_ids[(unsigned char)s[i]];
        bool fused = id < 0 && unknown && t->fuse_unknown;
        unknown = id < 0;
        if (unknown) id = t->unknown;
        if (id >= 0 && !fused) work->symbols[count++].id = id;
    }
    return count;
}

static int32_t merge_of(const masa_tokenizer *t, int32_t left, int32_t right)
{
    const tokenizer_merge *merge = tokenizer_find_merge(&t->merges, left, right);
    return merge ? (int32_t)(merge - t->merges.slots) : -1;
}

static size_t merge_by_scan(const masa_tokenizer *t, symbol *s, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) s[i].merge = merge_of(t, s[i].id, s[i + 1].id);
    for (;;) {
        const tokenizer_merge *best = NULL;
        size_t at = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            if (s[i].merge < 0) continue;
            const tokenizer_merge *merge = &t->merges.slots[s[i].merge];
            if (!best || merge->rank < best->rank) best = merge, at = i;
        }
        if (!best) return n;
        s[at].id = best->result;
        memmove(s + at + 1, s + at + 2, (n - at - 2) * sizeof *s);
        n--;
        if (at + 1 < n) s[at].merge = merge_of(t, s[at].id, s[at + 1].id);
        if (at > 0) s[at - 1].merge = merge_of(t, s[at - 1].id, s[at].id);
    }
}

static bool is_before(const candidate *a, const candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void heap_push(tokenizer_bpe *work, candidate c)
{
    MASA_PUSH(work->heap, work->n_heap, work->heap_capacity, c);
    size_t i = work->n_heap - 1;
    for (; i > 0 && is_before(&c, &work->heap[(i - 1) / 2]); i = (i - 1) / 2)
        work->heap[i] = work->heap[(i - 1) / 2];
    work->heap[i] = c;
}

static candidate heap_pop(tokenizer_bpe *work)
{
    candidate top = work->heap[0], last = work->heap[--work->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < work->n_heap; i = child) {
        if (child + 1 < work->n_heap && is_before(&work->heap[child + 1], &work->heap[child]))
            child++;
        if (!is_before(&work->heap[child], &last)) break;
        work->heap[i] = work->heap[child];
    }
    work->heap[i] = last;
    return top;
}

static void push_pair(const masa_tokenizer *t, tokenizer_bpe *work, size_t at)
{
    size_t next = at == SIZE_MAX ? SIZE_MAX : work->symbols[at].next;
    if (next == SIZE_MAX) return;
    const symbol *s = work->symbols;
    const tokenizer_merge *merge = tokenizer_find_merge(&t->merges, s[at].id, s[next].id);
    if (merge)
        heap_push(work, (candidate){merge->rank, merge->left, merge->right, merge->result, at});
}

static size_t merge_by_heap(const masa_tokenizer *t, tokenizer_bpe *work, size_t n)
{
    symbol *s = work->symbols;
    work->n_heap = 0;
    for (size_t i = 0; i < n; i++) {
        s[i].before = i ? i - 1 : SIZE_MAX;
        s[i].next = i + 1 < n ? i + 1 : SIZE_MAX;
    }
    for (size_t i = 0; i < n; i++) push_pair(t, work, i);
    while (work->n_heap) {
        candidate c = heap_pop(work);
        size_t right = s[c.at].next;
        /* Either side may have merged since: then its id differs (or is -1). */
        if (s[c.at].id != c.left || right == SIZE_MAX || s[right].id != c.right) continue;
        s[c.at].id = c.result;
        s[c.at].next = s[right].next;
        s[right].id = -1;
        if (s[c.at].next != SIZE_MAX) s[s[c.at].next].before = c.at;
        push_pair(t, work, s[c.at].before);
        push_pair(t, work, c.at);
    }
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (s[i].id >= 0) s[count++].id = s[i].id;
    return count;
}

void tokenizer_bpe_word(const masa_tokenizer *t, tokenizer_bpe *work, const char *s, size_t n,
                        masa_tokens *out)
{
    if (t->ignore_merges) {
        masa_text_clear(&work->alphabet);
        tokenizer_bytes_to_alphabet(&work->alphabet, s, n);
        int32_t id = tokenizer_lookup(t, masa_text_get(&work->alphabet), work->alphabet.size);
        if (id >= 0 && t->tokens[id].flags & TOKEN_MODEL) {
            MASA_PUSH(out->ids, out->n, out->capacity, id);
            return;
        }
    }
    size_t count = set_symbols(t, work, s, n);
    count = count <= SHORT_WORD ? merge_by_scan(t, work->symbols, count)
                                : merge_by_heap(t, work, count);
    for (size_t i = 0; i < count; i++)
        MASA_PUSH(out->ids, out->n, out->capacity, work->symbols[i].id);
}
