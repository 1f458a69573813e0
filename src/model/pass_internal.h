/* The training pass's buffers, shared by its forward and backward halves. */
#ifndef PASS_INTERNAL_H
#define PASS_INTERNAL_H

#include <masa/head.h>
#include <masa/pass.h>
#include "block.h"

/* What is kept of the activations. */
typedef enum pass_keep {
    KEEP_NOTHING, /* the model is not trainable: log-probabilities only */
    KEEP_INPUTS,  /* recomputing: each layer's input; the rest is recomputed */
    KEEP_ALL,     /* all but what one pass over memory recomputes (norms, SwiGLU) */
} pass_keep;

/* Activations of one layer. T rows; c: the compute dtype. Layers share buffers
 * that are not kept. layers[n_layers] has only `input`: the last residual. */
typedef struct pass_layer {
    float DEVICE *input;  /* [T, hidden] residual stream before the layer */
    void DEVICE *qkv;     /* [T, qkv] c; rotated in place unless the model has q/k norm */
    void DEVICE *attn;    /* [T, q] c: attention's output */
    float DEVICE *lse;    /* [T, heads] */
    float DEVICE *middle; /* [T, hidden] residual stream after attention */
    void DEVICE *gate_up; /* [T, 2 intermediate] c; its gradient takes its place */
} pass_layer;

typedef struct pass_buffers {
    /* Scratch of a layer. act/d_act and rotated/d_attn/d_qkv/d_kv_parts are never alive
     * together and share memory. */
    void DEVICE *norm;       /* [T, hidden] c */
    void DEVICE *act;        /* [T, intermediate] c: SwiGLU's output */
    void DEVICE *rotated;    /* [T, qkv] c; with q/k norm */
    float DEVICE *head_rstd; /* [T, heads + kv_heads]; with q/k norm */
    /* Backward. */
    float DEVICE *rstd;     /* [T] */
    float DEVICE *residual; /* [T, hidden]: gradient of the residual stream */
    void DEVICE *d_out; /* [T, hidden] c: the same as an operand; residual itself in float32 */
    float DEVICE *d_norm;     /* [T, hidden] */
    void DEVICE *d_act;       /* [T, intermediate] c */
    void DEVICE *d_attn;      /* [T, q] c */
    void DEVICE *d_qkv;       /* [T, qkv] c */
    float DEVICE *d_kv_parts; /* masa_attention_backward's scratch */
    /* Head: N target rows. */
    float DEVICE *last;        /* [N, hidden] the final residual at the target rows */
    void DEVICE *last_norm;    /* [N, hidden] c */
    float DEVICE *lse;         /* [N] */
    float DEVICE *last_rstd;   /* [N] */
    float DEVICE *d_last;      /* [N, hidden] */
    float DEVICE *d_last_norm; /* [N, hidden] */
    float DEVICE *logprob;     /* [N] */
    float DEVICE *entropy;     /* [N] */
    /* The batch. */
    int32_t DEVICE *tokens;        /* [T] */
    int32_t DEVICE *positions;     /* [T] */
    int32_t DEVICE *kept_rows;     /* [T] */
    int32_t DEVICE *target_rows;   /* [N] */
    int32_t DEVICE *target_tokens; /* [N] */
} pass_buffers;

typedef enum pass_stage { PASS_EMPTY, PASS_FORWARD, PASS_LOGPROBS } pass_stage;

struct masa_pass {
    masa_model *model;
    size_t max_tokens, max_targets;
    pass_keep keep;
    pass_stage stage;
    void DEVICE *memory; /* one block that all buffers lie in */
    pass_layer *layers;  /* [n_layers + 1] */
    pass_buffers buffers;
    masa_head *head;
    masa_attention_plan *plan;
    /* Of the last forward; its arrays are among the buffers. */
    size_t n_tokens, n_targets;
    float inv_temperature;
    const masa_activations *kept;
};

/* pass_buffers.c: places everything from `memory` on and returns its bytes
 * (SIZE_MAX if they overflow). With memory NULL it only counts; layers may then
 * be NULL. */
size_t pass_plan(pass_buffers *buffers, pass_layer *layers, void DEVICE *memory,
                 const masa_model_config *config, masa_dtype compute, size_t max_tokens,
                 size_t max_targets, pass_keep keep);

/* pass.c: from a layer's input to its gate_up (what the backward pass needs),
 * and from there to the next layer's input. */
void pass_layer_activations(masa_pass *pass, size_t l);

#endif
