/* safetensors writing: nothing in a file depends on anything but its tensors, so the
 * same weights always give the same bytes. */
#include <masa/safetensors.h>
#include <masa/file.h>
#include <masa/memory.h>

#include "tensor_write.h"

#include <string.h>

static masa_status make_header(masa_text *out, const formats_tensor_list *list,
                               masa_tensor_type type, masa_error *err)
{
    const masa_tensor_layout *layout = masa_tensor_type_layout(type);
    size_t at = 0;
    /* transformers refuses files that do not name the framework that wrote them. */
    masa_text_add(out, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (size_t i = 0; i < list->n; i++) {
        const masa_named_tensor *t = &list->tensors[i];
        size_t bytes;
        if (!masa_size_mul(t->rows, t->cols, &bytes) ||
            !masa_size_mul(bytes, layout->bytes, &bytes))
            return MASA_FAIL(err, MASA_ERR_MEMORY, "tensor '%s' is too large", t->name);
        masa_text_add(out, ",");
        masa_text_add_json(out, t->name, strlen(t->name));
        masa_text_addf(out, ":{\"dtype\":\"%s\",\"shape\":[", layout->name);
        if (!t->vector) masa_text_addf(out, "%zu,", t->rows);
        masa_text_addf(out, "%zu],\"data_offsets\":[%zu,%zu]}", t->cols, at, at + bytes);
        at += bytes;
    }
    masa_text_add(out, "}");
    while (out->size % 8) masa_text_add(out, " "); /* aligns the data */
    return MASA_OK;
}

masa_status formats_safetensors_write(const char *path, const formats_tensor_list *list,
                                      masa_save_dtype dtype, masa_error *err)
{
    masa_output sink;
    masa_text header = {0};
    masa_tensor_type type = formats_stored_type(dtype);
    masa_status st = make_header(&header, list, type, err);
    if (st == MASA_OK) st = masa_file_begin(&sink, path, err);
    if (st != MASA_OK) goto out;
    uint64_t length = header.size;
    fwrite(&length, sizeof length, 1, sink.file);
    fwrite(header.data, 1, header.size, sink.file);
    for (size_t i = 0; i < list->n && st == MASA_OK; i++)
        st = formats_tensor_write(sink.file, list, i, type, 0, err);
    if (st == MASA_OK) st = masa_file_commit(&sink, err);
    else masa_file_abort(&sink);
out:
    masa_text_deinit(&header);
    return st;
}

masa_status masa_safetensors_write(const char *path, const masa_named_tensor *tensors, size_t n,
                                   masa_save_dtype dtype, masa_error *err)
{
    return formats_safetensors_write(path, &(formats_tensor_list){.tensors = tensors, .n = n},
                                     dtype, err);
}
