/* Rational functions as a quotient of two polynomials in several letters. */
#include "value.h"

#include <flint/fmpq_mpoly.h>

enum { MOST_SIZE = 20000, MOST_EXPONENT = 400 };

typedef struct fraction {
    fmpq_mpoly_t num, den;
} fraction;

typedef struct builder {
    work *w;
    fmpq_mpoly_ctx_t ring;
} builder;

static void fraction_init(builder *b, fraction *f)
{
    fmpq_mpoly_init(f->num, b->ring);
    fmpq_mpoly_init(f->den, b->ring);
    fmpq_mpoly_one(f->den, b->ring);
}

static void fraction_clear(builder *b, fraction *f)
{
    fmpq_mpoly_clear(f->num, b->ring);
    fmpq_mpoly_clear(f->den, b->ring);
}

static bool is_one(builder *b, const fmpq_mpoly_t p)
{
    return fmpq_mpoly_equal_ui(p, 1, b->ring);
}

static ulong size_of(builder *b, const fmpq_mpoly_t p)
{
    ulong bits = (ulong)labs(fmpz_mpoly_max_bits(p->zpoly)) +
                 fmpz_bits(fmpq_numref(p->content)) + fmpz_bits(fmpq_denref(p->content));
    return ((ulong)fmpq_mpoly_length(p, b->ring) + 1) * (1 + bits / 64);
}

/* out = x*y while that stays small. Exponents stay below MOST_EXPONENT^depth, checked. */
static bool multiply(builder *b, fmpq_mpoly_t out, const fmpq_mpoly_t x, const fmpq_mpoly_t y)
{
    if (is_one(b, x)) return fmpq_mpoly_set(out, y, b->ring), true;
    if (is_one(b, y)) return fmpq_mpoly_set(out, x, b->ring), true;
    ulong cost = size_of(b, x) * size_of(b, y);
    if (cost > MOST_SIZE || !work_spend(b->w, 4 + cost)) return false;
    if (!fmpq_mpoly_is_zero(x, b->ring) && !fmpq_mpoly_is_zero(y, b->ring) &&
        fmpq_mpoly_total_degree_si(x, b->ring) + fmpq_mpoly_total_degree_si(y, b->ring) >
            100000)
        return false;
    fmpq_mpoly_mul(out, x, y, b->ring);
    return true;
}

static bool add(builder *b, fraction *x, const fraction *y)
{
    fmpq_mpoly_t t;
    bool good = true;
    if (fmpq_mpoly_equal(x->den, y->den, b->ring)) {
        fmpq_mpoly_add(x->num, x->num, y->num, b->ring);
        return work_spend(b->w, 1 + size_of(b, x->num));
    }
    fmpq_mpoly_init(t, b->ring);
    good = multiply(b, t, y->num, x->den) && multiply(b, x->num, x->num, y->den) &&
           multiply(b, x->den, x->den, y->den);
    if (good) fmpq_mpoly_add(x->num, x->num, t, b->ring);
    fmpq_mpoly_clear(t, b->ring);
    return good;
}

static bool divide(builder *b, fraction *x, const fraction *y)
{
    return !fmpq_mpoly_is_zero(y->num, b->ring) && multiply(b, x->num, x->num, y->den) &&
           multiply(b, x->den, x->den, y->num);
}

static bool power(builder *b, fmpq_mpoly_t p, ulong k)
{
    fmpq_mpoly_t square;
    fmpq_mpoly_init(square, b->ring);
    fmpq_mpoly_set(square, p, b->ring);
    fmpq_mpoly_one(p, b->ring);
    bool good = true;
    for (; good && k; k >>= 1) {
        if (k & 1) good = multiply(b, p, p, square);
        if (good && k > 1) good = multiply(b, square, square, square);
    }
    fmpq_mpoly_clear(square, b->ring);
    return good;
}

static bool build(builder *b, fraction *out, const node *n);

