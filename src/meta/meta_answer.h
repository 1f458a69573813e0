/* The answer of a meta rollout: where it begins, and how an expert writes it. */
#ifndef MASA_META_ANSWER_H
#define MASA_META_ANSWER_H

#include <masa/meta.h>

/* Index after the last </meta> in text[0..n); 0 when there is none. */
size_t meta_answer_start(const char *text, size_t n);

/* Appends the JSON that a rollout with hindsight would have written. A number whose reward has no
 * weight stays what it was in `own`, the rollout's prediction; without a valid one, or a
 * prediction at all (NULL), it is left out. */
void meta_add_answer(masa_text *out, const masa_statistics_summary *summary,
                     const masa_meta_options *options, const masa_prediction *own,
                     char *const *notions, size_t n_notions);

#endif
