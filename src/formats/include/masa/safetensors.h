/**
 * safetensors files: a JSON header of names, types and shapes, then the bytes.
 * Format: https://huggingface.co/docs/safetensors. Reading is memory-mapped.
 */
#ifndef MASA_SAFETENSORS_H
#define MASA_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>
#include <masa/error.h>
#include <masa/model_file.h>
#include <masa/tensor_type.h>

typedef struct masa_safetensors masa_safetensors;

enum { MASA_SAFETENSORS_DIMS = 8 };

typedef struct masa_safetensors_tensor {
    const char *name;
    masa_tensor_type type;              /* F32, F16 or BF16 */
    unsigned n_dims;                    /* 0 (a scalar) to 8 */
    size_t dims[MASA_SAFETENSORS_DIMS]; /* row-major: the last one is contiguous */
    size_t n;                           /* elements: the product of dims */
    const uint8_t *data;                /* n elements, unaligned, inside the mapping */
} masa_safetensors_tensor;

/** Maps and checks a file; another element type is MASA_ERR_UNSUPPORTED. */
masa_status masa_safetensors_open(masa_safetensors **out, const char *path, masa_error *err);
/** The same of a copy in memory (masa_file_load). */
masa_status masa_safetensors_load(masa_safetensors **out, const char *path, masa_error *err);
/** The same over size bytes that the caller keeps until masa_safetensors_close. */
masa_status masa_safetensors_open_memory(masa_safetensors **out, const void *data, size_t size,
                                         masa_error *err);
void masa_safetensors_close(masa_safetensors *file);

/** Tensors: by name (NULL when absent), or in the order of their data, i < count.
 *  Borrowed until masa_safetensors_close. */
const masa_safetensors_tensor *masa_safetensors_find(const masa_safetensors *file,
                                                     const char *name);
size_t masa_safetensors_count(const masa_safetensors *file);
const masa_safetensors_tensor *masa_safetensors_get(const masa_safetensors *file, size_t i);

/** Writes tensors in the order given; the file is complete or absent. */
masa_status masa_safetensors_write(const char *path, const masa_named_tensor *tensors, size_t n,
                                   masa_save_dtype dtype, masa_error *err);

#endif
