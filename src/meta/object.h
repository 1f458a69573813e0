/* The JSON object in which a meta rollout gives its prediction, found in any bytes. */
#ifndef MASA_META_OBJECT_H
#define MASA_META_OBJECT_H

#include <stdbool.h>
#include <stddef.h>

enum { META_KEYS = 3 }; /* of masa_meta_key */

/* A value as it stands in the text; NULL when the object lacks the key. */
typedef struct meta_value {
    const char *data;
    size_t size;
} meta_value;

/*
 * The values of the keys in the last outermost JSON object of text[0..n) that has at
 * least one of them; false when there is none. An object counts where it is complete
 * and grammatical; an unfinished or broken one does not hide complete ones inside it,
 * a complete one does. Of a repeated key the last value counts.
 *
 * Linear in n: see the comment in object.c.
 */
bool meta_find_object(meta_value values[META_KEYS], const char *text, size_t n,
                      const char *const keys[META_KEYS]);

#endif
