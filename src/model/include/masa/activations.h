/**
 * What the decoding pass computed, kept for the training pass. The policy that samples a
 * rollout is the one that is trained on it first, and a training pass's forward half would
 * compute every number of it again, to the same bits: with the activations kept it begins
 * with the head. They take some six hidden sizes of floats a token and layer
 * (masa_activations_bytes), so how many tokens are kept is a matter of memory.
 */
#ifndef MASA_ACTIVATIONS_H
#define MASA_ACTIVATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/model.h>

typedef struct masa_activations masa_activations;

/** Room for `rows` tokens. Memory is taken from the system row by row as it is used. */
masa_status masa_activations_create(masa_activations **out, const masa_model *model,
                                    size_t rows, masa_error *err);
void masa_activations_destroy(masa_activations *kept);
/** Bytes of so many rows, SIZE_MAX if they overflow. */
size_t masa_activations_bytes(const masa_model_config *config, masa_dtype compute, size_t rows);

/** Forgets all rows: the weights have changed, or nobody needs them any more. */
void masa_activations_clear(masa_activations *kept);
/** Rows taken since then. */
size_t masa_activations_used(const masa_activations *kept);
/** From here on at most `room` bytes are taken from the system beside those that it has. */
void masa_activations_limit(masa_activations *kept, size_t room);

/** Sets n rows aside for masa_activations_take; false if there are not so many. */
bool masa_activations_promise(masa_activations *kept, size_t n);
/** Gives back n rows that were promised and never taken. */
void masa_activations_release(masa_activations *kept, size_t n);
/** A row of those promised. */
int32_t masa_activations_take(masa_activations *kept);

#endif
