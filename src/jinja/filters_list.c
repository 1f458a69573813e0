/* Filters of lists and dictionaries. */
#include "jinja_internal.h"

#include <stdlib.h>
#include <string.h>

/* "a.b.0" of an item; no path: the item. */
static jinja__value follow(jinja__machine *m, jinja__value v, jinja__value path)
{
    if (path.type == JINJA_MISSING || path.type == JINJA_NONE) return v;
    if (path.type != JINJA_STRING) return jinja__get_item(m, v, path);
    const char *s = path.as.string->s, *end = s + path.as.string->n;
    while (m->st == MASA_OK) {
        const char *dot = memchr(s, '.', (size_t)(end - s));
        size_t n = (size_t)((dot ? dot : end) - s);
        bool digits = n > 0 && n < 10 && strspn(s, "0123456789") >= n;
        jinja__value key =
            digits ? masa_jinja_integer(strtol(s, NULL, 10)) : jinja__new_string(m, s, n, NULL);
        v = jinja__get_item(m, v, key);
        if (!dot) break;
        s = dot + 1;
    }
    return v;
}

/* What order and sameness are judged by: a text in lower case unless case counts. */
static jinja__value sort_key(jinja__machine *m, jinja__value v, jinja__value path,
                             bool with_case)
{
    v = follow(m, v, path);
    return v.type == JINJA_STRING && !with_case ? jinja__change_case(m, v, CASE_LOWER) : v;
}

BUILTIN(filter_first)
{
    UNUSED;
    const jinja__list *items = jinja__iterate(m, v);
    return items && items->n ? items->items[0] : jinja__undefined("the first item of nothing");
}

BUILTIN(filter_last)
{
    UNUSED;
    if (v.type == JINJA_GENERATOR)
        return jinja__fail(m, "'generator' object is not reversible");
    const jinja__list *items = jinja__iterate(m, v);
    return items && items->n ? items->items[items->n - 1]
                             : jinja__undefined("the last item of nothing");
}

BUILTIN(filter_list)
{
    UNUSED;
    const jinja__list *items = jinja__iterate(m, v);
    jinja__value list = jinja__new_list(m, JINJA_LIST);
    for (size_t i = 0; items && i < items->n; i++) jinja__push(m, list, items->items[i]);
    return list;
}

BUILTIN(filter_reverse)
{
    UNUSED;
    const jinja__list *items = jinja__iterate(m, v);
    jinja__value list = jinja__new_list(m, JINJA_GENERATOR);
    jinja__builder b = {0};
    for (size_t i = items ? items->n : 0; i-- > 0 && m->st == MASA_OK;) {
        if (v.type == JINJA_STRING) jinja__add_string(m, &b, items->items[i]);
        else jinja__push(m, list, items->items[i]);
    }
    return v.type == JINJA_STRING ? jinja__finish(m, &b) : list;
}

BUILTIN(filter_join)
{
    UNUSED;
    const jinja__list *items = jinja__iterate(m, v);
    jinja__builder b = {0};
    for (size_t i = 0; items && i < items->n && m->st == MASA_OK; i++) {
        if (i && given[0].type != JINJA_MISSING) jinja__print(m, &b, given[0]);
        jinja__print(m, &b, follow(m, items->items[i], given[1]));
    }
    return jinja__finish(m, &b);
}

/* The arguments behind the first n. */
static jinja__arguments behind(const jinja__arguments *args, size_t n)
{
    jinja__arguments rest = *args;
    n = n < rest.n ? n : rest.n;
    if (n) rest.items += n; /* NULL without any */
    rest.n -= n;
    return rest;
}

static const char *name_of(jinja__machine *m, jinja__value v)
{
    if (v.type == JINJA_STRING) return jinja__copy(m->arena, v.as.string->s, v.as.string->n);
    jinja__fail(m, "expected a name, not %s", jinja__type_name(v));
    return "";
}

/* What map and select go through: nothing of whatever is false, as Jinja does. */
static const jinja__list *items_of(jinja__machine *m, jinja__value v)
{
    return jinja__iterate(m, jinja__truth(v) ? v : jinja__undefined(""));
}

/* select, reject (from 0) and selectattr, rejectattr (from 1, the attribute is the
 * first). */
