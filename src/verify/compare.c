/* Which comparison two answers ask for. */
#include "compare.h"

#include <string.h>

/* A decimal with so many significant digits is a value that was printed, not an estimate; with
 * more than the most, no floating-point number. */
enum { LEAST_DIGITS = 10, MOST_DIGITS = 17 };

/* --- numerals, times and ratios ------------------------------------------------ */

static masa_verdict compare_based(work *w, node *a, node *b)
{
    w->rule = "numeral";
    if (b->kind != NODE_BASED) return value_equal(w, a, b);
    if (a->kind == NODE_BASED)
        return a->symbol == b->symbol && fmpq_equal(a->value, b->value)
                   ? MASA_VERDICT_EQUAL
                   : MASA_VERDICT_DIFFERENT;
    /* The question names the base: an answer may leave it out. */
    bool same =
        a->kind == NODE_NUMBER && a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
    if (a->kind == NODE_SYMBOL && !w->symbols[a->symbol].call) /* A5, read as a name */
        same = same_words(w->symbols[a->symbol].name, w->symbols[a->symbol].size, b->text,
                          b->size);
    return same ? MASA_VERDICT_EQUAL : MASA_VERDICT_DIFFERENT;
}

static bool is_time(const node *n)
{
    if (n->kind != NODE_COLON || n->n > 3) return false;
    for (unsigned i = 0; i < n->n; i++) {
        const node *part = n->child[i];
        if (part->kind != NODE_NUMBER || !part->size || part->size > 2) return false;
        if (i && (part->size != 2 || part->text[0] > '5')) return false;
    }
    return true;
}

static masa_verdict compare_colons(work *w, node *a, node *b)
{
    w->rule = "ratio";
    if (a->kind == NODE_COLON && b->kind == NODE_COLON) {
        if (a->n != b->n) return MASA_VERDICT_DIFFERENT;
        bool times = is_time(a) && is_time(b);
        masa_verdict verdict = MASA_VERDICT_EQUAL;
        for (unsigned i = times ? 0 : 1; verdict == MASA_VERDICT_EQUAL && i < a->n; i++) {
            node *x = a->child[i], *y = b->child[i];
            if (!times) { /* a0 : ai = b0 : bi */
                x = node_binary(w, NODE_PRODUCT, x, b->child[0]);
                y = node_binary(w, NODE_PRODUCT, y, a->child[0]);
            }
            verdict = value_equal(w, x, y);
        }
        if (!times && value_order(w, a->child[0], node_integer(w, 0)) == 0)
            verdict = compare(w, a->child[0], b->child[0]);
        w->rule = times ? "time" : "ratio";
        return verdict;
    }
    node *ratio = a->kind == NODE_COLON ? a : b, *other = ratio == a ? b : a;
    if (ratio->n != 2 || is_collection(other)) return MASA_VERDICT_DIFFERENT;
    return value_equal(w, node_binary(w, NODE_QUOTIENT, ratio->child[0], ratio->child[1]),
                       other);
}

/* --- values -------------------------------------------------------------------- */

static int infinity_sign(const node *n)
{
    if (n->kind == NODE_INFINITY) return 1;
    return n->kind == NODE_NEGATE ? -infinity_sign(n->child[0]) : 0;
}

/* |a - b| <= tolerance * |b|, for benchmarks that define a tolerance. */
static bool within_tolerance(work *w, const node *a, const node *b)
{
    acb_t x, y;
    arb_t limit;
    if (!(w->options->tolerance > 0) || value_has_symbols(a) || value_has_symbols(b))
        return false;
    acb_init(x);
    acb_init(y);
    arb_init(limit);
    bool good = value_ball(w, a, NULL, x, 128) && value_ball(w, b, NULL, y, 128);
    if (good) {
        acb_sub(x, x, y, 128);
        acb_abs(acb_realref(x), x, 128);
        arb_set_d(limit, w->options->tolerance);
        acb_abs(acb_realref(y), y, 128);
        arb_mul(limit, limit, acb_realref(y), 128);
        good = arb_le(acb_realref(x), limit);
    }
    acb_clear(x);
    acb_clear(y);
    arb_clear(limit);
    if (good) w->rule = "number: within tolerance";
    return good;
}

/* How many digits a decimal has from its first that is not 0. */
static size_t significant_digits(const node *n)
{
    if (n->kind == NODE_NEGATE) n = n->child[0];
    size_t digits = 0;
    for (size_t i = 0; i < n->size && n->text[i] != 'e'; i++)
        digits += n->text[i] != '.' && (digits || n->text[i] != '0');
    return digits;
}

