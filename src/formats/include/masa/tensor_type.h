/**
 * How tensor elements lie in a file: plain floats, or blocks of quantised
 * integers with scales. The numbers are those of the GGUF format.
 */
#ifndef MASA_TENSOR_TYPE_H
#define MASA_TENSOR_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum masa_tensor_type {
    MASA_TENSOR_F32 = 0,
    MASA_TENSOR_F16 = 1,
    MASA_TENSOR_Q4_0 = 2,
    MASA_TENSOR_Q4_1 = 3,
    MASA_TENSOR_Q5_0 = 6,
    MASA_TENSOR_Q5_1 = 7,
    MASA_TENSOR_Q8_0 = 8,
    MASA_TENSOR_Q4_K = 12,
    MASA_TENSOR_Q5_K = 13,
    MASA_TENSOR_Q6_K = 14,
    MASA_TENSOR_BF16 = 30,
} masa_tensor_type;

/** The names above, for error messages: "F32, F16, ...". */
#define MASA_TENSOR_TYPE_LIST "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K"

typedef struct masa_tensor_layout {
    const char *name;
    size_t block; /* elements in a block; rows are whole blocks */
    size_t bytes; /* bytes of a block */
} masa_tensor_layout;

/** The layout of a type number found in a file, or NULL if it is not supported. */
const masa_tensor_layout *masa_tensor_type_layout(uint32_t type);

/**
 * out[i] = value of element i, for i < n.
 *
 * data  n / block blocks of the type, of any alignment
 * n     a multiple of the type's block
 *
 * Exact for F32, F16 and BF16; the quantised types follow ggml's definitions
 * (value = scale * q, or scale * q + minimum) in float32. One thread.
 */
void masa_tensor_dequantize(float *out, masa_tensor_type type, const void *data, size_t n);

#endif
