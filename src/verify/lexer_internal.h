/* What the files of the lexer share: lexer.c reads signs and hands the rest on. */
#ifndef MASA_VERIFY_LEXER_INTERNAL_H
#define MASA_VERIFY_LEXER_INTERNAL_H

#include "lexer.h"

#include <ctype.h>
#include <string.h>

typedef struct lexer {
    work *w;
    const char *s;
    size_t n, i, start; /* of what is being read */
    token *out;
    size_t count, capacity;
    bool spaced;
    bool has_rows;      /* an environment begins somewhere: "\\\\" ends a row */
    bool escaped_twice; /* every backslash is written as two, as in a string of JSON */
    char *digits;       /* where the texts of numbers are put together */
} lexer;

/* Appends a token; none when the budget is spent. */
void lexer_emit(lexer *l, int kind, int id, const char *text, size_t size);

/* Each reads what begins at l->i and leaves that behind it: a digit, or a point before one; a
 * letter; a backslash; a character beyond ASCII. */
void lex_number(lexer *l);
void lex_letters(lexer *l);
void lex_command(lexer *l);
void lex_unicode(lexer *l);

/* Behind the sign of an angle: its three letters as one name, the same for ABC and CBA, in
 * whose order the meaning lies. False, and nothing read, when no three capitals follow. */
bool lex_angle(lexer *l);

static inline bool among(int kind, const char *characters)
{
    return kind > 0 && kind < 256 && strchr(characters, kind) != NULL;
}

static inline bool digit_at(const lexer *l, size_t i)
{
    return i < l->n && l->s[i] >= '0' && l->s[i] <= '9';
}

static inline bool letter_at(const lexer *l, size_t i)
{
    return i < l->n && isalpha((unsigned char)l->s[i]);
}

static inline char char_at(const lexer *l, size_t i)
{
    return i < l->n ? l->s[i] : 0;
}

static inline bool after_number(const lexer *l)
{
    return l->count && l->out[l->count - 1].kind == T_NUMBER;
}

#endif
