/* safetensors reading: 8 bytes of header length, the JSON header, the data. */
#include <masa/safetensors.h>
#include <masa/file.h>
#include <masa/memory.h>

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* The reference implementation's bound on the header. */
#define MOST_HEADER 100000000u

struct masa_safetensors {
    masa_mapping mapping;
    masa_safetensors_tensor *tensors; /* in order of data */
    size_t n;
    masa_safetensors_tensor **by_name;
};

static masa_status parse_type(const json_t *entry, const char *name, masa_tensor_type *out,
                              masa_error *err)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (!dtype) return MASA_FAIL(err, MASA_ERR_FORMAT, "tensor '%.80s' has no dtype", name);
    if (strcmp(dtype, "F32") == 0) *out = MASA_TENSOR_F32;
    else if (strcmp(dtype, "F16") == 0) *out = MASA_TENSOR_F16;
    else if (strcmp(dtype, "BF16") == 0) *out = MASA_TENSOR_BF16;
    else
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "tensor '%.80s' has dtype %.20s; F32, F16 and BF16 are supported",
                         name, dtype);
    return MASA_OK;
}

static bool parse_size(const json_t *value, size_t *out)
{
    json_int_t v = json_is_integer(value) ? json_integer_value(value) : -1;
    if (v < 0) return false;
    *out = (size_t)v;
    return true;
}

static masa_status parse_shape(const json_t *entry, masa_safetensors_tensor *t, masa_error *err)
{
    const json_t *shape = json_object_get(entry, "shape");
    size_t n_dims = json_array_size(shape);
    bool good = json_is_array(shape) && n_dims <= MASA_SAFETENSORS_DIMS;
    t->n = 1;
    for (size_t i = 0; good && i < n_dims; i++)
        good = parse_size(json_array_get(shape, i), &t->dims[i]) &&
               masa_size_mul(t->n, t->dims[i], &t->n);
    t->n_dims = (unsigned)n_dims;
    if (good) return MASA_OK;
    return MASA_FAIL(err, MASA_ERR_FORMAT, "tensor '%.80s' has an impossible shape", t->name);
}

static masa_status parse_tensor(masa_safetensors_tensor *t, const char *name,
                                const json_t *entry, const uint8_t *data, size_t size,
                                masa_error *err)
{
    t->name = name;
    masa_status st = parse_type(entry, name, &t->type, err);
    if (st == MASA_OK) st = parse_shape(entry, t, err);
    if (st != MASA_OK) return st;
    const json_t *offsets = json_object_get(entry, "data_offsets");
    size_t begin, end, bytes;
    if (json_array_size(offsets) != 2 || !parse_size(json_array_get(offsets, 0), &begin) ||
        !parse_size(json_array_get(offsets, 1), &end) || begin > end)
        return MASA_FAIL(err, MASA_ERR_FORMAT, "tensor '%.80s' has no valid data_offsets",
                         name);
    if (end > size)
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "the data of tensor '%.80s' end at byte %zu of %zu; the file is "
                         "truncated or corrupted, fetch it again",
                         name, end, size);
    if (!masa_size_mul(t->n, masa_tensor_type_layout(t->type)->bytes, &bytes) ||
        bytes != end - begin)
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "tensor '%.80s' has %zu bytes, which is not its shape times its "
                         "type",
                         name, end - begin);
    t->data = data + begin;
    return MASA_OK;
}

static int compare_data(const void *a, const void *b)
{
    const masa_safetensors_tensor *x = a, *y = b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    if (x->n != y->n) return x->n < y->n ? -1 : 1; /* empty tensors come first */
    return strcmp(x->name, y->name);
}

static int compare_names(const void *a, const void *b)
{
    const masa_safetensors_tensor *x = *(masa_safetensors_tensor *const *)a;
    const masa_safetensors_tensor *y = *(masa_safetensors_tensor *const *)b;
    return strcmp(x->name, y->name);
}

/* The format allows no holes and no overlaps, so nothing can hide in a file. */
static masa_status check_tiling(const masa_safetensors *file, const uint8_t *data, size_t size,
                                masa_error *err)
{
    const uint8_t *at = data;
    for (size_t i = 0; i < file->n; i++) {
        const masa_safetensors_tensor *t = &file->tensors[i];
        if (t->data != at)
            return MASA_FAIL(err, MASA_ERR_FORMAT,
                             "the data of tensor '%.80s' do not follow the tensor before it",
                             t->name);
        at += t->n * masa_tensor_type_layout(t->type)->bytes;
    }
    if (at != data + size)
        return MASA_FAIL(err, MASA_ERR_FORMAT, "%zu bytes after the last tensor",
                         (size_t)(data + size - at));
    return MASA_OK;
}

