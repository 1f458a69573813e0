/* Records of the decoding pass's activations, written and read a layer at a time. Rows that
 * are -1 are not kept. The last layer's number is that of the final residual, which has an
 * input alone. */
#ifndef MODEL_ACTIVATIONS_INTERNAL_H
#define MODEL_ACTIVATIONS_INTERNAL_H

#include <masa/activations.h>
#include "pass_internal.h"

/* From buffers of n rows, whose numbers `rows` [n] are: a layer's input, and (before its MLP
 * is added) all else. */
void activations_keep_input(masa_activations *kept, const int32_t DEVICE *rows, size_t n,
                            size_t l, const float DEVICE *input);
void activations_keep_rest(masa_activations *kept, const int32_t DEVICE *rows, size_t n,
                           size_t l, const pass_layer *layer);

/* Into buffers of n rows, none of which may be -1. */
void activations_recall(const masa_activations *kept, const int32_t DEVICE *rows, size_t n,
                        size_t l, const pass_layer *layer);

#endif
