/* What expressions are worth: exactly, as a normal form, or as a ball. */
#ifndef MASA_VERIFY_VALUE_H
#define MASA_VERIFY_VALUE_H

#include "node.h"

#include <acb.h>

/* The rational number n stands for. False: it is none, has letters or is too large. */
bool value_exact(work *w, const node *n, fmpq_t out);

/* Values of the letters: symbol k is at[k]. */
typedef struct value_point {
    fmpq *at;
} value_point;

/**
 * n at a point (NULL when it has no letters) to about prec bits. False: not a number
 * that can be evaluated, or out of budget; *out may also come back not finite (a
 * division by zero, or too little precision to exclude one).
 */
bool value_ball(work *w, const node *n, const value_point *point, acb_t out, slong prec);

typedef enum value_verdict {
    VALUE_EQUAL,
    VALUE_DIFFERENT,
    VALUE_UNDEFINED, /* at least one has no value here */
    VALUE_UNKNOWN,   /* no precision tried could tell */
    VALUE_NOT_REAL,  /* only when real_only */
} value_verdict;

/* Sign of a - b for real numbers without letters; 2 when it cannot be told. */
int value_order(work *w, const node *a, const node *b);

typedef enum value_form { FORM_EQUAL, FORM_DIFFERENT, FORM_NONE } value_form;

/* Compares rational functions of several letters by their normal form. With
 * `proportional`, equal up to a rational factor other than zero and up to what they are
 * divided by: as equations a = 0 and b = 0. FORM_NONE: not rational functions, or too
 * large. */
value_form value_normal_form(work *w, const node *a, const node *b, bool proportional);

/* Two expressions with or without letters. */
masa_verdict value_equal(work *w, const node *a, const node *b);
/* a = 0 and b = 0 as equations: equal up to a constant factor. */
masa_verdict value_same_equation(work *w, const node *a, const node *b, bool positive);

/* Whether the tree has letters, or an i. */
bool value_has_symbols(const node *n);

#endif
