/* Powers, functions, fractions, roots and matrices. */
#include "parser.h"

#include <string.h>

/* What stands behind a primary: n!, 50%, 30 degrees. */
static node *postfix(parser *p, node *out)
{
    while (!p->failed) {
        int kind = p->t->kind;
        if (kind == '!' && p->t[1].kind == '!') {
            parse_next(p);
            out = node_call(p->w, FN_DOUBLE_FACTORIAL, out, NULL);
        } else if (kind == '!') {
            out = node_call(p->w, FN_FACTORIAL, out, NULL);
        } else if (kind == '%' || kind == T_DEGREE || kind == T_PRIME) {
            out = node_unary(p->w, NODE_UNIT, out);
            out->text = kind == '%' ? "%" : kind == T_DEGREE ? "deg" : "'";
            out->size = strlen(out->text);
        } else {
            break;
        }
        parse_next(p);
        if (kind == T_DEGREE && p->t->kind == T_NAME && p->t->size == 1 &&
            strchr("CF", *p->t->text))
            parse_next(p); /* Celsius, Fahrenheit */
    }
    return out;
}

/* x^\circ, x^{\circ}: the sign of a degree where an exponent would be. */
static bool take_raised_degree(parser *p)
{
    if (p->t->kind != '^') return false;
    bool braces = p->t[1].kind == '{';
    token *t = p->t + 1 + braces;
    if (t->kind != T_DEGREE || (braces && t[1].kind != '}')) return false;
    p->t = t + 1 + braces;
    return true;
}

/* 5^{th}, 5^{\text{th}}: which one in a row. */
static bool take_raised_ordinal(parser *p)
{
    static const char *const ends[] = {"th", "st", "nd", "rd"};
    if (p->t->kind != '^' || p->t[1].kind != '{') return false;
    const token *t = p->t + 2;
    for (size_t k = 0; k < 4; k++) {
        bool text = t->kind == T_TEXT && t->size == 2 && memcmp(t->text, ends[k], 2) == 0;
        bool letters = t->kind == T_NAME && t->size == 1 && *t->text == ends[k][0] &&
                       t[1].kind == T_NAME && t[1].size == 1 && *t[1].text == ends[k][1];
        if (!text && !letters) continue;
        if (t[text ? 1 : 2].kind != '}') return false;
        p->t += text ? 4 : 5;
        return true;
    }
    return false;
}

/* The charge of an ion at t, "2+", "{2-}", "(4+)", or "+" at the end: how many tokens; 0: none. */
static unsigned charge_at(const token *t)
{
    int close = t->kind == '{' ? '}' : t->kind == '(' ? ')' : 0;
    unsigned n = close != 0;
    if (t[n].kind == T_NUMBER) n++;
    if (t[n].kind != '+' && t[n].kind != '-') return 0;
    n++;
    if (close ? t[n].kind != close : t[n].kind != T_END) return 0;
    return n + (close != 0);
}

/* The charge of so many tokens as a letter of its own, "2+". */
static node *charge(parser *p, unsigned tokens)
{
    char name[24];
    size_t n = 0;
    for (; tokens; tokens--, parse_next(p)) {
        if (p->t->kind == '+' || p->t->kind == '-') name[n++] = (char)p->t->kind;
        if (p->t->kind != T_NUMBER) continue;
        if (p->t->size > 16) return parse_fail(p);
        memcpy(name, p->t->text, n = p->t->size);
        if (n == 1 && *name == '1') n = 0;
    }
    node *out = node_create(p->w, NODE_SYMBOL, 0);
    out->symbol = work_symbol(p->w, name, n);
    if (out->symbol < 0) p->failed = true;
    return out;
}

static node *raise_to(parser *p, node *base);

static node *exponent(parser *p)
{
    bool negative = false;
    if (charge_at(p->t)) return charge(p, charge_at(p->t));
    if (!parse_enter(p)) return parse_fail(p);
    if (p->t->kind == '-' || p->t->kind == '+') {
        negative = p->t->kind == '-';
        parse_next(p);
    }
    node *out = p->t->kind == '{'        ? parse_group(p)
                : p->t->kind == T_NUMBER ? parse_number(p)
                                         : parse_primary(p);
    if (p->t->kind == '^') out = raise_to(p, out);
    p->w->depth--;
    return negative ? node_unary(p->w, NODE_NEGATE, out) : out;
}

static node *raise_to(parser *p, node *base)
{
    if (base->kind == NODE_NUMBER && take_raised_ordinal(p)) return base;
    if (take_raised_degree(p)) {
        node *out = node_unary(p->w, NODE_UNIT, base);
        out->text = "deg";
        out->size = 3;
        if (p->t->kind == T_NAME && p->t->size == 1 && strchr("CF", *p->t->text)) parse_next(p);
        return out;
    }
    parse_next(p);
    return postfix(p, node_binary(p->w, NODE_POWER, base, exponent(p)));
}

