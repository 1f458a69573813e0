/* Extraction's inside: where an answer may stand, one finder a rule. */
#ifndef MASA_VERIFY_EXTRACT_H
#define MASA_VERIFY_EXTRACT_H

#include <masa/verify.h>

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* As masa_extract_answer; for CHOICE "option" and "choice" introduce an
 * answer as well as "answer" does, and what a statement holds is not looked at. */
bool extract_answer(const char *text, size_t size, unsigned rules, masa_answer_kind kind,
                    masa_extraction *out);
/* The same with one rule. */
bool extract_rule(const char *text, size_t size, masa_extract_rule rule, masa_answer_kind kind,
                  masa_extraction *out);

/* The rules in the order they are tried; ends with MASA_EXTRACT_NONE. */
extern const masa_extract_rule extract_order[];

/* A gold answer that is a whole solution or a sentence: its answer's place. Empty when a
 * box in it is. */
void extract_gold(const char **gold, size_t *size);

/* Bytes [start, end) of the text. */
typedef struct span {
    size_t start, end;
} span;

/* One formula of a text: what is inside, and with its signs ($, $$, \(, \[). */
typedef struct formula {
    span inside, outside;
} formula;

/* The first formula that begins at or behind i; false: none. A dollar sign of money
 * begins none. */
bool formula_next(const char *text, size_t size, size_t i, formula *out);

/* The finders; each takes the last such place of text[0..size). */
bool find_tags(const char *text, size_t size, span *out);
/* *final: there is a box, so that no other rule may say what the answer is, although it is
 * empty. */
bool find_boxed(const char *text, size_t size, span *out, bool *final);
bool find_phrase(const char *text, size_t size, bool choice, span *out);
bool find_hashes(const char *text, size_t size, span *out);
bool find_bold(const char *text, size_t size, span *out);
bool find_formula(const char *text, size_t size, span *out);
bool find_bare(const char *text, size_t size, span *out);
bool find_number(const char *text, size_t size, span *out);
bool find_whole(const char *text, size_t size, span *out);

/* Whether an aside begins at i: "9, which is odd", "9, not 8", "9 because it is odd". */
bool is_aside(const char *text, size_t size, size_t i);

/* The value in a statement such as "Therefore $x > 7$ is the solution" or "the area is
 * 12"; the statement itself when no words stand before a value. */
span statement_value(const char *text, span statement);

static inline bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Whether a character of Chinese, Japanese or Korean begins here; the signs of mathematics
 * are elsewhere. */
static inline bool is_ideograph(char c)
{
    unsigned char b = (unsigned char)c;
    return b >= 0xE3 && b <= 0xED;
}

static inline bool at(const char *text, size_t size, size_t i, const char *word)
{
    size_t n = strlen(word);
    return i <= size && n <= size - i && memcmp(text + i, word, n) == 0;
}

static inline bool at_nocase(const char *text, size_t size, size_t i, const char *word)
{
    size_t n = strlen(word);
    return i <= size && n <= size - i && strncasecmp(text + i, word, n) == 0;
}

/* Length of the first of the words (ended by NULL) that is at i, in any case; 0: none. */
static inline size_t any_at(const char *text, size_t size, size_t i, const char *const *words)
{
    for (; i < size && *words; words++)
        if ((**words | 32) == (text[i] | 32) && at_nocase(text, size, i, *words))
            return strlen(*words);
    return 0;
}

/* Bytes of a minus sign (or U+2212) that ends at i, or 0. */
static inline size_t minus_before(const char *text, size_t i)
{
    if (i && text[i - 1] == '-') return 1;
    return i >= 3 && memcmp(text + i - 3, "\u2212", 3) == 0 ? 3 : 0;
}

static inline span trim(const char *text, span s)
{
    while (s.start < s.end && is_space(text[s.start])) s.start++;
    while (s.end > s.start && is_space(text[s.end - 1])) s.end--;
    return s;
}

#endif
