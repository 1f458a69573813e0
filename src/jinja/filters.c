/* Filters of texts and numbers. */
#include "jinja_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* soft_str(): a text, whatever it was. */
static jinja_value text_of(jinja_machine *m, jinja_value v)
{
    return jinja_to_string(m, v);
}

BUILTIN(filter_default)
{
    UNUSED;
    bool use = v.type == JINJA_UNDEFINED || (jinja_truth(given[1]) && !jinja_truth(v));
    if (!use) return v;
    return given[0].type == JINJA_MISSING ? jinja_constant(m, "") : given[0];
}

BUILTIN(filter_trim)
{
    UNUSED;
    return jinja_strip(m, text_of(m, v), given[0], STRIP_LEFT | STRIP_RIGHT);
}

BUILTIN(filter_upper)
{
    UNUSED;
    return jinja_change_case(m, text_of(m, v), CASE_UPPER);
}
BUILTIN(filter_lower)
{
    UNUSED;
    return jinja_change_case(m, text_of(m, v), CASE_LOWER);
}
BUILTIN(filter_capitalize)
{
    UNUSED;
    return jinja_change_case(m, text_of(m, v), CASE_CAPITAL);
}
BUILTIN(filter_title)
{
    UNUSED;
    return jinja_change_case(m, text_of(m, v), CASE_TITLE);
}
BUILTIN(filter_string)
{
    UNUSED;
    return text_of(m, v);
}
BUILTIN(filter_safe)
{
    UNUSED;
    return jinja_safe(m, text_of(m, v));
}

BUILTIN(filter_replace)
{
    UNUSED;
    int64_t most = given[2].type == JINJA_NONE ? -1 : jinja_given_integer(m, given[2], -1);
    if (given[0].type == JINJA_MISSING || given[1].type == JINJA_MISSING)
        return jinja_fail(m, "`replace` needs what to replace and by what");
    return jinja_replace(m, text_of(m, v), text_of(m, given[0]), text_of(m, given[1]), most);
}

BUILTIN(filter_length)
{
    UNUSED;
    switch (v.type) {
    case JINJA_UNDEFINED: return masa_jinja_integer(0);
    case JINJA_STRING:
        jinja_work(m, v.as.string->n);
        return masa_jinja_integer((int64_t)jinja_length(v.as.string->s, v.as.string->n));
    case JINJA_LIST:
    case JINJA_TUPLE: return masa_jinja_integer((int64_t)v.as.list->n);
    case JINJA_DICT: return masa_jinja_integer((int64_t)v.as.dict->n);
    case JINJA_LOOP: return masa_jinja_integer((int64_t)v.as.loop->items->n);
    default: return jinja_fail(m, "object of type '%s' has no length", jinja_type_name(v));
    }
}

BUILTIN(filter_tojson)
{
    UNUSED;
    jinja_json how = {.ascii = jinja_truth(given[0]), .sorted = jinja_truth(given[3])};
    jinja_builder b = {0};
    char spaces[33] = {0};
    if (given[1].type == JINJA_STRING) {
        how.indent = jinja_copy(m->arena, given[1].as.string->s, given[1].as.string->n);
    } else if (given[1].type != JINJA_NONE && given[1].type != JINJA_MISSING) {
        int64_t n = jinja_given_integer(m, given[1], 0);
        if (n > 32) return jinja_refuse(m, "an indent of more than 32 spaces is not supported");
        memset(spaces, ' ', n > 0 ? (size_t)n : 0);
        how.indent = spaces;
    }
    if (given[2].type != JINJA_MISSING && given[2].type != JINJA_NONE) {
        const jinja_list *two = jinja_iterate(m, given[2]);
        if (!two || two->n != 2)
            return jinja_fail(m, "the separators of `tojson` are two texts");
        how.item = two->items[0];
        how.key = two->items[1];
    }
    jinja_print_json(m, &b, v, &how, 0);
    return jinja_finish(m, &b);
}

