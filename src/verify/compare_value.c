/* Decides whether two expressions are worth the same: exactly where they are rational,
 * by normal form where they are rational functions, else by balls at several points. */
#include "value.h"

#include <masa/random.h>

#include <string.h>

/* Two values are called equal when no difference shows and they agree to so many bits,
 * of themselves and (as large integers may differ by one) behind the point. */
enum { AGREEMENT_BITS = 200, AGREEMENT_BEHIND_POINT = 64 };
enum { PRECISIONS = 4, MOST_PRECISION = 1 << 14 };
static const slong precisions[PRECISIONS - 1] = {64, 320, 4096};

/* The precision of a round; the last one follows how large the values turned out. */
static slong precision_of(size_t round, const acb_t value)
{
    if (round < PRECISIONS - 1) return precisions[round];
    if (!acb_is_finite(value)) return 0;
    mag_t m;
    mag_init(m);
    acb_get_mag(m, value);
    double bits = mag_get_d_log2_approx(m);
    mag_clear(m);
    return bits > 0 && bits < MOST_PRECISION ? (slong)bits + 512 : 0;
}

static bool has_kind(const node *n, node_kind kind);

bool value_has_symbols(const node *n)
{
    return has_kind(n, NODE_SYMBOL);
}

static bool has_kind(const node *n, node_kind kind)
{
    if (n->kind == kind) return true;
    for (unsigned i = 0; i < n->n; i++)
        if (has_kind(n->child[i], kind)) return true;
    return false;
}

/* The difference d of a and b is tiny beside them, or all three are tiny. */
static bool agree(const acb_t d, const acb_t a, const acb_t b)
{
    mag_t apart, size, limit;
    mag_init(apart);
    mag_init(size);
    mag_init(limit);
    acb_get_mag(apart, d);
    acb_get_mag_lower(size, a);
    mag_mul_2exp_si(limit, size, -AGREEMENT_BITS);
    bool good = !mag_is_zero(size) && mag_cmp(apart, limit) <= 0 &&
                mag_cmp_2exp_si(apart, -AGREEMENT_BEHIND_POINT) < 0;
    if (!good) {
        acb_get_mag(size, a);
        good = mag_cmp_2exp_si(size, -AGREEMENT_BITS) < 0;
        acb_get_mag(size, b);
        good = good && mag_cmp_2exp_si(size, -AGREEMENT_BITS) < 0;
    }
    mag_clear(apart);
    mag_clear(size);
    mag_clear(limit);
    return good;
}

/* Compares by balls of growing precision. */
static value_verdict compare_balls(work *w, const node *a, const node *b,
                                   const value_point *point, bool real_only)
{
    value_verdict verdict = VALUE_UNDEFINED;
    bool decided = false;
    acb_t x, y, d;
    acb_init(x);
    acb_init(y);
    acb_init(d);
    for (size_t i = 0; !decided && i < PRECISIONS; i++) {
        slong prec = precision_of(i, x);
        if (prec == 0) break;
        w->left_reals = false;
        if (!value_ball(w, a, point, x, prec) || !value_ball(w, b, point, y, prec)) break;
        if (!acb_is_finite(x) || !acb_is_finite(y)) {
            /* At a point of many, another one is cheaper than more precision. */
            if (point) break;
            continue;
        }
        /* Where a part is not real, as \sqrt{a} \sqrt{b} at negative letters, the whole has
         * no value in the reals either, although it may look so. */
        if (real_only && w->left_reals) {
            verdict = VALUE_NOT_REAL;
            break;
        }
        acb_sub(d, x, y, prec);
        if (!acb_contains_zero(d)) {
            verdict = VALUE_DIFFERENT;
            decided = true;
        } else if (agree(d, x, y)) {
            verdict = VALUE_EQUAL;
            decided = true;
        } else {
            verdict = VALUE_UNKNOWN;
        }
    }
    acb_clear(x);
    acb_clear(y);
    acb_clear(d);
    return verdict;
}

