/* Evaluation with error bounds: every result is a ball that holds the true value. */
#include "value.h"

#include <acb_hypgeom.h>

/* What an operation costs of the budget at a precision: about 50 ns a step. */
static bool spend_simple(work *w, slong prec)
{
    return work_spend(w, 4 + (ulong)prec / 64);
}

static bool spend_function(work *w, slong prec)
{
    return work_spend(w, 20 + (ulong)prec / 3);
}

/* |x| certainly below 2^exponent: keeps exponents, and so costs, small. */
static bool below(const acb_t x, slong exponent)
{
    mag_t m;
    mag_init(m);
    acb_get_mag(m, x);
    bool small = mag_cmp_2exp_si(m, exponent) < 0;
    mag_clear(m);
    return small;
}

static bool certainly_real(const acb_t x)
{
    return arb_is_zero(acb_imagref(x));
}

/* Real arguments outside a function's real domain give complex values or none; both
 * are fine here: the comparison looks at what comes out. */
static bool ball_gamma(work *w, acb_t out, const acb_t x, slong prec)
{
    if (!below(x, 40)) return work_too_large(w);
    if (!work_spend(w, 200 + (ulong)(prec * prec / 300))) return false;
    acb_gamma(out, x, prec);
    return true;
}

static bool ball_factorial(work *w, acb_t out, const acb_t x, slong prec)
{
    acb_add_ui(out, x, 1, prec);
    return ball_gamma(w, out, out, prec);
}

static bool ball_binomial(work *w, acb_t out, const acb_t n, const acb_t k, slong prec)
{
    acb_t a, b;
    acb_init(a);
    acb_init(b);
    bool good = ball_factorial(w, out, n, prec) && ball_factorial(w, a, k, prec);
    acb_sub(b, n, k, prec);
    good = good && ball_factorial(w, b, b, prec);
    acb_div(out, out, a, prec);
    acb_div(out, out, b, prec);
    acb_clear(a);
    acb_clear(b);
    return good;
}

static bool ball_pair(work *w, const node *n, acb_t out, const acb_t x, const acb_t y,
                      slong prec)
{
    acb_t t;
    bool good = true, real = certainly_real(x) && certainly_real(y);
    switch ((function)n->symbol) {
    case FN_BINOM: return ball_binomial(w, out, x, y, prec);
    case FN_LOG:
        acb_init(t);
        good = spend_function(w, prec) && spend_function(w, prec);
        acb_log(t, y, prec);
        acb_log(out, x, prec);
        acb_div(out, out, t, prec);
        acb_clear(t);
        return good;
    case FN_MAX:
        if (real) arb_max(acb_realref(out), acb_realref(x), acb_realref(y), prec);
        return real;
    case FN_MIN:
        if (real) arb_min(acb_realref(out), acb_realref(x), acb_realref(y), prec);
        return real;
    default: return false;
    }
}

/* x^(1/k), the real root where there is one. */
static bool ball_root(work *w, acb_t out, const acb_t x, const node *degree, slong prec)
{
    fmpq_t k;
    fmpq_init(k);
    bool good = value_exact(w, degree, k) && fmpz_is_one(fmpq_denref(k)) &&
                fmpz_cmp_ui(fmpq_numref(k), 1) >= 0 && fmpz_cmp_ui(fmpq_numref(k), 1000) <= 0;
    ulong n = good ? fmpz_get_ui(fmpq_numref(k)) : 1;
    fmpq_clear(k);
    if (!good || !spend_function(w, prec)) return false;
    if (certainly_real(x) && n % 2 == 1 && arb_is_negative(acb_realref(x))) {
        acb_neg(out, x);
        arb_root_ui(acb_realref(out), acb_realref(out), n, prec);
        acb_neg(out, out);
    } else {
        acb_root_ui(out, x, n, prec);
    }
    return true;
}

