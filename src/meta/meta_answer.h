/* The answer of a meta rollout: where it begins, and how an expert writes it. */
#ifndef MASA_META_ANSWER_H
#define MASA_META_ANSWER_H

#include <masa/meta.h>

#include "object.h"

/* By masa_meta_key. */
extern const char *const meta_keys[META_KEYS];

/* Index after the last </meta> in text[0..n); 0 when there is none. */
size_t meta_answer_start(const char *text, size_t n);

/* Appends the object that a rollout with hindsight would have written: `own`, its prediction, with
 * the numbers that came true. One whose reward has no weight stays what it was. */
void meta_add_hindsight(masa_text *out, const masa_statistics_summary *summary,
                        const masa_meta_options *options, const masa_prediction *own);

#endif