int value_order(work *w, const node *a, const node *b)
{
    int sign = 2;
    fmpq_t x, y;
    fmpq_init(x);
    fmpq_init(y);
    if (value_exact(w, a, x) && value_exact(w, b, y)) {
        sign = fmpq_cmp(x, y);
        sign = (sign > 0) - (sign < 0);
    } else {
        acb_t u, v;
        acb_init(u);
        acb_init(v);
        for (size_t i = 0; sign == 2 && i < PRECISIONS - 1; i++) {
            if (!value_ball(w, a, NULL, u, precisions[i]) ||
                !value_ball(w, b, NULL, v, precisions[i]))
                break;
            if (arb_gt(acb_realref(u), acb_realref(v))) sign = 1;
            else if (arb_lt(acb_realref(u), acb_realref(v))) sign = -1;
            else {
                acb_sub(u, u, v, precisions[i]);
                if (agree(u, v, v)) sign = 0;
            }
        }
        acb_clear(u);
        acb_clear(v);
    }
    fmpq_clear(x);
    fmpq_clear(y);
    return sign;
}

/* --- points ------------------------------------------------------------------- */

enum { POINTS = 24, ENOUGH_POINTS = 6 };
typedef enum point_kind { POINT_REAL, POINT_INTEGER, POINT_LARGE_INTEGER } point_kind;

/* The k-th trial point. Sizes alternate, up to 2, 8, 1 and 32: small ones for arcsin,
 * large ones for floor; half of them have both signs. */
static void fill_point(work *w, value_point *point, unsigned k, point_kind kind)
{
    for (int s = 0; s < w->n_symbols; s++) {
        uint64_t random = masa_key(masa_key(0x6d617361u, k + 1), (uint64_t)s + 1);
        long numerator = (long)(random & 0xFFFF) + 1;
        bool minus = (random >> 32 & 1) && k % 4 >= 2;
        if (kind == POINT_LARGE_INTEGER) {
            fmpq_set_si(point->at + s, numerator % 199 + 1, 1);
        } else if (kind == POINT_INTEGER) {
            numerator = numerator % 12 + 1;
            fmpq_set_si(point->at + s, minus ? -numerator : numerator, 1);
        } else {
            static const unsigned shifts[] = {15, 13, 16, 11};
            fmpq_set_si(point->at + s, minus ? -numerator : numerator, 1ul << shifts[k % 4]);
        }
    }
}

static value_point point_create(work *w)
{
    value_point point = {work_alloc(w, MOST_SYMBOLS * sizeof(fmpq))};
    for (int s = 0; s < MOST_SYMBOLS; s++) fmpq_init(point.at + s);
    return point;
}

static void point_clear(value_point *point)
{
    for (int s = 0; s < MOST_SYMBOLS; s++) fmpq_clear(point->at + s);
}

/* Compares at points of one kind; true when enough points had values for *verdict. */
static bool compare_at_points(work *w, const node *a, const node *b, point_kind kind,
                              bool real_only, masa_verdict *verdict)
{
    value_point point = point_create(w);
    unsigned good = 0, enough = kind == POINT_LARGE_INTEGER ? POINTS / 2 : ENOUGH_POINTS;
    bool differ = false;
    w->at_point = true;
    for (unsigned k = 0; k < POINTS && good < enough && !differ; k++) {
        fill_point(w, &point, k, kind);
        value_verdict here = compare_balls(w, a, b, &point, real_only);
        if (w->exhausted) break;
        if (here == VALUE_EQUAL) good++;
        if (here == VALUE_DIFFERENT) differ = true;
    }
    w->at_point = false;
    point_clear(&point);
    if (w->exhausted) return false;
    *verdict = differ ? MASA_VERDICT_DIFFERENT : MASA_VERDICT_EQUAL;
    return differ || good >= enough;
}

static masa_verdict equal_numbers(work *w, const node *a, const node *b)
{
    w->rule = "number: ball arithmetic";
    switch (compare_balls(w, a, b, NULL, false)) {
    case VALUE_EQUAL: return MASA_VERDICT_EQUAL;
    case VALUE_DIFFERENT: return MASA_VERDICT_DIFFERENT;
    case VALUE_UNKNOWN: w->rule = "number: too little precision"; return MASA_VERDICT_UNDECIDED;
    default: break;
    }
    if (!w->exhausted) w->rule = "number: no value";
    return w->exhausted ? MASA_VERDICT_UNDECIDED : MASA_VERDICT_DIFFERENT;
}

static bool has_steps(const node *n)
{
    if (n->kind == NODE_CALL && (n->symbol == FN_FLOOR || n->symbol == FN_CEIL)) return true;
    for (unsigned i = 0; i < n->n; i++)
        if (has_steps(n->child[i])) return true;
    return false;
}

