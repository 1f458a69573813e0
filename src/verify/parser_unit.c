/* Units behind a value, and the words of a sentence that goes on behind it. */
#include "parser.h"
#include "unit.h"

#include <ctype.h>
#include <string.h>

/* Whether nothing but a sentence's words follows: "72 clips sold in April and May". */
static bool rest_is_sentence(const token *t)
{
    for (; t->kind != T_END; t++) {
        bool letter = t->kind == T_NAME || t->kind == T_E || t->kind == T_I;
        if (letter && (t[-1].kind == ',' || t[-1].kind == ';')) return false; /* "2 cats, x" */
        if (!letter && t->kind != T_WORD && t->kind != T_TEXT && t->kind != T_AND &&
            t->kind != T_OR && t->kind != T_PRIME && t->kind != ',' && t->kind != '.' &&
            t->kind != '-')
            return false;
    }
    return true;
}

bool parse_unit_fraction(const parser *p)
{
    static const int shape[] = {T_FRAC, '{', T_TEXT, '}', '{', T_TEXT, '}'};
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        if (p->t[i].kind != shape[i]) return false; /* stops at T_END at the latest */
    return true;
}

/* "5 cm in length" */
static bool rest_has_word(const token *t)
{
    for (; t->kind != T_END; t++)
        if (t->kind == T_WORD) return true;
    return false;
}

/* 5 \frac{\text{m}}{\text{s}} */
static node *annotate_fraction(parser *p, node *value)
{
    char text[64];
    const token *over = p->t + 2, *under = p->t + 5;
    size_t a = over->size < 30 ? over->size : 30, b = under->size < 30 ? under->size : 30;
    memcpy(text, over->text, a);
    text[a] = '/';
    memcpy(text + a + 1, under->text, b);
    node *out = node_unary(p->w, NODE_UNIT, value);
    out->text = work_text(p->w, text, a + 1 + b);
    out->size = a + 1 + b;
    p->t += 7;
    return out;
}

/* "n^2 for all n": a condition, not a factor. */
static bool begins_condition(const token *t)
{
    static const char *const words[] = {"for", "where", "with", "such that"};
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
        size_t n = strlen(words[k]);
        if (t->size >= n && strncasecmp(t->text, words[k], n) == 0 &&
            (t->size == n || t->text[n] == ' '))
            return true;
    }
    return false;
}

/* Text behind a value: a unit, with its exponent. */
static node *annotate(parser *p, node *value)
{
    char text[64];
    size_t n = p->t->size < 40 ? p->t->size : 40;
    memcpy(text, p->t->text, n);
    if (begins_condition(p->t) ||
        ((p->t->kind == T_WORD || rest_has_word(p->t + 1)) && rest_is_sentence(p->t)))
        while (p->t[1].kind != T_END) parse_next(p);
    parse_next(p);
    if (p->w->options->kind == MASA_ANSWER_NUMERIC)
        while (p->t->kind != T_END && p->t->kind != '=') parse_next(p); /* J K^{-1}/mol */
    if (p->t->kind == '^') {
        parse_next(p);
        node *exponent = parse_group(p);
        if (exponent->kind == NODE_NUMBER && fmpz_is_one(fmpq_denref(exponent->value)) &&
            fmpz_cmp_ui(fmpq_numref(exponent->value), 9) <= 0 &&
            fmpz_sgn(fmpq_numref(exponent->value)) > 0) {
            text[n++] = '^';
            text[n++] = (char)('0' + fmpz_get_ui(fmpq_numref(exponent->value)));
        }
    }
    node *out = node_unary(p->w, NODE_UNIT, value);
    bool degrees = n >= 6 && strncasecmp(text, "degree", 6) == 0;
    bool percent = (n >= 7 && strncasecmp(text, "percent", 7) == 0) ||
                   (n == 3 && strncasecmp(text, "pct", 3) == 0) ||
                   (n == 8 && strncasecmp(text, "per cent", 8) == 0);
    out->text = degrees ? "deg" : percent ? "%" : work_text(p->w, text, n);
    out->size = degrees ? 3 : percent ? 1 : n;
    return out;
}

