/* Answers in words, and notation that could not be read. */
#include "compare.h"

#include <string.h>

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* Bytes of a command at s (its backslash) that says nothing about meaning, or 0. */
static size_t dress(const char *s, const char *end)
{
    static const char *const commands[] = {
        "text", "textbf", "textit", "textrm", "textnormal", "mathrm", "mathbf",
        "mbox", "left",   "right",  "boxed",  "fbox",       "quad",   "displaystyle"};
    size_t n = 1;
    while (s + n < end && is_letter(s[n])) n++;
    if (n == 1) return s + 1 < end && strchr("!,;: $()[]", s[1]) ? 2 : 0;
    for (size_t k = 0; k < sizeof commands / sizeof *commands; k++)
        if (strlen(commands[k]) == n - 1 && memcmp(commands[k], s + 1, n - 1) == 0) return n;
    return 0;
}

/* Bytes of the arrow, the space or the mark of Chinese at s that parts words, or 0. */
static size_t wide_mark(const char *s, const char *end)
{
    static const char *const marks[] = {"\u2192", "\u3000", "\u3001", "\u3002",
                                        "\uff0c", "\uff1b", "\uff1a", "\u21d2"};
    for (size_t k = 0; k < sizeof marks / sizeof *marks && (unsigned char)*s >= 0xE2; k++)
        if (end - s >= 3 && memcmp(s, marks[k], 3) == 0) return 3;
    return 0;
}

static bool counts_in_words(char c)
{
    return is_letter(c) || is_digit(c) || (unsigned char)c >= 0x80 ||
           (c && strchr("+-*/=<>^", c));
}

/* The byte after last that counts, letters in lower case if words; 0 at the end. What
 * parts two digits counts as one byte: "4 2" is not 42, and "1..2" not 1.2. */
static int next(const char **s, const char *end, bool words, int last)
{
    const char *start = *s;
    while (*s < end) {
        char c = **s;
        size_t skip = c == '\\' ? dress(*s, end) : words ? wide_mark(*s, end) : 0;
        if (skip) {
            *s += skip;
            continue;
        }
        if (words && *s > start && is_digit(c) && is_digit(last))
            return *s - start == 1 ? (unsigned char)*start : ' ';
        (*s)++;
        if (words ? !counts_in_words(c) : c && strchr(" \t\r\n~$", c)) continue;
        return words && c >= 'A' && c <= 'Z' ? c + 32 : (unsigned char)c;
    }
    return 0;
}

static bool same(const char *a, size_t a_size, const char *b, size_t b_size, bool words)
{
    const char *a_end = a + a_size, *b_end = b + b_size;
    int x = 0, y = 0;
    for (bool some = false;; some = true) {
        x = next(&a, a_end, words, x);
        y = next(&b, b_end, words, y);
        if (x != y) return false;
        if (x == 0) return some;
    }
}

bool same_words(const char *a, size_t a_size, const char *b, size_t b_size)
{
    return same(a, a_size, b, b_size, true);
}

bool same_signs(const char *a, size_t a_size, const char *b, size_t b_size)
{
    while (a_size && a[a_size - 1] == '.') a_size--;
    while (b_size && b[b_size - 1] == '.') b_size--;
    return same(a, a_size, b, b_size, false);
}

bool is_prose(const char *s, size_t n)
{
    const char *end = s + n;
    while (s < end) {
        size_t skip = *s == '\\' ? dress(s, end) : 0;
        if (!skip && !is_letter(*s) && (unsigned char)*s < 0x80 &&
            (*s == 0 || !strchr("0123456789 .,;:'!?-~{}$\"`", *s)))
            return false;
        s += skip ? skip : 1;
    }
    return true;
}
