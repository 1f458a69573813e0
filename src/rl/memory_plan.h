/* What a run will hold in memory, known before any of it is allocated. */
#ifndef RL_MEMORY_PLAN_H
#define RL_MEMORY_PLAN_H

#include <stdio.h>
#include <masa/config.h>
#include <masa/generate.h>
#include <masa/model_config.h>
#include "session.h"

/* Bytes of the device's memory. */
typedef struct rl_memory_plan {
    size_t weights; /* float32 masters and packed compute weights */
    size_t gradients;
    size_t optimizer;
    size_t host;        /* of the optimiser's, what a GPU's host keeps; not in total */
    size_t reference;   /* the frozen model and its buffers */
    size_t cache;       /* keys, values and decoding buffers; 0: nothing is generated */
    size_t activations; /* of a training pass */
    size_t total;
    bool recompute;   /* activations are recomputed in the backward pass */
    size_t kept_rows; /* tokens of rollouts whose activations may be kept */
    size_t kept;      /* bytes that these take if all are used; not in total */
} rl_memory_plan;

/* Of `wants` counts which engines there are. generator NULL: the run generates nothing. With
 * optimizer.recompute=auto activations are recomputed when the plan would else
 * be larger than available bytes (0: unknown). What is left of them may be used to keep
 * rollouts' activations (rollout.kept_memory). */
rl_memory_plan rl_memory_plan_make(const masa_config *config, const masa_model_config *model,
                                   masa_dtype compute, const rl_session_options *wants,
                                   const masa_generator_options *generator, size_t available);

/* Writes the plan as one line to log (NULL: nowhere); MASA_ERR_MEMORY, saying which
 * settings to lower, when it is more than available (0: unknown). */
masa_status rl_memory_plan_check(const rl_memory_plan *plan, size_t available, FILE *log,
                                 masa_error *err);

/* Both for the model in a folder or file and this machine, its host's memory too, before anything
 * large is allocated. Sets wants->recompute and wants->kept_rows; reads what else is wanted. */
masa_status rl_memory_reserve(const masa_config *config, const char *model,
                              rl_session_options *wants,
                              const masa_generator_options *generator, FILE *log,
                              masa_error *err);

/* A line with what the process really took, for comparison; log NULL: nothing. */
void rl_memory_report(FILE *log);

#endif
