/* What can be said of a response without knowing whether it is right. */
#ifndef REWARD_FORM_H
#define REWARD_FORM_H

#include <masa/judge.h>

/* It ended by itself and has an answer where its problem's rules let one stand; of code: a
 * program. */
bool form_has_answer(const masa_response *response);

/* The share of its sequences of four words that occurred in it before, 0 to below 1; 0 of fewer
 * than five words. Linear in size. */
double form_repetition(const char *text, size_t size);

#endif
