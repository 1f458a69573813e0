/* Filters of lists and dictionaries. */
#include "jinja_internal.h"

#include <stdlib.h>
#include <string.h>

/* "a.b.0" of an item; no path: the item. */
static jinja_value follow(jinja_machine *m, jinja_value v, jinja_value path)
{
    if (path.type == JINJA_MISSING || path.type == JINJA_NONE) return v;
    if (path.type != JINJA_STRING) return jinja_get_item(m, v, path);
    const char *s = path.as.string->s, *end = s + path.as.string->n;
    while (m->st == MASA_OK) {
        const char *dot = memchr(s, '.', (size_t)(end - s));
        size_t n = (size_t)((dot ? dot : end) - s);
        bool digits = n > 0 && n < 10 && strspn(s, "0123456789") >= n;
        jinja_value key =
            digits ? masa_jinja_integer(strtol(s, NULL, 10)) : jinja_new_string(m, s, n, NULL);
        v = jinja_get_item(m, v, key);
        if (!dot) break;
        s = dot + 1;
    }
    return v;
}

/* What order and sameness are judged by: a text in lower case unless case counts. */
static jinja_value sort_key(jinja_machine *m, jinja_value v, jinja_value path, bool with_case)
{
    v = follow(m, v, path);
    return v.type == JINJA_STRING && !with_case ? jinja_change_case(m, v, CASE_LOWER) : v;
}

BUILTIN(filter_first)
{
    UNUSED;
    const jinja_list *items = jinja_iterate(m, v);
    return items && items->n ? items->items[0] : jinja_undefined("the first item of nothing");
}

BUILTIN(filter_last)
{
    UNUSED;
    if (v.type == JINJA_GENERATOR) return jinja_fail(m, "'generator' object is not reversible");
    const jinja_list *items = jinja_iterate(m, v);
    return items && items->n ? items->items[items->n - 1]
                             : jinja_undefined("the last item of nothing");
}

BUILTIN(filter_list)
{
    UNUSED;
    const jinja_list *items = jinja_iterate(m, v);
    jinja_value list = jinja_new_list(m, JINJA_LIST);
    for (size_t i = 0; items && i < items->n; i++) jinja_push(m, list, items->items[i]);
    return list;
}

BUILTIN(filter_reverse)
{
    UNUSED;
    const jinja_list *items = jinja_iterate(m, v);
    jinja_value list = jinja_new_list(m, JINJA_GENERATOR);
    jinja_builder b = {0};
    for (size_t i = items ? items->n : 0; i-- > 0 && m->st == MASA_OK;) {
        if (v.type == JINJA_STRING) jinja_add_string(m, &b, items->items[i]);
        else jinja_push(m, list, items->items[i]);
    }
    return v.type == JINJA_STRING ? jinja_finish(m, &b) : list;
}

BUILTIN(filter_join)
{
    UNUSED;
    const jinja_list *items = jinja_iterate(m, v);
    jinja_builder b = {0};
    for (size_t i = 0; items && i < items->n && m->st == MASA_OK; i++) {
        if (i && given[0].type != JINJA_MISSING) jinja_print(m, &b, given[0]);
        jinja_print(m, &b, follow(m, items->items[i], given[1]));
    }
    return jinja_finish(m, &b);
}

/* The arguments behind the first n. */
static jinja_arguments behind(const jinja_arguments *args, size_t n)
{
    jinja_arguments rest = *args;
    n = n < rest.n ? n : rest.n;
    if (n) rest.items += n; /* NULL without any */
    rest.n -= n;
    return rest;
}

static const char *name_of(jinja_machine *m, jinja_value v)
{
    if (v.type == JINJA_STRING) return jinja_copy(m->arena, v.as.string->s, v.as.string->n);
    jinja_fail(m, "expected a name, not %s", jinja_type_name(v));
    return "";
}

/* What map and select go through: nothing of whatever is false, as Jinja does. */
static const jinja_list *items_of(jinja_machine *m, jinja_value v)
{
    return jinja_iterate(m, jinja_truth(v) ? v : jinja_undefined(""));
}

