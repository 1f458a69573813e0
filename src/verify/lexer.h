/* Answers as tokens. LaTeX, plain text and code notation become the same tokens. */
#ifndef MASA_VERIFY_LEXER_H
#define MASA_VERIFY_LEXER_H

#include "node.h"

/* A token's kind is its character, or one of these. */
/* clang-format off */
typedef enum token_kind {
    T_END = 0,
    T_NUMBER = 256, /* text: digits, at most one point, maybe an exponent */
    T_NAME,         /* text: one letter, or the name of a Greek letter or the like */
    T_WORD,         /* text: a word of four letters or more that means nothing here */
    T_TEXT,         /* text: the contents of \text{...} */
    T_FUNCTION,     /* id: enum function */
    T_PI, T_E, T_I, T_INFINITY, T_EMPTY, T_REALS,
    T_FRAC, T_SQRT, T_BINOM, T_OVER, T_CHOOSE, T_ACCENT,
    T_BEGIN, T_CLOSE_ENVIRONMENT, /* text: the environment's name */
    T_ROW,                        /* \\ between rows */
    T_LE, T_GE, T_NE, T_ABOUT, T_IN, T_CONGRUENT,
    T_CUP, T_CAP, T_SETMINUS, T_PM, T_MP, T_DEGREE, T_PRIME, T_MID,
    T_SET_OPEN, T_SET_CLOSE,
    T_FLOOR_OPEN, T_FLOOR_CLOSE, T_CEIL_OPEN, T_CEIL_CLOSE,
    T_AND, T_OR, T_PMOD, T_BOX,
    T_BOUNDED, /* \sum (id: +), \prod (id: *) */
    T_SUBSET, T_SUBSET_EQ, T_SUPSET, T_SUPSET_EQ, T_CONTAINS, T_NOT_IN, T_TO,
    /* How the lexer treats a word; these never reach the parser. */
    T_SKIP, T_SKIP_GROUP, T_SKIP_TOKEN, T_SPACE, T_TEXT_COMMAND, T_ROMAN, T_BLACKBOARD,
    T_SIZE, T_DOTS, T_NOT,
} token_kind;
/* clang-format on */

typedef struct token {
    int kind;
    int id;
    const char *text;
    unsigned size;
    bool spaced; /* white space stands before it */
    size_t at;   /* where it begins in the text, or what it was made from */
} token;

/* Appends nothing, returns the tokens of s[0..n) ended by T_END; NULL with w exhausted
 * when the budget is short. */
token *lex(work *w, const char *s, size_t n);

/* The meaning of a word, with or without a backslash before it. NULL: none. */
typedef struct word {
    const char *name;
    int kind, id;
} word;
const word *word_command(const char *s, size_t n);
const word *word_plain(const char *s, size_t n);

#endif
