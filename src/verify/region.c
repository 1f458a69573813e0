/* Sets of real numbers that are unions of intervals and points, however written:
 * (0, 1], 0 < x <= 1, x in (0, 1], the reals without 2, x < 1 or x > 2. */
#include "compare.h"

#include <string.h>

typedef struct interval {
    node *low, *high; /* NULL: no bound on that side */
    bool low_open, high_open;
} interval;

enum { MOST_INTERVALS = 64 };

typedef struct region {
    interval at[MOST_INTERVALS];
    unsigned n;
    int letter; /* whose values they are; -1: not said */
} region;

bool is_region(const node *n)
{
    if (n->kind == NODE_LIST && n->n)
        for (unsigned i = 0; i < n->n; i++)
            if (is_inequality(n->child[i])) return true;
    return n->kind == NODE_UNION || n->kind == NODE_INTERSECTION ||
           n->kind == NODE_DIFFERENCE || n->kind == NODE_REALS || is_inequality(n);
}

/* +1, -1 for infinities with a sign, else 0. */
static int infinite(const node *n)
{
    if (n->kind == NODE_INFINITY) return 1;
    if (n->kind == NODE_NEGATE) return -infinite(n->child[0]);
    return 0;
}

static bool push(region *r, interval i)
{
    if (r->n == MOST_INTERVALS) return false;
    if (i.low && infinite(i.low)) i.low = NULL;
    if (i.high && infinite(i.high)) i.high = NULL;
    if (!i.low) i.low_open = true;
    if (!i.high) i.high_open = true;
    r->at[r->n++] = i;
    return true;
}

static bool build(work *w, region *r, node *n);

static bool set_letter(work *w, region *r, const node *symbol)
{
    if (w->symbols[symbol->symbol].size == 0) return true;
    if (r->letter >= 0 && r->letter != symbol->symbol) return false;
    r->letter = symbol->symbol;
    return true;
}

/* bound < x or x < bound; where: 0 when x stands on the left. */
static bool add_bound(interval *i, char mark, node *bound, bool x_left)
{
    bool upper = (mark == '<' || mark == 'l') == x_left, open = mark == '<' || mark == '>';
    if (upper) i->high = bound, i->high_open = open;
    else i->low = bound, i->low_open = open;
    return true;
}

static bool is_absolute(const node *n)
{
    return n->kind == NODE_CALL && n->symbol == FN_ABS && n->child[0]->kind == NODE_SYMBOL;
}

/* |x| < 2 is -2 < x < 2, and |x| > 2 what remains. */
static bool build_absolute(work *w, region *r, char mark, node *n, node *bound)
{
    bool open = mark == '<' || mark == '>';
    node *low = node_unary(w, NODE_NEGATE, bound);
    if (!set_letter(w, r, n->child[0])) return false;
    if (mark == '<' || mark == 'l') return push(r, (interval){low, bound, open, open});
    return (mark == '>' || mark == 'g') && push(r, (interval){NULL, low, true, open}) &&
           push(r, (interval){bound, NULL, open, true});
}

/* 1 <= |x| <= 2 is [-2, -1] and [1, 2]. */
static bool build_ring(work *w, region *r, node *n)
{
    const char *marks = n->text;
    bool up = strchr("<l", marks[0]) && strchr("<l", marks[1]);
    bool down = strchr(">g", marks[0]) && strchr(">g", marks[1]);
    node *low = n->child[up ? 0 : 2], *high = n->child[up ? 2 : 0];
    bool low_open = strchr("<>", marks[up ? 0 : 1]),
         high_open = strchr("<>", marks[up ? 1 : 0]);
    if ((!up && !down) || !set_letter(w, r, n->child[1]->child[0]) || value_has_symbols(low) ||
        value_order(w, low, node_integer(w, 0)) != 1)
        return false;
    return push(r, (interval){node_unary(w, NODE_NEGATE, high), node_unary(w, NODE_NEGATE, low),
                              high_open, low_open}) &&
           push(r, (interval){low, high, low_open, high_open});
}

