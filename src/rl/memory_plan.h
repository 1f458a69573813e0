/* What a run will hold in memory, known before any of it is allocated. */
#ifndef RL_MEMORY_PLAN_H
#define RL_MEMORY_PLAN_H

#include <stdio.h>
#include <masa/config.h>
#include <masa/generate.h>
#include <masa/model_config.h>

/* Bytes. */
typedef struct rl_memory_plan {
    size_t weights;     /* float32 masters and packed compute weights */
    size_t gradients;
    size_t optimizer;
    size_t reference;   /* the frozen model and its buffers */
    size_t cache;       /* keys, values and decoding buffers; 0: nothing is generated */
    size_t activations; /* of a training pass */
    size_t total;
} rl_memory_plan;

/* generator NULL: the run generates nothing. */
rl_memory_plan rl_memory_plan_make(const masa_config *config, const masa_model_config *model,
                                   masa_dtype compute, bool reference,
                                   const masa_generator_options *generator);

/* Writes the plan as one line to log (NULL: nowhere); MASA_ERR_MEMORY, saying which
 * settings to lower, when this machine cannot give that much. */
masa_status rl_memory_plan_check(const rl_memory_plan *plan, FILE *log, masa_error *err);

/* Memory that a process may still take: what is free or in the file cache, within the
 * control group's limit. 0: unknown. */
size_t rl_memory_available(void);

#endif
