/* What Python's operators do with values. */
#include "jinja_internal.h"

#include <math.h>
#include <string.h>

const char *jinja_type_name(jinja_value v)
{
    static const char *const names[] = {
        [JINJA_MISSING] = "missing",   [JINJA_UNDEFINED] = "Undefined",
        [JINJA_NONE] = "NoneType",     [JINJA_BOOL] = "bool",
        [JINJA_INTEGER] = "int",       [JINJA_REAL] = "float",
        [JINJA_STRING] = "str",        [JINJA_LIST] = "list",
        [JINJA_TUPLE] = "tuple",       [JINJA_GENERATOR] = "generator",
        [JINJA_DICT] = "dict",         [JINJA_NAMESPACE] = "Namespace",
        [JINJA_CALLABLE] = "function", [JINJA_LOOP] = "LoopContext"};
    return names[v.type];
}

bool jinja_is_string(jinja_value v)
{
    return v.type == JINJA_STRING;
}

bool jinja_is_number(jinja_value v)
{
    return v.type == JINJA_BOOL || v.type == JINJA_INTEGER || v.type == JINJA_REAL;
}

bool jinja_is_text(jinja_value v, const char *s)
{
    return v.type == JINJA_STRING && strlen(s) == v.as.string->n &&
           memcmp(v.as.string->s, s, v.as.string->n) == 0;
}

static int64_t as_integer(jinja_value v)
{
    return v.type == JINJA_BOOL ? v.as.boolean : v.as.integer;
}

double jinja_as_real(jinja_value v)
{
    return v.type == JINJA_REAL ? v.as.real : (double)as_integer(v);
}

bool jinja_truth(jinja_value v)
{
    switch (v.type) {
    case JINJA_MISSING:
    case JINJA_UNDEFINED:
    case JINJA_NONE: return false;
    case JINJA_BOOL: return v.as.boolean;
    case JINJA_INTEGER: return v.as.integer != 0;
    case JINJA_REAL: return v.as.real != 0;
    case JINJA_STRING: return v.as.string->n > 0;
    case JINJA_LIST:
    case JINJA_TUPLE: return v.as.list->n > 0;
    case JINJA_DICT: return v.as.dict->n > 0;
    case JINJA_LOOP: return v.as.loop->items->n > 0;
    default: return true;
    }
}

static bool equal_items(jinja_machine *m, const jinja_list *a, const jinja_list *b)
{
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++)
        if (!jinja_equal(m, a->items[i], b->items[i])) return false;
    return true;
}

static bool equal_dicts(jinja_machine *m, const jinja_dict *a, const jinja_dict *b)
{
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++) {
        const jinja_value *other = jinja_dict_find(m, b, a->keys[i]);
        if (!other || !jinja_equal(m, a->values[i], *other)) return false;
    }
    return true;
}

bool jinja_equal(jinja_machine *m, jinja_value a, jinja_value b)
{
    bool equal = false;
    if (!jinja_enter(m)) {
        jinja_leave(m);
        return false;
    }
    if (jinja_is_number(a) && jinja_is_number(b))
        equal = a.type == JINJA_REAL || b.type == JINJA_REAL
                    ? jinja_as_real(a) == jinja_as_real(b)
                    : as_integer(a) == as_integer(b);
    else if (a.type != b.type) equal = false;
    else if (a.type == JINJA_NONE || a.type == JINJA_UNDEFINED) equal = true;
    else if (a.type == JINJA_STRING)
        equal = a.as.string->n == b.as.string->n && jinja_work(m, a.as.string->n) &&
                memcmp(a.as.string->s, b.as.string->s, a.as.string->n) == 0;
    else if (a.type == JINJA_LIST || a.type == JINJA_TUPLE)
        equal = equal_items(m, a.as.list, b.as.list);
    else if (a.type == JINJA_DICT) equal = equal_dicts(m, a.as.dict, b.as.dict);
    else equal = a.as.list == b.as.list; /* the same object */
    jinja_leave(m);
    return equal;
}

static int order(double a, double b)
{
    return a < b ? -1 : a > b;
}

/* By code points, which is the order of the bytes of UTF-8. */
static int order_texts(jinja_machine *m, const jinja_string *a, const jinja_string *b)
{
    size_t n = a->n < b->n ? a->n : b->n;
    jinja_work(m, n);
    int first = n ? memcmp(a->s, b->s, n) : 0;
    return first ? first : order((double)a->n, (double)b->n);
}

