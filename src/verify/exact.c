/* Exact arithmetic over the rationals, bounded in size. */
#include "value.h"

enum { MOST_BITS = 1 << 16, MOST_FACTORIAL = 5000 };

static ulong bits(const fmpq_t x)
{
    return fmpz_bits(fmpq_numref(x)) + fmpz_bits(fmpq_denref(x));
}

/* Numbers this large cost a millisecond each; beyond them balls do the work. */
static bool affordable(work *w, const fmpq_t x, const fmpq_t y)
{
    ulong n = bits(x) + bits(y);
    return n <= MOST_BITS && work_spend(w, 1 + n / 8);
}

static bool small_integer(const fmpq_t x, long most, long *out)
{
    if (!fmpz_is_one(fmpq_denref(x)) || fmpz_cmp_si(fmpq_numref(x), most) > 0 ||
        fmpz_cmp_si(fmpq_numref(x), -most) < 0)
        return false;
    *out = fmpz_get_si(fmpq_numref(x));
    return true;
}

/* out = x^(1/k) when that is rational. */
static bool exact_root(fmpq_t out, const fmpq_t x, long k)
{
    if (fmpq_sgn(x) < 0 && k % 2 == 0) return false;
    fmpq_t root;
    fmpq_init(root);
    fmpz_root(fmpq_numref(root), fmpq_numref(x), k);
    fmpz_root(fmpq_denref(root), fmpq_denref(x), k);
    fmpq_t back;
    fmpq_init(back);
    fmpq_pow_si(back, root, k);
    bool good = fmpq_equal(back, x);
    if (good) fmpq_set(out, root);
    fmpq_clear(back);
    fmpq_clear(root);
    return good;
}

static bool exact_power(work *w, fmpq_t out, const fmpq_t base, const fmpq_t exponent)
{
    long power, root;
    fmpq_t num, den;
    if (fmpq_is_one(base)) return fmpq_one(out), true;
    fmpq_init(num);
    fmpq_init(den);
    fmpz_set(fmpq_numref(num), fmpq_numref(exponent));
    fmpz_set(fmpq_numref(den), fmpq_denref(exponent));
    bool good = small_integer(num, MOST_BITS, &power) && small_integer(den, 64, &root) &&
                !(fmpq_is_zero(base) && power <= 0) &&
                (power == 0 || bits(base) <= MOST_BITS / (ulong)labs(power) + 1) &&
                work_spend(w, 1 + bits(base) * (ulong)labs(power) / 8);
    /* A fractional power of a negative number has two readings: (-8)^{1/3} is complex, or
     * the real root. */
    if (good && root > 1 && fmpq_sgn(base) < 0) {
        w->ambiguous |= root % 2 == 1;
        good = w->second_reading;
    }
    if (good && root > 1) good = exact_root(out, base, root);
    else if (good) fmpq_set(out, base);
    if (good) fmpq_pow_si(out, out, power);
    fmpq_clear(num);
    fmpq_clear(den);
    return good;
}

static bool exact_binomial(fmpq_t out, const fmpq_t n, const fmpq_t k)
{
    long a, b;
    if (!small_integer(n, MOST_FACTORIAL, &a) || !small_integer(k, MOST_FACTORIAL, &b) ||
        a < 0 || b < 0)
        return false;
    fmpz_bin_uiui(fmpq_numref(out), (ulong)a, (ulong)b);
    fmpz_one(fmpq_denref(out));
    return true;
}

static bool exact_pair(work *w, const node *n, fmpq_t out, const fmpq_t x, const fmpq_t y)
{
    long k;
    bool integers = fmpz_is_one(fmpq_denref(x)) && fmpz_is_one(fmpq_denref(y));
    switch ((function)n->symbol) {
    case FN_MAX:
    case FN_MIN:
        fmpq_set(out, (fmpq_cmp(x, y) > 0) == (n->symbol == FN_MAX) ? x : y);
        return true;
    case FN_GCD:
        if (integers) fmpz_gcd(fmpq_numref(out), fmpq_numref(x), fmpq_numref(y));
        return integers;
    case FN_LCM:
        if (integers) fmpz_lcm(fmpq_numref(out), fmpq_numref(x), fmpq_numref(y));
        return integers;
    case FN_BINOM: return exact_binomial(out, x, y);
    case FN_ROOT:
        return small_integer(y, 64, &k) && k > 0 && bits(x) < 4096 && work_spend(w, bits(x)) &&
               exact_root(out, x, k);
    default: return false;
    }
}

