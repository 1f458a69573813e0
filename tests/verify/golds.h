/* Reads one string member of every line of a problem file beside the checkout. */
#ifndef MASA_TEST_GOLDS_H
#define MASA_TEST_GOLDS_H

#include "masa_test.h"

#include <jansson.h>

typedef struct golds {
    char **items;
    size_t n;
} golds;

/* Appends; returns false when the file is not there. */
static inline bool golds_read(golds *g, const char *name, const char *member)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.jsonl", MASA_SHARED_DATA, name);
    FILE *file = fopen(path, "r");
    if (!file) return false;
    char *line = NULL;
    size_t capacity = 0;
    for (ssize_t n; (n = getline(&line, &capacity, file)) > 0;) {
        json_t *root = json_loadb(line, (size_t)n, 0, NULL);
        const char *value = json_string_value(json_object_get(root, member));
        g->items = realloc(g->items, (g->n + 1) * sizeof *g->items);
        g->items[g->n++] = strdup(value ? value : "");
        json_decref(root);
    }
    free(line);
    fclose(file);
    return true;
}

static inline void golds_free(golds *g)
{
    for (size_t i = 0; i < g->n; i++) free(g->items[i]);
    free(g->items);
    *g = (golds){0};
}

#endif
