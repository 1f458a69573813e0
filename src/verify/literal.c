/* Python literals by value, as == compares them. */
#include <gmp.h> /* before FLINT, which then knows its numbers */

#include <masa/code.h>

#include <masa/text.h>

#include "node.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
typedef enum literal_kind {
    LITERAL_NONE, LITERAL_NUMBER, LITERAL_STRING, LITERAL_BYTES, LITERAL_TUPLE,
    LITERAL_LIST, LITERAL_SET, LITERAL_DICT,
} literal_kind;
/* clang-format on */

typedef struct literal {
    literal_kind kind;
    bool special; /* NUMBER: inf or nan, in real */
    double real;
    node *number;     /* NUMBER: its exact value */
    const char *text; /* STRING, BYTES: decoded */
    size_t size;
    struct literal **items; /* DICT: key, value, key, value */
    size_t n;
} literal;

typedef struct reader {
    work *w;
    const char *s, *end;
    int depth;
} reader;

static void skip_space(reader *r)
{
    while (r->s < r->end && isspace((unsigned char)*r->s)) r->s++;
}

static bool take(reader *r, const char *word)
{
    size_t n = strlen(word);
    skip_space(r);
    if (n > (size_t)(r->end - r->s) || memcmp(r->s, word, n) != 0) return false;
    if (isalpha((unsigned char)*word) && r->s + n < r->end &&
        (isalnum((unsigned char)r->s[n]) || r->s[n] == '_'))
        return false;
    r->s += n;
    return true;
}

static literal *create(reader *r, literal_kind kind)
{
    literal *out = work_alloc(r->w, sizeof *out);
    out->kind = kind;
    return work_spend(r->w, 1) ? out : NULL;
}

static literal *number(reader *r, double value)
{
    literal *out = create(r, LITERAL_NUMBER);
    if (!out) return NULL;
    out->number = node_number(r->w);
    out->real = value;
    out->special = value != value || value - value != 0;
    /* A double is a rational number: its exact value is what Python compares. */
    if (!out->special) {
        mpq_t exact;
        mpq_init(exact);
        mpq_set_d(exact, value);
        fmpq_set_mpq(out->number->value, exact);
        mpq_clear(exact);
    }
    return out;
}

static literal *read_number(reader *r)
{
    const char *start = r->s, *p = r->s;
    bool real = false;
    char text[400];
    size_t n = 0;
    if (p < r->end && (*p == '-' || *p == '+')) text[n++] = *p++;
    for (; p < r->end && n + 1 < sizeof text; p++) {
        bool exponent_sign = (*p == '-' || *p == '+') && p > start && (p[-1] | 32) == 'e';
        if (!isdigit((unsigned char)*p) && *p != '.' && (*p | 32) != 'e' && *p != '_' &&
            !exponent_sign)
            break;
        real |= *p == '.' || (*p | 32) == 'e';
        if (*p != '_') text[n++] = *p;
    }
    text[n] = '\0';
    bool point = n >= 2 && text[n - 1] == '.';
    if (n == 0 || !isdigit((unsigned char)text[n - 1 - point])) return NULL;
    r->s = p;
    if (real) {
        char *end;
        double value = strtod(text, &end);
        return *end ? NULL : number(r, value);
    }
    literal *out = number(r, 0);
    const char *digits = text[0] == '+' ? text + 1 : text;
    if (out && fmpz_set_str(fmpq_numref(out->number->value), digits, 10) != 0) return NULL;
    return out;
}

/* One escape behind its backslash; false when malformed. */
static bool read_escape(reader *r, char *out, size_t *n)
{
    static const char from[] = "ntrabfv0\\'\"", to[] = "\n\t\r\a\b\f\v\0\\'\"";
    char c = *r->s++;
    const char *at = memchr(from, c, sizeof from - 1);
    if (c == '\n') return true;
    if (at) {
        out[(*n)++] = to[at - from];
        return true;
    }
    size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (!digits) { /* unknown escapes stay as they are */
        out[(*n)++] = '\\';
        out[(*n)++] = c;
        return true;
    }
    unsigned code = 0;
    for (size_t i = 0; i < digits; i++, r->s++) {
        if (r->s >= r->end || !isxdigit((unsigned char)*r->s)) return false;
        int d = *r->s | 32;
        code = code * 16 + (unsigned)(d >= 'a' ? d - 'a' + 10 : d - '0');
    }
    if (code > 0x10FFFF) return false;
    *n += masa_utf8_encode(code, out + *n);
    return true;
}

static bool closes(const char *s, const char *end, char quote, bool triple)
{
    if (!triple) return *s == quote;
    return end - s >= 3 && s[0] == quote && s[1] == quote && s[2] == quote;
}

static literal *read_string(reader *r, bool raw, bool bytes)
{
    char quote = *r->s;
    bool triple = r->end - r->s >= 3 && r->s[1] == quote && r->s[2] == quote;
    size_t marks = triple ? 3 : 1, n = 0;
    r->s += marks;
    const char *close = r->s;
    while (close < r->end && !closes(close, r->end, quote, triple))
        close += *close == '\\' ? 2 : 1;
    if (close >= r->end) return NULL;
    /* An escape never becomes longer than it was written. */
    char *text = work_alloc(r->w, (size_t)(close - r->s) + 1);
    while (r->s < close) {
        char c = *r->s++;
        if (c != '\\' || raw) text[n++] = c;
        else if (!read_escape(r, text, &n)) return NULL;
    }
    r->s += marks;
    literal *out = create(r, bytes ? LITERAL_BYTES : LITERAL_STRING);
    if (!out) return NULL;
    out->text = text;
    out->size = n;
    return out;
}