static bool exact_function(work *w, const node *n, fmpq_t out, const fmpq_t x)
{
    long k;
    switch ((function)n->symbol) {
    case FN_ABS: fmpq_abs(out, x); return true;
    case FN_FLOOR:
        fmpz_fdiv_q(fmpq_numref(out), fmpq_numref(x), fmpq_denref(x));
        fmpz_one(fmpq_denref(out));
        return true;
    case FN_CEIL:
        fmpz_cdiv_q(fmpq_numref(out), fmpq_numref(x), fmpq_denref(x));
        fmpz_one(fmpq_denref(out));
        return true;
    case FN_SQRT: return bits(x) < 4096 && work_spend(w, bits(x)) && exact_root(out, x, 2);
    case FN_FACTORIAL:
        if (!small_integer(x, MOST_FACTORIAL, &k) || k < 0 || !work_spend(w, 1 + (ulong)k * 2))
            return false;
        fmpz_fac_ui(fmpq_numref(out), (ulong)k);
        fmpz_one(fmpq_denref(out));
        return true;
    case FN_DOUBLE_FACTORIAL:
        if (!small_integer(x, 1000, &k) || k < 0 || !work_spend(w, 1 + (ulong)k * 2))
            return false;
        fmpq_one(out);
        for (; k > 1; k -= 2) fmpz_mul_ui(fmpq_numref(out), fmpq_numref(out), (ulong)k);
        return true;
    case FN_MAX:
    case FN_MIN:
    case FN_GCD:
    case FN_LCM: fmpq_set(out, x); return true;
    case FN_RE: fmpq_set(out, x); return true;
    case FN_IM: fmpq_zero(out); return true;
    default: return false;
    }
}

static bool exact_children(work *w, const node *n, fmpq_t out)
{
    fmpq_t x, y;
    fmpq_init(x);
    fmpq_init(y);
    bool good = value_exact(w, n->child[0], x);
    if (good && n->n == 1) {
        if (n->kind == NODE_NEGATE) fmpq_neg(out, x);
        else if (n->kind != NODE_CALL) fmpq_set(out, x);
        else good = exact_function(w, n, out, x);
    }
    for (unsigned i = 1; good && i < n->n; i++) {
        good = value_exact(w, n->child[i], y) && affordable(w, x, y);
        if (!good) break;
        switch (n->kind) {
        case NODE_SUM: fmpq_add(x, x, y); break;
        case NODE_PRODUCT: fmpq_mul(x, x, y); break;
        case NODE_QUOTIENT:
            good = !fmpq_is_zero(y);
            if (good) fmpq_div(x, x, y);
            break;
        case NODE_POWER: good = exact_power(w, x, x, y); break;
        default: good = exact_pair(w, n, x, x, y); break;
        }
        if (good && i + 1 == n->n) fmpq_set(out, x);
    }
    fmpq_clear(x);
    fmpq_clear(y);
    return good;
}

bool value_exact(work *w, const node *n, fmpq_t out)
{
    if (!work_spend(w, 1)) return false;
    switch (n->kind) {
    case NODE_NUMBER:
    case NODE_BASED: fmpq_set(out, n->value); return true;
    case NODE_UNIT:
        if (node_is_degrees(n)) return false; /* degrees have a pi in them */
        if (!exact_children(w, n, out)) return false;
        if (node_is_percent(n)) {
            fmpz_t hundred;
            fmpz_init_set_ui(hundred, 100);
            fmpq_div_fmpz(out, out, hundred);
            fmpz_clear(hundred);
        }
        return true;
    case NODE_SUM:
    case NODE_PRODUCT:
    case NODE_QUOTIENT:
    case NODE_POWER:
    case NODE_NEGATE:
    case NODE_CALL: return n->n > 0 && exact_children(w, n, out);
    default: return false;
    }
}
