/**
 * LoRA (Hu et al. 2021, arXiv:2106.09685) as a reparametrisation: the model's
 * matrices hold W0 + (alpha/r) B A at all times, so rollouts and the training
 * pass know nothing of it, and gradients of A and B are exact projections of
 * the matrices' own:  dB = s dW A^T,  dA = s B^T dW.
 *
 * Beside a frozen model (masa_model_load_frozen) the factors stay by themselves: every product
 * that has some multiplies by them too, y = x W0^T + s (x A^T) B^T, and no matrix W has room in
 * float32, or a gradient. "Merging" is then to pack the factors for these products.
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

/** For the memory plan, of a model of the config: bytes beside the model's, and trained numbers. */
size_t masa_lora_bytes_needed(const masa_model_config *config, const masa_lora_options *options,
                              masa_dtype compute, bool frozen);
size_t masa_lora_count_needed(const masa_model_config *config,
                              const masa_lora_options *options);

size_t masa_lora_count(const masa_lora *lora);   /* trained numbers */
float DEVICE *masa_lora_values(masa_lora *lora); /* [count] */
float DEVICE *masa_lora_grads(masa_lora *lora);  /* [count] */

/** Fills the factors' gradients from the model's, or from what its products have summed since
 *  masa_lora_clear (overwrites). */
void masa_lora_project(masa_lora *lora);
void masa_lora_clear(masa_lora *lora);
/** Writes W0 + s B A into the model's values; the caller refreshes the model. */
void masa_lora_merge(masa_lora *lora);

/** weights [rows * cols] on the host += s B A if the matrix of this name has factors. */
masa_status masa_lora_add(const masa_lora *lora, const char *name, float *weights,
                          masa_error *err);

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
