/* What a factor can be: numbers, names, brackets, words. */
#include "parser.h"

#include <ctype.h>
#include <string.h>

/* digits[.digits][e[+-]digits] into value. */
static bool read_decimal(work *w, fmpq_t value, const char *s, size_t n)
{
    long point = 0, exponent = 0;
    bool fraction = false, negative = false;
    char *digits = work_alloc(w, n + 1);
    size_t m = 0, i = 0;
    for (; i < n && s[i] != 'e'; i++) {
        if (s[i] == '.') fraction = true;
        else digits[m++] = s[i], point += fraction;
    }
    if (i < n)
        for (i++; i < n; i++) {
            if (s[i] == '-') negative = true;
            else if (s[i] != '+' && exponent < 1000000) exponent = exponent * 10 + s[i] - '0';
        }
    exponent = (negative ? -exponent : exponent) - point;
    unsigned long scale = (unsigned long)(exponent < 0 ? -exponent : exponent);
    if (m == 0 || scale > 20000 || !work_spend(w, (scale + m) / 16)) return work_give_up(w);
    if (scale == 0 && m <= 18) {
        long small = 0;
        for (size_t k = 0; k < m; k++) small = small * 10 + digits[k] - '0';
        fmpq_set_si(value, small, 1);
        return true;
    }
    fmpz_set_str(fmpq_numref(value), digits, 10);
    fmpz_one(fmpq_denref(value));
    fmpz_t power;
    fmpz_init_set_ui(power, 10);
    fmpz_pow_ui(power, power, scale);
    if (exponent < 0) fmpq_div_fmpz(value, value, power);
    else fmpq_mul_fmpz(value, value, power);
    fmpz_clear(power);
    return true;
}

/* 0.1\overline{6}: adds the digits that repeat behind a decimal's own. */
static node *repeating(parser *p, node *number, const token *decimal)
{
    const char *point = memchr(decimal->text, '.', decimal->size);
    token *t = p->t + 1;
    bool braces = t->kind == '{';
    if (braces) t++;
    if (!point || t->kind != T_NUMBER || t->size > 200 || memchr(t->text, '.', t->size) ||
        memchr(t->text, 'e', t->size) || (braces && t[1].kind != '}'))
        return number; /* a product with something that has an accent */
    unsigned long places = decimal->size - (unsigned long)(point - decimal->text) - 1;
    fmpq_t tail;
    fmpz_t power;
    fmpq_init(tail);
    fmpz_init_set_ui(power, 10);
    fmpz_pow_ui(power, power, t->size);
    fmpz_sub_ui(power, power, 1);
    read_decimal(p->w, tail, t->text, t->size);
    fmpq_div_fmpz(tail, tail, power);
    fmpz_set_ui(power, 10);
    fmpz_pow_ui(power, power, places);
    fmpq_div_fmpz(tail, tail, power);
    fmpq_add(number->value, number->value, tail);
    fmpq_clear(tail);
    fmpz_clear(power);
    p->t = t + 1 + braces;
    return number;
}

/* "two" of 101_{two}; 0: none. */
static unsigned base_in_words(const node *n)
{
    static const char *const words[] = {"two",   "three", "four", "five",   "six",   "seven",
                                        "eight", "nine",  "ten",  "eleven", "twelve"};
    for (unsigned k = 0; n->kind == NODE_TEXT && k < sizeof words / sizeof *words; k++)
        if (strlen(words[k]) == n->size && memcmp(words[k], n->text, n->size) == 0)
            return k + 2;
    return 0;
}

