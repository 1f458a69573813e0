/* The budget, failures, and the making of values. */
#include "jinja_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static jinja_value fail(jinja_machine *m, masa_status st, const char *format, va_list args)
{
    char text[400];
    vsnprintf(text, sizeof text, format, args);
    if (m->st == MASA_OK) m->st = MASA_FAIL(m->err, st, "line %d: %s", m->line, text);
    return jinja_undefined("");
}

jinja_value jinja_fail(jinja_machine *m, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    jinja_value v = fail(m, MASA_ERR_DATA, format, args);
    va_end(args);
    return v;
}

jinja_value jinja_refuse(jinja_machine *m, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    jinja_value v = fail(m, MASA_ERR_UNSUPPORTED, format, args);
    va_end(args);
    return v;
}

bool jinja_work(jinja_machine *m, size_t n)
{
    m->steps += 1 + n / 64;
    if (m->steps > m->data->limits.steps)
        jinja_fail(m, "the template needs more than %zu steps", m->data->limits.steps);
    return m->st == MASA_OK;
}

bool jinja_room(jinja_machine *m, size_t n)
{
    if (n > m->data->limits.memory || m->made > m->data->limits.memory - n)
        jinja_fail(m, "the template needs more than %zu MiB", m->data->limits.memory >> 20);
    else m->made += n;
    return m->st == MASA_OK;
}

bool jinja_enter(jinja_machine *m)
{
    if (++m->depth > m->data->limits.depth) jinja_fail(m, "the template nests too deeply");
    return jinja_work(m, 0);
}

void jinja_leave(jinja_machine *m)
{
    m->depth--;
}

void jinja_add(jinja_machine *m, jinja_builder *b, const char *s, size_t n, const char *marks)
{
    static const char zeros[256];
    if (n == 0 || !jinja_work(m, n) || !jinja_room(m, 2 * n)) return;
    masa_text_append(&b->text, s, n);
    if (marks) masa_text_append(&b->marks, marks, n);
    for (size_t left = marks ? 0 : n; left;) {
        size_t part = left < sizeof zeros ? left : sizeof zeros;
        masa_text_append(&b->marks, zeros, part);
        left -= part;
    }
}

void jinja_add_text(jinja_machine *m, jinja_builder *b, const char *s)
{
    jinja_add(m, b, s, strlen(s), NULL);
}

void jinja_add_string(jinja_machine *m, jinja_builder *b, jinja_value string)
{
    jinja_add(m, b, string.as.string->s, string.as.string->n, string.as.string->marks);
}

jinja_value jinja_finish(jinja_machine *m, jinja_builder *b)
{
    const char *marks = NULL;
    for (size_t i = 0; i < b->marks.size && !marks; i++)
        if (b->marks.data[i]) marks = b->marks.data;
    jinja_value v = jinja_new_string(m, masa_text_get(&b->text), b->text.size, marks);
    masa_text_deinit(&b->text);
    masa_text_deinit(&b->marks);
    return v;
}

jinja_value jinja_undefined(const char *name)
{
    return (jinja_value){.type = JINJA_UNDEFINED, .as.name = name};
}

jinja_value jinja_new_string(jinja_machine *m, const char *s, size_t n, const char *marks)
{
    jinja_string *string = jinja_alloc(m->arena, sizeof *string);
    if (!jinja_work(m, n) || !jinja_room(m, sizeof *string + (marks ? 2 : 1) * n)) n = 0;
    *string = (jinja_string){.s = jinja_copy(m->arena, s, n), .n = n};
    if (marks) string->marks = jinja_copy(m->arena, marks, n);
    return (jinja_value){.type = JINJA_STRING, .as.string = string};
}

jinja_value jinja_constant(jinja_machine *m, const char *s)
{
    return jinja_new_string(m, s, strlen(s), NULL);
}

jinja_value jinja_safe(jinja_machine *m, jinja_value v)
{
    if (m->st != MASA_OK || !jinja_room(m, sizeof *v.as.string)) return v;
    jinja_string *safe = jinja_alloc(m->arena, sizeof *safe);
    *safe = *v.as.string;
    safe->safe = true;
    v.as.string = safe;
    return v;
}

/* Shares the bytes. */
jinja_value jinja_part(jinja_machine *m, jinja_value v, size_t begin, size_t end)
{
    const jinja_string *of = v.as.string;
    jinja_string *part = jinja_alloc(m->arena, sizeof *part);
    jinja_room(m, sizeof *part);
    *part = (jinja_string){
        .s = of->s + begin, .n = end - begin, .marks = of->marks ? of->marks + begin : NULL};
    return (jinja_value){.type = JINJA_STRING, .as.string = part};
}

jinja_value jinja_new_list(jinja_machine *m, int type)
{
    jinja_room(m, sizeof(jinja_list));
    return (jinja_value){.type = type, .as.list = jinja_alloc(m->arena, sizeof(jinja_list))};
}

void jinja_push(jinja_machine *m, jinja_value list, jinja_value item)
{
    if (jinja_work(m, 0) && jinja_room(m, 2 * sizeof item))
        jinja_list_append(m->arena, list.as.list, item);
}

bool jinja_hashable(jinja_machine *m, jinja_value key)
{
    if (key.type == JINJA_LIST || key.type == JINJA_DICT)
        jinja_fail(m, "unhashable type: '%s'", jinja_type_name(key));
    if (key.type == JINJA_TUPLE && jinja_enter(m)) {
        for (size_t i = 0; i < key.as.list->n; i++) jinja_hashable(m, key.as.list->items[i]);
        jinja_leave(m);
    }
    return m->st == MASA_OK;
}

void jinja_dict_put(jinja_machine *m, jinja_dict *d, jinja_value key, jinja_value value)
{
    jinja_value *old = (jinja_value *)jinja_dict_find(m, d, key);
    if (old) *old = value;
    else if (m->st == MASA_OK && jinja_room(m, 4 * sizeof key))
        jinja_dict_append(m->arena, d, key, value);
}

const jinja_value *jinja_dict_find(jinja_machine *m, const jinja_dict *d, jinja_value key)
{
    bool fine = jinja_hashable(m, key);
    for (size_t i = 0; fine && i < d->n; i++)
        if (jinja_equal(m, d->keys[i], key)) return &d->values[i];
    return NULL;
}

jinja_value jinja_new_callable(jinja_machine *m, jinja_value self, const char *name)
{
    jinja_callable *callable = jinja_alloc(m->arena, sizeof *callable);
    jinja_room(m, sizeof *callable);
    *callable = (jinja_callable){.self = self, .name = name};
    return (jinja_value){.type = JINJA_CALLABLE, .as.callable = callable};
}
