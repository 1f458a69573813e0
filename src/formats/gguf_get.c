/* Questions to an open GGUF file. Everything was checked when it was opened. */
#include "gguf_internal.h"

#include <stdlib.h>
#include <string.h>

size_t gguf_scalar_size(uint32_t type)
{
    switch (type) {
    case MASA_GGUF_U8:
    case MASA_GGUF_I8:
    case MASA_GGUF_BOOL: return 1;
    case MASA_GGUF_U16:
    case MASA_GGUF_I16: return 2;
    case MASA_GGUF_U32:
    case MASA_GGUF_I32:
    case MASA_GGUF_F32: return 4;
    case MASA_GGUF_U64:
    case MASA_GGUF_I64:
    case MASA_GGUF_F64: return 8;
    default: return 0;
    }
}

static int compare_strings(masa_gguf_string a, masa_gguf_string b)
{
    size_t n = a.size < b.size ? a.size : b.size;
    int order = n ? memcmp(a.data, b.data, n) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

int gguf_compare_entries(const void *a, const void *b)
{
    return compare_strings((*(const gguf_entry *const *)a)->key,
                           (*(const gguf_entry *const *)b)->key);
}

int gguf_compare_tensors(const void *a, const void *b)
{
    return compare_strings((*(const masa_gguf_tensor *const *)a)->name,
                           (*(const masa_gguf_tensor *const *)b)->name);
}

static const gguf_entry *find_entry(const masa_gguf *g, const char *key)
{
    gguf_entry wanted = {.key = {key, strlen(key)}};
    const gguf_entry *p = &wanted;
    if (!g->entries_by_key) return NULL;
    const gguf_entry **hit = bsearch(&p, g->entries_by_key, g->n_entries,
                                     sizeof *g->entries_by_key, gguf_compare_entries);
    return hit ? *hit : NULL;
}

bool masa_gguf_get_string(const masa_gguf *gguf, const char *key, masa_gguf_string *out)
{
    const gguf_entry *e = find_entry(gguf, key);
    if (!e || e->type != MASA_GGUF_STRING) return false;
    *out = e->string;
    return true;
}

static bool load_integer(masa_gguf_type type, const uint8_t *p, int64_t *out)
{
    union {
        uint8_t u8;
        int8_t i8;
        uint16_t u16;
        int16_t i16;
        uint32_t u32;
        int32_t i32;
        uint64_t u64;
        int64_t i64;
    } v = {0};
    size_t size = gguf_scalar_size(type);
    if (size == 0 || type == MASA_GGUF_F32 || type == MASA_GGUF_F64) return false;
    memcpy(&v, p, size);
    switch (type) {
    case MASA_GGUF_BOOL: *out = v.u8 != 0; break;
    case MASA_GGUF_U8: *out = v.u8; break;
    case MASA_GGUF_I8: *out = v.i8; break;
    case MASA_GGUF_U16: *out = v.u16; break;
    case MASA_GGUF_I16: *out = v.i16; break;
    case MASA_GGUF_U32: *out = v.u32; break;
    case MASA_GGUF_I32: *out = v.i32; break;
    case MASA_GGUF_U64:
        if (v.u64 > INT64_MAX) return false;
        *out = (int64_t)v.u64;
        break;
    default: *out = v.i64; break;
    }
    return true;
}

static bool load_float(masa_gguf_type type, const uint8_t *p, double *out)
{
    int64_t integer;
    float f;
    if (type == MASA_GGUF_F32) {
        memcpy(&f, p, sizeof f);
        *out = f;
    } else if (type == MASA_GGUF_F64) {
        memcpy(out, p, sizeof *out);
    } else if (load_integer(type, p, &integer)) {
        *out = (double)integer;
    } else {
        return false;
    }
    return true;
}

bool masa_gguf_get_integer(const masa_gguf *gguf, const char *key, int64_t *out)
{
    const gguf_entry *e = find_entry(gguf, key);
    return e && e->data && load_integer(e->type, e->data, out);
}

bool masa_gguf_get_float(const masa_gguf *gguf, const char *key, double *out)
{
    const gguf_entry *e = find_entry(gguf, key);
    return e && e->data && load_float(e->type, e->data, out);
}

bool masa_gguf_get_bool(const masa_gguf *gguf, const char *key, bool *out)
{
    int64_t value;
    if (!masa_gguf_get_integer(gguf, key, &value)) return false;
    *out = value != 0;
    return true;
}

bool masa_gguf_get_array(const masa_gguf *gguf, const char *key, masa_gguf_type type,
                         masa_gguf_array *out)
{
    const gguf_entry *e = find_entry(gguf, key);
    if (!e || e->type != MASA_GGUF_ARRAY) return false;
    bool same =
        e->array.type == type || (type == MASA_GGUF_I32 && e->array.type == MASA_GGUF_U32);
    if (same) *out = e->array;
    return same;
}

int64_t masa_gguf_array_integer(const masa_gguf_array *array, size_t i)
{
    int64_t value = 0;
    load_integer(array->type, array->data + i * gguf_scalar_size(array->type), &value);
    return value;
}

bool masa_gguf_string_is(masa_gguf_string string, const char *s)
{
    return compare_strings(string, (masa_gguf_string){s, strlen(s)}) == 0;
}

size_t masa_gguf_entry_count(const masa_gguf *gguf)
{
    return gguf->n_entries;
}

masa_gguf_string masa_gguf_entry_key(const masa_gguf *gguf, size_t i, masa_gguf_type *type)
{
    *type = gguf->entries[i].type;
    return gguf->entries[i].key;
}

const masa_gguf_tensor *masa_gguf_find_tensor(const masa_gguf *gguf, const char *name)
{
    masa_gguf_tensor wanted = {.name = {name, strlen(name)}};
    const masa_gguf_tensor *p = &wanted;
    const masa_gguf_tensor **hit = bsearch(&p, gguf->tensors_by_name, gguf->n_tensors,
                                           sizeof *gguf->tensors_by_name, gguf_compare_tensors);
    return hit ? *hit : NULL;
}

size_t masa_gguf_tensor_count(const masa_gguf *gguf)
{
    return gguf->n_tensors;
}

const masa_gguf_tensor *masa_gguf_get_tensor(const masa_gguf *gguf, size_t i)
{
    return &gguf->tensors[i];
}
