/* Extraction's inside, for the kinds of answer that look for other words. */
#ifndef MASA_VERIFY_EXTRACT_H
#define MASA_VERIFY_EXTRACT_H

#include <masa/verify.h>

/* As masa_extract_answer with one rule; for CHOICE "option" and "choice" introduce an
 * answer as well as "answer" does. */
bool extract__rule(const char *text, size_t size, masa_extract_rule rule,
                   masa_answer_kind kind, masa_extraction *out);

/* The rules in the order they are tried; ends with MASA_EXTRACT_NONE. */
extern const masa_extract_rule extract__order[];

#endif