/* text_base, as in 120_4 or A5_{11}. */
static node *based(parser *p, const char *text, size_t n)
{
    parse_next(p); /* the underscore, or "base" */
    node *base = parse_group(p), *out = node_number(p->w);
    if (base_in_words(base)) base = node_integer(p->w, (long)base_in_words(base));
    if (base->kind != NODE_NUMBER || !fmpz_is_one(fmpq_denref(base->value)) ||
        fmpz_cmp_ui(fmpq_numref(base->value), 36) > 0 ||
        fmpz_cmp_ui(fmpq_numref(base->value), 2) < 0)
        return parse_fail(p);
    unsigned long b = fmpz_get_ui(fmpq_numref(base->value)), scale = 0;
    for (size_t i = 0; i < n; i++) {
        int c = toupper((unsigned char)text[i]);
        int digit = isdigit(c) ? c - '0' : isupper(c) ? c - 'A' + 10 : 99;
        if (c == '.' && !scale) {
            scale = 1;
            continue;
        }
        if (digit >= (int)b || n > 2000) return parse_fail(p);
        fmpz_mul_ui(fmpq_numref(out->value), fmpq_numref(out->value), b);
        fmpz_add_ui(fmpq_numref(out->value), fmpq_numref(out->value), (ulong)digit);
        if (scale) fmpz_mul_ui(fmpq_denref(out->value), fmpq_denref(out->value), b);
    }
    fmpq_canonicalise(out->value);
    out->kind = NODE_BASED;
    out->symbol = (int)b;
    out->text = work_text(p->w, text, n);
    out->size = n;
    return out;
}

static bool plain_integer(const token *t)
{
    return t->kind == T_NUMBER && !memchr(t->text, '.', t->size) &&
           !memchr(t->text, 'e', t->size);
}

/* "3 1/2" and 3\frac12 are sums. */
static node *mixed_number(parser *p, node *whole)
{
    node *part = NULL;
    if (p->t->kind == T_FRAC && !parse_unit_fraction(p)) {
        part = parse_call(p);
        bool numeric = part->kind == NODE_QUOTIENT && part->child[0]->kind == NODE_NUMBER &&
                       part->child[1]->kind == NODE_NUMBER;
        return node_binary(p->w, numeric ? NODE_SUM : NODE_PRODUCT, whole, part);
    }
    if (plain_integer(p->t) && p->t->spaced && p->t[1].kind == '/' && plain_integer(p->t + 2)) {
        part = parse_number(p);
        parse_next(p);
        part = node_binary(p->w, NODE_QUOTIENT, part, parse_number(p));
        return node_binary(p->w, NODE_SUM, whole, part);
    }
    return whole;
}

node *parse_number(parser *p)
{
    const token t = *p->t;
    node *out = node_number(p->w);
    if (!read_decimal(p->w, out->value, t.text, t.size)) return parse_fail(p);
    out->text = t.text;
    out->size = t.size;
    parse_next(p);
    if (p->t->kind == T_ACCENT) return repeating(p, out, &t);
    bool base =
        p->t->kind == '_' || (p->t->kind == T_WORD && p->t->size == 4 &&
                              memcmp(p->t->text, "base", 4) == 0 && p->t[1].kind == T_NUMBER);
    return base ? based(p, t.text, t.size) : out;
}

/* The next token's subscript and primes, appended to a name. */
static void name_tail(parser *p, char *name, size_t *n, size_t room)
{
    while (!p->failed && (p->t->kind == '_' || p->t->kind == T_PRIME)) {
        if (*n + 40 > room) {
            parse_fail(p);
            return;
        }
        name[(*n)++] = p->t->kind == '_' ? '_' : '\'';
        bool subscript = p->t->kind == '_';
        parse_next(p);
        if (!subscript) continue;
        size_t depth = 0;
        do {
            if (p->t->kind == T_END) {
                parse_fail(p);
                return;
            }
            if (p->t->kind == '{') depth++;
            else if (p->t->kind == '}') depth--;
            else if (*n + p->t->size + 2 < room) {
                memcpy(name + *n, p->t->text, p->t->size);
                *n += p->t->size;
            } else {
                parse_fail(p);
                return;
            }
            parse_next(p);
        } while (depth > 0);
    }
}

/* f^{\prime}: whether a prime stands where an exponent would. */
static bool raised_prime(const parser *p)
{
    return p->t->kind == '^' &&
           (p->t[1].kind == T_PRIME || (p->t[1].kind == '{' && p->t[2].kind == T_PRIME));
}

