/* Answers as trees. The grammar is described in docs/verification.md. */
#ifndef MASA_VERIFY_PARSER_H
#define MASA_VERIFY_PARSER_H

#include "lexer.h"

typedef struct parser {
    work *w;
    const char *s; /* the text, of n bytes */
    size_t n;
    token *t;    /* the next token */
    int bars;    /* how many |...| are open */
    bool in_set; /* inside \{ \}, where | and : begin a condition */
    bool failed; /* not the notation of a formula */
} parser;

/* The whole answer; words when it is no formula. NULL: w is exhausted. */
node *parse_answer(work *w, const char *s, size_t n);

/* Between the parser's files. */
node *parse_fail(parser *p); /* marks failure; returns something harmless */
bool parse_enter(parser *p); /* one level deeper; false: too deep (w gives up) */
void parse_next(parser *p);
bool parse_take(parser *p, int kind);
node *parse_statements(parser *p); /* a, b, c */
node *parse_statement(parser *p);  /* a <= b = c */
node *parse_sum(parser *p);
node *parse_term(parser *p);   /* factors */
node *parse_factor(parser *p); /* with signs */
node *parse_power(parser *p);  /* without */
node *parse_primary(parser *p);
node *parse_group(parser *p);    /* {...}, or one token */
node *parse_brackets(parser *p); /* (...) or [...] */
node *parse_environment(parser *p);
node *parse_call(parser *p); /* \sin ..., \sqrt, \frac, \binom */
node *parse_number(parser *p);
node *parse_name(parser *p);
node *parse_bounded(parser *p); /* \sum, \prod */
node *parse_words(parser *p);   /* \text{...} where a value is expected */
/* Takes what a term is measured in, if that is next, into its last factor. */
bool parse_units(parser *p, node_list *factors);
/* Whether a fraction of two texts is next, as in 5 \frac{\text{m}}{\text{s}}. */
bool parse_unit_fraction(const parser *p);
/* Whether the next token can begin a factor that is multiplied without a sign. */
bool parse_begins_factor(const parser *p);

/* An answer in words that mean a value: "all real numbers", "no solution", "twelve", "two
 * thirds". NULL: none of these. */
node *parse_spoken(work *w, const char *s, size_t n);
node *parse_spoken_chinese(work *w, const char *s, size_t n);

#endif
