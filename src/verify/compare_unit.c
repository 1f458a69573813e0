/* Answers of which at least one is measured in something. */
#include "compare.h"

#include "unit.h"

#include <masa/text.h>

#include <string.h>

static node *without_units(node *n)
{
    while (n->kind == NODE_UNIT) n = n->child[0];
    return n;
}

/* 50% and 30 degrees mean themselves or their value: 50 or 1/2, 30 or pi/6. */
static masa_verdict compare_mild_unit(work *w, node *a, node *b)
{
    masa_verdict verdict = compare(w, without_units(a), without_units(b));
    bool same = a->kind == b->kind && a->size == b->size;
    if (verdict != MASA_VERDICT_DIFFERENT || same || is_collection(without_units(a)) ||
        is_collection(without_units(b)))
        return verdict;
    return value_equal(w, a, b);
}

/* The unit next to the number: "5 ft long" is in feet. */
static node *innermost_unit(node *n)
{
    while (n->kind == NODE_UNIT && n->child[0]->kind == NODE_UNIT) n = n->child[0];
    return n;
}

static node *times(work *w, node *n, const fmpq_t factor)
{
    node *number = node_number(w);
    fmpq_set(number->value, factor);
    return node_binary(w, NODE_PRODUCT, without_units(n), number);
}

/* 5 million as 5,000,000; NULL: the unit does not count. */
static node *counted(work *w, node *n)
{
    fmpq_t factor;
    fmpq_init(factor);
    bool counts =
        n->kind == NODE_UNIT && unit_compare(factor, n->text, n->size, "one", 3) == UNIT_SCALED;
    node *out = counts ? times(w, n, factor) : NULL;
    fmpq_clear(factor);
    return out;
}

/* A number with a unit and one without: the unit is left out, or says how many. */
static masa_verdict compare_one_unit(work *w, node *a, node *b)
{
    masa_verdict verdict = compare(w, without_units(a), without_units(b));
    node *x = counted(w, a), *y = counted(w, b);
    if (verdict != MASA_VERDICT_DIFFERENT || (!x && !y)) return verdict;
    return compare(w, x ? x : a, y ? y : b);
}

/* Puts the letters of a product such as 5 m/s down as a unit, "m s^-1", and its numbers into
 * *numbers; false: it is more than that. */
static bool split_unit(work *w, node *n, int power, masa_text *unit, node_list *numbers)
{
    fmpq_t value;
    if (n->kind == NODE_SYMBOL) {
        masa_text_addf(unit, "%.*s^%d ", (int)w->symbols[n->symbol].size,
                       w->symbols[n->symbol].name, power);
        return w->symbols[n->symbol].size > 0;
    }
    if (!value_has_symbols(n)) {
        if (power == 1) node_push(w, numbers, n);
        return power == 1;
    }
    if (n->kind == NODE_QUOTIENT)
        return split_unit(w, n->child[0], power, unit, numbers) &&
               split_unit(w, n->child[1], -power, unit, numbers);
    if (n->kind == NODE_POWER) {
        fmpq_init(value);
        bool small = value_exact(w, n->child[1], value) && fmpz_is_one(fmpq_denref(value)) &&
                     fmpz_cmp_si(fmpq_numref(value), 4) <= 0 &&
                     fmpz_cmp_si(fmpq_numref(value), -4) >= 0;
        if (small) power *= (int)fmpz_get_si(fmpq_numref(value));
        fmpq_clear(value);
        return small && n->child[0]->kind == NODE_SYMBOL &&
               split_unit(w, n->child[0], power, unit, numbers);
    }
    for (unsigned i = 0; n->kind == NODE_PRODUCT && i < n->n; i++)
        if (!split_unit(w, n->child[i], power, unit, numbers)) return false;
    return n->kind == NODE_PRODUCT;
}

/* "1000 m" or "5 m/s", read as a product, where the other side is measured in the like of it. */
static node *product_as_unit(work *w, node *n, const node *like)
{
    if (like->kind != NODE_UNIT || (n->kind != NODE_PRODUCT && n->kind != NODE_QUOTIENT))
        return n;
    masa_text unit = {0};
    node_list numbers = {0};
    fmpq_t factor;
    fmpq_init(factor);
    bool good = split_unit(w, n, 1, &unit, &numbers) && numbers.n;
    const char *text = masa_text_get(&unit);
    unit_relation relation =
        good ? unit_compare(factor, text, strlen(text), like->text, like->size) : UNIT_UNKNOWN;
    fmpq_clear(factor);
    if (relation == UNIT_SAME || relation == UNIT_SCALED) {
        n = node_unary(w, NODE_UNIT,
                       numbers.n == 1 ? numbers.items[0]
                                      : node_from_list(w, NODE_PRODUCT, &numbers));
        n->size = strlen(text);
        n->text = work_text(w, text, n->size);
    }
    masa_text_deinit(&unit);
    return n;
}

masa_verdict compare_units(work *w, node *a, node *b)
{
    a = product_as_unit(w, innermost_unit(a), innermost_unit(b));
    b = product_as_unit(w, innermost_unit(b), a);
    bool mild_a = node_is_percent(a) || node_is_degrees(a);
    bool mild_b = node_is_percent(b) || node_is_degrees(b);
    bool other_unit = a->kind == NODE_UNIT && b->kind == NODE_UNIT && (mild_a || mild_b) &&
                      (a->size != b->size || *a->text != *b->text);
    if (other_unit || b->kind == NODE_BASED) {
        w->rule = "unit";
        return MASA_VERDICT_DIFFERENT;
    }
    if (a->kind != NODE_UNIT || b->kind != NODE_UNIT) {
        if (mild_a || mild_b) return compare_mild_unit(w, a, b);
        return compare_one_unit(w, a, b);
    }
    fmpq_t factor;
    fmpq_init(factor);
    unit_relation relation = unit_compare(factor, a->text, a->size, b->text, b->size);
    node *x = without_units(a), *y = without_units(b);
    if (relation == UNIT_SCALED) x = times(w, x, factor);
    fmpq_clear(factor);
    if (relation == UNIT_OTHER) {
        w->rule = "unit";
        return MASA_VERDICT_DIFFERENT;
    }
    return compare(w, x, y);
}

bool has_degrees(const node *n)
{
    if (node_is_degrees(n)) return true;
    bool terms = n->kind == NODE_SUM || n->kind == NODE_NEGATE || n->kind == NODE_PRODUCT;
    for (unsigned i = 0; terms && i < n->n; i++)
        if (has_degrees(n->child[i])) return true;
    return false;
}

node *without_degrees(work *w, node *n)
{
    if (node_is_degrees(n)) return n->child[0];
    if (!has_degrees(n)) return n;
    node_list terms = {0};
    for (unsigned i = 0; i < n->n; i++) node_push(w, &terms, without_degrees(w, n->child[i]));
    return node_from_list(w, n->kind, &terms);
}
