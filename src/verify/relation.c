/* Equations, congruences and inequalities. */
#include "compare.h"

#include <string.h>

bool is_inequality(const node *n)
{
    return n->kind == NODE_RELATION && strpbrk(n->text, "<>lgn") != NULL;
}

static bool is_membership(const node *n)
{
    return n->kind == NODE_RELATION && n->n == 2 && n->text[0] == 'i';
}

/* One letter, or a product of some: AB, \angle ABC, 2r is none. */
static bool is_letters(const node *n)
{
    if (n->kind == NODE_SYMBOL) return true;
    if (n->kind != NODE_PRODUCT || n->child[0]->kind != NODE_SYMBOL || n->n > 6) return false;
    for (unsigned i = 1; i < n->n; i++) {
        node_kind kind = n->child[i]->kind;
        if (kind != NODE_SYMBOL && kind != NODE_E && kind != NODE_I && kind != NODE_NUMBER)
            return false;
    }
    return true;
}

/* Letters that equations are solved for: |x| = 3 says what x is, |AB| = 3 what |AB| is. */
static bool is_unknown(const work *w, const node *n)
{
    return n->kind == NODE_SYMBOL && w->symbols[n->symbol].size == 1 &&
           strchr("xyt", *w->symbols[n->symbol].name) != NULL;
}

/* What may stand before "=" to name a value: x, f(x), f(2), \angle ABC, (x, y). */
static bool is_name(const node *n)
{
    if (n->kind == NODE_TEXT || is_letters(n)) return true;
    if (n->kind != NODE_TUPLE) return false;
    for (unsigned i = 0; i < n->n; i++)
        if (!is_letters(n->child[i]) && n->child[i]->kind != NODE_I) return false;
    return true;
}

/* What can be asked for of names, if numbers follow: |AB|, a : b, AB/CD, \tan A. */
static bool is_question(const work *w, const node *n)
{
    switch (n->kind) {
    case NODE_CALL: return n->n == 1 && is_letters(n->child[0]) && !is_unknown(w, n->child[0]);
    case NODE_COLON:
        for (unsigned i = 0; i < n->n; i++)
            if (!is_letters(n->child[i])) return false;
        return true;
    case NODE_QUOTIENT: return is_letters(n->child[0]) && is_letters(n->child[1]);
    default: return false;
    }
}

/* Whether b, a decimal, can be a rounded: they differ by less than a unit of its last
 * digit, or by 1 % if that is behind the point. */
static bool about_equal(work *w, const node *a, const node *b)
{
    acb_t x, y;
    mag_t apart, unit, share;
    if (!node_is_decimal(b) && b->kind != NODE_NUMBER) return false;
    acb_init(x);
    acb_init(y);
    mag_init(apart);
    mag_init(unit);
    mag_init(share);
    bool good = value_ball(w, a, NULL, x, 64) && value_ball(w, b, NULL, y, 64);
    if (good) {
        acb_sub(y, x, y, 64);
        acb_get_mag(apart, y);
        node_decimal_unit(unit, b);
        acb_get_mag(share, x);
        mag_div_ui(share, share, 100);
        good = mag_cmp(apart, unit) < 0 || (node_is_decimal(b) && mag_cmp(apart, share) < 0);
    }
    mag_clear(apart);
    mag_clear(unit);
    mag_clear(share);
    acb_clear(x);
    acb_clear(y);
    return good;
}

/* Whether sides first..n-1 are numbers. */
static bool is_numeric(const node *n, unsigned first)
{
    for (unsigned i = first; i < n->n; i++)
        if (value_has_symbols(n->child[i]) || is_collection(n->child[i]) ||
            n->child[i]->kind == NODE_TEXT)
            return false;
    return true;
}

/* Whether sides first..n-1, all numbers, are what the chain says they are. */
static bool chain_holds(work *w, const node *n, unsigned first)
{
    if (!is_numeric(n, first)) return false;
    for (unsigned i = first; i + 1 < n->n; i++) {
        const node *a = n->child[i], *b = n->child[i + 1];
        bool holds = n->text[i] == '~' ? about_equal(w, a, b)
                                       : value_equal(w, a, b) == MASA_VERDICT_EQUAL;
        if (!holds) return false;
    }
    return true;
}

/* The side that says what the value is: the last one, unless that is the name. */
static unsigned value_side(const node *n)
{
    return is_name(n->child[n->n - 1]) && !is_name(n->child[0]) ? 0 : n->n - 1;
}

/* "x = 22/7 ~ 3.14": where the sides agree, the exact one counts as well. */
static masa_verdict compare_with_value(work *w, node *relation, node *other, bool answer)
{
    unsigned side = value_side(relation),
             first = is_name(relation->child[0]) || is_question(w, relation->child[0]);
    /* "2 + 3 = 6" states nothing that could be right. */
    if (is_numeric(relation, first) && !chain_holds(w, relation, first))
        return MASA_VERDICT_DIFFERENT;
    /* "2x + y - 3 = 0" is a line, not a way to say 0. */
    node *value = relation->child[side];
    if (value->kind == NODE_NUMBER && fmpq_is_zero(value->value) && !first &&
        value_has_symbols(relation->child[0]))
        return MASA_VERDICT_DIFFERENT;
    masa_verdict verdict = answer ? compare(w, value, other) : compare(w, other, value);
    if (verdict != MASA_VERDICT_DIFFERENT || side == 0 || first >= side ||
        !chain_holds(w, relation, first))
        return verdict;
    value = relation->child[first];
    return answer ? compare(w, value, other) : compare(w, other, value);
}

static node *difference(work *w, const node *relation)
{
    node *right = node_unary(w, NODE_NEGATE, relation->child[1]);
    return node_binary(w, NODE_SUM, relation->child[0], right);
}