static bool build_relation(work *w, region *r, node *n)
{
    interval i = {0};
    const char *marks = n->text;
    if (n->n == 3 && is_absolute(n->child[1])) return build_ring(w, r, n);
    if (n->n == 2 && is_absolute(n->child[0]))
        return build_absolute(w, r, marks[0], n->child[0], n->child[1]);
    if (n->n == 2) {
        bool left = n->child[0]->kind == NODE_SYMBOL;
        node *letter = n->child[left ? 0 : 1], *bound = n->child[left ? 1 : 0];
        if (letter->kind != NODE_SYMBOL || !set_letter(w, r, letter)) return false;
        if (marks[0] == 'i') return left && build(w, r, bound);
        if (marks[0] == 'n')
            return push(r, (interval){NULL, bound, true, true}) &&
                   push(r, (interval){bound, NULL, true, true});
        if (marks[0] == '=' && left && !is_collection(bound))
            return push(r, (interval){bound, bound, false, false});
        if (!strchr("<>lg", marks[0])) return false;
        return add_bound(&i, marks[0], bound, left) && push(r, i);
    }
    if (n->n != 3 || n->child[1]->kind != NODE_SYMBOL || !set_letter(w, r, n->child[1]))
        return false;
    bool up = strchr("<l", marks[0]) && strchr("<l", marks[1]);
    bool down = strchr(">g", marks[0]) && strchr(">g", marks[1]);
    if (!up && !down) return false;
    return add_bound(&i, marks[0], n->child[0], false) &&
           add_bound(&i, marks[1], n->child[2], true) && push(r, i);
}

/* Order of two low or two high ends; 2: unknown. low: missing means minus infinity. */
static int order_ends(work *w, const node *a, const node *b, bool low)
{
    if (!a || !b) return a == b ? 0 : (!a) == low ? -1 : 1;
    return value_order(w, a, b);
}

/* Whether i begins where, or before, j ends: a point common to both is possible. */
static int order_low_high(work *w, const interval *low, const interval *high)
{
    if (!low->low || !high->high) return -1;
    return value_order(w, low->low, high->high);
}

/* The part that two intervals share; false: cannot tell. */
static bool intersect(work *w, region *out, const interval *a, const interval *b)
{
    int low = order_ends(w, a->low, b->low, true),
        high = order_ends(w, a->high, b->high, false);
    if (low == 2 || high == 2) return false;
    const interval *l = low > 0 ? a : b, *h = high < 0 ? a : b;
    interval i = {l->low, h->high, l->low_open, h->high_open};
    if (low == 0) i.low_open = a->low_open || b->low_open;
    if (high == 0) i.high_open = a->high_open || b->high_open;
    int ends = order_low_high(w, &i, &i);
    if (ends == 2) return false;
    if (ends > 0 || (ends == 0 && i.low && i.high && (i.low_open || i.high_open))) return true;
    return push(out, i);
}

static bool intersect_all(work *w, region *r, const region *a, const region *b)
{
    for (unsigned i = 0; i < a->n; i++)
        for (unsigned j = 0; j < b->n; j++)
            if (!intersect(w, r, &a->at[i], &b->at[j])) return false;
    return true;
}

/* r without the points of a set. */
static bool remove_points(work *w, region *r, const node *points)
{
    for (unsigned k = 0; k < points->n; k++) {
        node *point = points->child[k];
        region left = {.letter = -1};
        for (unsigned i = 0; i < r->n; i++) {
            interval low = r->at[i], high = r->at[i];
            int a = order_ends(w, point, low.low, true),
                b = order_ends(w, point, high.high, false);
            if (low.low && a == 2) return false;
            if (high.high && b == 2) return false;
            bool inside = (!low.low || a >= 0) && (!high.high || b <= 0);
            if (!inside) {
                if (!push(&left, low)) return false;
                continue;
            }
            low.high = high.low = point;
            low.high_open = high.low_open = true;
            if (!(r->at[i].low && a == 0) && !push(&left, low)) return false;
            if (!(r->at[i].high && b == 0) && !push(&left, high)) return false;
        }
        left.letter = r->letter;
        *r = left;
    }
    return true;
}

static bool build_pair(work *w, region *r, node *n)
{
    region b = {.letter = -1};
    if (n->kind == NODE_DIFFERENCE) {
        if (n->child[1]->kind != NODE_SET) return false;
        return build(w, r, n->child[0]) && remove_points(w, r, n->child[1]);
    }
    region a = {.letter = -1};
    return build(w, &a, n->child[0]) && build(w, &b, n->child[1]) &&
           intersect_all(w, r, &a, &b);
}

/* "x > 1 and x < 3" is what both allow; "x < 1 or x > 3" what either does; with a bare
 * comma it is the former unless nothing would be left. */
