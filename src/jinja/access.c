/* Items, attributes and slices. */
#include "jinja_internal.h"

#include <string.h>

/* A Python index into n items; false when it is outside. */
static bool place(int64_t index, size_t n, size_t *out)
{
    if (index < 0) index += (int64_t)n;
    if (index < 0 || index >= (int64_t)n) return false;
    *out = (size_t)index;
    return true;
}

static jinja_value no_attribute(jinja_machine *m, jinja_value v, jinja_value key)
{
    jinja_builder b = {0};
    jinja_add_text(m, &b, jinja_type_name(v));
    jinja_add_text(m, &b, ".");
    jinja_print(m, &b, key);
    return jinja_undefined(jinja_finish(m, &b).as.string->s);
}

jinja_value jinja_get_item(jinja_machine *m, jinja_value v, jinja_value key)
{
    size_t at;
    bool index = key.type == JINJA_INTEGER || key.type == JINJA_BOOL;
    int64_t number = key.type == JINJA_BOOL ? key.as.boolean : key.as.integer;
    if (m->st != MASA_OK) return v;
    if (v.type == JINJA_UNDEFINED) return jinja_fail(m, "'%.60s' is undefined", v.as.name);
    if (v.type == JINJA_DICT) {
        const jinja_value *found = jinja_dict_find(m, v.as.dict, key);
        if (found) return *found;
    }
    if (index && (v.type == JINJA_LIST || v.type == JINJA_TUPLE) &&
        place(number, v.as.list->n, &at))
        return v.as.list->items[at];
    if (index && v.type == JINJA_STRING) {
        const jinja_string *s = v.as.string;
        jinja_work(m, s->n);
        if (!place(number, jinja_length(s->s, s->n), &at)) return no_attribute(m, v, key);
        size_t begin = jinja_offset(s->s, s->n, at);
        return jinja_part(m, v, begin, begin + jinja_offset(s->s + begin, s->n - begin, 1));
    }
    if (key.type == JINJA_STRING && v.type != JINJA_NAMESPACE) {
        /* The copy in the arena ends in a NUL. */
        const char *name = jinja_copy(m->arena, key.as.string->s, key.as.string->n);
        if (jinja_method(v, name)) return jinja_new_callable(m, v, name);
    }
    if (key.type == JINJA_STRING && v.type == JINJA_LOOP)
        return jinja_get_attribute(m, v,
                                   jinja_copy(m->arena, key.as.string->s, key.as.string->n));
    return no_attribute(m, v, key);
}

static jinja_value loop_attribute(jinja_machine *m, jinja_value v, const char *name)
{
    const jinja_loop *loop = v.as.loop;
    int64_t i = (int64_t)loop->index, n = (int64_t)loop->items->n;
    if (strcmp(name, "index") == 0) return masa_jinja_integer(i + 1);
    if (strcmp(name, "index0") == 0) return masa_jinja_integer(i);
    if (strcmp(name, "revindex") == 0) return masa_jinja_integer(n - i);
    if (strcmp(name, "revindex0") == 0) return masa_jinja_integer(n - i - 1);
    if (strcmp(name, "first") == 0) return masa_jinja_bool(i == 0);
    if (strcmp(name, "last") == 0) return masa_jinja_bool(i + 1 == n);
    if (strcmp(name, "length") == 0) return masa_jinja_integer(n);
    if (strcmp(name, "depth") == 0)
        return masa_jinja_integer(1); /* only recursive loops have more */
    if (strcmp(name, "depth0") == 0) return masa_jinja_integer(0);
    if (strcmp(name, "previtem") == 0)
        return i > 0 ? loop->items->items[i - 1] : jinja_undefined("there is no previous item");
    if (strcmp(name, "nextitem") == 0)
        return i + 1 < n ? loop->items->items[i + 1] : jinja_undefined("there is no next item");
    if (strcmp(name, "cycle") == 0 || strcmp(name, "changed") == 0)
        return jinja_new_callable(m, v, name);
    return no_attribute(m, v, jinja_constant(m, name));
}

jinja_value jinja_get_attribute(jinja_machine *m, jinja_value v, const char *name)
{
    const jinja_value *found = NULL;
    if (m->st != MASA_OK) return v;
    if (v.type == JINJA_UNDEFINED) return jinja_fail(m, "'%.60s' is undefined", v.as.name);
    if (strncmp(name, "__", 2) == 0)
        return jinja_refuse(m, "the attribute `%.60s` is not supported", name);
    if (v.type == JINJA_LOOP) return loop_attribute(m, v, name);
    if (v.type != JINJA_NAMESPACE && jinja_method(v, name))
        return jinja_new_callable(m, v, name);
    if (v.type == JINJA_DICT || v.type == JINJA_NAMESPACE) {
        jinja_work(m, v.as.dict->n);
        found = jinja_dict_named(v.as.dict, name);
    }
    if (found) return *found;
    if (v.type == JINJA_CALLABLE && v.as.callable->macro && strcmp(name, "name") == 0)
        return jinja_constant(m, v.as.callable->name);
    return no_attribute(m, v, jinja_constant(m, name));
}

/* A bound of a slice over n items, clamped as Python does. */
static int64_t bound(jinja_machine *m, jinja_value v, int64_t n, int64_t otherwise, int64_t low,
                     int64_t high)
{
    if (v.type == JINJA_NONE || v.type == JINJA_MISSING) return otherwise;
    if (v.type != JINJA_INTEGER && v.type != JINJA_BOOL) {
        jinja_fail(m, "a slice needs integers, not %s", jinja_type_name(v));
        return otherwise;
    }
    int64_t i = v.type == JINJA_BOOL ? v.as.boolean : v.as.integer;
    if (i < 0) i = i < -n ? low : i + n;
    return i < low ? low : i > high ? high : i;
}

jinja_value jinja_slice(jinja_machine *m, jinja_value v, jinja_value from, jinja_value to,
                        jinja_value by)
{
    bool text = v.type == JINJA_STRING;
    if (m->st != MASA_OK) return v;
    if (v.type == JINJA_UNDEFINED) return jinja_fail(m, "'%.60s' is undefined", v.as.name);
    if (!text && v.type != JINJA_LIST && v.type != JINJA_TUPLE)
        return jinja_fail(m, "'%s' object has no slices", jinja_type_name(v));
    int64_t step = jinja_given_integer(m, by.type == JINJA_NONE ? (jinja_value){0} : by, 1);
    if (step == 0) return jinja_fail(m, "the step of a slice is 0");
    const jinja_string *s = v.as.string;
    if (text) jinja_work(m, s->n);
    int64_t n = (int64_t)(text ? jinja_length(s->s, s->n) : v.as.list->n);
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
    int64_t begin = bound(m, from, n, step > 0 ? 0 : n - 1, low, high);
    int64_t end = bound(m, to, n, step > 0 ? n : -1, low, high);
    if (text && step == 1) {
        size_t first = jinja_offset(s->s, s->n, (size_t)begin);
        size_t size =
            end > begin ? jinja_offset(s->s + first, s->n - first, (size_t)(end - begin)) : 0;
        return jinja_part(m, v, first, first + size);
    }
    const jinja_list *items = jinja_iterate(m, v);
    jinja_value out = jinja_new_list(m, text ? JINJA_LIST : v.type);
    jinja_builder b = {0};
    for (int64_t i = begin; items && m->st == MASA_OK && (step > 0 ? i < end : i > end);) {
        if (text) jinja_add_string(m, &b, items->items[i]);
        else jinja_push(m, out, items->items[i]);
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    return text ? jinja_finish(m, &b) : out;
}
