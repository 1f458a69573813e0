/*
 * Byte-pair merges from a corpus (Sennrich et al. 2016, on bytes). The different words are
 * kept with their counts; the counts of all pairs are kept up to date: a merge recounts the
 * words that have it. One pass over words and pairs per merge, which is seconds for some
 * thousand merges of some hundred thousand words.
 */
#include "tokenizer_internal.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

typedef struct word {
    const char *s; /* [size] in the corpus */
    size_t size;
    int32_t *symbols; /* [n] ids */
    size_t n;
    int64_t count;
} word;

typedef struct pair {
    int32_t left, right; /* left < 0: an empty slot */
    int64_t count;
} pair;

typedef struct learner {
    masa_tokenizer *t;
    word *words; /* [n_words] different ones, in the order of the corpus */
    size_t n_words, word_capacity;
    size_t *word_slots; /* [n_word_slots] index + 1, or 0; a power of two */
    size_t n_word_slots;
    pair *pairs; /* [n_pair_slots], a power of two */
    size_t n_pairs, n_pair_slots;
    masa_text bytes;       /* what tokens stand for */
    tokenizer_span *spans; /* [n_spans] by id */
    size_t n_spans, span_capacity;
} learner;

/* --- words --------------------------------------------------------------------- */

static size_t word_slot(const learner *l, const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
    size_t mask = l->n_word_slots - 1, i = (h ^ h >> 29) & mask;
    for (; l->word_slots[i]; i = (i + 1) & mask) {
        const word *w = &l->words[l->word_slots[i] - 1];
        if (w->size == n && memcmp(w->s, s, n) == 0) break;
    }
    return i;
}

static void grow_words(learner *l)
{
    if (l->n_words * 2 < l->n_word_slots) return;
    l->n_word_slots = l->n_word_slots ? l->n_word_slots * 2 : 1024;
    free(l->word_slots);
    l->word_slots = masa_alloc(l->n_word_slots, sizeof *l->word_slots);
    for (size_t i = 0; i < l->n_words; i++)
        l->word_slots[word_slot(l, l->words[i].s, l->words[i].size)] = i + 1;
}

static void count_piece(learner *l, const masa_tokenizer *cut, const char *s, size_t n)
{
    grow_words(l);
    size_t slot = word_slot(l, s, n);
    if (!l->word_slots[slot]) {
        word w = {.s = s, .size = n, .symbols = masa_alloc(n, sizeof *w.symbols), .n = n};
        for (size_t i = 0; i < n; i++) w.symbols[i] = cut->byte_ids[(unsigned char)s[i]];
        MASA_PUSH(l->words, l->n_words, l->word_capacity, w);
        l->word_slots[slot] = l->n_words;
    }
    l->words[l->word_slots[slot] - 1].count++;
}

/* Valid UTF-8 into counted words. */
static void count_words(learner *l, const masa_tokenizer *cut, const char *s, size_t n)
{
    tokenizer_splitter splitter = {0};
    tokenizer_match_rule rule = {false, NULL, 0};
    tokenizer_match m;
    for (size_t at = 0; at < n; at = m.end) {
        if (!tokenizer_next_added(cut, &cut->raw, s, n, at, &rule, &m))
            m = (tokenizer_match){n, n, 0};
        tokenizer_split(cut, &splitter, s + at, m.begin - at);
        for (size_t i = 0; i < splitter.n_now; i++)
            count_piece(l, cut, splitter.now[i].s, splitter.now[i].n);
    }
    tokenizer_splitter_deinit(&splitter);
}

/* --- pairs --------------------------------------------------------------------- */

static pair *find_pair(const learner *l, int32_t left, int32_t right)
{
    uint64_t h = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9E3779B97F4A7C15u;
    size_t mask = l->n_pair_slots - 1, i = (h ^ h >> 32) & mask;
    while (l->pairs[i].left >= 0 && (l->pairs[i].left != left || l->pairs[i].right != right))
        i = (i + 1) & mask;
    return &l->pairs[i];
}

static void grow_pairs(learner *l)
{
    if (l->n_pairs * 2 < l->n_pair_slots) return;
    pair *old = l->pairs;
    size_t n_old = l->n_pair_slots;
    l->n_pair_slots = n_old ? n_old * 2 : 4096;
    l->pairs = masa_alloc(l->n_pair_slots, sizeof *l->pairs);
    for (size_t i = 0; i < l->n_pair_slots; i++) l->pairs[i].left = -1;
    for (size_t i = 0; i < n_old; i++)
        if (old[i].left >= 0) *find_pair(l, old[i].left, old[i].right) = old[i];
    free(old);
}

/* Adds `times` the word's count to the count of each of its pairs. */
static void count_pairs(learner *l, const word *w, int64_t times)
{
    for (size_t i = 0; i + 1 < w->n; i++) {
        grow_pairs(l);
        pair *p = find_pair(l, w->symbols[i], w->symbols[i + 1]);
        if (p->left < 0) {
            *p = (pair){w->symbols[i], w->symbols[i + 1], 0};
            l->n_pairs++;
        }
        p->count += times * w->count;
    }
}