static bool build_power(builder *b, fraction *out, const node *n)
{
    fmpq_t exponent;
    fmpq_init(exponent);
    bool good = value_exact(b->w, n->child[1], exponent) &&
                fmpz_is_one(fmpq_denref(exponent)) &&
                fmpz_cmp_si(fmpq_numref(exponent), MOST_EXPONENT) <= 0 &&
                fmpz_cmp_si(fmpq_numref(exponent), -MOST_EXPONENT) >= 0;
    long k = good ? fmpz_get_si(fmpq_numref(exponent)) : 0;
    fmpq_clear(exponent);
    if (!good || !build(b, out, n->child[0])) return false;
    if (k < 0) {
        if (fmpq_mpoly_is_zero(out->num, b->ring)) return false;
        fmpq_mpoly_swap(out->num, out->den, b->ring);
        k = -k;
    }
    return power(b, out->num, (ulong)k) && power(b, out->den, (ulong)k);
}

static bool build_children(builder *b, fraction *out, const node *n)
{
    fraction y;
    bool good = build(b, out, n->child[0]);
    if (good && n->kind == NODE_NEGATE) fmpq_mpoly_neg(out->num, out->num, b->ring);
    for (unsigned i = 1; good && i < n->n; i++) {
        fraction_init(b, &y);
        good = build(b, &y, n->child[i]);
        if (good && n->kind == NODE_SUM) good = add(b, out, &y);
        else if (good && n->kind == NODE_QUOTIENT) good = divide(b, out, &y);
        else if (good)
            good = multiply(b, out->num, out->num, y.num) &&
                   multiply(b, out->den, out->den, y.den);
        fraction_clear(b, &y);
    }
    return good;
}

static bool build(builder *b, fraction *out, const node *n)
{
    if (!work_spend(b->w, 4)) return false;
    if (n->kind == NODE_SYMBOL) {
        fmpq_mpoly_gen(out->num, n->symbol, b->ring);
        return true;
    }
    if (n->kind == NODE_POWER && value_has_symbols(n->child[0])) return build_power(b, out, n);
    if ((n->kind == NODE_SUM || n->kind == NODE_PRODUCT || n->kind == NODE_QUOTIENT ||
         n->kind == NODE_NEGATE) &&
        value_has_symbols(n))
        return build_children(b, out, n);
    fmpq_t value;
    fmpq_init(value);
    bool good = value_exact(b->w, n, value);
    if (good) fmpq_mpoly_set_fmpq(out->num, value, b->ring);
    fmpq_clear(value);
    return good;
}

/* Makes the leading coefficient 1, so that proportional polynomials become equal. */
static void make_monic(builder *b, fmpq_mpoly_t p)
{
    if (!fmpq_mpoly_is_zero(p, b->ring)) fmpq_mpoly_make_monic(p, p, b->ring);
}

static bool same(builder *b, fraction *x, fraction *y, bool proportional, bool *equal)
{
    if (proportional) {
        make_monic(b, x->num);
        make_monic(b, y->num);
        *equal = fmpq_mpoly_equal(x->num, y->num, b->ring);
        return true;
    }
    bool good = multiply(b, x->num, x->num, y->den) && multiply(b, y->num, y->num, x->den);
    *equal = good && fmpq_mpoly_equal(x->num, y->num, b->ring);
    return good;
}

value_form value_normal_form(work *w, const node *a, const node *b, bool proportional)
{
    builder state = {.w = w}, *p = &state;
    fraction x, y;
    bool equal = false;
    fmpq_mpoly_ctx_init(p->ring, w->n_symbols > 0 ? w->n_symbols : 1, ORD_LEX);
    fraction_init(p, &x);
    fraction_init(p, &y);
    bool good = build(p, &x, a) && build(p, &y, b) && same(p, &x, &y, proportional, &equal);
    fraction_clear(p, &x);
    fraction_clear(p, &y);
    fmpq_mpoly_ctx_clear(p->ring);
    return !good ? FORM_NONE : equal ? FORM_EQUAL : FORM_DIFFERENT;
}