node *parse_power(parser *p)
{
    if (!parse_enter(p)) return parse_fail(p);
    node *out = postfix(p, parse_primary(p));
    if (p->t->kind == '^' && !p->failed) out = raise_to(p, out);
    p->w->depth--;
    return out;
}

/* The first digit of a number, as in \frac12; the rest stays the next token. */
static node *one_digit(parser *p)
{
    token *t = p->t;
    if (t->size == 1 || memchr(t->text, '.', t->size) || memchr(t->text, 'e', t->size))
        return parse_number(p);
    node *out = node_integer(p->w, t->text[0] - '0');
    t->text++;
    t->size--;
    t->spaced = false;
    return out;
}

static node *fraction_part(parser *p)
{
    if (p->t->kind == '{') return parse_group(p);
    if (p->t->kind == T_NUMBER) return one_digit(p);
    return parse_primary(p);
}

/* An argument without brackets: "\sin 2x \cos x" is sin(2x) cos(x). */
static node *bare_argument(parser *p)
{
    if (!parse_enter(p)) return parse_fail(p);
    bool negative = parse_take(p, '-');
    node_list factors = {0};
    do {
        node_push(p->w, &factors, parse_power(p));
    } while (!p->failed && parse_begins_factor(p) && p->t->kind != T_FUNCTION &&
             p->t->kind != '(' && p->t->kind != '[');
    p->w->depth--;
    node *out =
        factors.n == 1 ? factors.items[0] : node_from_list(p->w, NODE_PRODUCT, &factors);
    if (p->t->kind == '/' && !p->failed) {
        p->w->ambiguous = true; /* "\\tan x/2": in the second reading tan(x/2) */
        if (p->w->second_reading) {
            parse_next(p);
            out = node_binary(p->w, NODE_QUOTIENT, out, parse_power(p));
        }
    }
    return negative ? node_unary(p->w, NODE_NEGATE, out) : out;
}

static function inverse(function f)
{
    switch (f) {
    case FN_SIN: return FN_ASIN;
    case FN_COS: return FN_ACOS;
    case FN_TAN: return FN_ATAN;
    case FN_COT: return FN_ACOT;
    case FN_SEC: return FN_ASEC;
    case FN_CSC: return FN_ACSC;
    case FN_SINH: return FN_ASINH;
    case FN_COSH: return FN_ACOSH;
    case FN_TANH: return FN_ATANH;
    case FN_SECH: return FN_ASECH;
    case FN_CSCH: return FN_ACSCH;
    case FN_COTH: return FN_ACOTH;
    default: return FN_NONE;
    }
}

static bool is_minus_one(const node *n)
{
    return n->kind == NODE_NEGATE && n->child[0]->kind == NODE_NUMBER &&
           fmpq_is_one(n->child[0]->value);
}

static bool takes_many(function f)
{
    return f == FN_MAX || f == FN_MIN || f == FN_GCD || f == FN_LCM;
}

static node *one_over(work *w, node *n)
{
    return node_binary(w, NODE_QUOTIENT, node_integer(w, 1), n);
}

static node *apply(parser *p, function f, node *argument, node *base)
{
    if (argument->kind == NODE_TUPLE || argument->kind == NODE_SET) {
        if (takes_many(f)) {
            argument->kind = NODE_CALL;
            argument->symbol = f;
            argument->mark = argument->close = 0;
            return argument;
        }
        if (argument->n == 2 && f == FN_LN) /* log(8, 2) of code */
            return node_call(p->w, FN_LOG, argument->child[0], argument->child[1]);
        if (argument->n == 2 && f == FN_BINOM)
            return node_call(p->w, f, argument->child[0], argument->child[1]);
        if (argument->n == 2 && f == FN_SQRT) /* nthroot(8, 3) */
            return node_call(p->w, FN_ROOT, argument->child[0], argument->child[1]);
        return parse_fail(p);
    }
    switch (f) {
    case FN_ROUND: /* to the next whole number, and up from the middle */
        argument = node_binary(p->w, NODE_SUM, argument, one_over(p->w, node_integer(p->w, 2)));
        return node_call(p->w, FN_FLOOR, argument, NULL);
    case FN_ASECH: return node_call(p->w, FN_ACOSH, one_over(p->w, argument), NULL);
    case FN_ACSCH: return node_call(p->w, FN_ASINH, one_over(p->w, argument), NULL);
    case FN_ACOTH: return node_call(p->w, FN_ATANH, one_over(p->w, argument), NULL);
    default: break;
    }
    if (f == FN_ROOT) return node_call(p->w, f, argument, node_integer(p->w, 3));
    if (f == FN_BINOM) return parse_fail(p);
    if (base) return node_call(p->w, FN_LOG, argument, base);
    return node_call(p->w, f, argument, NULL);
}