static int compare_bytes(const learner *l, int32_t a, int32_t b)
{
    tokenizer_span x = l->spans[a], y = l->spans[b];
    size_t shorter = x.size < y.size ? x.size : y.size;
    int order = memcmp(l->bytes.data + x.at, l->bytes.data + y.at, shorter);
    return order ? order : (x.size > y.size) - (x.size < y.size);
}

/* The most frequent pair, of equals the one with the lesser bytes; NULL: none occurs twice. */
static const pair *best_pair(const learner *l)
{
    const pair *best = NULL;
    for (size_t i = 0; i < l->n_pair_slots; i++) {
        const pair *p = &l->pairs[i];
        if (p->left < 0 || p->count < 2 || (best && p->count < best->count)) continue;
        if (best && p->count == best->count) {
            int order = compare_bytes(l, p->left, best->left);
            if (order == 0) order = compare_bytes(l, p->right, best->right);
            if (order >= 0) continue;
        }
        best = p;
    }
    return best;
}

/* --- merges -------------------------------------------------------------------- */

static void merge_word(learner *l, word *w, const tokenizer_merge *m)
{
    bool has = false;
    for (size_t i = 0; i + 1 < w->n && !has; i++)
        has = w->symbols[i] == m->left && w->symbols[i + 1] == m->right;
    if (!has) return;
    count_pairs(l, w, -1);
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) {
        bool here = i + 1 < w->n && w->symbols[i] == m->left && w->symbols[i + 1] == m->right;
        w->symbols[n++] = here ? m->result : w->symbols[i];
        i += here;
    }
    w->n = n;
    count_pairs(l, w, 1);
}

/* Notes the bytes of the newest token. */
static void add_span(learner *l, const char *alphabet, size_t n)
{
    tokenizer_span span = {l->bytes.size, 0};
    tokenizer_alphabet_to_bytes(&l->bytes, alphabet, n);
    span.size = l->bytes.size - span.at;
    MASA_PUSH(l->spans, l->n_spans, l->span_capacity, span);
}

/* Two pairs may join to one text ("a" "bc", "ab" "c"): the second makes the same token. */
static masa_status add_merge(learner *l, const pair *p, masa_error *err)
{
    masa_tokenizer *t = l->t;
    masa_text left = {0}, joined = {0};
    tokenizer_span a = t->tokens[p->left].text, b = t->tokens[p->right].text;
    masa_text_append(&left, t->strings.data + a.at, a.size);
    masa_text_append(&joined, t->strings.data + a.at, a.size);
    masa_text_append(&joined, t->strings.data + b.at, b.size);
    masa_status st = MASA_OK;
    if (tokenizer_lookup(t, joined.data, joined.size) < 0) {
        st = tokenizer_put(t, (int64_t)t->n, joined.data, joined.size, TOKEN_MODEL, err);
        if (st == MASA_OK) add_span(l, joined.data, joined.size);
    }
    if (st == MASA_OK)
        st = tokenizer_add_merge(t, left.data, left.size, joined.data + left.size,
                                 joined.size - left.size, err);
    masa_text_deinit(&left);
    masa_text_deinit(&joined);
    return st;
}

static masa_status learn_merges(learner *l, size_t most, masa_error *err)
{
    masa_status st = MASA_OK;
    size_t end = l->t->n + most;
    for (size_t i = 0; i < l->n_words; i++) count_pairs(l, &l->words[i], 1);
    while (st == MASA_OK && l->t->n < end) {
        const pair *best = best_pair(l);
        if (!best) break;
        st = add_merge(l, best, err);
        const tokenizer_merge merge = l->t->merge_list[l->t->n_merges - 1];
        for (size_t i = 0; st == MASA_OK && i < l->n_words; i++)
            merge_word(l, &l->words[i], &merge);
    }
    return st;
}

masa_status tokenizer_learn(masa_tokenizer *t, const masa_tokenizer *cut, const char *corpus,
                            size_t size, size_t most, masa_error *err)
{
    learner l = {.t = t};
    masa_text valid = {0};
    masa_text_add_utf8(&valid, corpus, size);
    for (size_t i = 0; i < t->n; i++)
        add_span(&l, t->strings.data + t->tokens[i].text.at, t->tokens[i].text.size);
    count_words(&l, cut, masa_text_get(&valid), valid.size);
    masa_status st = learn_merges(&l, most, err);
    for (size_t i = 0; i < l.n_words; i++) free(l.words[i].symbols);
    free(l.words);
    free(l.word_slots);
    free(l.pairs);
    free(l.spans);
    masa_text_deinit(&l.bytes);
    masa_text_deinit(&valid);
    return st;
}
