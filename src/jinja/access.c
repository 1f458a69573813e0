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

static jinja__value no_attribute(jinja__machine *m, jinja__value v, jinja__value key)
{
    jinja__builder b = {0};
    jinja__add_text(m, &b, jinja__type_name(v));
    jinja__add_text(m, &b, ".");
    jinja__print(m, &b, key);
    return jinja__undefined(jinja__finish(m, &b).as.string->s);
}

jinja__value jinja__get_item(jinja__machine *m, jinja__value v, jinja__value key)
{
    size_t at;
    bool index = key.type == JINJA_INTEGER || key.type == JINJA_BOOL;
    int64_t number = key.type == JINJA_BOOL ? key.as.boolean : key.as.integer;
    if (m->st != MASA_OK) return v;
    if (v.type == JINJA_UNDEFINED) return jinja__fail(m, "'%.60s' is undefined", v.as.name);
    if (v.type == JINJA_DICT) {
        const jinja__value *found = jinja__dict_find(m, v.as.dict, key);
        if (found) return *found;
    }
    if (index && (v.type == JINJA_LIST || v.type == JINJA_TUPLE) &&
        place(number, v.as.list->n, &at))
        return v.as.list->items[at];
    if (index && v.type == JINJA_STRING) {
        const jinja__string *s = v.as.string;
        jinja__work(m, s->n);
        if (!place(number, jinja__length(s->s, s->n), &at)) return no_attribute(m, v, key);
        size_t begin = jinja__offset(s->s, s->n, at);
        return jinja__part(m, v, begin, begin + jinja__offset(s->s + begin, s->n - begin, 1));
    }
    if (key.type == JINJA_STRING && v.type != JINJA_NAMESPACE) {
        /* The copy in the arena ends in a NUL. */
        const char *name = jinja__copy(m->arena, key.as.string->s, key.as.string->n);
        if (jinja__method(v, name)) return jinja__new_callable(m, v, name);
    }
    if (key.type == JINJA_STRING && v.type == JINJA_LOOP)
        return jinja__get_attribute(m, v,
                                    jinja__copy(m->arena, key.as.string->s, key.as.string->n));
    return no_attribute(m, v, key);
}

static jinja__value loop_attribute(jinja__machine *m, jinja__value v, const char *name)
{
    const jinja__loop *loop = v.as.loop;
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
        return i > 0 ? loop->items->items[i - 1]
                     : jinja__undefined("there is no previous item");
    if (strcmp(name, "nextitem") == 0)
        return i + 1 < n ? loop->items->items[i + 1]
                         : jinja__undefined("there is no next item");
    if (strcmp(name, "cycle") == 0 || strcmp(name, "changed") == 0)
        return jinja__new_callable(m, v, name);
    return no_attribute(m, v, jinja__constant(m, name));
}

jinja__value jinja__get_attribute(jinja__machine *m, jinja__value v, const char *name)
{
    const jinja__value *found = NULL;
    if (m->st != MASA_OK) return v;
    if (v.type == JINJA_UNDEFINED) return jinja__fail(m, "'%.60s' is undefined", v.as.name);
    if (strncmp(name, "__", 2) == 0)
        return jinja__refuse(m, "the attribute `%.60s` is not supported", name);
    if (v.type == JINJA_LOOP) return loop_attribute(m, v, name);
    if (v.type != JINJA_NAMESPACE && jinja__method(v, name))
        return jinja__new_callable(m, v, name);
    if (v.type == JINJA_DICT || v.type == JINJA_NAMESPACE) {
        jinja__work(m, v.as.dict->n);
        found = jinja__dict_named(v.as.dict, name);
    }
    if (found) return *found;
    if (v.type == JINJA_CALLABLE && v.as.callable->macro && strcmp(name, "name") == 0)
        return jinja__constant(m, v.as.callable->name);
    return no_attribute(m, v, jinja__constant(m, name));
}

/* A bound of a slice over n items, clamped as Python does. */
static int64_t bound(jinja__machine *m, jinja__value v, int64_t n, int64_t otherwise,
                     int64_t low, int64_t high)
{
    if (v.type == JINJA_NONE || v.type == JINJA_MISSING) return otherwise;
    if (v.type != JINJA_INTEGER && v.type != JINJA_BOOL) {
        jinja__fail(m, "a slice needs integers, not %s", jinja__type_name(v));
        return otherwise;
    }
    int64_t i = v.type == JINJA_BOOL ? v.as.boolean : v.as.integer;
    if (i < 0) i = i < -n ? low : i + n;
    return i < low ? low : i > high ? high : i;
}

jinja__value jinja__slice(jinja__machine *m, jinja__value v, jinja__value from, jinja__value to,
                          jinja__value by)
{
    bool text = v.type == JINJA_STRING;
    if (m->st != MASA_OK) return v;
    if (v.type == JINJA_UNDEFINED) return jinja__fail(m, "'%.60s' is undefined", v.as.name);
    if (!text && v.type != JINJA_LIST && v.type != JINJA_TUPLE)
        return jinja__fail(m, "'%s' object has no slices", jinja__type_name(v));
    int64_t step = jinja__given_integer(m, by.type == JINJA_NONE ? (jinja__value){0} : by, 1);
    if (step == 0) return jinja__fail(m, "the step of a slice is 0");
    const jinja__string *s = v.as.string;
    if (text) jinja__work(m, s->n);
    int64_t n = (int64_t)(text ? jinja__length(s->s, s->n) : v.as.list->n);
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
    int64_t begin = bound(m, from, n, step > 0 ? 0 : n - 1, low, high);
    int64_t end = bound(m, to, n, step > 0 ? n : -1, low, high);
    if (text && step == 1) {
        size_t first = jinja__offset(s->s, s->n, (size_t)begin);
        size_t size =
            end > begin ? jinja__offset(s->s + first, s->n - first, (size_t)(end - begin)) : 0;
        return jinja__part(m, v, first, first + size);
    }
    const jinja__list *items = jinja__iterate(m, v);
    jinja__value out = jinja__new_list(m, text ? JINJA_LIST : v.type);
    jinja__builder b = {0};
    for (int64_t i = begin; items && m->st == MASA_OK && (step > 0 ? i < end : i > end);) {
        if (text) jinja__add_string(m, &b, items->items[i]);
        else jinja__push(m, out, items->items[i]);
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    return text ? jinja__finish(m, &b) : out;
}