static masa_status parse_header(masa_safetensors *file, const json_t *header,
                                const uint8_t *data, size_t size, masa_error *err)
{
    masa_status st = MASA_OK;
    file->tensors = masa_alloc(json_object_size(header), sizeof *file->tensors);
    const char *key;
    json_t *entry;
    json_object_foreach((json_t *)(uintptr_t)header, key, entry)
    {
        if (strcmp(key, "__metadata__") == 0) continue;
        st = parse_tensor(&file->tensors[file->n++], masa_strdup(key), entry, data, size, err);
        if (st != MASA_OK) return st;
    }
    qsort(file->tensors, file->n, sizeof *file->tensors, compare_data);
    st = check_tiling(file, data, size, err);
    if (st != MASA_OK) return st;
    file->by_name = masa_alloc(file->n, sizeof *file->by_name);
    for (size_t i = 0; i < file->n; i++) file->by_name[i] = &file->tensors[i];
    qsort(file->by_name, file->n, sizeof *file->by_name, compare_names);
    return MASA_OK;
}

masa_status masa_safetensors_open_memory(masa_safetensors **out, const void *data, size_t size,
                                         masa_error *err)
{
    const uint8_t *bytes = data;
    uint64_t length = 0;
    if (size >= sizeof length) memcpy(&length, bytes, sizeof length);
    if (size < sizeof length || length < 2 || length > MOST_HEADER ||
        length > size - sizeof length)
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "not a whole safetensors file: a header of %" PRIu64
                         " bytes in a file of %zu",
                         length, size);
    const char *text = (const char *)bytes + sizeof length;
    json_error_t where;
    json_t *header = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(header)) {
        json_decref(header);
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "the safetensors header is not a JSON object"
                         "%s%.100s",
                         header ? "" : ": ", header ? "" : where.text);
    }
    masa_safetensors *file = masa_alloc(1, sizeof *file);
    size_t head = sizeof length + (size_t)length;
    masa_status st = parse_header(file, header, bytes + head, size - head, err);
    json_decref(header);
    if (st == MASA_OK) *out = file;
    else masa_safetensors_close(file);
    return st;
}

/* The mapping is taken. */
static masa_status open_mapping(masa_safetensors **out, masa_mapping mapping, const char *path,
                                masa_error *err)
{
    masa_status st = masa_safetensors_open_memory(out, mapping.data, mapping.size, err);
    if (st == MASA_OK) {
        (*out)->mapping = mapping;
        return MASA_OK;
    }
    masa_error_at(err, path, 0);
    masa_file_unmap(&mapping);
    return st;
}

masa_status masa_safetensors_open(masa_safetensors **out, const char *path, masa_error *err)
{
    masa_mapping mapping = {0};
    masa_status st = masa_file_map(&mapping, path, err);
    return st == MASA_OK ? open_mapping(out, mapping, path, err) : st;
}

masa_status masa_safetensors_load(masa_safetensors **out, const char *path, masa_error *err)
{
    masa_mapping mapping = {0};
    masa_status st = masa_file_load(&mapping, path, err);
    return st == MASA_OK ? open_mapping(out, mapping, path, err) : st;
}

void masa_safetensors_close(masa_safetensors *file)
{
    if (!file) return;
    for (size_t i = 0; i < file->n; i++) free((void *)(uintptr_t)file->tensors[i].name);
    free(file->tensors);
    free(file->by_name);
    masa_file_unmap(&file->mapping);
    free(file);
}

const masa_safetensors_tensor *masa_safetensors_find(const masa_safetensors *file,
                                                     const char *name)
{
    masa_safetensors_tensor wanted = {.name = name};
    masa_safetensors_tensor *p = &wanted;
    masa_safetensors_tensor **hit =
        bsearch(&p, file->by_name, file->n, sizeof *file->by_name, compare_names);
    return hit ? *hit : NULL;
}

size_t masa_safetensors_count(const masa_safetensors *file)
{
    return file->n;
}

const masa_safetensors_tensor *masa_safetensors_get(const masa_safetensors *file, size_t i)
{
    return &file->tensors[i];
}