/* select, reject (from 0) and selectattr, rejectattr (from 1, the attribute is the
 * first). */
static jinja_value choose(jinja_machine *m, jinja_value v, const jinja_arguments *args,
                          size_t from, bool keep)
{
    const jinja_list *items = items_of(m, v);
    jinja_value out = jinja_new_list(m, JINJA_GENERATOR), path = {0};
    if (from && args->n == 0) return jinja_fail(m, "an attribute is needed");
    if (from) path = args->items[0];
    bool named = args->n > from;
    const char *test = named ? name_of(m, args->items[from]) : "";
    jinja_arguments rest = behind(args, from + 1);
    for (size_t i = 0; items && i < items->n && m->st == MASA_OK; i++) {
        jinja_value subject = follow(m, items->items[i], path);
        bool holds = named ? jinja_apply_test(m, test, subject, &rest) : jinja_truth(subject);
        if (holds == keep) jinja_push(m, out, items->items[i]);
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
    const jinja_list *items = items_of(m, v);
    jinja_value out = jinja_new_list(m, JINJA_GENERATOR), path = {0}, otherwise = {0};
    for (size_t i = 0; i < args->n_named; i++) {
        if (strcmp(args->names[i], "attribute") == 0) path = args->named[i];
        if (strcmp(args->names[i], "default") == 0) otherwise = args->named[i];
    }
    bool by_path = path.type != JINJA_MISSING;
    if (!by_path && args->n == 0) return jinja_fail(m, "`map` needs a filter or an attribute");
    const char *filter = by_path ? "" : name_of(m, args->items[0]);
    jinja_arguments rest = behind(args, 1);
    for (size_t i = 0; items && i < items->n && m->st == MASA_OK; i++) {
        jinja_value item = by_path ? follow(m, items->items[i], path)
                                   : jinja_apply_filter(m, filter, items->items[i], &rest);
        if (by_path && item.type == JINJA_UNDEFINED && otherwise.type != JINJA_MISSING)
            item = otherwise;
        jinja_push(m, out, item);
    }
    return out;
}

/* Sorts items by keys, both [n], stable: merges halves. */
static void merge_sort(jinja_machine *m, jinja_value *items, jinja_value *keys, size_t n,
                       bool down)
{
    if (n < 2 || m->st != MASA_OK) return;
    size_t half = n / 2, a = 0, b = half, k = 0;
    merge_sort(m, items, keys, half, down);
    merge_sort(m, items + half, keys + half, n - half, down);
    if (!jinja_room(m, 2 * n * sizeof *items)) return;
    jinja_value *sorted = jinja_alloc(m->arena, 2 * n * sizeof *sorted);
    while (k < n) {
        bool left = a < half;
        if (left && b < n) {
            int order = jinja_compare(m, keys[a], keys[b]);
            left = down ? order >= 0 : order <= 0;
        }
        size_t from = left ? a++ : b++;
        sorted[n + k] = keys[from];
        sorted[k++] = items[from];
    }
    memcpy(items, sorted, n * sizeof *items);
    memcpy(keys, sorted + n, n * sizeof *keys);
}

static jinja_value sort(jinja_machine *m, const jinja_list *items, jinja_value path,
                        bool with_case, bool down)
{
    jinja_value list = jinja_new_list(m, JINJA_LIST), keys = jinja_new_list(m, JINJA_LIST);
    for (size_t i = 0; items && i < items->n && m->st == MASA_OK; i++) {
        jinja_push(m, list, items->items[i]);
        jinja_push(m, keys, sort_key(m, items->items[i], path, with_case));
    }
    if (m->st == MASA_OK)
        merge_sort(m, list.as.list->items, keys.as.list->items, list.as.list->n, down);
    return list;
}

BUILTIN(filter_sort)
{
    UNUSED;
    return sort(m, jinja_iterate(m, v), given[2], jinja_truth(given[1]), jinja_truth(given[0]));
}

/* The (key, value) pairs of a dictionary. */
static jinja_value pairs(jinja_machine *m, const jinja_dict *d)
{
    jinja_value list = jinja_new_list(m, JINJA_LIST);
    for (size_t i = 0; i < d->n && m->st == MASA_OK; i++) {
        jinja_value pair = jinja_new_list(m, JINJA_TUPLE);
        jinja_push(m, pair, d->keys[i]);
        jinja_push(m, pair, d->values[i]);
        jinja_push(m, list, pair);
    }
    return list;
}

BUILTIN(filter_items)
{
    UNUSED;
    if (v.type == JINJA_UNDEFINED) return jinja_new_list(m, JINJA_GENERATOR);
    if (v.type != JINJA_DICT)
        return jinja_fail(m, "`items` needs a mapping, not %s", jinja_type_name(v));
    jinja_value list = pairs(m, v.as.dict);
    list.type = JINJA_GENERATOR;
    return list;
}

BUILTIN(filter_dictsort)
{
    UNUSED;
    bool by_value = jinja_is_text(given[1], "value");
    if (v.type != JINJA_DICT)
        return jinja_fail(m, "`dictsort` needs a mapping, not %s", jinja_type_name(v));
    jinja_value list = pairs(m, v.as.dict);
    return sort(m, list.as.list, masa_jinja_integer(by_value), jinja_truth(given[0]),
                jinja_truth(given[2]));
}

BUILTIN(filter_unique)
{
    UNUSED;
    const jinja_list *items = jinja_iterate(m, v);
    jinja_value out = jinja_new_list(m, JINJA_GENERATOR), seen = jinja_new_list(m, JINJA_LIST);
    for (size_t i = 0; items && i < items->n && m->st == MASA_OK; i++) {
        jinja_value key = sort_key(m, items->items[i], given[1], jinja_truth(given[0]));
        if (!jinja_hashable(m, key) || jinja_contains(m, seen, key)) continue;
        jinja_push(m, seen, key);
        jinja_push(m, out, items->items[i]);
    }
    return out;
}

static jinja_value extreme(jinja_machine *m, jinja_value v, const jinja_value *given, int sign)
{
    const jinja_list *items = jinja_iterate(m, v);
    jinja_value best = jinja_undefined("the extreme of nothing"), best_key = best;
    for (size_t i = 0; items && i < items->n && m->st == MASA_OK; i++) {
        jinja_value key = sort_key(m, items->items[i], given[1], jinja_truth(given[0]));
        if (i && jinja_compare(m, key, best_key) * sign <= 0) continue;
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
    const jinja_list *items = jinja_iterate(m, v);
    jinja_value total = given[1].type == JINJA_MISSING ? masa_jinja_integer(0) : given[1];
    for (size_t i = 0; items && i < items->n && m->st == MASA_OK; i++)
        total = jinja_binary(m, '+', total, follow(m, items->items[i], given[0]));
    return total;
}

BUILTIN(filter_groupby)
{
    UNUSED;
    jinja_value sorted = sort(m, jinja_iterate(m, v), given[0], false, false);
    jinja_value out = jinja_new_list(m, JINJA_LIST), group = {0}, key = {0};
    if (given[1].type != JINJA_MISSING)
        return jinja_refuse(m, "`groupby` with a default is not supported");
    for (size_t i = 0; i < sorted.as.list->n && m->st == MASA_OK; i++) {
        jinja_value item = sorted.as.list->items[i], own = sort_key(m, item, given[0], false);
        if (i == 0 || !jinja_equal(m, own, key)) {
            jinja_value pair = jinja_new_list(m, JINJA_TUPLE);
            group = jinja_new_list(m, JINJA_LIST);
            jinja_push(m, pair, follow(m, item, given[0]));
            jinja_push(m, pair, group);
            jinja_push(m, out, pair);
            key = own;
        }
        jinja_push(m, group, item);
    }
    return out;
}

static const jinja_entry entries[] = {
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

const jinja_entry *jinja_list_filter(const char *name)
{
    return jinja_find(entries, sizeof entries / sizeof *entries, name);
}