/* The decimal of 2.5 or of 2.5 * 10^-3, and the power of ten or NULL; NULL: none. */
static const node *decimal_of(const node *n, const node **power)
{
    *power = NULL;
    if (n->kind == NODE_PRODUCT && n->n == 2 && n->child[1]->kind == NODE_POWER) {
        const node *ten = n->child[1]->child[0];
        if (ten->kind != NODE_NUMBER || fmpz_cmp_ui(fmpq_numref(ten->value), 10) != 0)
            return NULL;
        *power = n->child[1];
        n = n->child[0];
    }
    return node_is_decimal(n) ? n : NULL;
}

/* Half a unit of the last digit, times the power of ten. */
static bool half_unit(work *w, arb_t out, const node *decimal, const node *power)
{
    acb_t scale;
    mag_t last;
    acb_init(scale);
    mag_init(last);
    node_decimal_unit(last, decimal);
    arf_set_mag(arb_midref(out), last);
    arb_mul_2exp_si(out, out, -1);
    bool good = !power || value_ball(w, power, NULL, scale, 64);
    if (good && power) arb_mul(out, out, acb_realref(scale), 64);
    acb_clear(scale);
    mag_clear(last);
    return good;
}

/* Whether a decimal of ten digits or more is x rounded to these: off by half a unit of the
 * last, or by what floating-point arithmetic of a few steps loses (2^-50). */
static bool is_rounded(work *w, const node *n, const node *x)
{
    const node *power, *decimal = decimal_of(n, &power);
    acb_t a, b;
    arb_t limit, unit;
    if (!decimal || significant_digits(decimal) < LEAST_DIGITS || value_has_symbols(n) ||
        value_has_symbols(x))
        return false;
    acb_init(a);
    acb_init(b);
    arb_init(limit);
    arb_init(unit);
    bool good = value_ball(w, n, NULL, a, 256) && value_ball(w, x, NULL, b, 256) &&
                arb_contains_zero(acb_imagref(b)) && half_unit(w, unit, decimal, power);
    if (good) {
        acb_abs(limit, b, 256);
        arb_mul_2exp_si(limit, limit, -50);
        bool printed = significant_digits(decimal) <= MOST_DIGITS;
        if (!printed || arb_lt(limit, unit)) arb_set(limit, unit);
        acb_sub(a, a, b, 256);
        acb_abs(unit, a, 256);
        good = arb_le(unit, limit);
    }
    acb_clear(a);
    acb_clear(b);
    arb_clear(limit);
    arb_clear(unit);
    if (good) w->rule = "number: rounded";
    return good;
}

static masa_verdict compare_values(work *w, node *a, node *b)
{
    int x = infinity_sign(a), y = infinity_sign(b);
    if (x || y) {
        w->rule = "infinity";
        return x == y ? MASA_VERDICT_EQUAL : MASA_VERDICT_DIFFERENT;
    }
    masa_verdict verdict = value_equal(w, a, b);
    if (verdict == MASA_VERDICT_DIFFERENT && has_degrees(a) != has_degrees(b))
        verdict = value_equal(w, without_degrees(w, a), without_degrees(w, b));
    if (verdict == MASA_VERDICT_DIFFERENT &&
        (within_tolerance(w, a, b) || is_rounded(w, a, b) || is_rounded(w, b, a)))
        return MASA_VERDICT_EQUAL;
    return verdict;
}

masa_verdict compare(work *w, node *a, node *b)
{
    if (!work_spend(w, 1)) return MASA_VERDICT_UNDECIDED;
    if (node_same(a, b)) {
        if (!*w->rule) w->rule = "same form";
        return MASA_VERDICT_EQUAL;
    }
    if (a->kind == NODE_TEXT || b->kind == NODE_TEXT) {
        w->rule = "words";
        bool same = a->kind == b->kind &&
                    (is_prose(a->text, a->size) ? same_words : same_signs)(a->text, a->size,
                                                                           b->text, b->size);
        return same ? MASA_VERDICT_EQUAL : MASA_VERDICT_DIFFERENT;
    }
    if (is_region(a) || is_region(b)) {
        bool known = false;
        masa_verdict verdict = compare_regions(w, a, b, &known);
        if (known) return verdict;
    }
    if (a->kind == NODE_LIST && a->n == 1) return compare(w, a->child[0], b);
    if (is_collection(b) && is_collection(a)) return compare_collections(w, a, b);
    if (a->kind == NODE_RELATION || b->kind == NODE_RELATION) return compare_relations(w, a, b);
    if (is_collection(a) || is_collection(b)) return compare_collections(w, a, b);
    if (a->kind == NODE_UNIT || b->kind == NODE_UNIT) return compare_units(w, a, b);
    if (a->kind == NODE_NEGATE && b->kind == NODE_NEGATE && b->child[0]->kind == NODE_BASED)
        return compare(w, a->child[0], b->child[0]);
    if (a->kind == NODE_BASED || b->kind == NODE_BASED) return compare_based(w, a, b);
    if (a->kind == NODE_COLON || b->kind == NODE_COLON) return compare_colons(w, a, b);
    return compare_values(w, a, b);
}