BUILTIN(filter_indent)
{
    UNUSED;
    jinja_value text = v, indent = given[0];
    if (v.type != JINJA_STRING)
        return jinja_fail(m, "`indent` needs a text, not %s", jinja_type_name(v));
    if (indent.type != JINJA_STRING) {
        int64_t width = jinja_given_integer(m, indent, 4);
        indent = jinja_binary(m, '*', jinja_constant(m, " "), masa_jinja_integer(width));
    }
    bool first = jinja_truth(given[1]), blank = jinja_truth(given[2]);
    jinja_builder with_end = {0}, b = {0};
    jinja_add_string(m, &with_end, text);
    jinja_add_text(m, &with_end, "\n");
    const jinja_list *lines = jinja_lines(m, jinja_finish(m, &with_end), false).as.list;
    for (size_t i = 0; i < lines->n && m->st == MASA_OK; i++) {
        if (i) jinja_add_text(m, &b, "\n");
        if (i ? blank || lines->items[i].as.string->n : first) jinja_add_string(m, &b, indent);
        jinja_add_string(m, &b, lines->items[i]);
    }
    return jinja_finish(m, &b);
}

/* A text as a number; false when it is none. */
static bool read_number(jinja_value v, double *out, int64_t *whole, bool *is_whole)
{
    char buffer[64];
    const jinja_string *s = v.as.string;
    if (s->n == 0 || s->n >= sizeof buffer) return false;
    memcpy(buffer, s->s, s->n);
    buffer[s->n] = '\0';
    if (strlen(buffer) != s->n || strpbrk(buffer, "xXpPnN(")) return false;
    char *end;
    errno = 0;
    *whole = strtoll(buffer, &end, 10);
    *is_whole = end != buffer && end[strspn(end, " \t\n\r\f\v")] == '\0' && errno == 0;
    *out = strtod(buffer, &end);
    return end != buffer && end[strspn(end, " \t\n\r\f\v")] == '\0';
}

BUILTIN(filter_int)
{
    UNUSED;
    double real = 0;
    int64_t whole = 0;
    bool is_whole = false;
    jinja_value otherwise = given[0].type == JINJA_MISSING ? masa_jinja_integer(0) : given[0];
    if (jinja_given_integer(m, given[1], 10) != 10)
        return jinja_refuse(m, "`int` with another base is not supported");
    if (v.type == JINJA_UNDEFINED) return jinja_fail(m, "'%.60s' is undefined", v.as.name);
    if (v.type == JINJA_BOOL) return masa_jinja_integer(v.as.boolean);
    if (v.type == JINJA_INTEGER) return v;
    if (v.type == JINJA_REAL) real = v.as.real;
    else if (v.type != JINJA_STRING || !read_number(v, &real, &whole, &is_whole))
        return otherwise;
    if (is_whole) return masa_jinja_integer(whole);
    if (!isfinite(real)) return otherwise;
    if (fabs(real) > 9e18) return jinja_refuse(m, "integers beyond 64 bits are not supported");
    return masa_jinja_integer((int64_t)real);
}

BUILTIN(filter_float)
{
    UNUSED;
    double real;
    int64_t whole;
    bool is_whole;
    if (v.type == JINJA_UNDEFINED) return jinja_fail(m, "'%.60s' is undefined", v.as.name);
    if (jinja_is_number(v)) return masa_jinja_real(jinja_as_real(v));
    if (v.type == JINJA_STRING && read_number(v, &real, &whole, &is_whole))
        return masa_jinja_real(real);
    return given[0].type == JINJA_MISSING ? masa_jinja_real(0) : given[0];
}

BUILTIN(filter_abs)
{
    UNUSED;
    if (!jinja_is_number(v))
        return jinja_fail(m, "bad operand type for abs(): '%s'", jinja_type_name(v));
    if (v.type == JINJA_REAL) return masa_jinja_real(fabs(v.as.real));
    int64_t i = v.type == JINJA_BOOL ? v.as.boolean : v.as.integer;
    return i < 0 ? jinja_binary(m, '-', masa_jinja_integer(0), v) : masa_jinja_integer(i);
}

