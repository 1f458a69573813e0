/* Methods of texts, dictionaries, lists and loops. What would change a value is refused,
 * as in the sandbox that transformers uses. */
#include "jinja_internal.h"

#include <string.h>

static bool need_text(jinja__machine *m, jinja__value v)
{
    if (v.type == JINJA_STRING) return true;
    jinja__fail(m, "expected a text, not %s", jinja__type_name(v));
    return false;
}

BUILTIN(text_strip)
{
    UNUSED;
    return jinja__strip(m, v, given[0], STRIP_LEFT | STRIP_RIGHT);
}
BUILTIN(text_lstrip)
{
    UNUSED;
    return jinja__strip(m, v, given[0], STRIP_LEFT);
}
BUILTIN(text_rstrip)
{
    UNUSED;
    return jinja__strip(m, v, given[0], STRIP_RIGHT);
}

#define IN_CASE(name, how)                                                                     \
    BUILTIN(text_##name)                                                                       \
    {                                                                                          \
        UNUSED;                                                                                \
        return jinja__change_case(m, v, how);                                                  \
    }
IN_CASE(upper, CASE_UPPER)
IN_CASE(lower, CASE_LOWER)
IN_CASE(capitalize, CASE_CAPITAL)
IN_CASE(title, CASE_WORDS)

#define HOLDS_FOR_ALL(test)                                                                    \
    BUILTIN(text_##test)                                                                       \
    {                                                                                          \
        UNUSED;                                                                                \
        return masa_jinja_bool(jinja__all(v, #test));                                          \
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
    return jinja__lines(m, v, jinja__truth(given[0]));
}

static bool has_affix(const jinja__string *s, const jinja__string *affix, bool start)
{
    return s->n >= affix->n &&
           memcmp(start ? s->s : s->s + s->n - affix->n, affix->s, affix->n) == 0;
}

static jinja__value test_affix(jinja__machine *m, jinja__value v, const jinja__value *given,
                               bool start)
{
    if (given[1].type != JINJA_MISSING || given[2].type != JINJA_MISSING)
        return jinja__refuse(m, "`startswith` and `endswith` with places are not supported");
    if (given[0].type == JINJA_TUPLE) {
        const jinja__list *any = given[0].as.list;
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
    return has ? jinja__part(m, v, given[0].as.string->n, v.as.string->n) : v;
}

BUILTIN(text_removesuffix)
{
    UNUSED;
    bool has = need_text(m, given[0]) && has_affix(v.as.string, given[0].as.string, false);
    return has ? jinja__part(m, v, 0, v.as.string->n - given[0].as.string->n) : v;
}

BUILTIN(text_replace)
{
    UNUSED;
    if (!need_text(m, given[0]) || !need_text(m, given[1])) return v;
    return jinja__replace(m, v, given[0], given[1], jinja__given_integer(m, given[2], -1));
}

/* The last place of w in s, or NULL. */
static const char *find_last(const jinja__string *s, size_t n, const jinja__string *w)
{
    for (size_t i = n >= w->n ? n - w->n + 1 : 0; i-- > 0;)
        if (memcmp(s->s + i, w->s, w->n) == 0) return s->s + i;
    return NULL;
}

static const char *search(jinja__machine *m, const jinja__string *s, size_t from, size_t to,
                          const jinja__string *w, bool last)
{
    /* Backwards each place is compared anew. */
    jinja__work(m, last ? (to - from) * (1 + w->n / 64) : to - from);
    if (m->st != MASA_OK) return NULL;
    return last ? find_last(s, to, w) : memmem(s->s + from, to - from, w->s, w->n);
}

/* Blanks for separators, as str.split() without arguments. */
static jinja__value split_blanks(jinja__machine *m, jinja__value v, int64_t most, bool right)
{
    const jinja__string *s = v.as.string;
    jinja__value list = jinja__new_list(m, JINJA_LIST);
    if (right && most >= 0)
        return jinja__refuse(m, "`rsplit` at blanks with a number is not supported");
    jinja__value rest = jinja__strip(m, v, (jinja__value){0}, STRIP_LEFT);
    for (; rest.as.string->n && m->st == MASA_OK; most--) {
        const jinja__string *r = rest.as.string;
        size_t end = 0, size = 0;
        unsigned c;
        for (; end < r->n; end += size) {
            size = jinja__decode(r->s + end, r->n - end, &c);
            if (jinja__is_space(c)) break;
        }
        jinja__work(m, s->n);
        if (most == 0) {
            jinja__push(m, list, rest);
            break;
        }
        jinja__push(m, list, jinja__part(m, rest, 0, end));
        rest = jinja__strip(m, jinja__part(m, rest, end, r->n), (jinja__value){0}, STRIP_LEFT);
    }
    return list;
}

static jinja__value split(jinja__machine *m, jinja__value v, const jinja__value *given,
                          bool right)
{
    int64_t most = jinja__given_integer(m, given[1], -1);
    if (given[0].type == JINJA_MISSING || given[0].type == JINJA_NONE)
        return split_blanks(m, v, most, right);
    if (!need_text(m, given[0])) return v;
    const jinja__string *s = v.as.string, *w = given[0].as.string;
    if (w->n == 0) return jinja__fail(m, "empty separator");
    jinja__value list = jinja__new_list(m, JINJA_LIST);
    size_t begin = 0, end = s->n;
    for (; most != 0 && m->st == MASA_OK; most--) {
        const char *found = search(m, s, begin, end, w, right);
        if (!found) break;
        size_t at = (size_t)(found - s->s);
        jinja__push(m, list,
                    right ? jinja__part(m, v, at + w->n, end) : jinja__part(m, v, begin, at));
        if (right) end = at;
        else begin = at + w->n;
    }
    jinja__push(m, list, jinja__part(m, v, begin, end));
    for (size_t i = 0, n = list.as.list->n; right && i < n / 2; i++) {
        jinja__value swap = list.as.list->items[i];
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

static jinja__value partition(jinja__machine *m, jinja__value v, jinja__value by, bool right)
{
    if (!need_text(m, by)) return v;
    const jinja__string *s = v.as.string, *w = by.as.string;
    if (w->n == 0) return jinja__fail(m, "empty separator");
    const char *found = search(m, s, 0, s->n, w, right);
    size_t at = found   ? (size_t)(found - s->s)
                : right ? 0
                        : s->n,
           behind = found ? at + w->n : at;
    jinja__value out = jinja__new_list(m, JINJA_TUPLE);
    jinja__push(m, out, jinja__part(m, v, 0, at));
    jinja__push(m, out, found ? by : jinja__constant(m, ""));
    jinja__push(m, out, jinja__part(m, v, behind, s->n));
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

static jinja__value find(jinja__machine *m, jinja__value v, const jinja__value *given,
                         bool last, bool must)
{
    if (given[1].type != JINJA_MISSING || given[2].type != JINJA_MISSING)
        return jinja__refuse(m, "`find` with places is not supported");
    if (!need_text(m, given[0])) return v;
    const jinja__string *s = v.as.string;
    const char *found = search(m, s, 0, s->n, given[0].as.string, last);
    if (found) return masa_jinja_integer((int64_t)jinja__length(s->s, (size_t)(found - s->s)));
    return must ? jinja__fail(m, "substring not found") : masa_jinja_integer(-1);
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
    const jinja__string *s = v.as.string, *w = given[0].as.string;
    if (w->n == 0) return masa_jinja_integer((int64_t)jinja__length(s->s, s->n) + 1);
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
    const jinja__list *items = jinja__iterate(m, given[0]);
    jinja__builder b = {0};
    for (size_t i = 0; items && i < items->n && m->st == MASA_OK; i++) {
        if (i) jinja__add_string(m, &b, v);
        if (need_text(m, items->items[i])) jinja__add_string(m, &b, items->items[i]);
    }
    return jinja__finish(m, &b);
}

BUILTIN(text_zfill)
{
    UNUSED;
    int64_t width = jinja__given_integer(m, given[0], 0);
    const jinja__string *s = v.as.string;
    int64_t n = (int64_t)jinja__length(s->s, s->n);
    bool sign = s->n && (*s->s == '-' || *s->s == '+');
    jinja__builder b = {0};
    if (sign) jinja__add_string(m, &b, jinja__part(m, v, 0, 1));
    for (; n < width && m->st == MASA_OK; n++) jinja__add_text(m, &b, "0");
    jinja__add_string(m, &b, jinja__part(m, v, sign, s->n));
    return jinja__finish(m, &b);
}

/* Of "{}", "{0}" and "{name}" alone. */
BUILTIN(text_format)
{
    const jinja__string *s = v.as.string;
    jinja__builder b = {0};
    size_t next = 0;
    (void)given;
    for (size_t i = 0; i < s->n && m->st == MASA_OK;) {
        const char *mark = s->marks ? s->marks + i : NULL;
        if ((s->s[i] != '{' && s->s[i] != '}') || (i + 1 < s->n && s->s[i + 1] == s->s[i])) {
            jinja__add(m, &b, s->s + i, 1, mark);
            i += s->s[i] == '{' || s->s[i] == '}' ? 2 : 1;
            continue;
        }
        const char *close = s->s[i] == '{' ? memchr(s->s + i, '}', s->n - i) : NULL;
        if (!close)
            return jinja__finish(m, &b), jinja__fail(m, "a brace of the format has no partner");
        size_t n = (size_t)(close - s->s) - i - 1, k = n ? args->n : next++;
        const char *name = s->s + i + 1;
        jinja__value value = {0};
        if (n && n < 4 && strspn(name, "0123456789") >= n) {
            k = 0;
            for (size_t d = 0; d < n; d++) k = 10 * k + (size_t)(name[d] - '0');
        }
        for (size_t a = 0; n && a < args->n_named; a++)
            if (strlen(args->names[a]) == n && memcmp(args->names[a], name, n) == 0)
                value = args->named[a];
        if (value.type == JINJA_MISSING && k < args->n) value = args->items[k];
        if (value.type == JINJA_MISSING)
            jinja__refuse(m, "the field \"{%.*s}\" of a format is not supported",
                          n < 40 ? (int)n : 40, name);
        jinja__print(m, &b, value);
        i += n + 2;
    }
    return jinja__finish(m, &b);
}

static jinja__value dict_list(jinja__machine *m, jinja__value v, bool keys, bool values)
{
    jinja__value list = jinja__new_list(m, JINJA_LIST);
    for (size_t i = 0; i < v.as.dict->n && m->st == MASA_OK; i++) {
        jinja__value pair = keys && values ? jinja__new_list(m, JINJA_TUPLE) : list;
        if (keys) jinja__push(m, pair, v.as.dict->keys[i]);
        if (values) jinja__push(m, pair, v.as.dict->values[i]);
        if (keys && values) jinja__push(m, list, pair);
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
    const jinja__value *found = jinja__dict_find(m, v.as.dict, given[0]);
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
        if (jinja__equal(m, v.as.list->items[i], given[0]))
            return masa_jinja_integer((int64_t)i);
    return jinja__fail(m, "the item is not in the list");
}

BUILTIN(list_count)
{
    UNUSED;
    int64_t n = 0;
    for (size_t i = 0; i < v.as.list->n && m->st == MASA_OK; i++)
        n += jinja__equal(m, v.as.list->items[i], given[0]);
    return masa_jinja_integer(n);
}

BUILTIN(changes)
{
    UNUSED;
    return jinja__fail(m, "a %s cannot be changed by a template", jinja__type_name(v));
}

BUILTIN(loop_cycle)
{
    UNUSED;
    if (args->n == 0) return jinja__fail(m, "no items for cycling given");
    return args->items[v.as.loop->index % args->n];
}

BUILTIN(loop_changed)
{
    UNUSED;
    jinja__value now = jinja__new_list(m, JINJA_TUPLE);
    for (size_t i = 0; i < args->n; i++) jinja__push(m, now, args->items[i]);
    bool same =
        v.as.loop->changed.type == JINJA_TUPLE && jinja__equal(m, v.as.loop->changed, now);
    v.as.loop->changed = now;
    return masa_jinja_bool(!same);
}

static const jinja__entry of_text[] = {
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

static const jinja__entry of_dict[] = {
    {"items", dict_items, ""},    {"keys", dict_keys, ""},
    {"values", dict_values, ""},  {"get", dict_get, "key,default"},
    {"copy", any_copy, ""},       {"update", changes, "*"},
    {"pop", changes, "*"},        {"popitem", changes, "*"},
    {"setdefault", changes, "*"}, {"clear", changes, "*"},
};

static const jinja__entry of_list[] = {
    {"index", list_index, "value"}, {"count", list_count, "value"}, {"copy", any_copy, ""},
    {"append", changes, "*"},       {"extend", changes, "*"},       {"insert", changes, "*"},
    {"pop", changes, "*"},          {"remove", changes, "*"},       {"sort", changes, "*"},
    {"reverse", changes, "*"},      {"clear", changes, "*"},
};

static const jinja__entry of_loop[] = {{"cycle", loop_cycle, "*"},
                                       {"changed", loop_changed, "*"}};

#define FIND(table) jinja__find(table, sizeof table / sizeof *table, name)

const jinja__entry *jinja__method(jinja__value self, const char *name)
{
    switch (self.type) {
    case JINJA_STRING: return FIND(of_text);
    case JINJA_DICT: return FIND(of_dict);
    case JINJA_LIST: return FIND(of_list);
    case JINJA_TUPLE: return jinja__find(of_list, 2, name);
    case JINJA_LOOP: return FIND(of_loop);
    default: return NULL;
    }
}
