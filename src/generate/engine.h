/*
 * Inside of the generator: what it works on from the first request until all are answered.
 *
 * A request's prompt is computed in a slot of its own, from where it differs from those
 * in the cache; its blocks then belong to
 * the request (`group`), the first token of every sample is drawn from its last
 * row, and the samples join the queue. A queued sample takes a slot, shares the
 * prompt's full blocks, copies the last one if that is partly filled, and decodes
 * one token a step. A sample that had to give its blocks back is queued again:
 * it differs from a fresh one only in how many tokens are missing in the cache.
 */
#ifndef GENERATE_ENGINE_H
#define GENERATE_ENGINE_H

#include <masa/decode.h>
#include <masa/generate.h>
#include <masa/sample.h>
#include "blocks.h"

enum { NO_SAMPLE = -1 };

typedef struct slot {
    size_t group;
    ptrdiff_t sample; /* index of the response, or NO_SAMPLE for the prompt itself */
    size_t table;     /* its row of the block tables */
    size_t n_blocks;  /* entries of that row in use */
    size_t computed;  /* tokens whose keys and values are cached */
    size_t rows;      /* of this step's batch */
    ptrdiff_t logits; /* its row of the step's logits, or -1 */
} slot;

typedef struct group {
    const masa_request *request;
    size_t first;    /* response of its sample 0 */
    int32_t *blocks; /* [n_blocks] of the prompt, while cached */
    size_t n_blocks;
    int32_t partial;    /* the prompt's last block when not full, until its last fork; or -1 */
    int32_t *kept_rows; /* [prompt_size] of the prompt's activations, or NULL */
    bool cached, computing, drawn;
    size_t running, waiting, unfinished; /* samples */
} group;

/* A response in the making. */
typedef struct reply {
    masa_completion *completion; /* the caller's */
    size_t capacity;             /* of its tokens and logprobs */
    double started;              /* when it took a slot; 0 before */
    masa_text tail;              /* for stop strings */
} reply;

/* The state from the first request until all are answered. */
typedef struct run {
    group *groups;
    size_t n_groups, groups_capacity, next_group; /* groups before next_group were started */
    size_t oldest;                                /* groups before it are finished */
    reply *responses;
    size_t n_responses, remaining; /* remaining: not finished yet */
    size_t capacity;               /* of responses and of the queue */
    size_t *queue;                 /* a ring of samples that wait for a slot */
    size_t queue_head, queue_n;
    size_t arriving; /* samples that prompts under way will bring */
    bool closed;     /* nothing is admitted until a sequence finishes */
    masa_generate_callback *callback;
    void *context;
    double begun; /* on the clock */
} run;

struct masa_generator {
    masa_model *model;
    const masa_tokenizer *tokenizer;
    size_t max_batch, max_context, max_rows, max_blocks;
    const volatile sig_atomic_t *stop;
    masa_kv_store store;
    block_pool pool;
    masa_activations *kept; /* or NULL */
    masa_decoder *decoder;
    float DEVICE *logits; /* [max_batch, vocab] */
    int32_t *tables;      /* [max_batch, max_blocks] */
    size_t *spare_tables;
    size_t n_spare;
    slot *slots; /* [n_slots] oldest first */
    size_t n_slots;
    int32_t *tokens, *positions, *sequences, *logit_rows, *kept_rows; /* [max_rows] */
    masa_draw *draws; /* [n_draws] of this step; tag: index of the response */
    size_t n_draws, draws_capacity;
    run run;
    masa_generate_stats stats;
};

static inline size_t block_tokens(void)
{
    return masa_device_sizes_get().block_tokens;
}

/* Blocks that n tokens take. */
static inline size_t blocks_of(size_t n)
{
    return (n + block_tokens() - 1) / block_tokens();
}

static inline int32_t *table_of(masa_generator *g, const slot *s)
{
    return g->tables + s->table * g->max_blocks;
}

/* Tokens that a sample's response was asked to have at most; and what the context
 * leaves of that. */
size_t engine_wanted(const masa_request *request, size_t sample);
size_t engine_limit(const masa_generator *g, const masa_request *request, size_t sample);

static inline masa_completion *completion_of(const masa_generator *g, size_t sample)
{
    return g->run.responses[sample].completion;
}

/* Tokens of a slot's sequence: what is cached and what is still to be computed. */
size_t engine_sequence_size(const masa_generator *g, const slot *s);

/* schedule.c */
void engine_admit(masa_generator *g);
void engine_reserve(masa_generator *g);
void engine_keep_prompt(masa_generator *g, slot *s);
void engine_forget_prompt(masa_generator *g, group *owner);
void engine_release(masa_generator *g, slot *s);
void engine_finish(masa_generator *g, const masa_completion *c);
void engine_drop(masa_generator *g, size_t index);
void engine_queue(run *r, size_t sample);

/* step.c: one batch through the model, and the tokens that come of it. */
masa_status engine_step(masa_generator *g, masa_error *err);

#endif