static bool ball_function(work *w, const node *n, acb_t out, const acb_t x, slong prec)
{
    bool real = certainly_real(x);
    function f = (function)n->symbol;
    if (!spend_function(w, prec)) return false;
    switch (f) {
    case FN_SIN:
    case FN_COS:
    case FN_TAN:
    case FN_COT:
    case FN_SEC:
    case FN_CSC:
    case FN_SINH:
    case FN_COSH:
    case FN_TANH:
    case FN_COTH:
    case FN_SECH:
    case FN_CSCH:
    case FN_EXP:
        if (!below(x, 64)) return work_too_large(w); /* needs as many bits as x has */
        break;
    default: break;
    }
    switch (f) {
    case FN_SIN: acb_sin(out, x, prec); return true;
    case FN_COS: acb_cos(out, x, prec); return true;
    case FN_TAN: acb_tan(out, x, prec); return true;
    case FN_COT: acb_cot(out, x, prec); return true;
    case FN_SEC: acb_sec(out, x, prec); return true;
    case FN_CSC: acb_csc(out, x, prec); return true;
    case FN_SINH: acb_sinh(out, x, prec); return true;
    case FN_COSH: acb_cosh(out, x, prec); return true;
    case FN_TANH: acb_tanh(out, x, prec); return true;
    case FN_COTH: acb_coth(out, x, prec); return true;
    case FN_SECH: acb_sech(out, x, prec); return true;
    case FN_CSCH:
        acb_sinh(out, x, prec);
        acb_inv(out, out, prec);
        return true;
    case FN_EXP: acb_exp(out, x, prec); return true;
    case FN_ASIN: acb_asin(out, x, prec); return true;
    case FN_ACOS: acb_acos(out, x, prec); return true;
    case FN_ATAN: acb_atan(out, x, prec); return true;
    case FN_ASINH: acb_asinh(out, x, prec); return true;
    case FN_ACOSH: acb_acosh(out, x, prec); return true;
    case FN_ATANH: acb_atanh(out, x, prec); return true;
    case FN_ACOT:
        acb_inv(out, x, prec);
        acb_atan(out, out, prec);
        return true;
    case FN_ASEC:
        acb_inv(out, x, prec);
        acb_acos(out, out, prec);
        return true;
    case FN_ACSC:
        acb_inv(out, x, prec);
        acb_asin(out, out, prec);
        return true;
    case FN_LN: acb_log(out, x, prec); return true;
    case FN_LOG10:
    case FN_LOG2:
        acb_log(out, x, prec);
        arb_t base;
        arb_init(base);
        arb_log_ui(base, f == FN_LOG2 ? 2 : 10, prec);
        acb_div_arb(out, out, base, prec);
        arb_clear(base);
        return true;
    case FN_SQRT: acb_sqrt(out, x, prec); return true;
    case FN_ABS:
        acb_abs(acb_realref(out), x, prec);
        arb_zero(acb_imagref(out));
        return true;
    case FN_FLOOR:
        if (real) arb_floor(acb_realref(out), acb_realref(x), prec);
        return real;
    case FN_CEIL:
        if (real) arb_ceil(acb_realref(out), acb_realref(x), prec);
        return real;
    case FN_FACTORIAL: return ball_factorial(w, out, x, prec);
    case FN_GAMMA: return ball_gamma(w, out, x, prec);
    case FN_RE: arb_set(acb_realref(out), acb_realref(x)); return true;
    case FN_IM: arb_set(acb_realref(out), acb_imagref(x)); return true;
    case FN_MAX:
    case FN_MIN: acb_set(out, x); return true;
    default: return false;
    }
}

/* base^exponent in the second reading, for a negative base and an odd denominator: the real
 * root, as \sqrt[3]{-5}. False: it has but one reading, or this is the first. */
static bool real_power(work *w, acb_t out, const acb_t base, const fmpq_t exponent, slong prec)
{
    if (fmpz_is_even(fmpq_denref(exponent)) || !certainly_real(base) ||
        !arb_is_negative(acb_realref(base)))
        return false;
    w->ambiguous = true;
    if (!w->second_reading) return false;
    acb_neg(out, base);
    arb_pow_fmpq(acb_realref(out), acb_realref(out), exponent, prec);
    if (fmpz_is_odd(fmpq_numref(exponent))) acb_neg(out, out);
    return true;
}

