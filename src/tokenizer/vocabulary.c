/* The tokens, by id and by text, and the merges by pair. */
#include "tokenizer_internal.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

/* Ids beyond this are a broken file, not a vocabulary: tokens are an array by id. */
enum { MOST_TOKENS = 1 << 22 };

static tokenizer_span store(masa_tokenizer *t, const char *s, size_t n)
{
    tokenizer_span span = {t->strings.size, n};
    masa_text_append(&t->strings, s, n);
    return span;
}

masa_tokenizer *tokenizer_create(void)
{
    masa_tokenizer *t = masa_alloc(1, sizeof *t);
    t->unknown = t->gguf_unknown = t->bos = t->eos = t->pad = -1;
    masa_text_append(&t->strings, "", 0);
    return t;
}

static uint64_t hash_bytes(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a, then spread to the high bits */
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
    return h ^ h >> 29;
}

static bool has_text(const masa_tokenizer *t, int32_t id, const char *s, size_t n)
{
    tokenizer_span span = t->tokens[id].text;
    return span.size == n && memcmp(t->strings.data + span.at, s, n) == 0;
}

/* The slot with this text, or the empty one where it belongs. */
static size_t find_slot(const masa_tokenizer *t, const char *s, size_t n)
{
    size_t mask = t->by_text.capacity - 1, i = hash_bytes(s, n) & mask;
    while (t->by_text.slots[i] >= 0 && !has_text(t, t->by_text.slots[i], s, n))
        i = (i + 1) & mask;
    return i;
}

static void grow_strings(masa_tokenizer *t)
{
    tokenizer_strings *by = &t->by_text;
    if (by->n * 2 < by->capacity) return;
    int32_t *old = by->slots;
    size_t n_old = by->capacity;
    by->capacity = n_old ? n_old * 2 : 1024;
    by->slots = masa_alloc(by->capacity, sizeof *by->slots);
    for (size_t i = 0; i < by->capacity; i++) by->slots[i] = -1;
    for (size_t i = 0; i < n_old; i++) {
        if (old[i] < 0) continue;
        tokenizer_span span = t->tokens[old[i]].text;
        by->slots[find_slot(t, t->strings.data + span.at, span.size)] = old[i];
    }
    free(old);
}

int32_t tokenizer_lookup(const masa_tokenizer *t, const char *s, size_t n)
{
    return t->by_text.capacity ? t->by_text.slots[find_slot(t, s, n)] : -1;
}

masa_status tokenizer_put(masa_tokenizer *t, int64_t id, const char *s, size_t n,
                          unsigned char flags, masa_error *err)
{
    if (id < 0 || id >= MOST_TOKENS)
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "token \"%.*s\" has id %lld; ids go from 0 to %d",
                         (int)(n < 80 ? n : 80), s, (long long)id, MOST_TOKENS - 1);
    if ((size_t)id >= t->n) {
        t->tokens = masa_grow(t->tokens, &t->capacity, (size_t)id + 1, sizeof *t->tokens);
        memset(t->tokens + t->n, 0, ((size_t)id + 1 - t->n) * sizeof *t->tokens);
        t->n = (size_t)id + 1;
    }
    tokenizer_token *token = &t->tokens[id];
    if (token->flags & TOKEN_KNOWN && !has_text(t, (int32_t)id, s, n))
        return MASA_FAIL(err, MASA_ERR_FORMAT, "two tokens have id %lld: \"%.*s\" and \"%.*s\"",
                         (long long)id, (int)(token->text.size < 80 ? token->text.size : 80),
                         t->strings.data + token->text.at, (int)(n < 80 ? n : 80), s);
    grow_strings(t);
    size_t slot = find_slot(t, s, n);
    if (t->by_text.slots[slot] >= 0 && t->by_text.slots[slot] != id)
        return MASA_FAIL(err, MASA_ERR_FORMAT, "token \"%.*s\" has two ids: %d and %lld",
                         (int)(n < 80 ? n : 80), s, t->by_text.slots[slot], (long long)id);
    if (!(token->flags & TOKEN_KNOWN)) {
        token->text = store(t, s, n);
        t->by_text.slots[slot] = (int32_t)id;
        t->by_text.n++;
    }
    token->flags |= flags | TOKEN_KNOWN;
    return MASA_OK;
}

masa_status tokenizer_add_added(masa_tokenizer *t, int64_t id, const char *s, size_t n,
                                tokenizer_added how, masa_error *err)
{
    if (n == 0) return MASA_FAIL(err, MASA_ERR_FORMAT, "an added token has no text");
    unsigned char flags = TOKEN_ADDED | (how.special ? TOKEN_SPECIAL : 0);
    masa_status st = tokenizer_put(t, id, s, n, flags, err);
    if (st != MASA_OK) return st;
    how.id = (int32_t)id;
    MASA_PUSH(t->added, t->n_added, t->added_capacity, how);
    return MASA_OK;
}

