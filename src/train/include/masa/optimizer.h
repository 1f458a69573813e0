/**
 * AdamW over the model's parameters (or LoRA's factors), with a learning-rate
 * schedule and clipping of the gradient's norm.
 */
#ifndef MASA_OPTIMIZER_H
#define MASA_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <masa/error.h>
#include <masa/lora.h>
#include <masa/model.h>

typedef enum masa_schedule {
    MASA_SCHEDULE_CONSTANT,
    MASA_SCHEDULE_COSINE, /* to 0 after total_steps */
    MASA_SCHEDULE_LINEAR, /* to 0 after total_steps */
} masa_schedule;

typedef struct masa_optimizer_options {
    double lr, beta1, beta2, eps, weight_decay;
    double grad_clip; /* largest norm of the whole gradient; 0: off */
    masa_schedule schedule;
    size_t warmup_steps; /* linear, from lr/warmup_steps */
    size_t total_steps;  /* for the schedules that end */
    bool
        sharded; /* each process (masa/dist.h) keeps the moments of its part and steps it alone */
    masa_dtype moments; /* what they are kept in; bf16 is rounded as masa/adamw.h says */
    bool on_host;       /* they lie in the host's memory, and the processor does the step */
} masa_optimizer_options;

typedef struct masa_optimizer masa_optimizer;

/** lora NULL: all parameters. The model and lora are borrowed. */
masa_status masa_optimizer_create(masa_optimizer **out, masa_model *model, masa_lora *lora,
                                  const masa_optimizer_options *options, masa_error *err);
void masa_optimizer_destroy(masa_optimizer *optimizer);
/** Bytes it takes for n trained parameters, of this process if they are sharded: of the device's
 *  memory, or with options->on_host of the host's. */
size_t masa_optimizer_bytes(size_t n, const masa_optimizer_options *options);

/** The gradient [*n] that the next step takes, from what was accumulated in the model: of factors
 *  theirs. Until that step, or masa_optimizer_clear, it is the caller's to change. */
float DEVICE *masa_optimizer_gradient(masa_optimizer *optimizer, size_t *n);
/** It becomes the sum of all processes' gradients, for the step to be taken by all of them; a
 *  collective. Sharded, so does what this process steps, and the rest is of no use. */
masa_status masa_optimizer_sum(masa_optimizer *optimizer, masa_error *err);
/** Drops what was accumulated. */
void masa_optimizer_clear(masa_optimizer *optimizer);

/**
 * One update from the accumulated gradients, which it zeroes; repacks the
 * model's compute weights. The rate is lr_scale times the schedule's for the updates done
 * so far. *grad_norm (may be NULL) is the norm before clipping. A gradient that is not
 * finite changes nothing and is MASA_ERR_NUMERIC. Sharded it is a collective, from which all
 * have the same weights, bit for bit those of one that is not.
 */
masa_status masa_optimizer_step(masa_optimizer *optimizer, double lr_scale, double *grad_norm,
                                masa_error *err);
/** The same at rate lr, for callers with a schedule, or a rate, of their own. */
masa_status masa_optimizer_step_at(masa_optimizer *optimizer, double lr, double *grad_norm,
                                   masa_error *err);
/** Changes options.total_steps, for callers that learn it late. */
void masa_optimizer_set_total(masa_optimizer *optimizer, size_t total_steps);

/** The rate that the schedule gives update number `update` (1-based). */
double masa_optimizer_rate(const masa_optimizer *optimizer, size_t update);

/** The rate that step number `step` (1-based) uses. */
double masa_learning_rate(const masa_optimizer_options *options, size_t step);

/** Steps done. */
size_t masa_optimizer_steps(const masa_optimizer *optimizer);

/** Numbers that it trains. */
size_t masa_optimizer_count(const masa_optimizer *optimizer);
/** Copies n of the first moments (or the second ones) from number `first` on to the host, whoever
 *  keeps them: for a checkpoint, which does not know how many processes there are. Sharded it is
 *  a collective. */
masa_status masa_optimizer_moments(masa_optimizer *optimizer, float *to, bool second,
                                   size_t first, size_t n, masa_error *err);
/** The way back: the first moments (or the second ones) of all that is trained, of which it takes
 *  those that it keeps; and the steps that were done. */
void masa_optimizer_restore(masa_optimizer *optimizer, const float *from, bool second);
void masa_optimizer_set_steps(masa_optimizer *optimizer, long steps);

#endif
