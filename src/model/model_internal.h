/* The inside of masa_model, seen by the training and the decoding pass. */
#ifndef MODEL_INTERNAL_H
#define MODEL_INTERNAL_H

#include <masa/linear.h>
#include <masa/model.h>

#define MODEL_ABSENT SIZE_MAX

/* Where a slot's parameter begins in values and grads; MODEL_ABSENT if it has none. */
typedef struct model_offsets {
    size_t at[MASA_SLOTS];
} model_offsets;

typedef struct model_layer {
    model_offsets offsets;
    masa_linear *qkv;     /* [q + 2 kv, hidden] */
    masa_linear *out;     /* [hidden, q] */
    masa_linear *gate_up; /* [2 intermediate, hidden] */
    masa_linear *down;    /* [hidden, intermediate] */
} model_layer;

struct masa_model {
    masa_model_config config;
    masa_dtype compute;
    bool trainable;
    size_t count; /* floats in values, and in grads, */
    float DEVICE *values, *grads;
    size_t resident;            /* of them there are: all, or */
    bool frozen;                /* the vectors alone, and no grads: */
    void DEVICE *embedding;     /* [vocab, hidden] in `compute` */
    bool finite;                /* all that was read, */
    uint64_t fingerprint;       /* whose masa_model_fingerprint this is */
    masa_parameter *parameters; /* [n_parameters] */
    size_t n_parameters;
    model_offsets offsets;             /* of what belongs to no layer */
    model_layer *layers;               /* [n_layers] */
    masa_linear *head;                 /* [vocab, hidden]: the embedding where it is tied */
    float DEVICE *rope_cos, *rope_sin; /* [max_positions, head_dim/2] */
};

/* Widths derived from a config, in elements. */
typedef struct model_dims {
    size_t hidden, q, kv, qkv, intermediate, vocab, head;
} model_dims;

static inline model_dims model_dims_of(const masa_model_config *c)
{
    size_t q = c->n_heads * c->head_dim, kv = c->n_kv_heads * c->head_dim;
    return (model_dims){.hidden = c->hidden_size,
                        .q = q,
                        .kv = kv,
                        .qkv = q + 2 * kv,
                        .intermediate = c->intermediate_size,
                        .vocab = c->vocab_size,
                        .head = c->head_dim};
}

static inline bool model_has_qk_norm(const masa_model_config *c)
{
    return masa_architecture_traits(c->architecture)->qk_norm;
}

/* A parameter's values and gradients; NULL where the model has none. */
static inline float DEVICE *model_values(const masa_model *m, const model_offsets *o,
                                         masa_slot s)
{
    return o->at[s] == MODEL_ABSENT ? NULL : m->values + o->at[s];
}

static inline float DEVICE *model_grads(const masa_model *m, const model_offsets *o,
                                        masa_slot s)
{
    return o->at[s] == MODEL_ABSENT || !m->grads ? NULL : m->grads + o->at[s];
}

/* Element i of an array of `dtype`. */
static inline void DEVICE *model_at(const void DEVICE *array, size_t i, masa_dtype dtype)
{
    return (char DEVICE *)(uintptr_t)array + i * masa_dtype_size(dtype);
}

/* model.c: everything allocated, weights still zero; and the hash of every 997th weight, from
 * MODEL_HASH on, of weights [n] of which the first has number `first`. */
masa_status model_allocate(masa_model **out, const masa_model_config *config,
                           const masa_model_options *options, bool frozen, masa_error *err);
#define MODEL_HASH 0xcbf29ce484222325u
uint64_t model_hash(uint64_t hash, const float *weights, size_t first, size_t n);

/* rope.c: cosines and sines of every position, allocated into the model. */
masa_status model_rope_create(masa_model *model, masa_error *err);

#endif
