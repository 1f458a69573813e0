/**
 * Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011).
 *
 * A draw is a pure function of a key and a counter, so what is sampled for
 * (seed, step, prompt, rollout, position) does not depend on batching, thread
 * timing or on how often a run was resumed.
 */
#ifndef MASA_RANDOM_H
#define MASA_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Streams keep draws for different purposes apart under one seed. */
typedef enum masa_stream {
    MASA_STREAM_SAMPLE = 1, /* token sampling */
    MASA_STREAM_DATA,       /* prompt order */
    MASA_STREAM_TASK,       /* task generation */
    MASA_STREAM_INIT,       /* weight initialisation */
    MASA_STREAM_BOOTSTRAP,  /* statistics */
    MASA_STREAM_GATE,       /* audits, soft gates and cutoffs */
    MASA_STREAM_TEST,
    MASA_STREAM_SHUFFLE, /* the control with permuted meta rewards */
} masa_stream;

/** Ten rounds of Philox4x32 on a counter under a key. */
void masa_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

/** Mixes a value into a key: masa_key(masa_key(seed, step), prompt) ... */
uint64_t masa_key(uint64_t key, uint64_t value);

/** Uniform in [0, 1) with 53 bits: draw number `position` of `stream` under `key`. */
double masa_uniform(uint64_t key, masa_stream stream, uint64_t position);

/** A sequential generator over one (key, stream). */
typedef struct masa_random {
    uint64_t key;
    masa_stream stream;
    uint64_t position;
} masa_random;

masa_random masa_random_init(uint64_t key, masa_stream stream);
double masa_random_uniform(masa_random *random);             /* [0, 1) */
uint64_t masa_random_below(masa_random *random, uint64_t n); /* 0..n-1, unbiased; n > 0 */
int64_t masa_random_range(masa_random *random, int64_t low, int64_t high); /* inclusive */
double masa_random_normal(masa_random *random); /* mean 0, variance 1 */
/** Fisher-Yates over n indices. */
void masa_random_shuffle(masa_random *random, size_t *items, size_t n);

#endif
