/* Values as text: Python's str(), repr() and json.dumps(), and "%s" % value. */
#include "jinja_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The shortest digits that read back as the same number, laid out as Python does. */
static void print_real(jinja_machine *m, jinja_builder *b, double v, bool json)
{
    char digits[40], out[400];
    if (isnan(v) || isinf(v)) {
        jinja_add_text(m, b,
                       isnan(v) ? (json ? "NaN" : "nan")
                       : v < 0  ? (json ? "-Infinity" : "-inf")
                       : json   ? "Infinity"
                                : "inf");
        return;
    }
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*e", precision - 1, v);
        if (strtod(digits, NULL) == v) break;
    }
    int exponent = atoi(strchr(digits, 'e') + 1);
    size_t mantissa = strcspn(digits, "e"); /* "-d.ddd" */
    size_t n_digits = mantissa - (digits[0] == '-') - (strchr(digits, '.') != NULL);
    if (exponent < -4 || exponent >= 16) {
        snprintf(out, sizeof out, "%.*se%c%02d", (int)mantissa, digits,
                 exponent < 0 ? '-' : '+', abs(exponent));
    } else {
        int decimals = (int)n_digits - 1 - exponent;
        snprintf(out, sizeof out, "%.*f", decimals > 1 ? decimals : 1, v);
    }
    jinja_add_text(m, b, out);
}

static void print_integer(jinja_machine *m, jinja_builder *b, int64_t v)
{
    char out[24];
    snprintf(out, sizeof out, "%lld", (long long)v);
    jinja_add_text(m, b, out);
}

static void print_repr(jinja_machine *m, jinja_builder *b, jinja_value v);

static void print_items(jinja_machine *m, jinja_builder *b, jinja_value v)
{
    bool tuple = v.type == JINJA_TUPLE;
    jinja_add_text(m, b, tuple ? "(" : "[");
    for (size_t i = 0; i < v.as.list->n && m->st == MASA_OK; i++) {
        if (i) jinja_add_text(m, b, ", ");
        print_repr(m, b, v.as.list->items[i]);
    }
    jinja_add_text(m, b, tuple ? (v.as.list->n == 1 ? ",)" : ")") : "]");
}

static void print_dict(jinja_machine *m, jinja_builder *b, const jinja_dict *d)
{
    jinja_add_text(m, b, "{");
    for (size_t i = 0; i < d->n && m->st == MASA_OK; i++) {
        if (i) jinja_add_text(m, b, ", ");
        print_repr(m, b, d->keys[i]);
        jinja_add_text(m, b, ": ");
        print_repr(m, b, d->values[i]);
    }
    jinja_add_text(m, b, "}");
}

