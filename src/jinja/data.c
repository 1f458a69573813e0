/* Memory that is freed as a whole, and the variables of a rendering. */
#include "jinja_internal.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 16384 };

struct jinja_block {
    struct jinja_block *next;
    size_t used, size;
    max_align_t bytes[];
};

void *jinja_alloc(jinja_arena *arena, size_t n)
{
    n = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct jinja_block *block = arena->blocks;
    if (!block || block->size - block->used < n) {
        size_t size = n > BLOCK / 4 ? n : BLOCK;
        block = masa_alloc(1, sizeof *block + size);
        block->size = size;
        /* A block of one large thing goes behind the one that has room left. */
        if (size != BLOCK && arena->blocks) {
            block->next = arena->blocks->next;
            arena->blocks->next = block;
        } else {
            block->next = arena->blocks;
            arena->blocks = block;
        }
    }
    void *p = (char *)block->bytes + block->used;
    block->used += n;
    arena->used += n;
    return p;
}

char *jinja_copy(jinja_arena *arena, const char *s, size_t n)
{
    char *copy = jinja_alloc(arena, n + 1);
    if (n) memcpy(copy, s, n);
    return copy;
}

void jinja_arena_deinit(jinja_arena *arena)
{
    for (struct jinja_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    *arena = (jinja_arena){0};
}

masa_jinja_data *masa_jinja_data_create(const masa_jinja_limits *limits)
{
    masa_jinja_data *d = masa_alloc(1, sizeof *d);
    d->limits = limits ? *limits : (masa_jinja_limits)MASA_JINJA_LIMITS;
    return d;
}

void masa_jinja_data_destroy(masa_jinja_data *d)
{
    if (!d) return;
    jinja_arena_deinit(&d->arena);
    free(d);
}

masa_jinja_value masa_jinja_none(void)
{
    return (jinja_value){.type = JINJA_NONE};
}

masa_jinja_value masa_jinja_bool(bool value)
{
    return (jinja_value){.type = JINJA_BOOL, .as.boolean = value};
}

masa_jinja_value masa_jinja_integer(int64_t value)
{
    return (jinja_value){.type = JINJA_INTEGER, .as.integer = value};
}

masa_jinja_value masa_jinja_real(double value)
{
    return (jinja_value){.type = JINJA_REAL, .as.real = value};
}

masa_jinja_value masa_jinja_string(masa_jinja_data *d, const char *s, size_t n, bool marked)
{
    jinja_string *string = jinja_alloc(&d->arena, sizeof *string);
    string->s = jinja_copy(&d->arena, s, n);
    string->n = n;
    if (marked) {
        char *marks = jinja_alloc(&d->arena, n + 1);
        memset(marks, MASA_JINJA_MARKED, n);
        string->marks = marks;
    }
    return (jinja_value){.type = JINJA_STRING, .as.string = string};
}

static void *grow(jinja_arena *arena, const void *items, size_t n, size_t capacity, size_t size)
{
    void *more = jinja_alloc(arena, capacity * size);
    if (n) memcpy(more, items, n * size);
    return more;
}

void jinja_list_append(jinja_arena *arena, jinja_list *list, jinja_value item)
{
    if (list->n == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 8;
        list->items = grow(arena, list->items, list->n, list->capacity, sizeof *list->items);
    }
    list->items[list->n++] = item;
}

void jinja_dict_append(jinja_arena *arena, jinja_dict *d, jinja_value key, jinja_value value)
{
    if (d->n == d->capacity) {
        d->capacity = d->capacity ? 2 * d->capacity : 8;
        d->keys = grow(arena, d->keys, d->n, d->capacity, sizeof *d->keys);
        d->values = grow(arena, d->values, d->n, d->capacity, sizeof *d->values);
    }
    d->keys[d->n] = key;
    d->values[d->n++] = value;
}

masa_jinja_value masa_jinja_list(masa_jinja_data *d)
{
    return (jinja_value){.type = JINJA_LIST,
                         .as.list = jinja_alloc(&d->arena, sizeof(jinja_list))};
}

void masa_jinja_list_add(masa_jinja_data *d, masa_jinja_value list, masa_jinja_value item)
{
    jinja_list_append(&d->arena, list.as.list, item);
}

masa_jinja_value masa_jinja_dict(masa_jinja_data *d)
{
    return (jinja_value){.type = JINJA_DICT,
                         .as.dict = jinja_alloc(&d->arena, sizeof(jinja_dict))};
}

const jinja_value *jinja_dict_named(const jinja_dict *d, const char *key)
{
    for (size_t i = 0; i < d->n; i++)
        if (jinja_is_text(d->keys[i], key)) return &d->values[i];
    return NULL;
}

static void put(masa_jinja_data *d, jinja_dict *dict, const char *key, jinja_value value)
{
    jinja_value *old = (jinja_value *)jinja_dict_named(dict, key);
    if (old) *old = value;
    else
        jinja_dict_append(&d->arena, dict, masa_jinja_string(d, key, strlen(key), false),
                          value);
}

void masa_jinja_dict_set(masa_jinja_data *d, masa_jinja_value dict, const char *key,
                         masa_jinja_value value)
{
    put(d, dict.as.dict, key, value);
}

void masa_jinja_set(masa_jinja_data *d, const char *name, masa_jinja_value value)
{
    put(d, &d->variables, name, value);
}

void masa_jinja_output_deinit(masa_jinja_output *out)
{
    masa_text_deinit(&out->text);
    masa_text_deinit(&out->marks);
}
