#include <masa/notion.h>

#include <masa/memory.h>
#include <masa/text.h>

#include <libstemmer.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

struct masa_words {
    masa_notion_rule rule;
    masa_text bytes; /* substring: the text itself */
    uint64_t *stems; /* lemma: one hash a word, in order */
    size_t n, capacity;
};

/* 64 bits: two different stems of one text collide about once in 10^13 texts. */
static uint64_t hash_bytes(const unsigned char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ s[i]) * 0x100000001b3u;
    return h ^ h >> 29;
}

static bool is_word(unsigned code)
{
    switch (utf8proc_category((utf8proc_int32_t)code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return true;
    default: return false;
    }
}

static void out_of_memory(void)
{
    masa_memory_out(0, "the stem of a word (libstemmer)");
}

static void end_word(masa_words *words, masa_text *word, struct sb_stemmer *stemmer)
{
    if (word->size == 0) return;
    const sb_symbol *stem =
        sb_stemmer_stem(stemmer, (const sb_symbol *)word->data, (int)word->size);
    if (!stem) out_of_memory();
    size_t n = (size_t)sb_stemmer_length(stemmer);
    MASA_PUSH(words->stems, words->n, words->capacity, hash_bytes(stem, n));
    masa_text_clear(word);
}

static void split_words(masa_words *words, const char *text, size_t n)
{
    struct sb_stemmer *stemmer = sb_stemmer_new("english", "UTF_8");
    masa_text word = {0};
    if (!stemmer) out_of_memory();
    for (size_t i = 0; i < n;) {
        unsigned code;
        size_t length = masa_utf8_decode(text + i, n - i, &code);
        if (length && is_word(code)) {
            char folded[4];
            unsigned lower = (unsigned)utf8proc_tolower((utf8proc_int32_t)code);
            masa_text_append(&word, folded, masa_utf8_encode(lower, folded));
        } else if ((code == '\'' || code == 0x2019) && word.size) {
            /* An apostrophe inside a word belongs to it; the stemmer knows it. */
            masa_text_append(&word, "'", 1);
        } else {
            end_word(words, &word, stemmer);
        }
        i += length ? length : 1;
    }
    end_word(words, &word, stemmer);
    masa_text_deinit(&word);
    sb_stemmer_delete(stemmer);
}

masa_words *masa_words_create(const char *text, size_t n, masa_notion_rule rule)
{
    masa_words *words = masa_alloc(1, sizeof *words);
    words->rule = rule;
    if (rule == MASA_NOTION_LEMMA) split_words(words, text, n);
    else masa_text_append(&words->bytes, text, n);
    return words;
}

void masa_words_destroy(masa_words *words)
{
    if (!words) return;
    masa_text_deinit(&words->bytes);
    free(words->stems);
    free(words);
}

bool masa_words_empty(const masa_words *words)
{
    return words->n == 0 && words->bytes.size == 0;
}

bool masa_words_contain(const masa_words *text, const masa_words *notion)
{
    if (masa_words_empty(notion)) return false;
    if (text->rule == MASA_NOTION_SUBSTRING)
        return memmem(masa_text_get(&text->bytes), text->bytes.size, notion->bytes.data,
                      notion->bytes.size) != NULL;
    for (size_t i = 0; i + notion->n <= text->n; i++)
        if (memcmp(text->stems + i, notion->stems, notion->n * sizeof *text->stems) == 0)
            return true;
    return false;
}

bool masa_words_equal(const masa_words *a, const masa_words *b)
{
    if (a->rule == MASA_NOTION_SUBSTRING)
        return a->bytes.size == b->bytes.size &&
               memcmp(masa_text_get(&a->bytes), masa_text_get(&b->bytes), a->bytes.size) == 0;
    return a->n == b->n &&
           (a->n == 0 || memcmp(a->stems, b->stems, a->n * sizeof *a->stems) == 0);
}
