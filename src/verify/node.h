/* An answer as a tree. */
#ifndef MASA_VERIFY_NODE_H
#define MASA_VERIFY_NODE_H

#include "work.h"

#include <mag.h>

typedef enum node_kind {
    NODE_NUMBER, /* value, a rational */
    NODE_SYMBOL, /* symbol */
    NODE_PI,
    NODE_E,
    NODE_I,
    NODE_INFINITY,
    NODE_SUM,      /* children */
    NODE_PRODUCT,  /* children */
    NODE_QUOTIENT, /* child 0 over child 1 */
    NODE_POWER,    /* child 0 to the power of child 1 */
    NODE_NEGATE,
    NODE_PLUSMINUS, /* +-child; mark '-' when it came from \mp */
    NODE_CALL,      /* function of the children */
    NODE_APPLY,     /* an unknown function, symbol, of the children */
    NODE_BASED,     /* value, written as text in base `symbol` */
    NODE_UNIT,      /* child 0 with the unit text */
    NODE_COLON,     /* a:b:c */
    NODE_LIST,      /* bare commas; mark ',', 'o' (or), 'a' (and) */
    NODE_TUPLE,     /* children between brackets mark and close */
    NODE_SET,
    NODE_MATRIX, /* rows x columns children, by rows */
    NODE_UNION,
    NODE_INTERSECTION,
    NODE_DIFFERENCE, /* child 0 without child 1 */
    NODE_REALS,
    NODE_RELATION, /* children joined by the marks in text: = < > l g n ~ i m
                     * (l: <=, g: >=, n: not equal, ~: about, i: in, m: congruent, x: not in,
                     * s: subset, c: subset or equal, t: to) */
    NODE_TEXT,     /* words */
} node_kind;

/* clang-format off */
typedef enum function {
    FN_NONE, FN_SIN, FN_COS, FN_TAN, FN_COT, FN_SEC, FN_CSC, FN_ASIN, FN_ACOS, FN_ATAN,
    FN_ACOT, FN_ASEC, FN_ACSC, FN_SINH, FN_COSH, FN_TANH, FN_COTH, FN_SECH, FN_CSCH, FN_ASINH, FN_ACOSH,
    FN_ATANH, FN_EXP, FN_LN, FN_LOG10, FN_LOG2, FN_LOG, FN_ABS, FN_FLOOR, FN_CEIL, FN_SQRT,
    FN_ROOT, FN_BINOM, FN_FACTORIAL, FN_DOUBLE_FACTORIAL, FN_GAMMA, FN_MAX, FN_MIN, FN_GCD,
    FN_LCM, FN_RE, FN_IM,
    /* These never reach a tree: they become calls of the others. */
    FN_ROUND, FN_ASECH, FN_ACSCH, FN_ACOTH,
} function;
/* clang-format on */
/* FN_LOG has the base as child 1; FN_ROOT the degree as child 1. */

typedef struct node {
    node_kind kind;
    int symbol;       /* SYMBOL, APPLY: number of the name; CALL: function; BASED: base */
    char mark, close; /* see node_kind */
    bool has_pm;      /* a PLUSMINUS is inside */
    unsigned n;       /* children */
    unsigned rows;    /* MATRIX */
    struct node **child;
    const char *text;         /* TEXT, UNIT, BASED, RELATION */
    size_t size;              /* of text */
    fmpq_t value;             /* NUMBER, BASED */
    struct node *next_number; /* chain of nodes whose value must be freed */
} node;

node *node_create(work *w, node_kind kind, unsigned n);
node *node_number(work *w); /* value 0 */
node *node_integer(work *w, long value);
node *node_unary(work *w, node_kind kind, node *a);
node *node_binary(work *w, node_kind kind, node *a, node *b);
node *node_call(work *w, function f, node *a, node *b); /* b may be NULL */
node *node_text(work *w, node_kind kind, const char *s, size_t n);

/* A number written with a point, such as 0.50; maybe with a minus sign. */
bool node_is_decimal(const node *n);
/* One unit of a number's last digit. */
void node_decimal_unit(mag_t out, const node *n);

/* UNIT nodes that change the value: 50%, 30 degrees. */
bool node_is_percent(const node *n);
bool node_is_degrees(const node *n);

/* first + second in the second's unit, 3 hours and 30 minutes; NULL: the first is not measured in
 * a larger unit of the same kind. */
node *unit_sum(work *w, node *first, node *second);

/* A list of nodes while its length is not known yet. */
typedef struct node_list {
    node **items;
    unsigned n, capacity;
} node_list;

void node_push(work *w, node_list *list, node *item);
/* A node of that kind with the list's items as children. */
node *node_from_list(work *w, node_kind kind, const node_list *list);

/* Same tree, letter by letter (not: same meaning). */
bool node_same(const node *a, const node *b);

#endif
