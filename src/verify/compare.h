/* Typed comparison of two answers; a is the answer, b the gold. */
#ifndef MASA_VERIFY_COMPARE_H
#define MASA_VERIFY_COMPARE_H

#include "value.h"

/* Rewrites a tree so that it can be compared: both signs of \pm as a list, factors in
 * front of vectors multiplied in, calls of unknown functions as letters. */
node *prepare(work *w, node *n);

/* In an answer to x^2 + C, the letter of x^2 + k becomes C, where it is nothing else; in one to
 * \pi/3 + k\pi, n becomes k; in one to f(x) = x + 1, the n of f(n) = n + 1 becomes x. */
void rename_letters(const work *w, node *answer, node *gold);

/* 3i + 4j as a tuple, where the other answer is a point or a column; else n. */
node *vector_from_sum(work *w, node *n, const node *like);

masa_verdict compare(work *w, node *a, node *b);

/* Whether numbers are joined that could have been worked out: 40 - 12, 4 * 6, 12/4, 2^5; not 3/4,
 * 3 1/2 or 2.5 * 10^3, nor 40 - 12 = 28. */
bool is_left_undone(const node *n);

/* Where at least one has a unit. */
masa_verdict compare_units(work *w, node *a, node *b);
/* Whether degrees are a term of a sum, 180^\circ - 2x; the sum without their sign. */
bool has_degrees(const node *n);
node *without_degrees(work *w, node *n);

/* Lists, sets, tuples and matrices. */
bool is_collection(const node *n);
masa_verdict compare_collections(work *w, node *a, node *b);

/* Where at least one is an equation, inequality or congruence. */
masa_verdict compare_relations(work *w, node *a, node *b);
bool is_inequality(const node *n);

/* Sets of real numbers made of intervals and points. *known is false when one side is
 * no such set; then the verdict means nothing. */
bool is_region(const node *n);
masa_verdict compare_regions(work *w, node *a, node *b, bool *known);

/* Words: letters and digits alone count, in any case. */
bool same_words(const char *a, size_t a_size, const char *b, size_t b_size);
/* Notation that could not be read: every sign counts but spaces and sizes of brackets. */
bool same_signs(const char *a, size_t a_size, const char *b, size_t b_size);
/* Whether a text is words and numbers, nothing that a formula is made of. */
bool is_prose(const char *s, size_t n);

#endif