static jinja__value choose(jinja__machine *m, jinja__value v, const jinja__arguments *args,
                           size_t from, bool keep)
{
    const jinja__list *items = items_of(m, v);
    jinja__value out = jinja__new_list(m, JINJA_GENERATOR), path = {0};
    if (from && args->n == 0) return jinja__fail(m, "an attribute is needed");
    if (from) path = args->items[0];
    bool named = args->n > from;
    const char *test = named ? name_of(m, args->items[from]) : "";
    jinja__arguments rest = behind(args, from + 1);
    for (size_t i = 0; items && i < items->n && m->st == MASA_OK; i++) {
        jinja__value subject = follow(m, items->items[i], path);
        bool holds = named ? jinja__apply_test(m, test, subject, &rest) : jinja__truth(subject);
        if (holds == keep) jinja__push(m, out, items->items[i]);
    }
    return out;
}

BUILTIN(filter_select)
{
    UNUSED;
    return choose(m, v, args, 0, true);
}
BUILTIN(filter_reject)
{
    UNUSED;
    return choose(m, v, args, 0, false);
}
BUILTIN(filter_selectattr)
{
    UNUSED;
    return choose(m, v, args, 1, true);
}
BUILTIN(filter_rejectattr)
{
    UNUSED;
    return choose(m, v, args, 1, false);
}

BUILTIN(filter_map)
{
    UNUSED;
    const jinja__list *items = items_of(m, v);
    jinja__value out = jinja__new_list(m, JINJA_GENERATOR), path = {0}, otherwise = {0};
    for (size_t i = 0; i < args->n_named; i++) {
        if (strcmp(args->names[i], "attribute") == 0) path = args->named[i];
        if (strcmp(args->names[i], "default") == 0) otherwise = args->named[i];
    }
    bool by_path = path.type != JINJA_MISSING;
    if (!by_path && args->n == 0) return jinja__fail(m, "`map` needs a filter or an attribute");
    const char *filter = by_path ? "" : name_of(m, args->items[0]);
    jinja__arguments rest = behind(args, 1);
    for (size_t i = 0; items && i < items->n && m->st == MASA_OK; i++) {
        jinja__value item = by_path ? follow(m, items->items[i], path)
                                    : jinja__apply_filter(m, filter, items->items[i], &rest);
        if (by_path && item.type == JINJA_UNDEFINED && otherwise.type != JINJA_MISSING)
            item = otherwise;
        jinja__push(m, out, item);
    }
    return out;
}

/* Sorts items by keys, both [n], stable: merges halves. */
static void merge_sort(jinja__machine *m, jinja__value *items, jinja__value *keys, size_t n,
                       bool down)
{
    if (n < 2 || m->st != MASA_OK) return;
    size_t half = n / 2, a = 0, b = half, k = 0;
    merge_sort(m, items, keys, half, down);
    merge_sort(m, items + half, keys + half, n - half, down);
    if (!jinja__room(m, 2 * n * sizeof *items)) return;
    jinja__value *sorted = jinja__alloc(m->arena, 2 * n * sizeof *sorted);
    while (k < n) {
        bool left = a < half;
        if (left && b < n) {
            int order = jinja__compare(m, keys[a], keys[b]);
            left = down ? order >= 0 : order <= 0;
        }
        size_t from = left ? a++ : b++;
        sorted[n + k] = keys[from];
        sorted[k++] = items[from];
    }
    memcpy(items, sorted, n * sizeof *items);
    memcpy(keys, sorted + n, n * sizeof *keys);
}

static jinja__value sort(jinja__machine *m, const jinja__list *items, jinja__value path,
                         bool with_case, bool down)
{
    jinja__value list = jinja__new_list(m, JINJA_LIST), keys = jinja__new_list(m, JINJA_LIST);
    for (size_t i = 0; items && i < items->n && m->st == MASA_OK; i++) {
        jinja__push(m, list, items->items[i]);
        jinja__push(m, keys, sort_key(m, items->items[i], path, with_case));
    }
    if (m->st == MASA_OK)
        merge_sort(m, list.as.list->items, keys.as.list->items, list.as.list->n, down);
    return list;
}

BUILTIN(filter_sort)
{
    UNUSED;
    return sort(m, jinja__iterate(m, v), given[2], jinja__truth(given[1]),
                jinja__truth(given[0]));
}

/* The (key, value) pairs of a dictionary. */
static jinja__value pairs(jinja__machine *m, const jinja__dict *d)
{
    jinja__value list = jinja__new_list(m, JINJA_LIST);
    for (size_t i = 0; i < d->n && m->st == MASA_OK; i++) {
        jinja__value pair = jinja__new_list(m, JINJA_TUPLE);
        jinja__push(m, pair, d->keys[i]);
        jinja__push(m, pair, d->values[i]);
        jinja__push(m, list, pair);
    }
    return list;
}

