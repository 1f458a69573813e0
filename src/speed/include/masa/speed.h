/**
 * How fast a model is on this machine, beside what the machine can do: prompts, decoding, groups
 * as GRPO samples them, training passes, a whole step, and the cost of a token by its context.
 *
 *     static void see(void *context, const masa_speed_row *row) { ... }
 *
 *     masa_speed_options o = {.sections = 1u << MASA_SPEED_PEAKS | 1u << MASA_SPEED_DECODE,
 *                             .kept_memory = -1};
 *     st = masa_speed_measure(model, &o, &(masa_speed_report){.row = see}, err);
 *
 * Tokens are random: speed does not depend on them. What is longer than the model's context is
 * left out.
 */
#ifndef MASA_SPEED_H
#define MASA_SPEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/error.h>
#include <masa/model.h>

/* In the order in which they are measured. */
typedef enum masa_speed_section {
    MASA_SPEED_PEAKS,   /* large products in both types, and memory's bandwidth */
    MASA_SPEED_PREFILL, /* prompts of 512 tokens */
    MASA_SPEED_DECODE,  /* 256 new tokens after 64, by batch */
    MASA_SPEED_GROUPS,  /* 16 problems with 16 + 8 rollouts each, lengths spread */
    MASA_SPEED_TRAIN,   /* forward and backward pass by sequence length; an optimiser's step */
    MASA_SPEED_STEP,    /* 16 prompts, 8 rollouts of 256 tokens each, and the update on them */
    MASA_SPEED_CURVE,   /* time per token by context, decoding and training, attention apart */
    MASA_SPEED_SECTIONS,
} masa_speed_section;

/** "decode" */
const char *masa_speed_section_name(masa_speed_section section);
/** Whether any section of the set (bits 1 << section) wants a trainable model. */
bool masa_speed_trains(unsigned sections);

enum { MASA_SPEED_MOST = 16 }; /* values of one list */

/* A packed pass: so many sequences of one length. */
typedef struct masa_speed_pass {
    size_t count, length;
} masa_speed_pass;

/* What is measured. Lists and sizes replace the sections' own; n 0 or a size 0: nothing does. */
typedef struct masa_speed_options {
    unsigned sections; /* bits 1 << section */
    bool quick;        /* small sizes: under a minute for a small model */
    bool recompute;    /* train and curve: activations, in the backward pass */
    size_t batches[MASA_SPEED_MOST], n_batches; /* decode */
    masa_speed_pass passes[MASA_SPEED_MOST];    /* train */
    size_t n_passes;
    size_t contexts[MASA_SPEED_MOST], n_contexts; /* curve */
    size_t new_tokens;                            /* decode, groups and step */
    size_t prompts, group;                        /* step: prompts, and rollouts of one */
    long kept_memory; /* step: MiB for activations of rollouts; -1: half of what is free */
} masa_speed_options;

typedef struct masa_speed_peaks {
    double gemm_f32, gemm_bf16; /* FLOP/s of a large square product; 0: not measured */
    double bandwidth;           /* bytes/s */
} masa_speed_peaks;

/* One measurement. flops and bytes are what the work needs at the least. */
typedef struct masa_speed_row {
    masa_speed_section section;
    const char *name; /* good for the call */
    double tokens, seconds;
    double flops;   /* as masa_model_flops counts, for all tokens */
    double bytes;   /* moved to and from memory: weights once a step, keys and values */
    double planned; /* bytes that the program said it would need; 0: not asked */
    double peak;    /* bytes: the most that the process had during it, the model included */
    /* Of the roofline, which is the time that either the products at the measured peak or the
     * reading of memory at the measured bandwidth takes, whichever is longer; 0: without peaks. */
    double share;
} masa_speed_row;

/* What a token costs in a context, and attention's part of it. */
typedef struct masa_speed_cost {
    bool training; /* else decoding */
    size_t context;
    double seconds, attention; /* a token */
    double attention_flops;
} masa_speed_cost;

/* Where measurements go as they are made; NULL: nowhere. */
typedef struct masa_speed_report {
    void (*peaks)(void *context, const masa_speed_peaks *peaks);
    void (*row)(void *context, const masa_speed_row *row);
    void (*cost)(void *context, const masa_speed_cost *cost);
    void *context;
} masa_speed_report;

/** Measures the sections that were asked for. The model is loaded in the type that the device
 *  computes in, trainable where masa_speed_trains says so; its weights move by the optimiser's
 *  steps, whose rate is next to nothing. */
masa_status masa_speed_measure(masa_model *model, const masa_speed_options *options,
                               const masa_speed_report *report, masa_error *err);

#endif
