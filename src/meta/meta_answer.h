/* The answer of a meta rollout: where it begins, and how an expert writes it. */
#ifndef MASA_META_ANSWER_H
#define MASA_META_ANSWER_H

#include <masa/meta.h>

/* Index after the last </meta> in text[0..n); 0 when there is none. */
size_t meta_answer_start(const char *text, size_t n);

/* Appends the JSON that a rollout with hindsight would have written. */
void meta_add_answer(masa_text *out, const masa_statistics_summary *summary,
                     const masa_meta_options *options, char *const *notions, size_t n_notions);

#endif
