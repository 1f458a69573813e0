/* GGUF reading. The file is: header, metadata entries, tensor descriptions, padding,
 * tensor data. One cursor walks the first three; each read is checked against the end
 * of the file before it happens, and no count is believed before the bytes that it
 * would need are known to be there. */
#include "gguf_internal.h"

#include <masa/memory.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DIMS = 4, MAX_NAME = 65535, DEFAULT_ALIGNMENT = 32 };

typedef struct cursor {
    const uint8_t *start, *at, *end;
} cursor;

static size_t left(const cursor *c)
{
    return (size_t)(c->end - c->at);
}

static masa_status fail_short(const cursor *c, const char *what, masa_error *err)
{
    return MASA_FAIL(err, MASA_ERR_FORMAT,
                     "the file ends inside %s at byte %zu; it is truncated or corrupted, "
                     "fetch it again",
                     what, (size_t)(c->at - c->start));
}

static masa_status read_bytes(cursor *c, void *out, size_t n, const char *what, masa_error *err)
{
    if (left(c) < n) return fail_short(c, what, err);
    memcpy(out, c->at, n);
    c->at += n;
    return MASA_OK;
}

static masa_status read_string(cursor *c, masa_gguf_string *out, const char *what,
                               masa_error *err)
{
    uint64_t size = 0;
    masa_status st = read_bytes(c, &size, sizeof size, what, err);
    if (st != MASA_OK) return st;
    if (size > left(c)) return fail_short(c, what, err);
    *out = (masa_gguf_string){.data = (const char *)c->at, .size = (size_t)size};
    c->at += size;
    return MASA_OK;
}

/* How a key or name is shown in a message. */
#define SHOWN(s) (int)((s).size < 80 ? (s).size : 80), (s).data

static masa_status read_array(cursor *c, gguf_entry *e, masa_error *err)
{
    uint32_t type = 0;
    uint64_t n = 0;
    masa_status st = read_bytes(c, &type, sizeof type, "an array", err);
    if (st == MASA_OK) st = read_bytes(c, &n, sizeof n, "an array", err);
    if (st != MASA_OK) return st;
    size_t least = type == MASA_GGUF_STRING ? sizeof(uint64_t) : gguf_scalar_size(type);
    if (least == 0)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "metadata '%.*s' is an array of type %" PRIu32
                         "; arrays of numbers and strings are supported",
                         SHOWN(e->key), type);
    if (n > left(c) / least) return fail_short(c, "an array", err);
    e->array = (masa_gguf_array){.type = (masa_gguf_type)type, .n = (size_t)n};
    if (type != MASA_GGUF_STRING) {
        e->array.data = c->at;
        c->at += n * least;
        return MASA_OK;
    }
    masa_gguf_string *strings = masa_alloc((size_t)n, sizeof *strings);
    e->array.strings = strings;
    for (uint64_t i = 0; i < n && st == MASA_OK; i++)
        st = read_string(c, &strings[i], "an array of strings", err);
    return st;
}

static masa_status read_entry(cursor *c, gguf_entry *e, masa_error *err)
{
    uint32_t type = 0;
    masa_status st = read_string(c, &e->key, "a metadata key", err);
    if (st == MASA_OK) st = read_bytes(c, &type, sizeof type, "a metadata entry", err);
    if (st != MASA_OK) return st;
    if (e->key.size == 0 || e->key.size > MAX_NAME)
        return MASA_FAIL(err, MASA_ERR_FORMAT, "a metadata key of %zu bytes", e->key.size);
    e->type = (masa_gguf_type)type;
    if (type == MASA_GGUF_STRING) return read_string(c, &e->string, "a metadata text", err);
    if (type == MASA_GGUF_ARRAY) return read_array(c, e, err);
    size_t size = gguf_scalar_size(type);
    if (size == 0)
        return MASA_FAIL(err, MASA_ERR_FORMAT, "metadata '%.*s' has the unknown type %" PRIu32,
                         SHOWN(e->key), type);
    if (left(c) < size) return fail_short(c, "a metadata value", err);
    e->data = c->at;
    c->at += size;
    return MASA_OK;
}

static masa_status read_dims(cursor *c, masa_gguf_tensor *t, masa_error *err)
{
    uint32_t n_dims = 0;
    masa_status st = read_bytes(c, &n_dims, sizeof n_dims, "a tensor description", err);
    if (st != MASA_OK) return st;
    if (n_dims < 1 || n_dims > MAX_DIMS)
        return MASA_FAIL(err, MASA_ERR_FORMAT, "tensor '%.*s' has %" PRIu32 " dimensions",
                         SHOWN(t->name), n_dims);
    t->n_dims = n_dims;
    t->n = 1;
    for (unsigned i = 0; i < MAX_DIMS; i++) {
        uint64_t dim = 1;
        if (i < n_dims) st = read_bytes(c, &dim, sizeof dim, "a tensor description", err);
        if (st != MASA_OK) return st;
        if (dim == 0 || dim > SIZE_MAX / 8 || !masa_size_mul(t->n, (size_t)dim, &t->n))
            return MASA_FAIL(err, MASA_ERR_FORMAT, "tensor '%.*s' has an impossible shape",
                             SHOWN(t->name));
        t->dims[i] = (size_t)dim;
    }
    return MASA_OK;
}