static bool is_equation(const node *n)
{
    return n->kind == NODE_RELATION && n->text[strspn(n->text, "=~m")] == 0;
}

/* y = 2x and f(x) = 2x say the same. */
static bool names_function(const work *w, const node *y, const node *f)
{
    return y->kind == NODE_SYMBOL && f->kind == NODE_SYMBOL && w->symbols[f->symbol].call &&
           w->symbols[y->symbol].size == 1 && *w->symbols[y->symbol].name == 'y';
}

static masa_verdict compare_equations(work *w, node *a, node *b)
{
    node *x = a->child[0], *y = b->child[0];
    bool named = is_name(x) && is_name(y);
    if (named && (node_same(x, y) || names_function(w, x, y) || names_function(w, y, x)))
        return compare_with_value(w, a, b->child[value_side(b)], true);
    if (is_numeric(a, 0) || is_numeric(b, 0)) {
        masa_verdict verdict = compare_with_value(w, a, b->child[0], true);
        return verdict == MASA_VERDICT_DIFFERENT
                   ? compare_with_value(w, a, b->child[value_side(b)], true)
                   : verdict;
    }
    if (a->n != 2 || b->n != 2) { /* a = b = 0 */
        masa_verdict verdict = a->n == b->n ? MASA_VERDICT_EQUAL : MASA_VERDICT_DIFFERENT;
        for (unsigned i = 0; verdict == MASA_VERDICT_EQUAL && i < a->n; i++)
            verdict = compare(w, a->child[i], b->child[i]);
        return verdict;
    }
    for (int i = 0; i < 2; i++)
        if (is_collection(a->child[i]) || is_collection(b->child[i])) {
            masa_verdict left = compare(w, a->child[0], b->child[0]);
            return left == MASA_VERDICT_EQUAL ? compare(w, a->child[1], b->child[1]) : left;
        }
    return value_same_equation(w, difference(w, a), difference(w, b), false);
}

/* What nothing is known of but that its sides cannot be exchanged: A \subset B, x \to 0. */
static bool is_ordered(const node *n)
{
    return n->kind == NODE_RELATION && n->text[strspn(n->text, "sctx")] == 0;
}

static masa_verdict compare_sides(work *w, node *a, node *b)
{
    masa_verdict verdict = MASA_VERDICT_EQUAL;
    for (unsigned i = 0; verdict == MASA_VERDICT_EQUAL && i < a->n; i++)
        verdict = compare(w, a->child[i], b->child[i]);
    return verdict;
}

/* The mark seen from the other side: a < b is b > a. */
static char turned(char mark)
{
    const char *from = "<>lg", *to = "><gl", *at = strchr(from, mark);
    return at && *at ? to[at - from] : mark;
}

/* Inequalities that are no interval of one letter: 2x + y < 3. */
static masa_verdict compare_inequalities(work *w, node *a, node *b)
{
    if (a->n != b->n) return MASA_VERDICT_DIFFERENT;
    if (a->n > 2) {
        bool turn = a->text[0] == turned(b->text[0]);
        for (unsigned i = 0; i < a->n; i++) {
            unsigned j = turn ? a->n - 1 - i : i;
            char mark = i + 1 < a->n ? b->text[turn ? b->n - 2 - i : i] : 0;
            if (mark && a->text[i] != (turn ? turned(mark) : mark))
                return MASA_VERDICT_DIFFERENT;
            masa_verdict verdict = compare(w, a->child[i], b->child[j]);
            if (verdict != MASA_VERDICT_EQUAL) return verdict;
        }
        return MASA_VERDICT_EQUAL;
    }
    node *x = difference(w, a), *y = difference(w, b);
    if (a->text[0] == 'n' || b->text[0] == 'n')
        return a->text[0] == b->text[0] ? value_same_equation(w, x, y, false)
                                        : MASA_VERDICT_DIFFERENT;
    if (a->text[0] == turned(b->text[0])) y = node_unary(w, NODE_NEGATE, y);
    else if (a->text[0] != b->text[0]) return MASA_VERDICT_DIFFERENT;
    return value_same_equation(w, x, y, true);
}

masa_verdict compare_relations(work *w, node *a, node *b)
{
    bool known = false;
    masa_verdict verdict = MASA_VERDICT_DIFFERENT;
    w->rule = "relation";
    if (is_membership(a) && is_membership(b) && a->child[0]->kind == NODE_SYMBOL &&
        b->child[0]->kind == NODE_SYMBOL && !node_same(a->child[0], b->child[0]))
        return verdict;
    if (is_membership(a) && !is_region(b)) return compare(w, a->child[1], b);
    if (is_membership(b) && !is_region(a)) return compare(w, a, b->child[1]);
    if (is_equation(a) && is_equation(b)) return compare_equations(w, a, b);
    if (is_equation(a) && b->kind != NODE_RELATION) return compare_with_value(w, a, b, true);
    if (is_equation(b) && a->kind != NODE_RELATION) {
        /* "x + y = 2" is not answered by "2", but "x = 2" and "1 + 1 = 2" are. */
        bool asked = is_question(w, b->child[0]) && is_numeric(b, 1);
        if (!asked && !is_name(b->child[0]) && !is_name(b->child[b->n - 1]) &&
            !chain_holds(w, b, 0))
            return verdict;
        return compare_with_value(w, b, a, false);
    }
    verdict = compare_regions(w, a, b, &known);
    if (known) return verdict;
    if (is_ordered(a) && is_ordered(b) && a->n == b->n && strcmp(a->text, b->text) == 0)
        return compare_sides(w, a, b);
    return is_inequality(a) && is_inequality(b) ? compare_inequalities(w, a, b)
                                                : MASA_VERDICT_DIFFERENT;
}