BUILTIN(filter_items)
{
    UNUSED;
    if (v.type == JINJA_UNDEFINED) return jinja__new_list(m, JINJA_GENERATOR);
    if (v.type != JINJA_DICT)
        return jinja__fail(m, "`items` needs a mapping, not %s", jinja__type_name(v));
    jinja__value list = pairs(m, v.as.dict);
    list.type = JINJA_GENERATOR;
    return list;
}

BUILTIN(filter_dictsort)
{
    UNUSED;
    bool by_value = jinja__is_text(given[1], "value");
    if (v.type != JINJA_DICT)
        return jinja__fail(m, "`dictsort` needs a mapping, not %s", jinja__type_name(v));
    jinja__value list = pairs(m, v.as.dict);
    return sort(m, list.as.list, masa_jinja_integer(by_value), jinja__truth(given[0]),
                jinja__truth(given[2]));
}

BUILTIN(filter_unique)
{
    UNUSED;
    const jinja__list *items = jinja__iterate(m, v);
    jinja__value out = jinja__new_list(m, JINJA_GENERATOR),
                 seen = jinja__new_list(m, JINJA_LIST);
    for (size_t i = 0; items && i < items->n && m->st == MASA_OK; i++) {
        jinja__value key = sort_key(m, items->items[i], given[1], jinja__truth(given[0]));
        if (!jinja__hashable(m, key) || jinja__contains(m, seen, key)) continue;
        jinja__push(m, seen, key);
        jinja__push(m, out, items->items[i]);
    }
    return out;
}

static jinja__value extreme(jinja__machine *m, jinja__value v, const jinja__value *given,
                            int sign)
{
    const jinja__list *items = jinja__iterate(m, v);
    jinja__value best = jinja__undefined("the extreme of nothing"), best_key = best;
    for (size_t i = 0; items && i < items->n && m->st == MASA_OK; i++) {
        jinja__value key = sort_key(m, items->items[i], given[1], jinja__truth(given[0]));
        if (i && jinja__compare(m, key, best_key) * sign <= 0) continue;
        best = items->items[i];
        best_key = key;
    }
    return best;
}

BUILTIN(filter_max)
{
    UNUSED;
    return extreme(m, v, given, 1);
}
BUILTIN(filter_min)
{
    UNUSED;
    return extreme(m, v, given, -1);
}

BUILTIN(filter_sum)
{
    UNUSED;
    const jinja__list *items = jinja__iterate(m, v);
    jinja__value total = given[1].type == JINJA_MISSING ? masa_jinja_integer(0) : given[1];
    for (size_t i = 0; items && i < items->n && m->st == MASA_OK; i++)
        total = jinja__binary(m, '+', total, follow(m, items->items[i], given[0]));
    return total;
}

BUILTIN(filter_groupby)
{
    UNUSED;
    jinja__value sorted = sort(m, jinja__iterate(m, v), given[0], false, false);
    jinja__value out = jinja__new_list(m, JINJA_LIST), group = {0}, key = {0};
    if (given[1].type != JINJA_MISSING)
        return jinja__refuse(m, "`groupby` with a default is not supported");
    for (size_t i = 0; i < sorted.as.list->n && m->st == MASA_OK; i++) {
        jinja__value item = sorted.as.list->items[i], own = sort_key(m, item, given[0], false);
        if (i == 0 || !jinja__equal(m, own, key)) {
            jinja__value pair = jinja__new_list(m, JINJA_TUPLE);
            group = jinja__new_list(m, JINJA_LIST);
            jinja__push(m, pair, follow(m, item, given[0]));
            jinja__push(m, pair, group);
            jinja__push(m, out, pair);
            key = own;
        }
        jinja__push(m, group, item);
    }
    return out;
}

static const jinja__entry entries[] = {
    {"first", filter_first, ""},
    {"last", filter_last, ""},
    {"list", filter_list, ""},
    {"reverse", filter_reverse, ""},
    {"join", filter_join, "d,attribute"},
    {"select", filter_select, "*"},
    {"reject", filter_reject, "*"},
    {"selectattr", filter_selectattr, "*"},
    {"rejectattr", filter_rejectattr, "*"},
    {"map", filter_map, "*"},
    {"sort", filter_sort, "reverse,case_sensitive,attribute"},
    {"items", filter_items, ""},
    {"dictsort", filter_dictsort, "case_sensitive,by,reverse"},
    {"unique", filter_unique, "case_sensitive,attribute"},
    {"max", filter_max, "case_sensitive,attribute"},
    {"min", filter_min, "case_sensitive,attribute"},
    {"sum", filter_sum, "attribute,start"},
    {"groupby", filter_groupby, "attribute,default"},
};

const jinja__entry *jinja__list_filter(const char *name)
{
    return jinja__find(entries, sizeof entries / sizeof *entries, name);
}
