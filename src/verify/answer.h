/* The comparisons behind masa_verify, one per kind of answer. */
#ifndef MASA_VERIFY_ANSWER_H
#define MASA_VERIFY_ANSWER_H

#include <masa/verify.h>

/* Compares two bare answers as mathematics; *rule names what decided. */
masa_verdict verify_compare_math(const char *answer, size_t size, const char *gold,
                                 size_t gold_size, const masa_verify_options *options,
                                 const char **rule);

/* Extraction and comparison of one letter among options. */
void verify_choice(const char *text, size_t size, const char *gold,
                   const masa_verify_options *options, masa_verify_result *result);

#endif