int jinja_compare(jinja_machine *m, jinja_value a, jinja_value b)
{
    int result = 0;
    if (jinja_is_number(a) && jinja_is_number(b)) {
        if (a.type == JINJA_REAL || b.type == JINJA_REAL)
            return order(jinja_as_real(a), jinja_as_real(b));
        return as_integer(a) < as_integer(b) ? -1 : as_integer(a) > as_integer(b);
    }
    if (a.type == JINJA_STRING && b.type == JINJA_STRING)
        return order_texts(m, a.as.string, b.as.string);
    if (a.type == b.type && (a.type == JINJA_LIST || a.type == JINJA_TUPLE) && jinja_enter(m)) {
        const jinja_list *x = a.as.list, *y = b.as.list;
        size_t i = 0;
        while (i < x->n && i < y->n && jinja_equal(m, x->items[i], y->items[i])) i++;
        result = i < x->n && i < y->n ? jinja_compare(m, x->items[i], y->items[i])
                                      : order((double)x->n, (double)y->n);
        jinja_leave(m);
        return result;
    }
    if (a.type == JINJA_UNDEFINED || b.type == JINJA_UNDEFINED)
        jinja_fail(m, "'%.60s' is undefined",
                   a.type == JINJA_UNDEFINED ? a.as.name : b.as.name);
    else jinja_fail(m, "%s and %s cannot be ordered", jinja_type_name(a), jinja_type_name(b));
    return 0;
}

bool jinja_contains(jinja_machine *m, jinja_value v, jinja_value item)
{
    if (v.type == JINJA_STRING) {
        if (item.type != JINJA_STRING) {
            jinja_fail(m, "'in' a text asks for a text, not %s", jinja_type_name(item));
            return false;
        }
        jinja_work(m, v.as.string->n);
        return memmem(v.as.string->s, v.as.string->n, item.as.string->s, item.as.string->n) !=
               NULL;
    }
    if (v.type == JINJA_DICT) return jinja_dict_find(m, v.as.dict, item) != NULL;
    const jinja_list *list = jinja_iterate(m, v);
    for (size_t i = 0; list && i < list->n; i++)
        if (jinja_equal(m, list->items[i], item)) return true;
    return false;
}

const jinja_list *jinja_iterate(jinja_machine *m, jinja_value v)
{
    static const jinja_list nothing;
    unsigned code;
    if (v.type == JINJA_UNDEFINED) return &nothing;
    if (v.type == JINJA_LIST || v.type == JINJA_TUPLE) return v.as.list;
    if (v.type == JINJA_GENERATOR) {
        if (v.as.list->spent) return &nothing;
        v.as.list->spent = true;
        return v.as.list;
    }
    if (v.type != JINJA_DICT && v.type != JINJA_STRING) {
        jinja_fail(m, "'%s' object is not iterable", jinja_type_name(v));
        return NULL;
    }
    jinja_value list = jinja_new_list(m, JINJA_LIST);
    if (v.type == JINJA_DICT) {
        for (size_t i = 0; i < v.as.dict->n; i++) jinja_push(m, list, v.as.dict->keys[i]);
        return list.as.list;
    }
    const jinja_string *s = v.as.string;
    for (size_t i = 0, size; i < s->n && m->st == MASA_OK; i += size) {
        size = jinja_decode(s->s + i, s->n - i, &code);
        jinja_push(m, list, jinja_part(m, v, i, i + size));
    }
    return m->st == MASA_OK ? list.as.list : NULL;
}

static jinja_value no_operands(jinja_machine *m, int op, jinja_value a, jinja_value b)
{
    char name[3] = {(char)(op > 255 ? op >> 8 : op), op > 255 ? (char)op : '\0'};
    jinja_value bad = a.type == JINJA_UNDEFINED ? a : b;
    if (bad.type == JINJA_UNDEFINED) return jinja_fail(m, "'%.60s' is undefined", bad.as.name);
    return jinja_fail(m, "unsupported operand types for %s: '%s' and '%s'", name,
                      jinja_type_name(a), jinja_type_name(b));
}

static jinja_value real_operation(jinja_machine *m, int op, double a, double b)
{
    if (b == 0 && (op == '/' || op == '%' || op == OP('/', '/')))
        return jinja_fail(m, "division by zero");
    double rest;
    switch (op) {
    case '+': return masa_jinja_real(a + b);
    case '-': return masa_jinja_real(a - b);
    case '*': return masa_jinja_real(a * b);
    case '/': return masa_jinja_real(a / b);
    case '%':
    case OP('/', '/'):
        rest = fmod(a, b);
        if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
        if (rest == 0) rest = copysign(0, b);
        if (op == '%') return masa_jinja_real(rest);
        double quotient = (a - rest) / b, whole = floor(quotient);
        if (quotient == 0) return masa_jinja_real(copysign(0, a / b));
        return masa_jinja_real(quotient - whole > 0.5 ? whole + 1 : whole);
    default:
        if (a == 0 && b < 0) return jinja_fail(m, "division by zero");
        if (a < 0 && b != floor(b)) return jinja_refuse(m, "complex numbers are not supported");
        double power = pow(a, b);
        if (isinf(power) && isfinite(a) && isfinite(b))
            return jinja_fail(m, "the power is too large");
        return masa_jinja_real(power);
    }
}

