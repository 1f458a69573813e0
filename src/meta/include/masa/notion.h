/**
 * Does a text contain a mathematical notion? By lemma: case-folded whole words
 * compared by their Snowball (English) stems, a notion of several words as
 * consecutive words. Or by substring, as the authors' code does.
 */
#ifndef MASA_NOTION_H
#define MASA_NOTION_H

#include <stdbool.h>
#include <stddef.h>

typedef enum masa_notion_rule { MASA_NOTION_LEMMA, MASA_NOTION_SUBSTRING } masa_notion_rule;

/* A text made ready for questions. */
typedef struct masa_words masa_words;

/** Copies what it needs of text[0..n); any bytes. Destroy with masa_words_destroy. */
masa_words *masa_words_create(const char *text, size_t n, masa_notion_rule rule);
void masa_words_destroy(masa_words *words);

/** Whether nothing is left to look for: no letter or digit (by lemma), or no byte. */
bool masa_words_empty(const masa_words *words);
/** Whether `text` contains `notion`; both made with the same rule. An empty notion
 *  is contained in nothing. */
bool masa_words_contain(const masa_words *text, const masa_words *notion);
/** Whether two notions are the same. */
bool masa_words_equal(const masa_words *a, const masa_words *b);

#endif
