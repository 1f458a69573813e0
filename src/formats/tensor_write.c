#include "tensor_write.h"

#include "rotary.h"

#include <masa/dtype.h>
#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>

formats_tensor_list formats_tensor_list_of(const masa_model_file *source)
{
    formats_tensor_list list = {.source = source};
    const masa_tensor_info *infos = masa_model_file_tensors(source, &list.n);
    masa_named_tensor *tensors = masa_alloc(list.n, sizeof *tensors);
    for (size_t i = 0; i < list.n; i++)
        tensors[i] = (masa_named_tensor){.name = infos[i].name,
                                         .rows = infos[i].rows,
                                         .cols = infos[i].cols,
                                         .vector = infos[i].vector};
    list.tensors = tensors;
    return list;
}

masa_tensor_type formats_stored_type(masa_save_dtype dtype)
{
    return dtype == MASA_SAVE_F32   ? MASA_TENSOR_F32
           : dtype == MASA_SAVE_F16 ? MASA_TENSOR_F16
                                    : MASA_TENSOR_BF16;
}

/* False if a finite value became infinite. */
static bool to_f16(uint16_t *out, const float *in, size_t n)
{
    bool fits = true;
    for (size_t i = 0; i < n; i++) {
        out[i] = masa_f32_to_f16(in[i]);
        fits = fits && ((out[i] & 0x7FFFu) != 0x7C00u || isinf(in[i]));
    }
    return fits;
}

static void to_bf16(uint16_t *restrict out, const float *restrict in, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = masa_f32_to_bf16(in[i]);
}

/* buffer holds n 16-bit elements. */
static bool write_elements(FILE *file, const float *in, size_t n, masa_tensor_type type,
                           uint16_t *buffer)
{
    bool fits = true;
    if (type == MASA_TENSOR_F32) {
        fwrite(in, sizeof *in, n, file);
        return true;
    }
    if (type == MASA_TENSOR_F16) fits = to_f16(buffer, in, n);
    else to_bf16(buffer, in, n);
    fwrite(buffer, sizeof *buffer, n, file);
    return fits;
}

masa_status formats_tensor_write(FILE *file, const formats_tensor_list *list, size_t i,
                                 masa_tensor_type type, size_t rotary_dim, masa_error *err)
{
    const masa_named_tensor *t = &list->tensors[i];
    const float *data = t->data;
    void *loaded = NULL;
    uint16_t *buffer = NULL;
    masa_status st = MASA_OK;
    if (!data) {
        st = masa_alloc_large(&loaded, t->rows * t->cols, sizeof(float), "a tensor", err);
        if (st == MASA_OK)
            st = masa_model_file_read(list->source, t->name, loaded, t->rows, t->cols, err);
        if (st == MASA_OK && list->edit)
            st = list->edit(list->context, t->name, loaded, t->rows, t->cols, err);
        if (st != MASA_OK) goto out;
        data = loaded;
    }
    buffer = masa_alloc(t->cols, sizeof *buffer);
    size_t rows = t->rows, cols = t->cols;
    if (t->vector && rotary_dim) rows = t->cols, cols = 1; /* a bias is as its rows */
    bool fits = true;
    for (size_t row = 0; row < rows; row++) {
        size_t from = rotary_dim ? formats_plain_row(row, rotary_dim) : row;
        fits = write_elements(file, data + from * cols, cols, type, buffer) && fits;
    }
    if (!fits)
        st = MASA_FAIL(err, MASA_ERR_DATA,
                       "tensor '%s' holds values beyond float16's 65504; save as bf16 or f32",
                       t->name);
out:
    free(loaded);
    free(buffer);
    return st;
}
