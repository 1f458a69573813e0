/**
 * A model on disk, whatever its format: a GGUF file, or a Hugging Face folder
 * (config.json, safetensors single or sharded). Tensors carry Hugging Face
 * names and layouts in both cases ("model.layers.0.self_attn.q_proj.weight";
 * the rotary permutation of GGUF's Llama q and k is undone on reading).
 */
#ifndef MASA_MODEL_FILE_H
#define MASA_MODEL_FILE_H

#include <masa/error.h>
#include <masa/model_config.h>
#include <masa/tensor_type.h>

typedef struct masa_model_file masa_model_file;

/** Opens and validates everything but the tensor data; memory-mapped. */
masa_status masa_model_file_open(masa_model_file **out, const char *path, masa_error *err);
/** The same of a copy in memory, for files that somebody may be writing (masa_file_load): what is
 *  cut short is an error here, and reading meets none. */
masa_status masa_model_file_load(masa_model_file **out, const char *path, masa_error *err);
void masa_model_file_close(masa_model_file *file);
const masa_model_config *masa_model_file_config(const masa_model_file *file);

/**
 * Reads tensor `name` as float32 into data[rows*cols] (row-major; a vector has
 * rows 1), dequantising. A missing tensor or another shape is MASA_ERR_FORMAT
 * naming the tensor, the file and both shapes.
 */
masa_status masa_model_file_read(const masa_model_file *file, const char *name, float *data,
                                 size_t rows, size_t cols, masa_error *err);

/* A tensor of the file; name as above. */
typedef struct masa_tensor_info {
    const char *name;
    size_t rows, cols; /* rows 1 for a vector */
    bool vector;
    masa_tensor_type type; /* as stored */
} masa_tensor_info;

/** All n tensors the model has, in the order they are used; borrowed. A tied head is
 *  not among them. */
const masa_tensor_info *masa_model_file_tensors(const masa_model_file *file, size_t *n);
/** "GGUF" or "Hugging Face folder". */
const char *masa_model_file_format(const masa_model_file *file);

/* A tensor to be written. */
typedef struct masa_named_tensor {
    const char *name; /* Hugging Face name */
    const float *data;
    size_t rows, cols; /* rows 1 and vector true: a one-dimensional tensor */
    bool vector;
} masa_named_tensor;

typedef enum masa_save_dtype { MASA_SAVE_F32, MASA_SAVE_F16, MASA_SAVE_BF16 } masa_save_dtype;

/**
 * Writes config.json, generation_config.json and model.safetensors into an
 * existing folder. Each file is complete or absent. The tokenizer's files are
 * written by masa_tokenizer_save.
 */
masa_status masa_model_folder_write(const char *folder, const masa_model_config *config,
                                    const masa_named_tensor *tensors, size_t n,
                                    masa_save_dtype dtype, masa_error *err);
/* Changes a tensor that was read, before it is written: data [rows * cols]. */
typedef masa_status masa_tensor_edit(void *context, const char *name, float *data, size_t rows,
                                     size_t cols, masa_error *err);
/** The same with the tensors of an open model, one in memory at a time; edit NULL: as they are. */
masa_status masa_model_folder_write_file(const char *folder, const masa_model_file *source,
                                         masa_tensor_edit *edit, void *context,
                                         masa_save_dtype dtype, masa_error *err);

#endif
