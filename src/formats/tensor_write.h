/* What the writers of both formats share: where tensors come from, and their bytes. */
#ifndef MASA_FORMATS_TENSOR_WRITE_H
#define MASA_FORMATS_TENSOR_WRITE_H

#include <stdio.h>
#include <masa/model_file.h>

typedef struct formats_tensor_list {
    const masa_named_tensor *tensors; /* [n]; those whose data is NULL come from source */
    size_t n;
    const masa_model_file *source;
    masa_tensor_edit *edit; /* of those; or NULL */
    void *context;
} formats_tensor_list;

/* All tensors of an open model, to be loaded when written; free tensors. */
formats_tensor_list formats_tensor_list_of(const masa_model_file *source);

masa_tensor_type formats_stored_type(masa_save_dtype dtype);

/* Writes tensor i in the type (F32, F16 or BF16); rotary_dim as in masa_parameter.
 * A failing disk is seen later, by masa_file_commit. */
masa_status formats_tensor_write(FILE *file, const formats_tensor_list *list, size_t i,
                                 masa_tensor_type type, size_t rotary_dim, masa_error *err);

masa_status formats_safetensors_write(const char *path, const formats_tensor_list *list,
                                      masa_save_dtype dtype, masa_error *err);

#endif