static bool ball_power(work *w, const node *n, const value_point *point, acb_t out,
                       const acb_t base, slong prec)
{
    fmpq_t exact;
    fmpq_init(exact);
    bool good, rational = !value_has_symbols(n->child[1]) && value_exact(w, n->child[1], exact);
    bool integer = rational && fmpz_is_one(fmpq_denref(exact)) && !w->exhausted;
    if (integer) {
        good = fmpz_bits(fmpq_numref(exact)) <= 40 && below(base, 1L << 20) &&
               spend_function(w, prec);
        if (good) acb_pow_fmpz(out, base, fmpq_numref(exact), prec);
        else work_too_large(w);
    } else {
        acb_t y;
        acb_init(y);
        good = value_ball(w, n->child[1], point, y, prec) && spend_function(w, 4 * prec);
        if (good && (!below(y, 40) || !below(base, 1L << 20))) good = work_too_large(w);
        if (good && n->child[0]->kind == NODE_E) acb_exp(out, y, prec);
        else if (good && !(rational && !point && real_power(w, out, base, exact, prec)))
            acb_pow(out, base, y, prec);
        acb_clear(y);
    }
    fmpq_clear(exact);
    return good;
}

static bool ball_children(work *w, const node *n, const value_point *point, acb_t out,
                          slong prec)
{
    acb_t x, y;
    acb_init(x);
    acb_init(y);
    bool good = value_ball(w, n->child[0], point, x, prec);
    if (good && n->kind == NODE_POWER) good = ball_power(w, n, point, out, x, prec);
    else if (good && n->kind == NODE_NEGATE) acb_neg(out, x);
    else if (good && n->kind == NODE_CALL && n->symbol == FN_ROOT)
        good = ball_root(w, out, x, n->child[1], prec);
    else if (good && n->kind == NODE_CALL && n->n == 1)
        good = ball_function(w, n, out, x, prec);
    else {
        for (unsigned i = 1; good && i < n->n; i++) {
            good = value_ball(w, n->child[i], point, y, prec) && spend_simple(w, prec);
            if (!good) break;
            if (n->kind == NODE_SUM) acb_add(x, x, y, prec);
            else if (n->kind == NODE_PRODUCT) acb_mul(x, x, y, prec);
            else if (n->kind == NODE_QUOTIENT) acb_div(x, x, y, prec);
            else {
                acb_zero(out);
                good = ball_pair(w, n, out, x, y, prec);
                acb_set(x, out);
            }
        }
        acb_set(out, x);
    }
    if (good && !arb_contains_zero(acb_imagref(out))) w->left_reals = true;
    acb_clear(x);
    acb_clear(y);
    return good;
}

static bool ball_unit(work *w, const node *n, const value_point *point, acb_t out, slong prec)
{
    if (!value_ball(w, n->child[0], point, out, prec)) return false;
    if (node_is_percent(n)) acb_div_ui(out, out, 100, prec);
    if (node_is_degrees(n)) {
        arb_t pi;
        arb_init(pi);
        arb_const_pi(pi, prec);
        acb_mul_arb(out, out, pi, prec);
        acb_div_ui(out, out, 180, prec);
        arb_clear(pi);
    }
    return true;
}

bool value_ball(work *w, const node *n, const value_point *point, acb_t out, slong prec)
{
    if (!spend_simple(w, prec)) return false;
    switch (n->kind) {
    case NODE_NUMBER:
    case NODE_BASED: acb_set_fmpq(out, n->value, prec); return true;
    case NODE_SYMBOL:
        if (!point) return false;
        acb_set_fmpq(out, point->at + n->symbol, prec);
        return true;
    case NODE_PI: acb_const_pi(out, prec); return true;
    case NODE_E:
        acb_zero(out);
        arb_const_e(acb_realref(out), prec);
        return true;
    case NODE_I: acb_onei(out); return true;
    case NODE_UNIT: return ball_unit(w, n, point, out, prec);
    case NODE_SUM:
    case NODE_PRODUCT:
    case NODE_QUOTIENT:
    case NODE_POWER:
    case NODE_NEGATE:
    case NODE_CALL: return ball_children(w, n, point, out, prec);
    default: return false;
    }
}
