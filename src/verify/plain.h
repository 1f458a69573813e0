/* Answers that are compared as they are written: words, options, what is no formula. */
#ifndef MASA_VERIFY_PLAIN_H
#define MASA_VERIFY_PLAIN_H

#include <masa/verify.h>

#include <stddef.h>

/* Longest answer that is read with a decimal comma. */
enum { LONGEST_DECIMAL = 64 };

/* Whether the two need no reading as formulas; then *verdict says what they are and *rule
 * why. */
bool plain_compare(const char *answer, size_t size, const char *gold, size_t gold_size,
                   masa_verdict *verdict, const char **rule);

/* Writes s[0..n) to out[LONGEST_DECIMAL] with a point for its comma if that can be a decimal
 * comma, as in "0,5" or "x = 2,75 cm", and the other answer is none of several values. Three
 * digits behind the comma are thousands, but for "0,111"; nothing but zeros are a value of
 * their own ("3,0"). */
bool plain_decimal_comma(char *out, const char *s, size_t n, const char *other, size_t m);

/* The option that a gold is the letter of, "C", "(C)" or "\text{(C)}": 'A' to 'J', or 0. */
char plain_option(const char *gold, size_t n);

/* Words around one letter, as "(B)" or "Hence B."; not "A. red B. blue", nor "(A) + 5". */
bool plain_is_choice(const char *s, size_t n);

/* Whether a whole text is the gold's, in the same words, or begins with the truth that the gold
 * is ("No, it does not follow.") and does not say the contrary later; what decided, or NULL. */
const char *plain_whole(const char *text, size_t size, const char *gold, size_t gold_size);

/* Whether a text begins with the option's label, "B. flammable", names no other and denies
 * nothing. */
bool plain_is_labelled(const char *text, size_t size, char option);

#endif
