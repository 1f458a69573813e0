/* \sum_{k=1}^{10} k^2 and \prod, written out term by term where the bounds are whole numbers. */
#include "parser.h"

#include <string.h>

enum { MOST_TERMS = 1000, COPY_STEPS = 8 };

/* What stands below and above the sign. */
typedef struct range {
    token *letter; /* that counts */
    long from, to;
    token *body; /* what stands behind */
} range;

/* The whole number at *t, behind which *t is left; false: none, or none to count to. */
static bool read_bound(token **t, long *out)
{
    bool minus = (*t)->kind == '-';
    const token *number = *t + minus;
    if (number->kind != T_NUMBER || number->size > 6) return false;
    *out = 0;
    for (unsigned i = 0; i < number->size; i++) {
        if (number->text[i] < '0' || number->text[i] > '9') return false;
        *out = 10 * *out + (number->text[i] - '0');
    }
    if (minus) *out = -*out;
    *t += 1 + minus;
    return true;
}

/* Reads _{k=1}^{10} at t; false: another shape, or too many terms. */
static bool read_range(token *t, range *r)
{
    if (t[0].kind != '_' || t[1].kind != '{') return false;
    r->letter = t + 2;
    bool letter = t[2].kind == T_I || (t[2].kind == T_NAME && t[2].size == 1);
    if (!letter || t[3].kind != '=') return false;
    t += 4;
    if (!read_bound(&t, &r->from) || t[0].kind != '}' || t[1].kind != '^') return false;
    bool braces = t[2].kind == '{';
    t += 2 + braces;
    if (!read_bound(&t, &r->to) || (braces && t->kind != '}')) return false;
    r->body = t + braces;
    return r->to - r->from < MOST_TERMS;
}

/* Whether the letter stands below another, k of a_k: then its values are not known. */
static bool is_subscript(const work *w, const node *n, const token *letter)
{
    if (n->kind == NODE_SYMBOL) {
        const char *name = w->symbols[n->symbol].name;
        size_t size = w->symbols[n->symbol].size;
        const char *below = memchr(name, '_', size);
        return below && memchr(below, *letter->text, size - (size_t)(below - name));
    }
    for (unsigned i = 0; i < n->n; i++)
        if (is_subscript(w, n->child[i], letter)) return true;
    return false;
}

/* The tree with a number for the letter; what has no letter in it is shared. */
static node *with_value(work *w, node *n, const node *letter, long value)
{
    if (!work_spend(w, COPY_STEPS)) return n;
    if (n->kind == letter->kind && n->symbol == letter->symbol) return node_integer(w, value);
    if (n->n == 0) return n;
    node *out = work_alloc(w, sizeof *out);
    *out = *n;
    out->child = work_alloc(w, n->n * sizeof *out->child);
    for (unsigned i = 0; i < n->n; i++)
        out->child[i] = with_value(w, n->child[i], letter, value);
    return out;
}

node *parse_bounded(parser *p)
{
    token *sign = p->t;
    range r;
    if (!read_range(p->t + 1, &r) || !parse_enter(p)) return parse_name(p);
    p->t = r.letter;
    node *letter = r.letter->kind == T_I ? parse_primary(p) : parse_name(p);
    p->t = r.body;
    node *body = parse_term(p);
    p->w->depth--;
    if (p->failed) return body;
    if (is_subscript(p->w, body, r.letter)) {
        p->t = sign;
        return parse_name(p);
    }
    node_list terms = {0};
    bool sum = sign->id == '+';
    node_push(p->w, &terms, node_integer(p->w, sum ? 0 : 1)); /* what none of them is worth */
    for (long k = r.from; k <= r.to && !p->w->exhausted; k++)
        node_push(p->w, &terms, with_value(p->w, body, letter, k));
    return node_from_list(p->w, sum ? NODE_SUM : NODE_PRODUCT, &terms);
}
