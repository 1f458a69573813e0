/* Functions that every template has: Jinja's own and those that transformers adds. */
#include "jinja_internal.h"

#include <string.h>
#include <time.h>

enum { MOST_RANGE = 100000 }; /* as in Jinja's sandbox */

BUILTIN(make_range)
{
    UNUSED;
    bool one = given[1].type == JINJA_MISSING;
    int64_t begin = one ? 0 : jinja_given_integer(m, given[0], 0);
    int64_t end = jinja_given_integer(m, given[one ? 0 : 1], 0),
            step = jinja_given_integer(m, given[2], 1);
    jinja_value list = jinja_new_list(m, JINJA_LIST);
    if (step == 0) return jinja_fail(m, "the step of a range is 0");
    for (int64_t i = begin; m->st == MASA_OK && (step > 0 ? i < end : i > end);) {
        if (list.as.list->n == MOST_RANGE)
            return jinja_fail(m, "a range of more than %d items", MOST_RANGE);
        jinja_push(m, list, masa_jinja_integer(i));
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    return list;
}

/* dict(other, a=1, ...) and namespace(...) */
static jinja_value make_mapping(jinja_machine *m, const jinja_arguments *args, int type)
{
    jinja_value out = {.type = type, .as.dict = jinja_alloc(m->arena, sizeof(jinja_dict))};
    jinja_room(m, sizeof(jinja_dict));
    if (args->n > 1) return jinja_fail(m, "expected at most one argument without a name");
    if (args->n && args->items[0].type != JINJA_DICT && args->items[0].type != JINJA_NAMESPACE)
        return jinja_refuse(m, "a mapping made of %s is not supported",
                            jinja_type_name(args->items[0]));
    const jinja_dict *other = args->n ? args->items[0].as.dict : NULL;
    for (size_t i = 0; other && i < other->n && m->st == MASA_OK; i++)
        jinja_dict_put(m, out.as.dict, other->keys[i], other->values[i]);
    for (size_t i = 0; i < args->n_named && m->st == MASA_OK; i++)
        jinja_dict_put(m, out.as.dict, jinja_constant(m, args->names[i]), args->named[i]);
    return out;
}

BUILTIN(make_dict)
{
    UNUSED;
    return make_mapping(m, args, JINJA_DICT);
}
BUILTIN(make_namespace)
{
    UNUSED;
    return make_mapping(m, args, JINJA_NAMESPACE);
}

BUILTIN(raise_exception)
{
    UNUSED;
    const jinja_string *why = jinja_to_string(m, given[0]).as.string;
    return jinja_fail(m, "the template raises: %.*s", why->n < 300 ? (int)why->n : 300, why->s);
}

/* Always the day that Llama 3's templates name where there is no clock. */
BUILTIN(strftime_now)
{
    UNUSED;
    struct tm day = {.tm_year = 124, .tm_mon = 6, .tm_mday = 26, .tm_wday = 5, .tm_yday = 207};
    char format[128], out[512];
    if (given[0].type != JINJA_STRING || given[0].as.string->n >= sizeof format)
        return jinja_fail(m, "`strftime_now` needs a short format");
    memcpy(format, given[0].as.string->s, given[0].as.string->n);
    format[given[0].as.string->n] = '\0';
    /* clang and gcc warn of a format that is no literal; strftime writes no memory but
     * out. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    size_t n = strftime(out, sizeof out, format, &day);
#pragma GCC diagnostic pop
    return jinja_new_string(m, out, n, NULL);
}

static const jinja_entry entries[] = {
    {"range", make_range, "start,stop,step"}, {"dict", make_dict, "*"},
    {"namespace", make_namespace, "*"},       {"raise_exception", raise_exception, "message"},
    {"strftime_now", strftime_now, "format"},
};

const jinja_entry *jinja_global(const char *name)
{
    return jinja_find(entries, sizeof entries / sizeof *entries, name);
}