static node *symbol_node(parser *p, const char *name, size_t n)
{
    node *out = node_create(p->w, NODE_SYMBOL, 0);
    out->symbol = work_symbol(p->w, name, n);
    if (out->symbol < 0) p->failed = true;
    return out;
}

/* f(x, y) is no product, and neither is what begins with the name of a function; of
 * x(y + 1) nothing more is known than that it reads as one. */
static bool opens_arguments(const token *t, const char *name, size_t n)
{
    if (t->kind != '(') return false;
    if (strchr("fghFGH", *name) || memchr(name, '\'', n)) return true;
    if (isupper((unsigned char)*name) && t[1].kind == T_NUMBER && t[2].kind == ')') return true;
    int depth = 0;
    for (; t->kind != T_END; t++) {
        if (t->kind == '(' || t->kind == '[' || t->kind == '{') depth++;
        if (t->kind == ')' || t->kind == ']' || t->kind == '}') depth--;
        if (depth == 0) return false;
        if (depth == 1 && t->kind == ',') return true;
    }
    return false;
}

/* C(5, 2), a point in the first reading, is a number of choices in the second. */
static bool is_choice(parser *p, const char *name, size_t n, const node *arguments)
{
    if (n != 1 || *name != 'C' || arguments->kind != NODE_TUPLE || arguments->n != 2 ||
        arguments->child[0]->kind != NODE_NUMBER || arguments->child[1]->kind != NODE_NUMBER)
        return false;
    p->w->ambiguous = true;
    return p->w->second_reading;
}

/* What a name is in the second reading: I of computer algebra is i. */
static bool is_imaginary(parser *p)
{
    const token *t = p->t;
    if (t->size != 1 || *t->text != 'I' || t[1].kind == '_' || t[1].kind == T_PRIME ||
        t[1].kind == '(')
        return false;
    p->w->ambiguous = true;
    return p->w->second_reading;
}

node *parse_name(parser *p)
{
    char name[120];
    if (is_imaginary(p)) {
        parse_next(p);
        return node_create(p->w, NODE_I, 0);
    }
    size_t n = p->t->size < 60 ? p->t->size : 60;
    memcpy(name, p->t->text, n);
    parse_next(p);
    if (plain_integer(p->t) && !p->t->spaced && p->t->size < 20) {
        name[n++] = '_'; /* x1 is x_1 */
        memcpy(name + n, p->t->text, p->t->size);
        n += p->t->size;
        parse_next(p);
    }
    name_tail(p, name, &n, sizeof name);
    while (!p->failed && raised_prime(p)) {
        parse_next(p);
        bool braces = parse_take(p, '{');
        while (n + 2 < sizeof name && parse_take(p, T_PRIME)) name[n++] = '\'';
        if (braces && !parse_take(p, '}')) parse_fail(p);
    }
    node *out = symbol_node(p, name, n);
    if (p->failed || !opens_arguments(p->t, name, n)) return out;
    node *arguments = parse_brackets(p);
    if (p->failed) return out;
    if (is_choice(p, name, n, arguments))
        return node_call(p->w, FN_BINOM, arguments->child[0], arguments->child[1]);
    if (arguments->kind != NODE_TUPLE) arguments = node_unary(p->w, NODE_APPLY, arguments);
    arguments->kind = NODE_APPLY;
    arguments->symbol = out->symbol;
    arguments->mark = arguments->close = 0;
    return arguments;
}

/* \vec{v}, \overline{AB}: one name made of the letters below. */
static node *accented(parser *p)
{
    char name[120];
    size_t n = p->t->size, depth = 0;
    if (n > 40) return parse_fail(p);
    memcpy(name, p->t->text, n);
    parse_next(p);
    do {
        if (p->t->kind == T_END || n + p->t->size + 2 > 60) return parse_fail(p);
        if (p->t->kind == '{') depth++;
        else if (p->t->kind == '}') depth--;
        else {
            memcpy(name + n, p->t->text, p->t->size);
            n += p->t->size;
        }
        parse_next(p);
    } while (depth > 0);
    name_tail(p, name, &n, sizeof name);
    return symbol_node(p, name, n);
}

