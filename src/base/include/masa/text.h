/**
 * masa_text: a growable byte string. Zero-initialise it, append to it, and
 * masa_text_deinit it. `data` is always NUL-terminated once anything was
 * appended; NULs inside are allowed (length is `size`).
 */
#ifndef MASA_TEXT_H
#define MASA_TEXT_H

#include <stddef.h>
#include <stdbool.h>

typedef struct masa_text {
    char *data; /* NULL while empty */
    size_t size;
    size_t capacity;
} masa_text;

void masa_text_deinit(masa_text *text);
void masa_text_clear(masa_text *text); /* keeps the memory */
void masa_text_append(masa_text *text, const char *s, size_t n);
void masa_text_add(masa_text *text, const char *s); /* NUL-terminated s */
void masa_text_addf(masa_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** The bytes as a string, never NULL ("" while empty); owned by text. */
const char *masa_text_get(const masa_text *text);
/** Takes the string out (caller frees, never NULL) and leaves text empty. */
char *masa_text_take(masa_text *text);

/** Appends s as a C string of valid UTF-8: invalid bytes and NULs become U+FFFD. */
void masa_text_add_utf8(masa_text *text, const char *s, size_t n);
/** Whether s is valid UTF-8; NULs are. */
bool masa_utf8_valid(const char *s, size_t n);
/** The same for people: what a terminal would obey or be deceived by (escapes, carriage returns,
 *  C1 controls, marks that turn the direction of text) becomes its number, as \x1B or \u202E.
 *  Line ends and tabs stay. */
void masa_text_add_shown(masa_text *text, const char *s, size_t n);
/** The same for what is part of a line, an id or an answer: so that it cannot pass for another
 *  line, line ends and tabs become \n and \t. */
void masa_text_add_line_shown(masa_text *text, const char *s);
/** Appends s as a JSON string with quotes; invalid UTF-8 becomes U+FFFD. */
void masa_text_add_json(masa_text *text, const char *s, size_t n);

/** Bytes of s[0..n) that are complete, valid UTF-8 characters (a cut tail is left out). */
size_t masa_utf8_complete(const char *s, size_t n);
/** Decodes one code point at s (n >= 1 bytes left); returns its byte length, or 0 with
 *  *out = 0xFFFD when invalid. */
size_t masa_utf8_decode(const char *s, size_t n, unsigned *out);
/** Encodes a code point into out[4]; returns its byte length. */
size_t masa_utf8_encode(unsigned code, char out[4]);

/** Takes the next line of [*p, end), without its newline: [*line, *line + *n). False at the
 *  end. */
bool masa_line_next(const char **p, const char *end, const char **line, size_t *n);
bool masa_starts_with(const char *s, const char *prefix);
bool masa_ends_with(const char *s, const char *suffix);

#endif