static bool build_list(work *w, region *r, node *n)
{
    if (n->mark != 'o') {
        region all = {.letter = -1};
        bool good = build(w, &all, n->child[0]);
        for (unsigned i = 1; good && i < n->n; i++) {
            region next = {.letter = all.letter}, both = {.letter = -1};
            good = build(w, &next, n->child[i]) && intersect_all(w, &both, &all, &next);
            both.letter = next.letter;
            all = both;
        }
        if (good && all.n) {
            *r = all;
            return true;
        }
        if (n->mark == 'a') return false;
    }
    for (unsigned i = 0; i < n->n; i++)
        if (!build(w, r, n->child[i])) return false;
    return true;
}

static bool build(work *w, region *r, node *n)
{
    if (!work_spend(w, 2)) return false;
    switch (n->kind) {
    case NODE_TUPLE:
        return n->n == 2 &&
               push(r, (interval){n->child[0], n->child[1], n->mark == '(', n->close == ')'});
    case NODE_SET:
        for (unsigned i = 0; i < n->n; i++)
            if (!push(r, (interval){n->child[i], n->child[i], false, false})) return false;
        return true;
    case NODE_REALS: return push(r, (interval){NULL, NULL, true, true});
    case NODE_UNION: return build(w, r, n->child[0]) && build(w, r, n->child[1]);
    case NODE_INTERSECTION:
    case NODE_DIFFERENCE: return build_pair(w, r, n);
    case NODE_RELATION: return build_relation(w, r, n);
    case NODE_LIST: return build_list(w, r, n);
    default: return false;
    }
}

/* By low end; false when two ends cannot be ordered. */
static bool sort(work *w, region *r)
{
    for (unsigned i = 1; i < r->n; i++) {
        for (unsigned j = i; j > 0; j--) {
            int order = order_ends(w, r->at[j - 1].low, r->at[j].low, true);
            if (order == 2) return false;
            if (order < 0 || (order == 0 && r->at[j - 1].low_open <= r->at[j].low_open)) break;
            interval t = r->at[j];
            r->at[j] = r->at[j - 1];
            r->at[j - 1] = t;
        }
    }
    return true;
}

/* Joins intervals that overlap or touch. */
static bool join(work *w, region *r)
{
    unsigned n = 0;
    for (unsigned i = 1; i < r->n; i++) {
        interval *a = &r->at[n], *b = &r->at[i];
        int gap = order_low_high(w, b, a);
        if (gap == 2) return false;
        if (gap > 0 || (gap == 0 && b->low && a->high && b->low_open && a->high_open)) {
            r->at[++n] = *b;
            continue;
        }
        int high = order_ends(w, a->high, b->high, false);
        if (high == 2) return false;
        if (high < 0) a->high = b->high, a->high_open = b->high_open;
        else if (high == 0) a->high_open = a->high_open && b->high_open;
    }
    if (r->n) r->n = n + 1;
    return true;
}

static masa_verdict compare_ends(work *w, node *a, node *b)
{
    if (!a || !b) return a == b ? MASA_VERDICT_EQUAL : MASA_VERDICT_DIFFERENT;
    return compare(w, a, b);
}

static masa_verdict compare_intervals(work *w, const interval *a, const interval *b)
{
    if (a->low_open != b->low_open || a->high_open != b->high_open)
        return MASA_VERDICT_DIFFERENT;
    masa_verdict low = compare_ends(w, a->low, b->low);
    return low == MASA_VERDICT_EQUAL ? compare_ends(w, a->high, b->high) : low;
}

masa_verdict compare_regions(work *w, node *a, node *b, bool *known)
{
    region x = {.letter = -1}, y = {.letter = -1};
    *known = build(w, &x, a) && build(w, &y, b);
    if (!*known) return MASA_VERDICT_DIFFERENT;
    bool letters_differ = x.letter >= 0 && y.letter >= 0 && x.letter != y.letter;
    if (letters_differ && is_inequality(a) && is_inequality(b)) {
        *known = false; /* y > x is x < y */
        return MASA_VERDICT_DIFFERENT;
    }
    /* Ends with letters in them cannot be ordered; then the order written counts. */
    if (sort(w, &x) && sort(w, &y)) *known = join(w, &x) && join(w, &y);
    if (w->exhausted) return MASA_VERDICT_UNDECIDED;
    masa_verdict verdict =
        letters_differ || x.n != y.n ? MASA_VERDICT_DIFFERENT : MASA_VERDICT_EQUAL;
    for (unsigned i = 0; verdict == MASA_VERDICT_EQUAL && i < x.n; i++)
        verdict = compare_intervals(w, &x.at[i], &y.at[i]);
    *known = true;
    w->rule = "interval";
    return verdict;
}