node *parse_brackets(parser *p)
{
    char open = (char)p->t->kind;
    if (!parse_enter(p)) return parse_fail(p);
    int bars = p->bars;
    bool in_set = p->in_set;
    p->bars = 0;
    p->in_set = false;
    parse_next(p);
    node *inside = parse_statements(p);
    p->bars = bars;
    p->in_set = in_set;
    p->w->depth--;
    char close = (char)(p->t->kind == ')' || p->t->kind == ']' ? p->t->kind : 0);
    if (!close || p->failed) return parse_fail(p);
    parse_next(p);
    if (inside->kind != NODE_LIST)
        return (open == '(') == (close == ')') ? inside : parse_fail(p);
    if (inside->mark != ',') return inside;
    inside->kind = NODE_TUPLE;
    inside->mark = open;
    inside->close = close;
    return inside;
}

node *parse_group(parser *p)
{
    if (p->t->kind != '{') {
        if (p->t->kind == T_TEXT || p->t->kind == '-') return parse_factor(p);
        return parse_primary(p);
    }
    if (!parse_enter(p)) return parse_fail(p);
    parse_next(p);
    int bars = p->bars;
    p->bars = 0;
    node *out = parse_statements(p);
    if (p->t->kind == T_OVER || p->t->kind == T_CHOOSE) {
        bool over = p->t->kind == T_OVER;
        parse_next(p);
        node *under = parse_sum(p);
        out = over ? node_binary(p->w, NODE_QUOTIENT, out, under)
                   : node_call(p->w, FN_BINOM, out, under);
    }
    p->bars = bars;
    p->w->depth--;
    if (!parse_take(p, '}')) return parse_fail(p);
    if (out->kind == NODE_LIST && out->mark == ',') out->kind = NODE_SET;
    return out;
}

/* {x | x > 2}, {x : ...} or {x in R | ...} in braces without backslashes. */
static bool begins_builder(const token *t)
{
    if (t->kind != '{' || t[1].kind != T_NAME) return false;
    return t[2].kind == '|' || t[2].kind == ':' || t[2].kind == T_MID || t[2].kind == T_IN;
}

static node *parse_set(parser *p)
{
    int close = p->t->kind == '{' ? '}' : T_SET_CLOSE;
    if (!parse_enter(p)) return parse_fail(p);
    parse_next(p);
    if (parse_take(p, close)) {
        p->w->depth--;
        return node_create(p->w, NODE_SET, 0);
    }
    bool in_set = p->in_set;
    p->in_set = true;
    node *out = parse_statements(p);
    if (p->t->kind == T_MID || p->t->kind == '|' || p->t->kind == ':') {
        parse_next(p); /* \{x : x > 2\} is the set that its condition describes */
        bool named = out->kind == NODE_SYMBOL || out->kind == NODE_RELATION;
        out = parse_statements(p);
        if (!named || out->kind == NODE_NUMBER) parse_fail(p);
    } else if (out->kind == NODE_LIST) {
        out->kind = NODE_SET;
    } else {
        out = node_unary(p->w, NODE_SET, out);
    }
    p->in_set = in_set;
    p->w->depth--;
    return parse_take(p, close) ? out : parse_fail(p);
}

/* |x|, floor and ceiling. */
static node *parse_fence(parser *p, function f, int close)
{
    if (!parse_enter(p)) return parse_fail(p);
    parse_next(p);
    if (close == '|') p->bars++;
    node *out = parse_sum(p);
    if (close == '|') p->bars--;
    p->w->depth--;
    return parse_take(p, close) ? node_call(p->w, f, out, NULL) : parse_fail(p);
}

/* Words that may stand before a value without being part of it, unlike "June 20". */
static bool says_nothing(const char *s, size_t n)
{
    static const char *const words[] = {"about",   "approximately", "approx",  "roughly",
                                        "exactly", "answer",        "total",   "usd",
                                        "rs",      "minimum",       "maximum", "area",
                                        "length",  "value",         "around",  "equals"};
    while (n && (s[n - 1] == ' ' || s[n - 1] == '.' || s[n - 1] == ':')) n--;
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (strlen(words[k]) == n && strncasecmp(words[k], s, n) == 0) return true;
    /* "The answer is" */
    return n > 3 &&
           (memcmp(s + n - 3, " is", 3) == 0 || (n > 4 && memcmp(s + n - 4, " are", 4) == 0));
}

