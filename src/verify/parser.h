/* Answers as trees. The grammar is described in docs/verification.md. */
#ifndef MASA_VERIFY_PARSER_H
#define MASA_VERIFY_PARSER_H

#include "lexer.h"

typedef struct parser {
    work *w;
    token *t;    /* the next token */
    int bars;    /* how many |...| are open */
    bool in_set; /* inside \{ \}, where | and : begin a condition */
    bool failed; /* not the notation of a formula */
} parser;

/* The whole answer; words when it is no formula. NULL: w is exhausted. */
node *parse_answer(work *w, const char *s, size_t n);

/* Between the parser's files. */
node *parse__fail(parser *p); /* marks failure; returns something harmless */
bool parse__enter(parser *p); /* one level deeper; false: too deep (w gives up) */
void parse__next(parser *p);
bool parse__take(parser *p, int kind);
node *parse__statements(parser *p); /* a, b, c */
node *parse__statement(parser *p);  /* a <= b = c */
node *parse__sum(parser *p);
node *parse__factor(parser *p); /* with signs */
node *parse__power(parser *p);  /* without */
node *parse__primary(parser *p);
node *parse__group(parser *p);    /* {...}, or one token */
node *parse__brackets(parser *p); /* (...) or [...] */
node *parse__environment(parser *p);
node *parse__call(parser *p); /* \sin ..., \sqrt, \frac, \binom */
node *parse__number(parser *p);
node *parse__name(parser *p);
node *parse__words(parser *p); /* \text{...} where a value is expected */
/* Whether a fraction of two texts is next, as in 5 \frac{\text{m}}{\text{s}}. */
bool parse__unit_fraction(const parser *p);
/* Whether the next token can begin a factor that is multiplied without a sign. */
bool parse__begins_factor(const parser *p);

/* An answer in words that mean a value: "all real numbers", "no solution", "twelve", "two
 * thirds". NULL: none of these. */
node *parse__spoken(work *w, const char *s, size_t n);

#endif
