/* The budget, failures, and the making of values. */
#include "jinja_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static jinja__value fail(jinja__machine *m, masa_status st, const char *format, va_list args)
{
    char text[400];
    vsnprintf(text, sizeof text, format, args);
    if (m->st == MASA_OK) m->st = MASA_FAIL(m->err, st, "line %d: %s", m->line, text);
    return jinja__undefined("");
}

jinja__value jinja__fail(jinja__machine *m, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    jinja__value v = fail(m, MASA_ERR_DATA, format, args);
    va_end(args);
    return v;
}

jinja__value jinja__refuse(jinja__machine *m, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    jinja__value v = fail(m, MASA_ERR_UNSUPPORTED, format, args);
    va_end(args);
    return v;
}

bool jinja__work(jinja__machine *m, size_t n)
{
    m->steps += 1 + n / 64;
    if (m->steps > m->data->limits.steps)
        jinja__fail(m, "the template needs more than %zu steps", m->data->limits.steps);
    return m->st == MASA_OK;
}

bool jinja__room(jinja__machine *m, size_t n)
{
    if (n > m->data->limits.memory || m->made > m->data->limits.memory - n)
        jinja__fail(m, "the template needs more than %zu MiB", m->data->limits.memory >> 20);
    else m->made += n;
    return m->st == MASA_OK;
}

bool jinja__enter(jinja__machine *m)
{
    if (++m->depth > m->data->limits.depth) jinja__fail(m, "the template nests too deeply");
    return jinja__work(m, 0);
}

void jinja__leave(jinja__machine *m)
{
    m->depth--;
}

void jinja__add(jinja__machine *m, jinja__builder *b, const char *s, size_t n,
                const char *marks)
{
    static const char zeros[256];
    if (n == 0 || !jinja__work(m, n) || !jinja__room(m, 2 * n)) return;
    masa_text_append(&b->text, s, n);
    if (marks) masa_text_append(&b->marks, marks, n);
    for (size_t left = marks ? 0 : n; left;) {
        size_t part = left < sizeof zeros ? left : sizeof zeros;
        masa_text_append(&b->marks, zeros, part);
        left -= part;
    }
}

void jinja__add_text(jinja__machine *m, jinja__builder *b, const char *s)
{
    jinja__add(m, b, s, strlen(s), NULL);
}

void jinja__add_string(jinja__machine *m, jinja__builder *b, jinja__value string)
{
    jinja__add(m, b, string.as.string->s, string.as.string->n, string.as.string->marks);
}

jinja__value jinja__finish(jinja__machine *m, jinja__builder *b)
{
    const char *marks = NULL;
    for (size_t i = 0; i < b->marks.size && !marks; i++)
        if (b->marks.data[i]) marks = b->marks.data;
    jinja__value v = jinja__new_string(m, masa_text_get(&b->text), b->text.size, marks);
    masa_text_deinit(&b->text);
    masa_text_deinit(&b->marks);
    return v;
}

jinja__value jinja__undefined(const char *name)
{
    return (jinja__value){.type = JINJA_UNDEFINED, .as.name = name};
}

jinja__value jinja__new_string(jinja__machine *m, const char *s, size_t n, const char *marks)
{
    jinja__string *string = jinja__alloc(m->arena, sizeof *string);
    if (!jinja__work(m, n) || !jinja__room(m, sizeof *string + (marks ? 2 : 1) * n)) n = 0;
    *string = (jinja__string){.s = jinja__copy(m->arena, s, n), .n = n};
    if (marks) string->marks = jinja__copy(m->arena, marks, n);
    return (jinja__value){.type = JINJA_STRING, .as.string = string};
}

jinja__value jinja__constant(jinja__machine *m, const char *s)
{
    return jinja__new_string(m, s, strlen(s), NULL);
}

jinja__value jinja__safe(jinja__machine *m, jinja__value v)
{
    if (m->st != MASA_OK || !jinja__room(m, sizeof *v.as.string)) return v;
    jinja__string *safe = jinja__alloc(m->arena, sizeof *safe);
    *safe = *v.as.string;
    safe->safe = true;
    v.as.string = safe;
    return v;
}

/* Shares the bytes. */
jinja__value jinja__part(jinja__machine *m, jinja__value v, size_t begin, size_t end)
{
    const jinja__string *of = v.as.string;
    jinja__string *part = jinja__alloc(m->arena, sizeof *part);
    jinja__room(m, sizeof *part);
    *part = (jinja__string){
        .s = of->s + begin, .n = end - begin, .marks = of->marks ? of->marks + begin : NULL};
    return (jinja__value){.type = JINJA_STRING, .as.string = part};
}

jinja__value jinja__new_list(jinja__machine *m, int type)
{
    jinja__room(m, sizeof(jinja__list));
    return (jinja__value){.type = type, .as.list = jinja__alloc(m->arena, sizeof(jinja__list))};
}

void jinja__push(jinja__machine *m, jinja__value list, jinja__value item)
{
    if (jinja__work(m, 0) && jinja__room(m, 2 * sizeof item))
        jinja__list_append(m->arena, list.as.list, item);
}

bool jinja__hashable(jinja__machine *m, jinja__value key)
{
    if (key.type == JINJA_LIST || key.type == JINJA_DICT)
        jinja__fail(m, "unhashable type: '%s'", jinja__type_name(key));
    if (key.type == JINJA_TUPLE && jinja__enter(m)) {
        for (size_t i = 0; i < key.as.list->n; i++) jinja__hashable(m, key.as.list->items[i]);
        jinja__leave(m);
    }
    return m->st == MASA_OK;
}

void jinja__dict_put(jinja__machine *m, jinja__dict *d, jinja__value key, jinja__value value)
{
    jinja__value *old = (jinja__value *)jinja__dict_find(m, d, key);
    if (old) *old = value;
    else if (m->st == MASA_OK && jinja__room(m, 4 * sizeof key))
        jinja__dict_append(m->arena, d, key, value);
}

const jinja__value *jinja__dict_find(jinja__machine *m, const jinja__dict *d, jinja__value key)
{
    bool fine = jinja__hashable(m, key);
    for (size_t i = 0; fine && i < d->n; i++)
        if (jinja__equal(m, d->keys[i], key)) return &d->values[i];
    return NULL;
}

jinja__value jinja__new_callable(jinja__machine *m, jinja__value self, const char *name)
{
    jinja__callable *callable = jinja__alloc(m->arena, sizeof *callable);
    jinja__room(m, sizeof *callable);
    *callable = (jinja__callable){.self = self, .name = name};
    return (jinja__value){.type = JINJA_CALLABLE, .as.callable = callable};
}