masa_status tokenizer_add_merge(masa_tokenizer *t, const char *left, size_t n_left,
                                const char *right, size_t n_right, masa_error *err)
{
    masa_text joined = {0};
    masa_text_append(&joined, left, n_left);
    masa_text_append(&joined, right, n_right);
    tokenizer_merge merge = {tokenizer_lookup(t, left, n_left),
                             tokenizer_lookup(t, right, n_right), (int32_t)t->n_merges,
                             tokenizer_lookup(t, joined.data, joined.size)};
    masa_text_deinit(&joined);
    if (merge.left < 0 || merge.right < 0 || merge.result < 0)
        return MASA_FAIL(
            err, MASA_ERR_FORMAT,
            "merge %zu (\"%.*s\" \"%.*s\") has a part or result that is not a token",
            t->n_merges, (int)(n_left < 80 ? n_left : 80), left,
            (int)(n_right < 80 ? n_right : 80), right);
    MASA_PUSH(t->merge_list, t->n_merges, t->merge_capacity, merge);
    return MASA_OK;
}

static size_t pair_slot(const tokenizer_merges *m, int32_t left, int32_t right)
{
    uint64_t h = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9E3779B97F4A7C15u;
    size_t mask = m->capacity - 1, i = (h ^ h >> 32) & mask;
    while (m->slots[i].left >= 0 && (m->slots[i].left != left || m->slots[i].right != right))
        i = (i + 1) & mask;
    return i;
}

const tokenizer_merge *tokenizer_find_merge(const tokenizer_merges *m, int32_t left,
                                            int32_t right)
{
    const tokenizer_merge *merge = &m->slots[pair_slot(m, left, right)];
    return merge->left >= 0 ? merge : NULL;
}

static void hash_merges(masa_tokenizer *t)
{
    t->merges.capacity = 16;
    while (t->merges.capacity < t->n_merges * 2) t->merges.capacity *= 2;
    t->merges.slots = masa_alloc(t->merges.capacity, sizeof *t->merges.slots);
    for (size_t i = 0; i < t->merges.capacity; i++) t->merges.slots[i].left = -1;
    /* A pair listed twice has its later rank, as in Hugging Face's tokenizers. */
    for (size_t i = 0; i < t->n_merges; i++) {
        const tokenizer_merge *merge = &t->merge_list[i];
        t->merges.slots[pair_slot(&t->merges, merge->left, merge->right)] = *merge;
    }
}

/* The bytes of every token, and the token of every byte. */
static void set_bytes(masa_tokenizer *t)
{
    for (size_t i = 0; i < 256; i++) t->byte_ids[i] = -1;
    masa_text bytes = {0};
    for (size_t i = 0; i < t->n; i++) {
        tokenizer_token *token = &t->tokens[i];
        masa_text_clear(&bytes);
        token->bytes = token->text;
        if (!(token->flags & TOKEN_MODEL)) continue;
        const char *text = t->strings.data + token->text.at;
        if (!tokenizer_alphabet_to_bytes(&bytes, text, token->text.size)) continue;
        if (bytes.size == 1) t->byte_ids[(unsigned char)bytes.data[0]] = (int32_t)i;
        if (token->flags & TOKEN_ADDED) continue; /* its text is what it says */
        token->bytes = store(t, masa_text_get(&bytes), bytes.size);
    }
    masa_text_deinit(&bytes);
}

masa_status tokenizer_finish(masa_tokenizer *t, masa_error *err)
{
    if (t->by_text.n == 0)
        return MASA_FAIL(err, MASA_ERR_FORMAT, "the tokenizer has no tokens");
    hash_merges(t);
    set_bytes(t);
    masa_status st = MASA_OK;
    masa_text text = {0};
    for (size_t i = 0; st == MASA_OK && i < t->n_added; i++) {
        const tokenizer_added *added = &t->added[i];
        tokenizer_span span = t->tokens[added->id].text;
        masa_text_clear(&text);
        if (added->normalized && t->nfc)
            tokenizer_normalize(&text, t->strings.data + span.at, span.size);
        else masa_text_append(&text, t->strings.data + span.at, span.size);
        st = tokenizer_trie_add(added->normalized ? &t->normalized : &t->raw, (int32_t)i,
                                text.data, text.size);
    }
    masa_text_deinit(&text);
    if (st != MASA_OK) MASA_FAIL(err, st, "the added tokens are too many");
    return st;
}
