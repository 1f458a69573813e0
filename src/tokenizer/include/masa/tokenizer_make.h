/** A new tokenizer, for a model that is made rather than loaded. */
#ifndef MASA_TOKENIZER_MAKE_H
#define MASA_TOKENIZER_MAKE_H

#include <masa/tokenizer.h>

typedef struct masa_tokenizer_plan {
    /* Texts that are one token wherever they stand, before anything else is looked at. */
    const char *const *phrases; /* [n_phrases] UTF-8, or NULL */
    size_t n_phrases;
    /* Text that byte-pair merges are learned from, until there are `vocab` tokens. */
    const char *corpus; /* [corpus_size] or NULL: every byte is a token, nothing is merged */
    size_t corpus_size, vocab;
} masa_tokenizer_plan;

/**
 * Makes a byte-level tokenizer with the special tokens and the template of chatml: ids 0 to 2
 * are <|endoftext|> (padding), <|im_start|> and <|im_end|> (the end of a text), then come the
 * 256 bytes, the merges, the phrases. Text is split as GPT-2's is, digits singly.
 *
 * Merges are learned greedily: the pair of neighbours that the corpus has most often becomes
 * a token, of equals the one whose left, then right, bytes come first; never across the
 * splitting or a phrase. A pair must occur twice, so a small corpus gives fewer tokens.
 *
 * A phrase that is empty, no UTF-8, given twice or longer than 4 KiB, and a `vocab` that does
 * not hold what comes before the merges, are MASA_ERR_CONFIG. Deterministic. Destroy with
 * masa_tokenizer_destroy.
 */
masa_status masa_tokenizer_make(masa_tokenizer **out, const masa_tokenizer_plan *plan,
                                masa_error *err);

#endif