/* Whether every letter is one that by custom stands for a whole number. */
static bool letters_are_whole(const work *w, const node *n)
{
    if (n->kind == NODE_SYMBOL)
        return w->symbols[n->symbol].size && strchr("ijklmnpqKMN", *w->symbols[n->symbol].name);
    for (unsigned i = 0; i < n->n; i++)
        if (!letters_are_whole(w, n->child[i])) return false;
    return true;
}

masa_verdict value_equal(work *w, const node *a, const node *b)
{
    bool letters = value_has_symbols(a) || value_has_symbols(b);
    masa_verdict verdict = MASA_VERDICT_UNDECIDED;
    if (!letters) {
        fmpq_t x, y;
        fmpq_init(x);
        fmpq_init(y);
        bool exact = value_exact(w, a, x) && value_exact(w, b, y);
        if (exact) {
            w->rule = "number: exact";
            verdict = fmpq_equal(x, y) ? MASA_VERDICT_EQUAL : MASA_VERDICT_DIFFERENT;
        }
        fmpq_clear(x);
        fmpq_clear(y);
        if (exact) return verdict;
        return w->exhausted ? MASA_VERDICT_UNDECIDED : equal_numbers(w, a, b);
    }
    w->rule = "expression: normal form";
    value_form form = value_normal_form(w, a, b, false);
    if (form != FORM_NONE)
        return form == FORM_EQUAL ? MASA_VERDICT_EQUAL : MASA_VERDICT_DIFFERENT;
    w->rule = "expression: values at points";
    /* Steps are the same at most points: these need many, far apart. */
    if ((has_steps(a) || has_steps(b)) &&
        compare_at_points(w, a, b, POINT_LARGE_INTEGER, true, &verdict) &&
        (verdict == MASA_VERDICT_DIFFERENT ||
         (letters_are_whole(w, a) && letters_are_whole(w, b))))
        return verdict;
    bool imaginary = has_kind(a, NODE_I) || has_kind(b, NODE_I);
    if (!imaginary && compare_at_points(w, a, b, POINT_REAL, true, &verdict)) return verdict;
    if (!imaginary && compare_at_points(w, a, b, POINT_INTEGER, true, &verdict)) return verdict;
    if (compare_at_points(w, a, b, POINT_REAL, false, &verdict)) return verdict;
    w->rule = w->exhausted ? "budget" : "expression: no common value";
    return w->exhausted ? MASA_VERDICT_UNDECIDED : MASA_VERDICT_DIFFERENT;
}

/* --- equations ---------------------------------------------------------------- */

/* Whether a/b is the same (positive, if asked) constant at several points. */
static masa_verdict constant_ratio(work *w, const node *a, const node *b, bool positive)
{
    enum { PREC = 512 };
    value_point point = point_create(w);
    acb_t x, y, ratio, d;
    acb_init(x);
    acb_init(y);
    acb_init(ratio);
    acb_init(d);
    unsigned good = 0;
    masa_verdict verdict = MASA_VERDICT_EQUAL;
    w->at_point = true;
    for (unsigned k = 0; k < POINTS && good < ENOUGH_POINTS && !w->exhausted; k++) {
        fill_point(w, &point, k, POINT_REAL);
        if (!value_ball(w, a, &point, x, PREC) || !value_ball(w, b, &point, y, PREC)) continue;
        if (!acb_is_finite(x) || !acb_is_finite(y) || acb_contains_zero(y)) continue;
        acb_div(d, x, y, PREC);
        if (good == 0) acb_set(ratio, d);
        bool bad =
            acb_contains_zero(ratio) || (positive && !arb_is_positive(acb_realref(ratio)));
        acb_sub(x, d, ratio, PREC);
        bad = bad || (good && (!acb_contains_zero(x) || !agree(x, d, ratio)));
        if (bad) {
            verdict = MASA_VERDICT_DIFFERENT;
            break;
        }
        good++;
    }
    w->at_point = false;
    acb_clear(x);
    acb_clear(y);
    acb_clear(ratio);
    acb_clear(d);
    point_clear(&point);
    if (w->exhausted) return MASA_VERDICT_UNDECIDED;
    return good ? verdict : MASA_VERDICT_DIFFERENT;
}

masa_verdict value_same_equation(work *w, const node *a, const node *b, bool positive)
{
    w->rule = "equation: normal form";
    value_form form = positive ? FORM_NONE : value_normal_form(w, a, b, true);
    if (form != FORM_NONE)
        return form == FORM_EQUAL ? MASA_VERDICT_EQUAL : MASA_VERDICT_DIFFERENT;
    w->rule = "equation: constant ratio";
    return constant_ratio(w, a, b, positive);
}