static bool integer_power(int64_t base, int64_t exponent, int64_t *out)
{
    *out = 1;
    if (exponent > 63 && (base > 1 || base < -1)) return false;
    for (exponent = exponent > 63 ? exponent % 2 + 62 : exponent; exponent > 0; exponent--)
        if (__builtin_mul_overflow(*out, base, out)) return false;
    return true;
}

static jinja_value integer_operation(jinja_machine *m, int op, int64_t a, int64_t b)
{
    int64_t result = 0;
    bool fits = true;
    if (op == '/' || (op == OP('*', '*') && b < 0))
        return real_operation(m, op, (double)a, (double)b);
    if (b == 0 && (op == '%' || op == OP('/', '/'))) return jinja_fail(m, "division by zero");
    switch (op) {
    case '+': fits = !__builtin_add_overflow(a, b, &result); break;
    case '-': fits = !__builtin_sub_overflow(a, b, &result); break;
    case '*': fits = !__builtin_mul_overflow(a, b, &result); break;
    case '%':
    case OP('/', '/'):
        if (b == -1) { /* INT64_MIN / -1 does not fit */
            fits = op == '%' || !__builtin_sub_overflow(0, a, &result);
            break;
        }
        int64_t rest = a % b, quotient = a / b;
        if (rest != 0 && (rest < 0) != (b < 0)) rest += b, quotient--;
        result = op == '%' ? rest : quotient;
        break;
    default: fits = integer_power(a, b, &result);
    }
    return fits ? masa_jinja_integer(result)
                : jinja_refuse(m, "integers beyond 64 bits are not supported");
}

/* A text or a list, `times` times. */
static jinja_value repeat(jinja_machine *m, jinja_value v, int64_t times)
{
    if (v.type == JINJA_STRING) {
        jinja_builder b = {0};
        for (; times > 0 && v.as.string->n && m->st == MASA_OK; times--)
            jinja_add_string(m, &b, v);
        return jinja_finish(m, &b);
    }
    jinja_value list = jinja_new_list(m, v.type);
    for (; times > 0 && v.as.list->n && m->st == MASA_OK; times--)
        for (size_t i = 0; i < v.as.list->n; i++) jinja_push(m, list, v.as.list->items[i]);
    return list;
}

/* A safe text stays so, and escapes the other for HTML. */
static jinja_value join_texts(jinja_machine *m, jinja_value a, jinja_value b)
{
    bool safe = a.as.string->safe || b.as.string->safe;
    const jinja_string *other = a.as.string->safe ? b.as.string : a.as.string;
    for (size_t i = 0; safe && !other->safe && i < other->n; i++)
        if (strchr("&<>'\"", other->s[i]) && other->s[i])
            return jinja_refuse(m,
                                "a text with %c added to one that is `safe`, which escapes it "
                                "for HTML, is not supported",
                                other->s[i]);
    jinja_builder text = {0};
    jinja_add_string(m, &text, a);
    jinja_add_string(m, &text, b);
    jinja_value joined = jinja_finish(m, &text);
    return safe ? jinja_safe(m, joined) : joined;
}

static jinja_value join_two(jinja_machine *m, jinja_value a, jinja_value b)
{
    if (a.type == JINJA_STRING) return join_texts(m, a, b);
    jinja_value list = jinja_new_list(m, a.type);
    for (size_t i = 0; i < a.as.list->n; i++) jinja_push(m, list, a.as.list->items[i]);
    for (size_t i = 0; i < b.as.list->n; i++) jinja_push(m, list, b.as.list->items[i]);
    return list;
}

jinja_value jinja_binary(jinja_machine *m, int op, jinja_value a, jinja_value b)
{
    bool list_or_text = a.type == JINJA_STRING || a.type == JINJA_LIST || a.type == JINJA_TUPLE;
    if (m->st != MASA_OK) return a;
    if (jinja_is_number(a) && jinja_is_number(b))
        return a.type == JINJA_REAL || b.type == JINJA_REAL
                   ? real_operation(m, op, jinja_as_real(a), jinja_as_real(b))
                   : integer_operation(m, op, as_integer(a), as_integer(b));
    if (op == '+' && a.type == b.type && list_or_text) return join_two(m, a, b);
    if (op == '*' && list_or_text && (b.type == JINJA_INTEGER || b.type == JINJA_BOOL))
        return repeat(m, a, as_integer(b));
    if (op == '*' && (a.type == JINJA_INTEGER || a.type == JINJA_BOOL) &&
        (b.type == JINJA_STRING || b.type == JINJA_LIST || b.type == JINJA_TUPLE))
        return repeat(m, b, as_integer(a));
    if (op == '%' && a.type == JINJA_STRING)
        return b.type == JINJA_TUPLE ? jinja_format(m, a, b.as.list->items, b.as.list->n)
                                     : jinja_format(m, a, &b, 1);
    return no_operands(m, op, a, b);
}
