/* Added tokens: found in the text before the model sees it, the longest of the leftmost. */
#include "tokenizer_internal.h"

#include <masa/memory.h>

/* The ids of nodes are 32 bits, and a file this large has other troubles. */
enum { MOST_NODES = 1 << 28 };

static uint32_t find_child(const tokenizer_trie *trie, uint32_t node, unsigned char byte)
{
    if (node == 0) return trie->first[byte];
    uint32_t child = trie->nodes[node].child;
    while (child && trie->nodes[child].byte != byte) child = trie->nodes[child].sibling;
    return child;
}

masa_status tokenizer_trie_add(tokenizer_trie *trie, int32_t index, const char *s, size_t n)
{
    if (trie->n == 0)
        MASA_PUSH(trie->nodes, trie->n, trie->capacity, ((tokenizer_node){.added = -1}));
    if (trie->n + n > MOST_NODES) return MASA_ERR_UNSUPPORTED;
    uint32_t node = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)s[i];
        uint32_t child = find_child(trie, node, byte);
        if (!child) {
            child = (uint32_t)trie->n;
            tokenizer_node fresh = {0, node ? trie->nodes[node].child : 0, -1, byte};
            MASA_PUSH(trie->nodes, trie->n, trie->capacity, fresh);
            if (node) trie->nodes[node].child = child;
            else trie->first[byte] = child;
        }
        node = child;
    }
    if (node) trie->nodes[node].added = index;
    return MASA_OK;
}

/* The longest token that begins at s; its length, or 0. */
static size_t longest_at(const tokenizer_trie *trie, const char *s, size_t n, int32_t *added)
{
    size_t best = 0;
    uint32_t node = 0;
    for (size_t i = 0; i < n; i++) {
        node = find_child(trie, node, (unsigned char)s[i]);
        if (!node) break;
        if (trie->nodes[node].added >= 0) {
            best = i + 1;
            *added = trie->nodes[node].added;
        }
    }
    return best;
}

static bool is_plain(const tokenizer_ranges *plain, size_t begin, size_t end)
{
    size_t low = 0, high = plain->n / 2; /* the first range that ends after begin */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (plain->at[2 * middle + 1] <= begin) low = middle + 1;
        else high = middle;
    }
    return low < plain->n / 2 && plain->at[2 * low] < end;
}

/* The character that ends at s + n, n > 0. */
static size_t decode_last(const char *s, size_t n, unsigned *code)
{
    size_t size = 1;
    while (size < 4 && size < n && ((unsigned char)s[n - size] & 0xC0) == 0x80) size++;
    return masa_utf8_decode(s + n - size, size, code) == size ? size : 0;
}

static bool is_single_word(const char *s, size_t n, size_t begin, size_t end)
{
    unsigned code;
    if (begin > 0 && decode_last(s, begin, &code) && tokenizer_is_word(code)) return false;
    if (end < n && masa_utf8_decode(s + end, n - end, &code) && tokenizer_is_word(code))
        return false;
    return true;
}

static void strip(const tokenizer_added *added, const char *s, size_t n, size_t from,
                  tokenizer_match *m)
{
    unsigned code;
    size_t size;
    while (added->lstrip && m->begin > from && (size = decode_last(s, m->begin, &code)) != 0 &&
           size <= m->begin - from && tokenizer_is_space(code))
        m->begin -= size;
    while (added->rstrip && m->end < n &&
           (size = masa_utf8_decode(s + m->end, n - m->end, &code)) != 0 &&
           tokenizer_is_space(code))
        m->end += size;
}

bool tokenizer_next_added(const masa_tokenizer *t, const tokenizer_trie *trie, const char *s,
                          size_t n, size_t from, const tokenizer_match_rule *rule,
                          tokenizer_match *out)
{
    if (trie->n == 0) return false;
    for (size_t i = from; i < n; i++) {
        int32_t index = -1;
        size_t size =
            trie->first[(unsigned char)s[i]] ? longest_at(trie, s + i, n - i, &index) : 0;
        if (size == 0) continue;
        const tokenizer_added *added = &t->added[index];
        bool refused = added->special && rule->plain &&
                       is_plain(rule->plain, rule->base + i, rule->base + i + size);
        if (refused) continue;
        /* Hugging Face's search goes on behind a match that does not count. */
        if ((added->special && rule->skip_special) ||
            (added->single_word && !is_single_word(s, n, i, i + size))) {
            i += size - 1;
            continue;
        }
        *out = (tokenizer_match){i, i + size, index};
        strip(added, s, n, from, out);
        return true;
    }
    return false;
}