static masa_status read_tensor(cursor *c, masa_gguf_tensor *t, uint64_t *offset,
                               masa_error *err)
{
    uint32_t type = 0;
    masa_status st = read_string(c, &t->name, "a tensor name", err);
    if (st == MASA_OK && (t->name.size == 0 || t->name.size > MAX_NAME))
        return MASA_FAIL(err, MASA_ERR_FORMAT, "a tensor name of %zu bytes", t->name.size);
    if (st == MASA_OK) st = read_dims(c, t, err);
    if (st == MASA_OK) st = read_bytes(c, &type, sizeof type, "a tensor description", err);
    if (st == MASA_OK) st = read_bytes(c, offset, sizeof *offset, "a tensor description", err);
    if (st != MASA_OK) return st;
    const masa_tensor_layout *layout = masa_tensor_type_layout(type);
    if (!layout)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "tensor '%.*s' has the GGUF type %" PRIu32
                         ", which is not supported; use a file of " MASA_TENSOR_TYPE_LIST,
                         SHOWN(t->name), type);
    t->type = (masa_tensor_type)type;
    if (t->dims[0] % layout->block != 0)
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "tensor '%.*s': rows of %zu are not whole %s blocks of %zu",
                         SHOWN(t->name), t->dims[0], layout->name, layout->block);
    return MASA_OK;
}

static masa_status sort_names(masa_gguf *g, masa_error *err)
{
    g->entries_by_key = masa_alloc(g->n_entries, sizeof *g->entries_by_key);
    for (size_t i = 0; i < g->n_entries; i++) g->entries_by_key[i] = &g->entries[i];
    qsort(g->entries_by_key, g->n_entries, sizeof *g->entries_by_key, gguf_compare_entries);
    for (size_t i = 1; i < g->n_entries; i++)
        if (gguf_compare_entries(&g->entries_by_key[i - 1], &g->entries_by_key[i]) == 0)
            return MASA_FAIL(err, MASA_ERR_FORMAT, "metadata '%.*s' appears twice",
                             SHOWN(g->entries_by_key[i]->key));
    g->tensors_by_name = masa_alloc(g->n_tensors, sizeof *g->tensors_by_name);
    for (size_t i = 0; i < g->n_tensors; i++) g->tensors_by_name[i] = &g->tensors[i];
    qsort(g->tensors_by_name, g->n_tensors, sizeof *g->tensors_by_name, gguf_compare_tensors);
    for (size_t i = 1; i < g->n_tensors; i++)
        if (gguf_compare_tensors(&g->tensors_by_name[i - 1], &g->tensors_by_name[i]) == 0)
            return MASA_FAIL(err, MASA_ERR_FORMAT, "tensor '%.*s' appears twice",
                             SHOWN(g->tensors_by_name[i]->name));
    return MASA_OK;
}

/* Points every tensor at its bytes, which must lie in the data section. */
static masa_status place_tensors(masa_gguf *g, const cursor *c, masa_error *err)
{
    int64_t alignment = DEFAULT_ALIGNMENT;
    masa_gguf_get_integer(g, "general.alignment", &alignment);
    if (alignment < 1 || alignment > 1 << 20 || (alignment & (alignment - 1)) != 0)
        return MASA_FAIL(err, MASA_ERR_FORMAT,
                         "general.alignment is %" PRId64 ", not a small power of two",
                         alignment);
    size_t mask = (size_t)alignment - 1, total = (size_t)(c->end - c->start);
    size_t head = ((size_t)(c->at - c->start) + mask) & ~mask;
    if (head > total) head = total;
    for (size_t i = 0; i < g->n_tensors; i++) {
        masa_gguf_tensor *t = &g->tensors[i];
        const masa_tensor_layout *layout = masa_tensor_type_layout(t->type);
        size_t bytes, room = total - head;
        bool sized = masa_size_mul(t->n / layout->block, layout->bytes, &bytes);
        if (g->offsets[i] & mask)
            return MASA_FAIL(err, MASA_ERR_FORMAT, "tensor '%.*s' is not aligned",
                             SHOWN(t->name));
        if (!sized || bytes > room || g->offsets[i] > room - bytes)
            return MASA_FAIL(err, MASA_ERR_FORMAT,
                             "the data of tensor '%.*s' lie beyond the end of the file "
                             "(%zu bytes); it is truncated or corrupted, fetch it again",
                             SHOWN(t->name), total);
        t->data = c->start + head + g->offsets[i];
    }
    return MASA_OK;
}

