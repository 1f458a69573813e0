/* Rewrites trees before the comparison. */
#include "compare.h"
#include "matrix.h"

#include <stdio.h>
#include <string.h>

static node *copy_shallow(work *w, const node *n)
{
    node *out = work_alloc(w, sizeof *out);
    *out = *n;
    if (n->kind == NODE_NUMBER || n->kind == NODE_BASED) {
        /* The original frees the value; the copy has its own. */
        node *number = node_number(w);
        fmpq_set(number->value, n->value);
        node *chain = number->next_number;
        fmpq value = *number->value;
        *number = *n;
        *number->value = value;
        number->next_number = chain;
        return number;
    }
    if (n->n) out->child = work_alloc(w, n->n * sizeof *out->child);
    return out;
}

/* The tree with every \pm read as its upper or lower sign. */
static node *choose_sign(work *w, node *n, bool upper)
{
    if (!n->has_pm || !work_spend(w, 1)) return n;
    if (n->kind == NODE_PLUSMINUS) {
        node *child = choose_sign(w, n->child[0], upper);
        return (n->mark == '+') == upper ? child : node_unary(w, NODE_NEGATE, child);
    }
    node *out = copy_shallow(w, n);
    for (unsigned i = 0; i < n->n; i++) out->child[i] = choose_sign(w, n->child[i], upper);
    out->has_pm = false;
    return out;
}

/* Both readings of every \pm, as items of the innermost list around it. */
static void expand_into(work *w, node_list *out, node *n)
{
    if (!n->has_pm) {
        node_push(w, out, n);
    } else if (n->kind == NODE_LIST || n->kind == NODE_SET) {
        for (unsigned i = 0; i < n->n; i++) expand_into(w, out, n->child[i]);
    } else {
        node_push(w, out, choose_sign(w, n, true));
        node_push(w, out, choose_sign(w, n, false));
    }
}

static node *expand_signs(work *w, node *n)
{
    if (!n->has_pm) return n;
    node_list items = {0};
    expand_into(w, &items, n);
    node *out = node_from_list(w, n->kind == NODE_SET ? NODE_SET : NODE_LIST, &items);
    out->mark = n->kind == NODE_LIST ? n->mark : ',';
    return out;
}

/* factor * vector, or vector / factor, entry by entry. */
static node *scale(work *w, node *vector, node *factor, bool divide)
{
    node *out = copy_shallow(w, vector);
    for (unsigned i = 0; i < vector->n; i++) {
        node *entry = vector->child[i];
        out->child[i] = divide   ? node_binary(w, NODE_QUOTIENT, entry, factor)
                        : factor ? node_binary(w, NODE_PRODUCT, factor, entry)
                                 : node_unary(w, NODE_NEGATE, entry);
    }
    return out;
}

static bool is_letter_d(const work *w, const node *n)
{
    return n->kind == NODE_SYMBOL && w->symbols[n->symbol].size == 1 &&
           *w->symbols[n->symbol].name == 'd';
}

/* y becomes dy; once, where both readings of \pm share it. */
static void make_differential(work *w, node *letter)
{
    size_t size = w->symbols[letter->symbol].size;
    if (size > 1 && *w->symbols[letter->symbol].name == 'd') return;
    char *name = work_alloc(w, size + 2);
    name[0] = 'd';
    memcpy(name + 1, w->symbols[letter->symbol].name, size);
    int symbol = work_symbol(w, name, size + 1);
    if (symbol >= 0) letter->symbol = symbol;
}

/* dy/dx and d^2y/dx^2 with y and x as dy and dx: the two d are no factors that cancel. */
static node *mark_differentials(work *w, node *n)
{
    node *over = n->child[0], *under = n->child[1];
    if (over->kind != NODE_PRODUCT || under->kind != NODE_PRODUCT || over->n != 2 ||
        under->n != 2)
        return n;
    const node *d = over->child[0];
    node *x = under->child[1];
    if (d->kind == NODE_NEGATE) d = d->child[0];
    if (d->kind == NODE_POWER) d = d->child[0];
    if (x->kind == NODE_POWER) x = x->child[0];
    if (!is_letter_d(w, d) || !is_letter_d(w, under->child[0]) ||
        over->child[1]->kind != NODE_SYMBOL || x->kind != NODE_SYMBOL)
        return n;
    make_differential(w, over->child[1]);
    make_differential(w, x);
    return n;
}

