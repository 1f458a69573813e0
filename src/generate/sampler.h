/* Drawing one token from a row of logits. */
#ifndef GENERATE_SAMPLER_H
#define GENERATE_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/generate.h>

typedef struct candidate {
    float score; /* logit / temperature */
    int32_t token;
} candidate;

/* Buffers that grow to what a vocabulary needs; one for each thread. Zero-initialise. */
typedef struct sampler_scratch {
    float *sums;     /* [n_chunks] log-sum-exp of each chunk of the vocabulary */
    double *weights; /* [n_chunks] their exponentials */
    candidate *candidates;
    size_t n_chunks, candidates_capacity;
} sampler_scratch;
void sampler_scratch_deinit(sampler_scratch *scratch);

/*
 * Draws a token by inverting the cumulative distribution at u in [0, 1).
 * Filters apply in the order top-k, top-p (of what top-k left), min-p (relative
 * to the most likely token); ties go to the lower token id. A token of
 * probability 0 is never drawn. logprob as masa_completion defines it.
 * false: the logits hold a NaN or an infinity, or no token is possible.
 */
bool sampler_draw(sampler_scratch *scratch, int32_t *token, float *logprob,
                  const float *logits, size_t vocab, const masa_sampling *sampling,
                  double u);

#endif
