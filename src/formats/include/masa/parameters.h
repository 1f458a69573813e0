/**
 * Which parameters a model of a description has: names, shapes, and where each lies in the one
 * buffer of float32 that holds them all. One table serves every format, the model, its
 * optimiser and the plan of memory.
 */
#ifndef MASA_PARAMETERS_H
#define MASA_PARAMETERS_H

#include <stdint.h>
#include <masa/model_config.h>

/** What a parameter is for: every one that any of the architectures has. Those of one product
 *  are neighbours here and in memory, so that one product serves q, k and v, and one serves
 *  gate and up. */
typedef enum masa_slot {
    MASA_SLOT_EMBEDDING,
    MASA_SLOT_INPUT_NORM,
    MASA_SLOT_Q,
    MASA_SLOT_K,
    MASA_SLOT_V,
    MASA_SLOT_Q_BIAS,
    MASA_SLOT_K_BIAS,
    MASA_SLOT_V_BIAS,
    MASA_SLOT_Q_NORM,
    MASA_SLOT_K_NORM,
    MASA_SLOT_OUT,
    MASA_SLOT_MLP_NORM,
    MASA_SLOT_GATE,
    MASA_SLOT_UP,
    MASA_SLOT_DOWN,
    MASA_SLOT_FINAL_NORM,
    MASA_SLOT_HEAD,
    MASA_SLOTS
} masa_slot;

#define MASA_NO_LAYER SIZE_MAX

typedef struct masa_parameter {
    masa_slot slot;
    size_t layer;              /* MASA_NO_LAYER: of none */
    size_t offset, rows, cols; /* offset in floats into the buffer */
    bool vector;               /* one-dimensional: rows is 1 */
    bool decay;                /* weight decay applies (matrices, not norms or biases) */
    size_t rotary_dim;         /* head size if GGUF keeps its outputs interleaved, else 0 */
    char name[64];             /* Hugging Face: "model.layers.0.self_attn.q_proj.weight" */
    char gguf_name[32];        /* "blk.0.attn_q.weight" */
} masa_parameter;

/** All n parameters of a checked config in the order of memory; the caller frees. */
masa_parameter *masa_parameters_make(const masa_model_config *config, size_t *n);
/** Floats that such a list takes. */
size_t masa_parameters_total(const masa_parameter *parameters, size_t n);

#endif
