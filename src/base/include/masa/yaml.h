/** YAML files through libcyaml, with errors that name the file, the line and the cause. */
#ifndef MASA_YAML_H
#define MASA_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <cyaml/cyaml.h>
#include <masa/error.h>

/**
 * Reads text by `schema` (a mapping, CYAML_FLAG_POINTER) into *out, which masa_yaml_free
 * frees. `what` begins the message of an error (MASA_ERR_CONFIG), `path` is its file.
 */
masa_status masa_yaml_parse(void **out, const cyaml_schema_value_t *schema, const char *text,
                            size_t size, const char *path, const char *what, masa_error *err);
/** Whether what libcyaml says of an error is that memory was out, of which libyaml says nothing. */
bool masa_yaml_out_of_memory(const char *message);
/** NULL is fine. */
void masa_yaml_free(const cyaml_schema_value_t *schema, void *data);

/* Fields of a mapping that are texts: char *key. */
#define MASA_YAML_TEXT(type, key, flags)                                                       \
    CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER | (flags), type, key, 0, CYAML_UNLIMITED)

#endif
