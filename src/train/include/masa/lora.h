/**
 * LoRA (Hu et al. 2021, arXiv:2106.09685) as a reparametrisation: the model's
 * matrices hold W0 + (alpha/r) B A at all times, so rollouts and the training
 * pass know nothing of it, and gradients of A and B are exact projections of
 * the matrices' own:  dB = s dW A^T,  dA = s B^T dW.
 */
#ifndef MASA_LORA_H
#define MASA_LORA_H

#include <stddef.h>
#include <stdint.h>
#include <masa/error.h>
#include <masa/model.h>

typedef struct masa_lora masa_lora;

typedef struct masa_lora_options {
    size_t rank;
    double alpha;
    const char *targets; /* "all-linear", or names like "q_proj,v_proj" */
    uint64_t seed;       /* A starts uniform in +-1/sqrt(in), B at 0, as in PEFT */
} masa_lora_options;

/** Whether the targets are names as above; MASA_ERR_CONFIG. Needs no model. */
masa_status masa_lora_check_targets(const char *targets, masa_error *err);

/** The model's current weights become W0. To train the factors the model must be trainable. */
masa_status masa_lora_create(masa_lora **out, masa_model *model,
                             const masa_lora_options *options, masa_error *err);
void masa_lora_destroy(masa_lora *lora);

size_t masa_lora_count(const masa_lora *lora);   /* trained numbers */
float DEVICE *masa_lora_values(masa_lora *lora); /* [count] */
float DEVICE *masa_lora_grads(masa_lora *lora);  /* [count] */

/** Fills the factors' gradients from the model's (overwrites). */
void masa_lora_project(masa_lora *lora);
/** Writes W0 + s B A into the model's values; the caller refreshes the model. */
void masa_lora_merge(masa_lora *lora);

/**
 * For factors that act at times only: takes the model's values as W0 and merges, or gives the
 * model that W0 back, bit for bit. The caller refreshes the model.
 */
void masa_lora_attach(masa_lora *lora);
void masa_lora_detach(masa_lora *lora);

/**
 * Writes adapter_config.json and adapter_model.safetensors (float32) into an
 * existing folder, in the format PEFT loads. base names the base model.
 */
masa_status masa_lora_save(const masa_lora *lora, const char *folder, const char *base,
                           masa_error *err);
/** Reads the factors of an adapter_model.safetensors in `folder` written for the same
 *  model, rank and targets, and merges them; the caller refreshes the model. Another
 *  shape or a missing factor is MASA_ERR_FORMAT; factors that make weights that are not finite
 *  MASA_ERR_NUMERIC, and the model keeps its own. */
masa_status masa_lora_load(masa_lora *lora, const char *folder, masa_error *err);
/** The same with rank, scale and targets as the folder's adapter_config.json says. */
masa_status masa_lora_open(masa_lora **out, masa_model *model, const char *folder,
                           masa_error *err);

#endif
