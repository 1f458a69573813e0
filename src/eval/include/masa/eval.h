/**
 * Evaluation: problems to a model, its responses and their verdicts to a file of results.
 *
 * For every problem `samples` solutions and, for meta evaluation, `meta_samples`
 * predictions of how these will turn out are sampled. What is in the file already is not
 * sampled again, and a sample depends on the seed, the problem's place and its own number
 * alone: an evaluation that was broken off and goes on gives the results of one that was
 * not.
 */
#ifndef MASA_EVAL_H
#define MASA_EVAL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <masa/benchmark.h>
#include <masa/chat.h>
#include <masa/error.h>
#include <masa/generate.h>
#include <masa/lora.h>
#include <masa/meta.h>
#include <masa/model.h>
#include <masa/results.h>
#include <masa/tokenizer.h>

typedef struct masa_eval_options {
    masa_model *model; /* borrowed, as everything here */
    const masa_tokenizer *tokenizer;
    const masa_chat *chat; /* NULL when raw */
    bool raw;              /* no template: prompts as they stand */
    const char *system;    /* NULL: none */

    size_t samples, max_tokens; /* solutions of a problem, tokens of each */
    size_t meta_samples, meta_max_tokens;
    masa_meta_options meta;    /* its length range is told in the prompt */
    const char *meta_template; /* NULL: the built-in one */
    const char *meta_system;   /* their system turn; NULL: masa_meta_system */
    masa_lora *predictor;      /* on the model, detached: predictions are made with it and
                                  solutions without; NULL: both with the model as it is */
    masa_sampling sampling;
    uint64_t seed;

    size_t batch, cache_bytes;         /* of the generator; without effect on what is sampled */
    const volatile sig_atomic_t *stop; /* nonzero: keep what is done and end; may be NULL */
    volatile sig_atomic_t *status;     /* nonzero: say where it stands, then 0; may be NULL */
    FILE *progress;                    /* NULL: none */
} masa_eval_options;

/**
 * Evaluates one benchmark into the file. A prompt that does not fit the model's context
 * counts as samples without an answer (cause "prompt"). Problems of kind code need the
 * sandbox of masa/code.h. MASA_ERR_INTERRUPTED after a stop; the file then holds all
 * samples that were finished. Several processes (masa/dist.h) divide the problems; results is the
 * first one's, NULL on the others.
 */
masa_status masa_eval_run(masa_results *results, const masa_benchmark *benchmark,
                          const masa_problems *problems, const masa_eval_options *options,
                          masa_error *err);

#endif