BUILTIN(filter_round)
{
    UNUSED;
    int64_t digits = jinja_given_integer(m, given[0], 0);
    bool common = given[1].type == JINJA_MISSING || jinja_is_text(given[1], "common");
    bool up = jinja_is_text(given[1], "ceil"), down = jinja_is_text(given[1], "floor");
    if (!jinja_is_number(v))
        return jinja_fail(m, "type %s cannot be rounded", jinja_type_name(v));
    if (!common && !up && !down) return jinja_fail(m, "method must be common, ceil or floor");
    double x = jinja_as_real(v), scale = pow(10, (double)digits);
    if (digits < -15 || digits > 15)
        return jinja_refuse(m, "rounding to so many digits is not supported");
    if (!common) {
        double whole = up ? ceil(x * scale) : floor(x * scale);
        return masa_jinja_real(whole / scale);
    }
    /* Python rounds the decimal number, ties to even. */
    if (v.type != JINJA_REAL && digits >= 0)
        return v.type == JINJA_INTEGER ? v : masa_jinja_integer(v.as.boolean);
    if (digits < 0) {
        double rounded = nearbyint(x * scale) / scale;
        return v.type == JINJA_REAL ? masa_jinja_real(rounded)
                                    : masa_jinja_integer((int64_t)rounded);
    }
    char text[400];
    snprintf(text, sizeof text, "%.*f", (int)digits, x);
    return masa_jinja_real(isfinite(x) ? strtod(text, NULL) : x);
}

BUILTIN(filter_format)
{
    UNUSED;
    if (args->n_named) return jinja_refuse(m, "`format` with names is not supported");
    return jinja_format(m, text_of(m, v), args->items, args->n);
}

BUILTIN(filter_attr)
{
    UNUSED;
    if (given[0].type != JINJA_STRING)
        return jinja_fail(m, "`attr` needs the name of an attribute");
    const char *name = jinja_copy(m->arena, given[0].as.string->s, given[0].as.string->n);
    if (v.type == JINJA_DICT && !jinja_method(v, name)) return jinja_undefined(name);
    return jinja_get_attribute(m, v, name);
}

BUILTIN(filter_wordcount)
{
    UNUSED;
    const jinja_string *s = text_of(m, v).as.string;
    int64_t n = 0;
    bool in_word = false;
    unsigned c;
    jinja_work(m, s->n);
    for (size_t i = 0; i < s->n;) {
        i += jinja_decode(s->s + i, s->n - i, &c);
        char one[4];
        jinja_string letter = {.s = one, .n = masa_utf8_encode(c, one)};
        bool word =
            c == '_' ||
            jinja_all((jinja_value){.type = JINJA_STRING, .as.string = &letter}, "isalnum");
        n += word && !in_word;
        in_word = word;
    }
    return masa_jinja_integer(n);
}

static const jinja_entry entries[] = {
    {"default", filter_default, "default_value,boolean"},
    {"d", filter_default, "default_value,boolean"},
    {"trim", filter_trim, "chars"},
    {"upper", filter_upper, ""},
    {"lower", filter_lower, ""},
    {"capitalize", filter_capitalize, ""},
    {"title", filter_title, ""},
    {"string", filter_string, ""},
    {"safe", filter_safe, ""},
    {"replace", filter_replace, "old,new,count"},
    {"length", filter_length, ""},
    {"count", filter_length, ""},
    {"tojson", filter_tojson, "ensure_ascii,indent,separators,sort_keys"},
    {"indent", filter_indent, "width,first,blank"},
    {"int", filter_int, "default,base"},
    {"float", filter_float, "default"},
    {"abs", filter_abs, ""},
    {"round", filter_round, "precision,method"},
    {"format", filter_format, "*"},
    {"attr", filter_attr, "name"},
    {"wordcount", filter_wordcount, ""},
};

static const jinja_entry *filter(const char *name)
{
    const jinja_entry *found = jinja_find(entries, sizeof entries / sizeof *entries, name);
    return found ? found : jinja_list_filter(name);
}

jinja_value jinja_apply_filter(jinja_machine *m, const char *name, jinja_value subject,
                               const jinja_arguments *args)
{
    const jinja_entry *entry = filter(name);
    if (!entry) return jinja_refuse(m, "the filter `%.60s` is not supported", name);
    return jinja_apply(m, entry, subject, args);
}