/* Whether more than single letters are in a unit, which could be names as well. */
static bool has_long_name(const char *s, size_t n)
{
    for (size_t i = 0, letters = 0; i < n; i++) {
        letters = isalpha((unsigned char)s[i]) ? letters + 1 : 0;
        if (letters > 1) return true;
    }
    return false;
}

/* A unit made of several as one, "60 km/h"; NULL: another one is next. One that begins with a
 * letter, "8 J/(mol K)", must be all that follows. */
static node *annotate_compound(parser *p, node *value)
{
    size_t at = p->t->at, n = unit_compound(p->s + at, p->n - at);
    if (n == 0 || (p->t->kind == T_NAME && (n < p->n - at || !has_long_name(p->s + at, n))))
        return NULL;
    node *out = node_unary(p->w, NODE_UNIT, value);
    out->text = work_text(p->w, p->s + at, n);
    out->size = n;
    while (p->t->kind != T_END && p->t->at < at + n) parse_next(p);
    return out;
}

/* "3 hours 30 minutes" behind the hours: their sum in minutes, or a product of what is none. */
static node *add_units(parser *p, node *first)
{
    node *second = parse_number(p);
    if (p->t->kind != T_TEXT && p->t->kind != T_WORD)
        return node_binary(p->w, NODE_PRODUCT, first, second);
    second = annotate(p, second);
    node *sum = unit_sum(p->w, first, second);
    return sum ? sum : parse_fail(p);
}

/* first * second or first / second as one unit of first's value. */
static node *join_units(parser *p, node *first, const node *second, int sign)
{
    size_t n = first->size + 1 + second->size;
    char *text = work_alloc(p->w, n + 1);
    memcpy(text, first->text, first->size);
    text[first->size] = (char)sign;
    memcpy(text + first->size + 1, second->text, second->size);
    first->text = text;
    first->size = n;
    return first;
}

/* What has been read of a term as one. */
static node *value_of(parser *p, const node_list *factors)
{
    if (factors->n == 1) return factors->items[0];
    return node_from_list(p->w, NODE_PRODUCT, factors);
}

/* "50*kilometre/hour", as programs write it: whether a unit of some letters is multiplied in. */
static bool multiplies_unit(const parser *p)
{
    const token *t = p->t + 1;
    return p->t->kind == '*' && t->kind == T_WORD &&
           (unit_known(t->text, t->size) || unit_prefixed(t->text, t->size));
}

bool parse_units(parser *p, node_list *factors)
{
    if (factors->items[factors->n - 1]->kind == NODE_NUMBER && multiplies_unit(p))
        parse_next(p);
    int kind = p->t->kind;
    bool text = kind == T_TEXT || kind == T_WORD;
    bool any = p->w->options->kind == MASA_ANSWER_NUMERIC; /* whatever follows is one */
    node **last = &factors->items[factors->n - 1], *whole = NULL;
    bool unit_before = (*last)->kind == NODE_UNIT, number_before = (*last)->kind == NODE_NUMBER;
    if (!any && (text || (kind == T_NAME && number_before && p->t->spaced)))
        whole = annotate_compound(p, value_of(p, factors));
    if (!whole && (text || (kind == T_NAME && any))) whole = annotate(p, value_of(p, factors));
    if (whole) {
        factors->n = 0;
        node_push(p->w, factors, whole);
    } else if ((kind == '*' || kind == '/') && unit_before && p->t[1].kind == T_TEXT) {
        parse_next(p); /* \text{m}/\text{s} */
        *last = join_units(p, *last, annotate(p, (*last)->child[0]), kind);
    } else if (kind == T_FRAC && parse_unit_fraction(p)) {
        *last = annotate_fraction(p, *last);
    } else if (!any && kind == T_NUMBER && unit_before && p->t->spaced) {
        *last = add_units(p, *last);
    } else {
        return false;
    }
    return true;
}
