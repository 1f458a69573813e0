/* Methods of texts, dictionaries, lists and loops. What would change a value is refused,
 * as in the sandbox that transformers uses. */
#include "jinja_internal.h"

#include <string.h>

static bool need_text(jinja_machine *m, jinja_value v)
{
    if (v.type == JINJA_STRING) return true;
    jinja_fail(m, "expected a text, not %s", jinja_type_name(v));
    return false;
}

BUILTIN(text_strip)
{
    UNUSED;
    return jinja_strip(m, v, given[0], STRIP_LEFT | STRIP_RIGHT);
}
BUILTIN(text_lstrip)
{
    UNUSED;
    return jinja_strip(m, v, given[0], STRIP_LEFT);
}
BUILTIN(text_rstrip)
{
    UNUSED;
    return jinja_strip(m, v, given[0], STRIP_RIGHT);
}

#define IN_CASE(name, how)                                                                     \
    BUILTIN(text_##name)                                                                       \
    {                                                                                          \
        UNUSED;                                                                                \
        return jinja_change_case(m, v, how);                                                   \
    }
IN_CASE(upper, CASE_UPPER)
IN_CASE(lower, CASE_LOWER)
IN_CASE(capitalize, CASE_CAPITAL)
IN_CASE(title, CASE_WORDS)

#define HOLDS_FOR_ALL(test)                                                                    \
    BUILTIN(text_##test)                                                                       \
    {                                                                                          \
        UNUSED;                                                                                \
        return masa_jinja_bool(jinja_all(v, #test));                                           \
    }
HOLDS_FOR_ALL(isalpha)
HOLDS_FOR_ALL(isalnum)
HOLDS_FOR_ALL(isdigit)
HOLDS_FOR_ALL(isspace)
HOLDS_FOR_ALL(isupper)
HOLDS_FOR_ALL(islower)

BUILTIN(text_splitlines)
{
    UNUSED;
    return jinja_lines(m, v, jinja_truth(given[0]));
}

static bool has_affix(const jinja_string *s, const jinja_string *affix, bool start)
{
    return s->n >= affix->n &&
           memcmp(start ? s->s : s->s + s->n - affix->n, affix->s, affix->n) == 0;
}

static jinja_value test_affix(jinja_machine *m, jinja_value v, const jinja_value *given,
                              bool start)
{
    if (given[1].type != JINJA_MISSING || given[2].type != JINJA_MISSING)
        return jinja_refuse(m, "`startswith` and `endswith` with places are not supported");
    if (given[0].type == JINJA_TUPLE) {
        const jinja_list *any = given[0].as.list;
        for (size_t i = 0; i < any->n; i++)
            if (need_text(m, any->items[i]) &&
                has_affix(v.as.string, any->items[i].as.string, start))
                return masa_jinja_bool(true);
        return masa_jinja_bool(false);
    }
    return masa_jinja_bool(need_text(m, given[0]) &&
                           has_affix(v.as.string, given[0].as.string, start));
}

BUILTIN(text_startswith)
{
    UNUSED;
    return test_affix(m, v, given, true);
}
BUILTIN(text_endswith)
{
    UNUSED;
    return test_affix(m, v, given, false);
}

BUILTIN(text_removeprefix)
{
    UNUSED;
    bool has = need_text(m, given[0]) && has_affix(v.as.string, given[0].as.string, true);
    return has ? jinja_part(m, v, given[0].as.string->n, v.as.string->n) : v;
}

BUILTIN(text_removesuffix)
{
    UNUSED;
    bool has = need_text(m, given[0]) && has_affix(v.as.string, given[0].as.string, false);
    return has ? jinja_part(m, v, 0, v.as.string->n - given[0].as.string->n) : v;
}

BUILTIN(text_replace)
{
    UNUSED;
    if (!need_text(m, given[0]) || !need_text(m, given[1])) return v;
    return jinja_replace(m, v, given[0], given[1], jinja_given_integer(m, given[2], -1));
}

/* The last place of w in s, or NULL. */
static const char *find_last(const jinja_string *s, size_t n, const jinja_string *w)
{
    for (size_t i = n >= w->n ? n - w->n + 1 : 0; i-- > 0;)
        if (memcmp(s->s + i, w->s, w->n) == 0) return s->s + i;
    return NULL;
}

static const char *search(jinja_machine *m, const jinja_string *s, size_t from, size_t to,
                          const jinja_string *w, bool last)
{
    /* Backwards each place is compared anew. */
    jinja_work(m, last ? (to - from) * (1 + w->n / 64) : to - from);
    if (m->st != MASA_OK) return NULL;
    return last ? find_last(s, to, w) : memmem(s->s + from, to - from, w->s, w->n);
}

/* Blanks for separators, as str.split() without arguments. */
static jinja_value split_blanks(jinja_machine *m, jinja_value v, int64_t most, bool right)
{
    const jinja_string *s = v.as.string;
    jinja_value list = jinja_new_list(m, JINJA_LIST);
    if (right && most >= 0)
        return jinja_refuse(m, "`rsplit` at blanks with a number is not supported");
    jinja_value rest = jinja_strip(m, v, (jinja_value){0}, STRIP_LEFT);
    for (; rest.as.string->n && m->st == MASA_OK; most--) {
        const jinja_string *r = rest.as.string;
        size_t end = 0, size = 0;
        unsigned c;
        for (; end < r->n; end += size) {
            size = jinja_decode(r->s + end, r->n - end, &c);
            if (jinja_is_space(c)) break;
        }
        jinja_work(m, s->n);
        if (most == 0) {
            jinja_push(m, list, rest);
            break;
        }
        jinja_push(m, list, jinja_part(m, rest, 0, end));
        rest = jinja_strip(m, jinja_part(m, rest, end, r->n), (jinja_value){0}, STRIP_LEFT);
    }
    return list;
}

static jinja_value split(jinja_machine *m, jinja_value v, const jinja_value *given, bool right)
{
    int64_t most = jinja_given_integer(m, given[1], -1);
    if (given[0].type == JINJA_MISSING || given[0].type == JINJA_NONE)
        return split_blanks(m, v, most, right);
    if (!need_text(m, given[0])) return v;
    const jinja_string *s = v.as.string, *w = given[0].as.string;
    if (w->n == 0) return jinja_fail(m, "empty separator");
    jinja_value list = jinja_new_list(m, JINJA_LIST);
    size_t begin = 0, end = s->n;
    for (; most != 0 && m->st == MASA_OK; most--) {
        const char *found = search(m, s, begin, end, w, right);
        if (!found) break;
        size_t at = (size_t)(found - s->s);
        jinja_push(m, list,
                   right ? jinja_part(m, v, at + w->n, end) : jinja_part(m, v, begin, at));
        if (right) end = at;
        else begin = at + w->n;
    }
    jinja_push(m, list, jinja_part(m, v, begin, end));
    for (size_t i = 0, n = list.as.list->n; right && i < n / 2; i++) {
        jinja_value swap = list.as.list->items[i];
        list.as.list->items[i] = list.as.list->items[n - 1 - i];
        list.as.list->items[n - 1 - i] = swap;
    }
    return list;
}

BUILTIN(text_split)
{
    UNUSED;
    return split(m, v, given, false);
}
BUILTIN(text_rsplit)
{
    UNUSED;
    return split(m, v, given, true);
}

static jinja_value partition(jinja_machine *m, jinja_value v, jinja_value by, bool right)
{
    if (!need_text(m, by)) return v;
    const jinja_string *s = v.as.string, *w = by.as.string;
    if (w->n == 0) return jinja_fail(m, "empty separator");
    const char *found = search(m, s, 0, s->n, w, right);
    size_t at = found   ? (size_t)(found - s->s)
                : right ? 0
                        : s->n,
           behind = found ? at + w->n : at;
    jinja_value out = jinja_new_list(m, JINJA_TUPLE);
    jinja_push(m, out, jinja_part(m, v, 0, at));
    jinja_push(m, out, found ? by : jinja_constant(m, ""));
    jinja_push(m, out, jinja_part(m, v, behind, s->n));
    return out;
}

BUILTIN(text_partition)
{
    UNUSED;
    return partition(m, v, given[0], false);
}
BUILTIN(text_rpartition)
{
    UNUSED;
    return partition(m, v, given[0], true);
}

static jinja_value find(jinja_machine *m, jinja_value v, const jinja_value *given, bool last,
                        bool must)
{
    if (given[1].type != JINJA_MISSING || given[2].type != JINJA_MISSING)
        return jinja_refuse(m, "`find` with places is not supported");
    if (!need_text(m, given[0])) return v;
    const jinja_string *s = v.as.string;
    const char *found = search(m, s, 0, s->n, given[0].as.string, last);
    if (found) return masa_jinja_integer((int64_t)jinja_length(s->s, (size_t)(found - s->s)));
    return must ? jinja_fail(m, "substring not found") : masa_jinja_integer(-1);
}

BUILTIN(text_find)
{
    UNUSED;
    return find(m, v, given, false, false);
}
BUILTIN(text_rfind)
{
    UNUSED;
    return find(m, v, given, true, false);
}
BUILTIN(text_index)
{
    UNUSED;
    return find(m, v, given, false, true);
}

BUILTIN(text_count)
{
    UNUSED;
    int64_t n = 0;
    if (!need_text(m, given[0])) return v;
    const jinja_string *s = v.as.string, *w = given[0].as.string;
    if (w->n == 0) return masa_jinja_integer((int64_t)jinja_length(s->s, s->n) + 1);
    for (size_t at = 0; m->st == MASA_OK; n++) {
        const char *found = search(m, s, at, s->n, w, false);
        if (!found) break;
        at = (size_t)(found - s->s) + w->n;
    }
    return masa_jinja_integer(n);
}

BUILTIN(text_join)
{
    UNUSED;
    const jinja_list *items = jinja_iterate(m, given[0]);
    jinja_builder b = {0};
    for (size_t i = 0; items && i < items->n && m->st == MASA_OK; i++) {
        if (i) jinja_add_string(m, &b, v);
        if (need_text(m, items->items[i])) jinja_add_string(m, &b, items->items[i]);
    }
    return jinja_finish(m, &b);
}

BUILTIN(text_zfill)
{
    UNUSED;
    int64_t width = jinja_given_integer(m, given[0], 0);
    const jinja_string *s = v.as.string;
    int64_t n = (int64_t)jinja_length(s->s, s->n);
    bool sign = s->n && (*s->s == '-' || *s->s == '+');
    jinja_builder b = {0};
    if (sign) jinja_add_string(m, &b, jinja_part(m, v, 0, 1));
    for (; n < width && m->st == MASA_OK; n++) jinja_add_text(m, &b, "0");
    jinja_add_string(m, &b, jinja_part(m, v, sign, s->n));
    return jinja_finish(m, &b);
}

/* Of "{}", "{0}" and "{name}" alone. */
BUILTIN(text_format)
{
    const jinja_string *s = v.as.string;
    jinja_builder b = {0};
    size_t next = 0;
    (void)given;
    for (size_t i = 0; i < s->n && m->st == MASA_OK;) {
        const char *mark = s->marks ? s->marks + i : NULL;
        if ((s->s[i] != '{' && s->s[i] != '}') || (i + 1 < s->n && s->s[i + 1] == s->s[i])) {
            jinja_add(m, &b, s->s + i, 1, mark);
            i += s->s[i] == '{' || s->s[i] == '}' ? 2 : 1;
            continue;
        }
        const char *close = s->s[i] == '{' ? memchr(s->s + i, '}', s->n - i) : NULL;
        if (!close)
            return jinja_finish(m, &b), jinja_fail(m, "a brace of the format has no partner");
        size_t n = (size_t)(close - s->s) - i - 1, k = n ? args->n : next++;
        const char *name = s->s + i + 1;
        jinja_value value = {0};
        if (n && n < 4 && strspn(name, "0123456789") >= n) {
            k = 0;
            for (size_t d = 0; d < n; d++) k = 10 * k + (size_t)(name[d] - '0');
        }
        for (size_t a = 0; n && a < args->n_named; a++)
            if (strlen(args->names[a]) == n && memcmp(args->names[a], name, n) == 0)
                value = args->named[a];
        if (value.type == JINJA_MISSING && k < args->n) value = args->items[k];
        if (value.type == JINJA_MISSING)
            jinja_refuse(m, "the field \"{%.*s}\" of a format is not supported",
                         n < 40 ? (int)n : 40, name);
        jinja_print(m, &b, value);
        i += n + 2;
    }
    return jinja_finish(m, &b);
}

static jinja_value dict_list(jinja_machine *m, jinja_value v, bool keys, bool values)
{
    jinja_value list = jinja_new_list(m, JINJA_LIST);
    for (size_t i = 0; i < v.as.dict->n && m->st == MASA_OK; i++) {
        jinja_value pair = keys && values ? jinja_new_list(m, JINJA_TUPLE) : list;
        if (keys) jinja_push(m, pair, v.as.dict->keys[i]);
        if (values) jinja_push(m, pair, v.as.dict->values[i]);
        if (keys && values) jinja_push(m, list, pair);
    }
    return list;
}

BUILTIN(dict_items)
{
    UNUSED;
    return dict_list(m, v, true, true);
}
BUILTIN(dict_keys)
{
    UNUSED;
    return dict_list(m, v, true, false);
}
BUILTIN(dict_values)
{
    UNUSED;
    return dict_list(m, v, false, true);
}

BUILTIN(dict_get)
{
    UNUSED;
    const jinja_value *found = jinja_dict_find(m, v.as.dict, given[0]);
    if (found) return *found;
    return given[1].type == JINJA_MISSING ? masa_jinja_none() : given[1];
}

BUILTIN(any_copy)
{
    UNUSED;
    return v;
}

BUILTIN(list_index)
{
    UNUSED;
    for (size_t i = 0; i < v.as.list->n && m->st == MASA_OK; i++)
        if (jinja_equal(m, v.as.list->items[i], given[0]))
            return masa_jinja_integer((int64_t)i);
    return jinja_fail(m, "the item is not in the list");
}

BUILTIN(list_count)
{
    UNUSED;
    int64_t n = 0;
    for (size_t i = 0; i < v.as.list->n && m->st == MASA_OK; i++)
        n += jinja_equal(m, v.as.list->items[i], given[0]);
    return masa_jinja_integer(n);
}

BUILTIN(changes)
{
    UNUSED;
    return jinja_fail(m, "a %s cannot be changed by a template", jinja_type_name(v));
}

BUILTIN(loop_cycle)
{
    UNUSED;
    if (args->n == 0) return jinja_fail(m, "no items for cycling given");
    return args->items[v.as.loop->index % args->n];
}

BUILTIN(loop_changed)
{
    UNUSED;
    jinja_value now = jinja_new_list(m, JINJA_TUPLE);
    for (size_t i = 0; i < args->n; i++) jinja_push(m, now, args->items[i]);
    bool same =
        v.as.loop->changed.type == JINJA_TUPLE && jinja_equal(m, v.as.loop->changed, now);
    v.as.loop->changed = now;
    return masa_jinja_bool(!same);
}

static const jinja_entry of_text[] = {
    {"strip", text_strip, "chars"},
    {"lstrip", text_lstrip, "chars"},
    {"rstrip", text_rstrip, "chars"},
    {"startswith", text_startswith, "prefix,start,end"},
    {"endswith", text_endswith, "suffix,start,end"},
    {"removeprefix", text_removeprefix, "prefix"},
    {"removesuffix", text_removesuffix, "suffix"},
    {"split", text_split, "sep,maxsplit"},
    {"rsplit", text_rsplit, "sep,maxsplit"},
    {"splitlines", text_splitlines, "keepends"},
    {"partition", text_partition, "sep"},
    {"rpartition", text_rpartition, "sep"},
    {"replace", text_replace, "old,new,count"},
    {"upper", text_upper, ""},
    {"lower", text_lower, ""},
    {"capitalize", text_capitalize, ""},
    {"title", text_title, ""},
    {"find", text_find, "sub,start,end"},
    {"rfind", text_rfind, "sub,start,end"},
    {"index", text_index, "sub,start,end"},
    {"count", text_count, "sub"},
    {"join", text_join, "iterable"},
    {"format", text_format, "*"},
    {"zfill", text_zfill, "width"},
    {"isalpha", text_isalpha, ""},
    {"isalnum", text_isalnum, ""},
    {"isdigit", text_isdigit, ""},
    {"isspace", text_isspace, ""},
    {"isupper", text_isupper, ""},
    {"islower", text_islower, ""},
};

static const jinja_entry of_dict[] = {
    {"items", dict_items, ""},    {"keys", dict_keys, ""},
    {"values", dict_values, ""},  {"get", dict_get, "key,default"},
    {"copy", any_copy, ""},       {"update", changes, "*"},
    {"pop", changes, "*"},        {"popitem", changes, "*"},
    {"setdefault", changes, "*"}, {"clear", changes, "*"},
};

static const jinja_entry of_list[] = {
    {"index", list_index, "value"}, {"count", list_count, "value"}, {"copy", any_copy, ""},
    {"append", changes, "*"},       {"extend", changes, "*"},       {"insert", changes, "*"},
    {"pop", changes, "*"},          {"remove", changes, "*"},       {"sort", changes, "*"},
    {"reverse", changes, "*"},      {"clear", changes, "*"},
};

static const jinja_entry of_loop[] = {{"cycle", loop_cycle, "*"},
                                      {"changed", loop_changed, "*"}};

#define FIND(table) jinja_find(table, sizeof table / sizeof *table, name)

const jinja_entry *jinja_method(jinja_value self, const char *name)
{
    switch (self.type) {
    case JINJA_STRING: return FIND(of_text);
    case JINJA_DICT: return FIND(of_dict);
    case JINJA_LIST: return FIND(of_list);
    case JINJA_TUPLE: return jinja_find(of_list, 2, name);
    case JINJA_LOOP: return FIND(of_loop);
    default: return NULL;
    }
}
