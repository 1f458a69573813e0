/* The decoder, and a step's integers on their way to the device. */
#ifndef MODEL_DECODE_INTERNAL_H
#define MODEL_DECODE_INTERNAL_H

#include <masa/decode.h>
#include "model_internal.h"

/* A kind of step that is always the same work: one new token each of so many sequences, rows and
 * blocks rounded up, over the same memory. */
typedef struct decode_step {
    size_t rows, blocks;
    masa_kv_store store;
    float DEVICE *logits;
    masa_recording *recording; /* NULL: seen once */
} decode_step;

struct masa_decoder {
    masa_model *model;
    masa_decoder_sizes sizes;
    void DEVICE *memory;    /* one block that all below lie in, but for `host` */
    float DEVICE *x;        /* [rows, hidden] residual stream */
    float DEVICE *last;     /* [rows, hidden] its rows whose logits are wanted */
    void DEVICE *norm;      /* [rows, hidden] compute dtype, as all below */
    void DEVICE *qkv;       /* [rows, qkv] */
    void DEVICE *rotated;   /* [rows, qkv], with q/k norm */
    void DEVICE *attn;      /* [rows, q] */
    float DEVICE *lse;      /* [rows, heads] */
    void DEVICE *gate_up;   /* [rows, 2 intermediate] */
    void DEVICE *act;       /* [rows, intermediate] */
    int32_t DEVICE *inputs; /* a step's integers, one after the other */
    int32_t *host;          /* the same on the host, where they are written */
    decode_step *steps;     /* what has been recorded, or was seen once */
    size_t n_steps, steps_capacity;
};

/* Where a step's integers are on the device. */
typedef struct inputs {
    const int32_t DEVICE *tokens, *positions, *kept_rows; /* [rows] */
    const int32_t DEVICE *slots;                          /* [rows] where key and value go */
    const int32_t DEVICE *logit_rows;                     /* [n_logits]; NULL: every row */
    size_t n_logits;
    masa_cached_rows cached;
} inputs;

/* All that a step's kernels read beside weights and activations, put to the device at once. rows
 * and blocks: what the batch is filled up to, with rows that store nothing and see nothing, and
 * with tables longer than need be, and the logits of every row; 0: as it is. */
inputs decode_put_inputs(const masa_decoder *d, const masa_kv_store *store,
                         const masa_decode_batch *batch, size_t rows, size_t blocks);

#endif
