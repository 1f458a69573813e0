/* What an open GGUF file holds: made by gguf.c, asked by gguf_get.c. */
#ifndef MASA_FORMATS_GGUF_INTERNAL_H
#define MASA_FORMATS_GGUF_INTERNAL_H

#include <masa/file.h>
#include <masa/gguf.h>

typedef struct gguf_entry {
    masa_gguf_string key;
    masa_gguf_type type;
    masa_gguf_string string; /* when STRING */
    masa_gguf_array array;   /* when ARRAY */
    const uint8_t *data;     /* the scalar otherwise */
} gguf_entry;

struct masa_gguf {
    masa_mapping mapping; /* empty when over the caller's memory */
    gguf_entry *entries;
    size_t n_entries, entry_capacity;
    const gguf_entry **entries_by_key;
    masa_gguf_tensor *tensors;
    uint64_t *offsets; /* [n_tensors] from the start of the data section */
    size_t n_tensors, tensor_capacity, offset_capacity;
    const masa_gguf_tensor **tensors_by_name;
};

/* Bytes of a scalar, 0 for strings, arrays and unknown types. */
size_t gguf_scalar_size(uint32_t type);

/* For qsort and bsearch over pointers to entries (by key) and tensors (by name). */
int gguf_compare_entries(const void *a, const void *b);
int gguf_compare_tensors(const void *a, const void *b);

#endif
