/* Arithmetic that was left undone: "40 - 12" where one number was asked for. Whoever is paid for it
 * learns to repeat the problem. */
#include "compare.h"

static bool is_plain(const node *n)
{
    if (n->kind == NODE_NEGATE) return is_plain(n->child[0]);
    return n->kind == NODE_NUMBER;
}

static bool all_plain(const node *n)
{
    for (unsigned i = 0; i < n->n; i++)
        if (!is_plain(n->child[i])) return false;
    return n->n > 1;
}

static bool is_fraction(const node *n)
{
    return n->kind == NODE_QUOTIENT && all_plain(n);
}

/* Numbers and fractions among the children of a sum or a product. */
static unsigned literals(const node *n)
{
    unsigned count = 0;
    for (unsigned i = 0; i < n->n; i++)
        count += is_plain(n->child[i]) || is_fraction(n->child[i]);
    return count;
}

/* 3 1/2 */
static bool is_mixed_number(const node *n)
{
    return n->kind == NODE_SUM && n->n == 2 && is_plain(n->child[0]) &&
           is_fraction(n->child[1]);
}

/* 12/4, not 3/4. */
static bool is_whole_quotient(const node *n)
{
    const node *a = n->child[0], *b = n->child[1];
    while (a->kind == NODE_NEGATE) a = a->child[0];
    while (b->kind == NODE_NEGATE) b = b->child[0];
    if (fmpq_is_zero(b->value)) return false;
    fmpq_t value;
    fmpq_init(value);
    fmpq_div(value, a->value, b->value);
    bool whole = fmpz_is_one(fmpq_denref(value));
    fmpq_clear(value);
    return whole;
}

static bool is_ten(const node *n)
{
    return n->kind == NODE_NUMBER && fmpz_is_one(fmpq_denref(n->value)) &&
           fmpz_equal_si(fmpq_numref(n->value), 10);
}

/* "28 = 40 - 12" says the number, "x = 40 - 12" does not. */
static bool no_side_is_done(const node *n)
{
    bool undone = false;
    for (unsigned i = 0; i < n->n; i++) {
        if (n->child[i]->kind == NODE_SYMBOL) continue;
        if (!is_left_undone(n->child[i])) return false;
        undone = true;
    }
    return undone;
}

bool is_left_undone(const node *n)
{
    if (n->kind == NODE_RELATION) return no_side_is_done(n);
    bool joint = n->kind == NODE_SUM || n->kind == NODE_PRODUCT;
    if (joint && literals(n) > 1 && !is_mixed_number(n)) return true;
    if (is_fraction(n) && is_whole_quotient(n)) return true;
    if (n->kind == NODE_POWER && all_plain(n) && !is_ten(n->child[0])) return true;
    for (unsigned i = 0; i < n->n; i++)
        if (is_left_undone(n->child[i])) return true;
    return false;
}
