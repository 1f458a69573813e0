/**
 * Batched generation: continuous batching over a block KV cache, with the
 * prompt computed and stored once for all samples of a request.
 *
 * What is sampled for (seed key, position) does not depend on the batch it
 * runs in, on timing or on the order of requests.
 */
#ifndef MASA_GENERATE_H
#define MASA_GENERATE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/activations.h>
#include <masa/error.h>
#include <masa/model.h>
#include <masa/sample.h>
#include <masa/text.h>
#include <masa/tokenizer.h>

typedef enum masa_stop_cause {
    MASA_STOP_EOS,       /* a stop token; it is the last of the tokens */
    MASA_STOP_STRING,    /* a stop string appeared */
    MASA_STOP_LENGTH,    /* max_tokens reached */
    MASA_STOP_CONTEXT,   /* the model's context is full */
    MASA_STOP_CANCELLED, /* the callback asked to stop */
} masa_stop_cause;
const char *masa_stop_cause_name(masa_stop_cause cause);

/* A prompt and how many samples of it are wanted. All pointers are borrowed
 * until masa_generate returns. */
typedef struct masa_request {
    const int32_t *prompt;
    size_t prompt_size;
    size_t n_samples;
    size_t first_sample; /* so many were sampled in earlier calls: the same responses as if all
                          * were in one */
    uint64_t key;        /* sample i draws from masa_key(key, first_sample + i) */
    size_t max_tokens;   /* of a response, at least 1 */
    const size_t *sample_max_tokens; /* [n_samples] in its place; NULL: max_tokens for all */
    masa_sampling sampling;
    const int32_t *stop_tokens;
    size_t n_stop_tokens;
    const char *const *stop_strings; /* the text is cut before the string; needs a tokenizer */
    size_t n_stop_strings;
} masa_request;

/* One sampled response. */
typedef struct masa_completion {
    size_t request, sample;
    int32_t *tokens; /* [n], stop token included */
    /* log-probability of each token under the policy: softmax of logits/temperature
     * over the whole vocabulary, before top-k/top-p/min-p (temperature 0 counts as 1) */
    float *logprobs;    /* [n] */
    int32_t *kept_rows; /* [prompt_size + n - 1] where the activations of all tokens but the
                         * last are (masa_generator_keep), or NULL */
    size_t n;
    masa_stop_cause cause;
    double seconds; /* from its first decoding step to its last */
} masa_completion;
void masa_completion_deinit(masa_completion *completion);

/**
 * Appends the response as text for readers: without special tokens, without the
 * stop token, and cut before the stop string that ended it. request is the one
 * that the completion answers.
 */
void masa_completion_text(masa_text *out, const masa_completion *completion,
                          const masa_request *request, const masa_tokenizer *tokenizer);

/* The text of a completion as it grows. Set request and tokenizer; free text. */
typedef struct masa_text_stream {
    const masa_request *request;
    const masa_tokenizer *tokenizer;
    masa_text text;
    size_t shown, seen; /* bytes of text, tokens of the completion */
} masa_text_stream;

/**
 * What has come to the text since the last call, [*piece, *piece + *n), good until the next: whole
 * characters, and nothing that may be the beginning of a stop string. All pieces together are
 * what masa_completion_text gives. Call it with `finished` once, last.
 */
void masa_text_stream_next(masa_text_stream *stream, const masa_completion *completion,
                           bool finished, const char **piece, size_t *n);

typedef struct masa_generator masa_generator;

typedef struct masa_generator_options {
    size_t max_batch;   /* sequences decoded at once */
    size_t cache_bytes; /* most for keys and values; 0: as max_batch and the context need */
    size_t max_context; /* prompt and response; 0: the model's */
    const volatile sig_atomic_t *stop; /* once not 0, calls end between two steps; or NULL */
} masa_generator_options;

/**
 * A generator of its own cache and buffers over a borrowed model, which may be
 * refreshed between calls, and a borrowed tokenizer (NULL: no stop strings).
 * One call at a time. MASA_ERR_CONFIG for options that cannot be met.
 */
masa_status masa_generator_create(masa_generator **out, masa_model *model,
                                  const masa_tokenizer *tokenizer,
                                  const masa_generator_options *options, masa_error *err);
void masa_generator_destroy(masa_generator *generator);
/**
 * Options for `batch` sequences of up to `context` tokens (0: as long as one may be) whose
 * cache takes at most cache_bytes; the model's own context bounds them.
 */
masa_generator_options masa_generator_fit(const masa_model *model, size_t batch, size_t context,
                                          size_t cache_bytes);
/**
 * Keeps the activations of later calls' sequences in a borrowed store; NULL: no longer. All
 * samples of a request are kept, or, where the store has no room for them, none.
 */
void masa_generator_keep(masa_generator *generator, masa_activations *kept);
/** Tokens that a prompt and its response may have together. */
size_t masa_generator_context(const masa_generator *generator);
/** Tokens whose keys and values the cache would hold. */
size_t masa_generator_cache_tokens(const masa_model_config *config, masa_dtype compute,
                                   const masa_generator_options *options);
/** Bytes of cache and buffers that one would hold, for the memory plan. */
size_t masa_generator_bytes_needed(const masa_model_config *config, masa_dtype compute,
                                   const masa_generator_options *options);

/**
 * Called after every token (completion so far, finished or not); returning
 * false cancels that completion. May be NULL.
 */
typedef bool masa_generate_callback(void *context, const masa_completion *completion,
                                    bool finished);

/**
 * Generates every sample of every request. completions has room for the sum of
 * n_samples and is filled in request, then sample order. A prompt that does not
 * fit the context (with one token to go) or the cache is MASA_ERR_DATA and nothing
 * is generated. Logits that are not finite are MASA_ERR_NUMERIC, a stop MASA_ERR_INTERRUPTED.
 * On error no completion is left behind.
 *
 * When the cache cannot hold all sequences, the youngest are put back and later
 * recomputed; what is sampled stays the same. A sequence needs room for its prompt
 * and max_tokens at least once, or MASA_ERR_CONFIG.
 */
masa_status masa_generate(masa_generator *generator, const masa_request *requests,
                          size_t n_requests, masa_completion *completions,
                          masa_generate_callback *callback, void *context, masa_error *err);

/**
 * The same for requests that come one by one, while others are being answered: a request joins
 * those under way (masa_generate is not to be called until all are answered). It, and
 * completions [n_samples], are borrowed until its last sample has finished or advancing has
 * failed. Refused as by masa_generate, and then nothing is changed; `request` of a completion
 * counts those since the generator was last idle.
 */
masa_status masa_generator_add(masa_generator *generator, const masa_request *request,
                               masa_completion *completions, masa_error *err);
/**
 * One step for all that was added; *busy: there is more to do. On failure all requests end, and
 * what their completions hold is the caller's to free.
 */
masa_status masa_generator_advance(masa_generator *generator, masa_generate_callback *callback,
                                   void *context, bool *busy, masa_error *err);

/** Ends all requests under way, whose completions stay as they are. */
void masa_generator_abandon(masa_generator *generator);

/* What was done since the generator was last idle. */
typedef struct masa_generate_stats {
    size_t prompt_tokens; /* of prompts run through the model: once for a request, without
                           * what it has in common with another in the cache */
    size_t generated_tokens, decode_steps;
    size_t recomputed_tokens; /* run again because the cache was full */
    double seconds;
} masa_generate_stats;
masa_generate_stats masa_generator_stats(const masa_generator *generator);

#endif