static masa_status read_header(cursor *c, uint64_t *n_tensors, uint64_t *n_entries,
                               masa_error *err)
{
    uint8_t magic[4];
    uint32_t version = 0;
    if (left(c) < sizeof magic || memcmp(c->at, "GGUF", sizeof magic) != 0)
        return MASA_FAIL(err, MASA_ERR_FORMAT, "not a GGUF file (it does not begin with GGUF)");
    masa_status st = read_bytes(c, magic, sizeof magic, "the header", err);
    if (st == MASA_OK) st = read_bytes(c, &version, sizeof version, "the header", err);
    if (st != MASA_OK) return st;
    if (version != 2 && version != 3)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "GGUF version %" PRIu32 "%s; versions 2 and 3, little endian, are "
                         "supported",
                         version, version >= 1 << 24 ? " (a big-endian file)" : "");
    st = read_bytes(c, n_tensors, sizeof *n_tensors, "the header", err);
    if (st == MASA_OK) st = read_bytes(c, n_entries, sizeof *n_entries, "the header", err);
    return st;
}

/* Lists grow as entries are really read, so a hostile count allocates nothing. */
static masa_status parse(masa_gguf *g, cursor c, masa_error *err)
{
    uint64_t n_tensors = 0, n_entries = 0;
    masa_status st = read_header(&c, &n_tensors, &n_entries, err);
    for (uint64_t i = 0; i < n_entries && st == MASA_OK; i++) {
        MASA_PUSH(g->entries, g->n_entries, g->entry_capacity, (gguf_entry){0});
        st = read_entry(&c, &g->entries[i], err);
    }
    for (uint64_t i = 0; i < n_tensors && st == MASA_OK; i++) {
        size_t n_offsets = g->n_tensors;
        MASA_PUSH(g->offsets, n_offsets, g->offset_capacity, 0);
        MASA_PUSH(g->tensors, g->n_tensors, g->tensor_capacity, (masa_gguf_tensor){0});
        st = read_tensor(&c, &g->tensors[i], &g->offsets[i], err);
    }
    if (st == MASA_OK) st = sort_names(g, err);
    if (st == MASA_OK) st = place_tensors(g, &c, err);
    return st;
}

masa_status masa_gguf_open_memory(masa_gguf **out, const void *data, size_t size,
                                  masa_error *err)
{
    masa_gguf *g = masa_alloc(1, sizeof *g);
    const uint8_t *start = size ? data : (const uint8_t *)"";
    masa_status st = parse(g, (cursor){start, start, start + size}, err);
    if (st == MASA_OK) *out = g;
    else masa_gguf_close(g);
    return st;
}

/* The mapping is taken. */
static masa_status open_mapping(masa_gguf **out, masa_mapping mapping, const char *path,
                                masa_error *err)
{
    masa_status st = masa_gguf_open_memory(out, mapping.data, mapping.size, err);
    if (st == MASA_OK) {
        (*out)->mapping = mapping;
        return MASA_OK;
    }
    masa_error_at(err, path, 0);
    masa_file_unmap(&mapping);
    return st;
}

masa_status masa_gguf_open(masa_gguf **out, const char *path, masa_error *err)
{
    masa_mapping mapping = {0};
    masa_status st = masa_file_map(&mapping, path, err);
    return st == MASA_OK ? open_mapping(out, mapping, path, err) : st;
}

masa_status masa_gguf_load(masa_gguf **out, const char *path, masa_error *err)
{
    masa_mapping mapping = {0};
    masa_status st = masa_file_load(&mapping, path, err);
    return st == MASA_OK ? open_mapping(out, mapping, path, err) : st;
}

void masa_gguf_close(masa_gguf *gguf)
{
    if (!gguf) return;
    for (size_t i = 0; i < gguf->n_entries; i++)
        free((void *)(uintptr_t)gguf->entries[i].array.strings);
    free(gguf->entries);
    free(gguf->entries_by_key);
    free(gguf->tensors);
    free(gguf->offsets);
    free(gguf->tensors_by_name);
    masa_file_unmap(&gguf->mapping);
    free(gguf);
}

bool masa_gguf_detect(const char *path)
{
    char magic[4] = {0};
    if (!masa_path_is_regular(path)) return false;
    FILE *file = fopen(path, "rbe");
    if (!file) return false;
    bool is = fread(magic, 1, sizeof magic, file) == sizeof magic &&
              memcmp(magic, "GGUF", sizeof magic) == 0;
    fclose(file);
    return is;
}