static void print_quoted(jinja_machine *m, jinja_builder *b, const jinja_string *s)
{
    bool has_single = s->n && memchr(s->s, '\'', s->n),
         has_double = s->n && memchr(s->s, '"', s->n);
    char quote = has_single && !has_double ? '"' : '\'';
    jinja_add(m, b, &quote, 1, NULL);
    for (size_t i = 0, size; i < s->n && m->st == MASA_OK; i += size) {
        unsigned c;
        char out[16], marks[16];
        size = jinja_decode(s->s + i, s->n - i, &c);
        memset(marks, s->marks ? s->marks[i] : 0, sizeof marks);
        if (c == '\\' || c == (unsigned char)quote) snprintf(out, sizeof out, "\\%c", (int)c);
        else if (c == '\n' || c == '\r' || c == '\t')
            snprintf(out, sizeof out, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
        else if (jinja_is_printable(c)) {
            jinja_add(m, b, s->s + i, size, marks);
            continue;
        } else
            snprintf(out, sizeof out,
                     c < 0x100     ? "\\x%02x"
                     : c < 0x10000 ? "\\u%04x"
                                   : "\\U%08x",
                     c);
        jinja_add(m, b, out, strlen(out), marks);
    }
    jinja_add(m, b, &quote, 1, NULL);
}

void jinja_print(jinja_machine *m, jinja_builder *b, jinja_value v)
{
    if (v.type == JINJA_STRING) jinja_add_string(m, b, v);
    else if (v.type != JINJA_UNDEFINED && v.type != JINJA_MISSING) print_repr(m, b, v);
}

static void print_repr(jinja_machine *m, jinja_builder *b, jinja_value v)
{
    if (!jinja_enter(m)) {
        jinja_leave(m);
        return;
    }
    switch (v.type) {
    case JINJA_MISSING:
    case JINJA_UNDEFINED: jinja_add_text(m, b, "Undefined"); break;
    case JINJA_NONE: jinja_add_text(m, b, "None"); break;
    case JINJA_BOOL: jinja_add_text(m, b, v.as.boolean ? "True" : "False"); break;
    case JINJA_INTEGER: print_integer(m, b, v.as.integer); break;
    case JINJA_REAL: print_real(m, b, v.as.real, false); break;
    case JINJA_STRING: print_quoted(m, b, v.as.string); break;
    case JINJA_LIST:
    case JINJA_TUPLE: print_items(m, b, v); break;
    case JINJA_DICT: print_dict(m, b, v.as.dict); break;
    default: jinja_refuse(m, "printing a %s is not supported", jinja_type_name(v));
    }
    jinja_leave(m);
}

jinja_value jinja_to_string(jinja_machine *m, jinja_value v)
{
    if (v.type == JINJA_STRING) return v;
    jinja_builder b = {0};
    jinja_print(m, &b, v);
    return jinja_finish(m, &b);
}

static void json_string(jinja_machine *m, jinja_builder *b, const jinja_string *s, bool ascii)
{
    static const char from[] = "\"\\\n\r\t\f\b", to[] = "\"\\nrtfb";
    jinja_add_text(m, b, "\"");
    for (size_t i = 0, size; i < s->n && m->st == MASA_OK; i += size) {
        unsigned c;
        char out[16], marks[16];
        size = jinja_decode(s->s + i, s->n - i, &c);
        memset(marks, s->marks ? s->marks[i] : 0, sizeof marks);
        const char *simple = c && c < 0x80 ? strchr(from, (int)c) : NULL;
        if (simple) snprintf(out, sizeof out, "\\%c", to[simple - from]);
        else if (c >= 0x20 && (c < 0x7F || !ascii)) {
            jinja_add(m, b, s->s + i, size, marks);
            continue;
        } else if (c == 0x7F) snprintf(out, sizeof out, "\x7f");
        else if (c < 0x10000) snprintf(out, sizeof out, "\\u%04x", c);
        else
            snprintf(out, sizeof out, "\\u%04x\\u%04x", 0xD800 + ((c - 0x10000) >> 10),
                     0xDC00 + ((c - 0x10000) & 0x3FF));
        jinja_add(m, b, out, strlen(out), marks);
    }
    jinja_add_text(m, b, "\"");
}

static void json_line(jinja_machine *m, jinja_builder *b, const jinja_json *how, int level)
{
    if (!how->indent) return;
    jinja_add_text(m, b, "\n");
    for (int i = 0; i < level; i++) jinja_add_text(m, b, how->indent);
}

static void json_separator(jinja_machine *m, jinja_builder *b, jinja_value given,
                           const char *otherwise)
{
    if (given.type == JINJA_STRING) jinja_add_string(m, b, given);
    else jinja_add_text(m, b, otherwise);
}

static void json_list(jinja_machine *m, jinja_builder *b, const jinja_list *list,
                      const jinja_json *how, int level)
{
    jinja_add_text(m, b, "[");
    for (size_t i = 0; i < list->n && m->st == MASA_OK; i++) {
        if (i) json_separator(m, b, how->item, how->indent ? "," : ", ");
        json_line(m, b, how, level + 1);
        jinja_print_json(m, b, list->items[i], how, level + 1);
    }
    if (list->n) json_line(m, b, how, level);
    jinja_add_text(m, b, "]");
}

/* The next key in order behind `after` (NULL: the first); quadratic, but dictionaries are
 * small and the work is counted. */
static size_t next_key(jinja_machine *m, const jinja_dict *d, const jinja_value *after)
{
    size_t best = d->n;
    for (size_t i = 0; i < d->n && m->st == MASA_OK; i++) {
        if (after && jinja_compare(m, d->keys[i], *after) <= 0) continue;
        if (best == d->n || jinja_compare(m, d->keys[i], d->keys[best]) < 0) best = i;
    }
    return best;
}

static void json_dict(jinja_machine *m, jinja_builder *b, const jinja_dict *d,
                      const jinja_json *how, int level)
{
    const jinja_value *last = NULL;
    jinja_add_text(m, b, "{");
    for (size_t i = 0; i < d->n && m->st == MASA_OK; i++) {
        size_t k = how->sorted ? next_key(m, d, last) : i;
        if (k == d->n) break;
        last = &d->keys[k];
        if (i) json_separator(m, b, how->item, how->indent ? "," : ", ");
        json_line(m, b, how, level + 1);
        bool text = d->keys[k].type == JINJA_STRING;
        if (!text) jinja_add_text(m, b, "\"");
        jinja_print_json(m, b, d->keys[k], how, level + 1);
        if (!text) jinja_add_text(m, b, "\"");
        json_separator(m, b, how->key, ": ");
        jinja_print_json(m, b, d->values[k], how, level + 1);
    }
    if (d->n) json_line(m, b, how, level);
    jinja_add_text(m, b, "}");
}

void jinja_print_json(jinja_machine *m, jinja_builder *b, jinja_value v, const jinja_json *how,
                      int level)
{
    if (!jinja_enter(m)) {
        jinja_leave(m);
        return;
    }
    switch (v.type) {
    case JINJA_NONE: jinja_add_text(m, b, "null"); break;
    case JINJA_BOOL: jinja_add_text(m, b, v.as.boolean ? "true" : "false"); break;
    case JINJA_INTEGER: print_integer(m, b, v.as.integer); break;
    case JINJA_REAL: print_real(m, b, v.as.real, true); break;
    case JINJA_STRING: json_string(m, b, v.as.string, how->ascii); break;
    case JINJA_LIST:
    case JINJA_TUPLE: json_list(m, b, v.as.list, how, level); break;
    case JINJA_DICT: json_dict(m, b, v.as.dict, how, level); break;
    default: jinja_fail(m, "an object of type %s is not JSON serializable", jinja_type_name(v));
    }
    jinja_leave(m);
}

/* One conversion behind its "%"; returns the bytes read, 0 when it is not supported. */
static size_t format_one(jinja_machine *m, jinja_builder *b, const char *s, size_t n,
                         jinja_value v)
{
    char spec[32] = "%", out[128];
    size_t k = 0;
    while (k < n && k < 12 && strchr("-+ 0123456789.", s[k])) k++;
    if (k == n || k == 12) return 0;
    memcpy(spec + 1, s, k);
    char kind = s[k];
    if (kind == 's' && k == 0) jinja_print(m, b, v);
    else if (kind == 'r' && k == 0) print_repr(m, b, v);
    else if ((kind == 'd' || kind == 'i') && jinja_is_number(v) && k < 4) {
        memcpy(spec + 1 + k, "lld", 4);
        long long i = v.type == JINJA_REAL   ? (long long)v.as.real
                      : v.type == JINJA_BOOL ? v.as.boolean
                                             : v.as.integer;
        if (v.type == JINJA_REAL && !(fabs(v.as.real) < 9e18)) return 0;
        snprintf(out, sizeof out, spec, i);
        jinja_add_text(m, b, out);
    } else if (strchr("feEgG", kind) && jinja_is_number(v) && k < 4) {
        spec[1 + k] = kind;
        char *wide = NULL;
        if (asprintf(&wide, spec, jinja_as_real(v)) < 0) return 0;
        jinja_add_text(m, b, wide);
        free(wide);
    } else return 0;
    return k + 1;
}

jinja_value jinja_format(jinja_machine *m, jinja_value format, const jinja_value *items,
                         size_t n)
{
    const jinja_string *f = format.as.string;
    jinja_builder b = {0};
    size_t used = 0;
    for (size_t i = 0; i < f->n && m->st == MASA_OK;) {
        const char *percent = memchr(f->s + i, '%', f->n - i);
        size_t to = percent ? (size_t)(percent - f->s) : f->n;
        jinja_add(m, &b, f->s + i, to - i, f->marks ? f->marks + i : NULL);
        i = to + 1;
        if (to == f->n) break;
        if (i < f->n && f->s[i] == '%') {
            jinja_add_text(m, &b, "%");
            i++;
            continue;
        }
        if (used == n) {
            jinja_fail(m, "not enough values for the format");
            break;
        }
        size_t size = format_one(m, &b, f->s + i, f->n - i, items[used++]);
        if (!size)
            jinja_refuse(m, "the format \"%%%.8s\" is not supported for %s", f->s + i,
                         jinja_type_name(items[used - 1]));
        i += size;
    }
    if (used < n && m->st == MASA_OK) jinja_fail(m, "not all values were used by the format");
    return jinja_finish(m, &b);
}