static node *distribute(work *w, node *n)
{
    if (n->kind == NODE_NEGATE && matrix_is_vector(n->child[0]))
        return scale(w, n->child[0], NULL, false);
    if (n->kind == NODE_QUOTIENT && matrix_is_vector(n->child[0]))
        return scale(w, n->child[0], n->child[1], true);
    if (n->kind == NODE_QUOTIENT) return mark_differentials(w, n);
    if (n->kind == NODE_UNIT && is_collection(n->child[0])) return n->child[0];
    if (n->kind == NODE_NEGATE && n->child[0]->kind == NODE_UNIT) {
        node *unit = copy_shallow(w, n->child[0]); /* -(30 degrees) is (-30) degrees */
        unit->child[0] = node_unary(w, NODE_NEGATE, n->child[0]->child[0]);
        return unit;
    }
    if (n->kind == NODE_SUM) return matrix_sum(w, n);
    if (n->kind == NODE_POWER) return matrix_power(w, n);
    if (n->kind != NODE_PRODUCT) return n;
    n = matrix_product(w, n);
    if (n->kind != NODE_PRODUCT) return n;
    unsigned vectors = 0, at = 0;
    for (unsigned i = 0; i < n->n; i++)
        if (matrix_is_vector(n->child[i])) vectors++, at = i;
    if (vectors != 1) return n;
    node *out = n->child[at];
    for (unsigned i = 0; i < n->n; i++)
        if (i != at) out = scale(w, out, n->child[i], false);
    return out;
}

/* f(x, y) becomes a letter: the same one for calls with equal arguments. */
static node *name_call(work *w, node *n)
{
    node *out = node_create(w, NODE_SYMBOL, 0);
    for (int s = 0; s < w->n_symbols; s++) {
        node *known = w->symbols[s].call;
        bool same = known && known->symbol == n->symbol && known->n == n->n;
        for (unsigned i = 0; same && i < n->n; i++)
            same = compare(w, n->child[i], known->child[i]) == MASA_VERDICT_EQUAL;
        if (!same) continue;
        out->symbol = s;
        return out;
    }
    char name[16];
    int size = snprintf(name, sizeof name, "()%d", w->n_symbols);
    out->symbol = work_symbol(w, name, (size_t)size);
    if (out->symbol < 0) return n;
    w->symbols[out->symbol].call = n;
    return out;
}

/* "pi/2 + 2 pi k, k in Z": the last part says what the letter may be. */
static bool is_side_condition(const work *w, const node *n)
{
    if (n->kind != NODE_RELATION || n->n != 2 || n->text[0] != 'i' ||
        n->child[1]->kind != NODE_SYMBOL)
        return false;
    const char *name = w->symbols[n->child[1]->symbol].name;
    return strncmp(name, "mathbb", 6) == 0;
}

static node *drop_conditions(const work *w, node *n)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < n->n; i++)
        if (i == 0 || !is_side_condition(w, n->child[i])) n->child[kept++] = n->child[i];
    n->n = kept;
    return kept == 1 ? n->child[0] : n;
}

static node *prepare_inner(work *w, node *n)
{
    if (!work_spend(w, 1)) return n;
    for (unsigned i = 0; i < n->n; i++) n->child[i] = prepare_inner(w, n->child[i]);
    if (n->kind == NODE_APPLY) return name_call(w, n);
    if (n->kind == NODE_COLON && n->child[n->n - 1]->kind == NODE_UNIT) {
        node *unit = n->child[n->n - 1]; /* 8:34 p.m. */
        n->child[n->n - 1] = unit->child[0];
        unit->child[0] = n;
        return unit;
    }
    if (n->kind == NODE_MATRIX && n->mark == '|') return matrix_determinant(w, n);
    if (n->kind == NODE_LIST && n->mark == 'a' && n->n == 2) { /* 3 hours and 30 minutes */
        node *sum = unit_sum(w, n->child[0], n->child[1]);
        if (sum) return sum;
    }
    if (n->kind == NODE_LIST) return drop_conditions(w, n);
    return distribute(w, n);
}

node *prepare(work *w, node *n)
{
    return prepare_inner(w, expand_signs(w, n));
}
