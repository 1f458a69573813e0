/**
 * A decoder-only transformer: float32 master weights, compute weights packed
 * from them once per optimiser step (the same for rollouts and training), the
 * training pass (pass.h) and the decoding pass (decode.h).
 *
 * All master parameters lie in one buffer of float32 on the device in a fixed order, so the
 * optimiser, checkpoints and norms are loops over one array.
 */
#ifndef MASA_MODEL_H
#define MASA_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/device.h>
#include <masa/dtype.h>
#include <masa/error.h>
#include <masa/linear.h>
#include <masa/model_config.h>
#include <masa/model_file.h>
#include <masa/parameters.h>

typedef struct masa_model masa_model;

typedef struct masa_model_options {
    masa_dtype compute; /* what products are computed in */
    bool trainable;     /* allocate gradients and prepare the backward products */
} masa_model_options;

/** Loads a GGUF file or a Hugging Face folder. */
masa_status masa_model_load(masa_model **out, const char *path,
                            const masa_model_options *options, masa_error *err);
/**
 * The same with weights that stay as they are, in the compute type alone: vectors in float32,
 * products as they are packed, the embedding once more. Trainable means that backward passes go
 * through it, to factors beside its maps (masa_linear_attach): it has no gradients of its own.
 */
masa_status masa_model_load_frozen(masa_model **out, const char *path,
                                   const masa_model_options *options, masa_error *err);
/** Random weights, normal with deviation 0.02 (norms 1, biases 0): for tests. */
masa_status masa_model_create(masa_model **out, const masa_model_config *config,
                              const masa_model_options *options, uint64_t seed,
                              masa_error *err);
/** Random weights to train from: normal with deviation 0.02 in the embedding and the head,
 *  1/sqrt(columns) in the other matrices, those that add to the residual stream divided by
 *  sqrt(2 layers); norms 1, biases 0. A function of the config and the seed. */
masa_status masa_model_create_fresh(masa_model **out, const masa_model_config *config,
                                    const masa_model_options *options, uint64_t seed,
                                    masa_error *err);
/** Reads other weights into a model, whose compute weights then follow. What cannot be read to its
 *  end, or has another shape (MASA_ERR_CONFIG), changes nothing: the files are copied into
 *  memory first. *spoiled: a device had no memory for a tensor on its way, and the weights are
 *  partly the old ones. */
masa_status masa_model_reload(masa_model *model, const char *path, bool *spoiled,
                              masa_error *err);
void masa_model_destroy(masa_model *model);

const masa_model_config *masa_model_get_config(const masa_model *model);
masa_dtype masa_model_dtype(const masa_model *model);
size_t masa_model_parameter_count(const masa_model *model); /* floats in the buffer */
float DEVICE *masa_model_values(masa_model *model);         /* [count], NULL if frozen */
float DEVICE *masa_model_grads(masa_model *model);          /* [count], NULL without any */
bool masa_model_is_frozen(const masa_model *model);
/** Whether the squares of all weights have a finite sum in float64; of a frozen model, of those
 *  that were read. */
bool masa_model_is_finite(const masa_model *model);
/** Its parameters; q, k, v (and gate, up) are entries whose rows follow one another in memory. */
const masa_parameter *masa_model_parameters(const masa_model *model, size_t *n);

/** The map that a matrix of a layer is a part of, its output number *first and those after. */
masa_linear *masa_model_map(masa_model *model, const masa_parameter *matrix, size_t *first);

/** Repacks compute weights after masa_model_values were changed; a frozen model has none. */
void masa_model_refresh(masa_model *model);

/** Whether decoding computes a token's activations to the same bits as the training pass: the
 *  first call tries it for every shape of the layers' products (masa_linear_rows_agree). */
bool masa_model_rows_agree(masa_model *model);

/** Tells models apart, not bit flips: a hash of every 997th weight (frozen: as it was read). */
uint64_t masa_model_fingerprint(const masa_model *model);

/** Writes the weights and config as a Hugging Face folder. Not of a frozen model. */
masa_status masa_model_save(const masa_model *model, const char *folder, masa_save_dtype dtype,
                            masa_error *err);

/** Bytes held: master weights, gradients and packed weights. */
size_t masa_model_bytes(const masa_model *model);
/** The same of a model that is not there yet, for the memory plan; packed weights without what a
 *  device's layout adds to them. */
size_t masa_model_bytes_needed(const masa_model_config *config,
                               const masa_model_options *options);
size_t masa_model_frozen_bytes_needed(const masa_model_config *config,
                                      const masa_model_options *options);

/** FLOPs of one token's forward pass at a context of `context` tokens: 2 per
 *  multiply-add of every weight (head included when with_head) and of attention. */
double masa_model_flops(const masa_model_config *config, double context, bool with_head);

#endif
