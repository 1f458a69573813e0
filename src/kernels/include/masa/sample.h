/** Drawing tokens from rows of logits. */
#ifndef MASA_SAMPLE_H
#define MASA_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/device.h>

/* Filters apply in the order top-k, top-p (of the probability that top-k left),
 * min-p (relative to the most likely token); they keep at least one token. */
typedef struct masa_sampling {
    float temperature; /* 0: greedy; else at least 0.0001 */
    int top_k;         /* 0: off */
    float top_p;       /* 1: off */
    float min_p;       /* 0: off */
} masa_sampling;

/* A token to be drawn, and what came out. */
typedef struct masa_draw {
    size_t tag; /* the caller's own */
    size_t row; /* of the logits; several draws may share one */
    masa_sampling sampling;
    double u; /* in [0, 1): where the cumulative distribution is inverted */
    /* Out. logprob is of softmax(logits/temperature) before filters (0 counts as 1); not valid:
     * the row has a NaN or an infinity, or no token is possible. */
    int32_t token;
    float logprob;
    bool valid;
} masa_draw;

/**
 * Draws tokens by inverting their cumulative distributions, in the order of token ids. Ties
 * of the greedy choice and of filters go to the lower id. A token of probability 0 is never
 * drawn. What a draw gives does not depend on the other draws.
 * draws [n] host; logits [rows, vocab] float32. Waits for the result.
 */
void masa_sample(masa_draw *draws, size_t n, const float DEVICE *logits, size_t vocab);

#endif