static literal *read_value(reader *r);

static bool push(reader *r, literal *into, size_t *capacity, literal *item)
{
    if (!item) return false;
    if (into->n == *capacity) {
        size_t grown = *capacity ? 2 * *capacity : 8;
        literal **items = work_alloc(r->w, grown * sizeof *items);
        if (into->n) memcpy(items, into->items, into->n * sizeof *items);
        into->items = items;
        *capacity = grown;
    }
    into->items[into->n++] = item;
    return true;
}

/* (...), [...], {...} */
static literal *read_collection(reader *r, char open)
{
    const char *close = open == '(' ? ")" : open == '[' ? "]" : "}";
    literal *out = create(r, open == '('   ? LITERAL_TUPLE
                             : open == '[' ? LITERAL_LIST
                                           : LITERAL_DICT);
    size_t capacity = 0;
    bool comma = false;
    if (!out || r->depth >= DEEPEST_ANSWER) return NULL;
    r->depth++;
    while (!take(r, close)) {
        if (out->n && !comma) return NULL;
        if (!push(r, out, &capacity, read_value(r))) return NULL;
        if (open == '{') {
            bool pair = take(r, ":");
            if (out->n == 1 && !pair) out->kind = LITERAL_SET;
            if (pair != (out->kind == LITERAL_DICT)) return NULL;
            if (pair && !push(r, out, &capacity, read_value(r))) return NULL;
        }
        comma = take(r, ",");
    }
    r->depth--;
    return open == '(' && out->n == 1 && !comma ? out->items[0] : out;
}

static literal *read_value(reader *r)
{
    skip_space(r);
    if (r->s >= r->end) return NULL;
    char c = *r->s, next = r->s + 1 < r->end ? r->s[1] : 0;
    if (c == '(' || c == '[' || c == '{') {
        r->s++;
        return read_collection(r, c);
    }
    if (c == '"' || c == '\'') return read_string(r, false, false);
    if (c && strchr("rRbBuU", c) && (next == '"' || next == '\'')) {
        r->s++;
        return read_string(r, (c | 32) == 'r', (c | 32) == 'b');
    }
    if (take(r, "None")) return create(r, LITERAL_NONE);
    if (take(r, "True")) return number(r, 1);
    if (take(r, "False")) return number(r, 0);
    if (take(r, "set()")) return create(r, LITERAL_SET);
    if (take(r, "inf") || take(r, "float('inf')")) return number(r, (double)INFINITY);
    if (take(r, "-inf") || take(r, "float('-inf')")) return number(r, -(double)INFINITY);
    if (take(r, "nan") || take(r, "float('nan')")) return number(r, (double)NAN);
    return read_number(r);
}

static bool equal(work *w, const literal *a, const literal *b);

static bool same_members(work *w, const literal *a, const literal *b, size_t step)
{
    for (size_t i = 0; i < a->n; i += step) {
        bool found = false;
        for (size_t j = 0; j < b->n && !found; j += step)
            found = equal(w, a->items[i], b->items[j]) &&
                    (step == 1 || equal(w, a->items[i + 1], b->items[j + 1]));
        if (!found) return false;
    }
    return true;
}

static bool equal(work *w, const literal *a, const literal *b)
{
    if (!work_spend(w, 1) || a->kind != b->kind) return false;
    switch (a->kind) {
    case LITERAL_NONE: return true;
    case LITERAL_NUMBER:
        if (a->special || b->special) /* the repr "nan" means this same nan */
            return a->special && b->special &&
                   (a->real == b->real || (a->real != a->real && b->real != b->real));
        return fmpq_equal(a->number->value, b->number->value);
    case LITERAL_STRING:
    case LITERAL_BYTES: return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
    case LITERAL_SET: return same_members(w, a, b, 1) && same_members(w, b, a, 1);
    case LITERAL_DICT: return same_members(w, a, b, 2) && same_members(w, b, a, 2);
    case LITERAL_TUPLE:
    case LITERAL_LIST:
        if (a->n != b->n) return false;
        for (size_t i = 0; i < a->n; i++)
            if (!equal(w, a->items[i], b->items[i])) return false;
        return true;
    }
    return false;
}

/* The whole text as one literal; a bare "1, 2" is a tuple. */
static literal *read_all(work *w, const char *s, size_t size)
{
    reader r = {w, s, s + size, 0};
    literal *out = read_value(&r);
    skip_space(&r);
    if (!out || r.s == r.end) return out;
    literal *tuple = create(&r, LITERAL_TUPLE);
    size_t capacity = 0;
    if (!tuple || !push(&r, tuple, &capacity, out)) return NULL;
    while (take(&r, ",")) {
        skip_space(&r);
        if (r.s == r.end) break;
        if (!push(&r, tuple, &capacity, read_value(&r))) return NULL;
    }
    skip_space(&r);
    return r.s == r.end ? tuple : NULL;
}

bool masa_code_literals_equal(const char *a, size_t a_size, const char *b, size_t b_size)
{
    static const masa_verify_options options = MASA_VERIFY_DEFAULTS;
    work w;
    if (a_size > LONGEST_ANSWER || b_size > LONGEST_ANSWER) return false;
    work_init(&w, &options);
    literal *x = read_all(&w, a, a_size), *y = x ? read_all(&w, b, b_size) : NULL;
    bool same = x && y && equal(&w, x, y) && !w.exhausted;
    work_deinit(&w);
    return same;
}