node *parse_words(parser *p)
{
    const token t = *p->t;
    parse_next(p);
    if (p->t->kind == '_' && t.kind == T_TEXT) return based(p, t.text, t.size);
    if (!parse_enter(p)) return parse_fail(p);
    /* Words of Russian, Thai, Chinese and the like are no notation either. */
    bool plain = t.kind == T_WORD || (unsigned char)*t.text >= 0xD0;
    node *out =
        plain ? node_text(p->w, NODE_TEXT, t.text, t.size) : parse_answer(p->w, t.text, t.size);
    p->w->depth--;
    if (!out) return parse_fail(p);
    if (out->kind != NODE_TEXT) return out;
    /* Words before a value ("\text{about } 5") or as a name ("\text{area} = 5"). */
    if (parse_begins_factor(p))
        return says_nothing(t.text, t.size) ? parse_power(p) : parse_fail(p);
    if (p->t->kind == '=' || p->t->kind == T_ABOUT) return symbol_node(p, "", 0);
    return out;
}

/* _5C_2 and {}_5P_2: how many choices, or orders, of 2 things out of 5. */
static node *parse_choices(parser *p)
{
    token *t = p->t;
    bool shape = t[1].kind == T_NUMBER && t[2].kind == T_NAME && t[2].size == 1 &&
                 strchr("CP", *t[2].text) && t[3].kind == '_' && t[4].kind == T_NUMBER;
    if (!shape) return parse_fail(p);
    parse_next(p);
    node *from = parse_number(p);
    parse_next(p);
    parse_next(p);
    node *count = parse_number(p), *out = node_call(p->w, FN_BINOM, from, count);
    if (*t[2].text == 'C') return out;
    return node_binary(p->w, NODE_PRODUCT, out, node_call(p->w, FN_FACTORIAL, count, NULL));
}

node *parse_primary(parser *p)
{
    if (p->failed || !parse_enter(p)) return parse_fail(p);
    p->w->depth--; /* whatever nests enters by itself */
    node_kind constant;
    switch (p->t->kind) {
    case T_NUMBER: return mixed_number(p, parse_number(p));
    case T_NAME: return parse_name(p);
    case T_PI: constant = NODE_PI; break;
    case T_E:
    case T_I:
        if (p->t[1].kind == '_') return parse_name(p);
        constant = p->t->kind == T_E ? NODE_E : NODE_I;
        break;
    case T_INFINITY: constant = NODE_INFINITY; break;
    case T_REALS: constant = NODE_REALS; break;
    case T_EMPTY: constant = NODE_SET; break;
    case '(':
    case '[': return parse_brackets(p);
    case '_': return parse_choices(p);
    case '{':
        if (begins_builder(p->t)) return parse_set(p);
        if (p->t[1].kind == '}' && p->t[2].kind == T_END) return parse_set(p);
        if (p->t[1].kind == '}' && p->t[2].kind == '_') {
            p->t += 2;
            return parse_choices(p);
        }
        return parse_group(p);
    case T_BOX: parse_next(p); return parse_group(p);
    case T_BOUNDED: return parse_bounded(p);
    case T_SET_OPEN: return parse_set(p);
    case '|': return parse_fence(p, FN_ABS, '|');
    case T_FLOOR_OPEN: return parse_fence(p, FN_FLOOR, T_FLOOR_CLOSE);
    case T_CEIL_OPEN: return parse_fence(p, FN_CEIL, T_CEIL_CLOSE);
    case T_BEGIN: return parse_environment(p);
    case T_ACCENT: return accented(p);
    case T_FUNCTION:
    case T_SQRT:
    case T_FRAC:
    case T_BINOM: return parse_call(p);
    case T_TEXT:
    case T_WORD: return parse_words(p);
    default: return parse_fail(p);
    }
    parse_next(p);
    return node_create(p->w, constant, 0);
}