static node *parse_function(parser *p)
{
    function f = (function)p->t->id;
    bool common = f == FN_LOG;
    node *base = NULL, *power = NULL;
    parse_next(p);
    if (common) f = FN_LN;
    while (!p->failed && (p->t->kind == '_' || (p->t->kind == '^' && !power))) {
        if (p->t->kind == '_') {
            parse_next(p);
            base = p->t->kind == T_NUMBER ? parse_number(p) : parse_group(p);
            if (f != FN_LN) base = NULL; /* \max_{x} and the like */
        } else {
            parse_next(p);
            power = exponent(p);
        }
    }
    if (power && is_minus_one(power) && inverse(f)) {
        f = inverse(f);
        power = NULL;
    }
    node *argument;
    if (p->t->kind == '(' || p->t->kind == '[') argument = parse_brackets(p);
    else if (p->t->kind == '{') argument = parse_group(p);
    else argument = bare_argument(p);
    if (p->failed) return argument;
    if (common && !base && argument->kind != NODE_TUPLE) {
        p->w->ambiguous = true; /* \log is \ln, in the second reading of base 10 */
        if (p->w->second_reading) f = FN_LOG10;
    }
    node *out = apply(p, f, argument, base);
    return power ? node_binary(p->w, NODE_POWER, out, power) : out;
}

static node *parse_root(parser *p)
{
    node *degree = NULL;
    parse_next(p);
    if (p->t->kind == '[') degree = parse_brackets(p);
    node *radicand = p->t->kind == '{'        ? parse_group(p)
                     : p->t->kind == T_NUMBER ? parse_number(p)
                                              : parse_primary(p);
    return node_call(p->w, degree ? FN_ROOT : FN_SQRT, radicand, degree);
}

node *parse_call(parser *p)
{
    if (!parse_enter(p)) return parse_fail(p);
    node *out, *first;
    switch (p->t->kind) {
    case T_SQRT: out = parse_root(p); break;
    case T_FRAC:
        parse_next(p);
        first = fraction_part(p);
        out = node_binary(p->w, NODE_QUOTIENT, first, fraction_part(p));
        break;
    case T_BINOM:
        parse_next(p);
        if (p->t->kind == '(') {
            out = apply(p, FN_BINOM, parse_brackets(p), NULL);
            break;
        }
        first = fraction_part(p);
        out = node_call(p->w, FN_BINOM, first, fraction_part(p));
        break;
    default: out = parse_function(p); break;
    }
    p->w->depth--;
    return out;
}

/* \begin{pmatrix} a & b \\ c & d \end{pmatrix}; \begin{cases} and the like are lists. */
node *parse_environment(parser *p)
{
    const char *name = p->t->text;
    bool matrix = p->t->size >= 6 && memcmp(name + p->t->size - 6, "matrix", 6) == 0;
    bool array = p->t->size == 5 && memcmp(name, "array", 5) == 0;
    if (!parse_enter(p)) return parse_fail(p);
    parse_next(p);
    if (array && p->t->kind == '{') /* the columns' alignment */
        while (p->t->kind != T_END && !parse_take(p, '}')) parse_next(p);
    node_list cells = {0};
    unsigned rows = 0, row_start = 0, columns = 0;
    bool even = true, statements = true;
    while (!p->failed && p->t->kind != T_CLOSE_ENVIRONMENT) {
        if (p->t->kind == '&') parse_next(p); /* an empty cell: alignment only */
        node_push(p->w, &cells, matrix || array ? parse_statement(p) : parse_statements(p));
        statements &= cells.items[cells.n - 1]->kind == NODE_RELATION;
        if (p->t->kind == ',') parse_next(p);
        if (p->t->kind == '&') continue;
        if (p->t->kind != T_ROW && p->t->kind != T_CLOSE_ENVIRONMENT) return parse_fail(p);
        if (rows++ == 0) columns = cells.n;
        even &= cells.n - row_start == columns;
        row_start = cells.n;
        parse_take(p, T_ROW);
    }
    p->w->depth--;
    if (!parse_take(p, T_CLOSE_ENVIRONMENT) || cells.n == 0) return parse_fail(p);
    bool is_matrix = (matrix || array) && even && !(array && statements);
    node *out = node_from_list(p->w, is_matrix ? NODE_MATRIX : NODE_LIST, &cells);
    out->rows = is_matrix ? rows : 0;
    out->mark = is_matrix ? (*name == 'v' ? '|' : 0) : ',';
    return out;
}
