/* Lists, sets, tuples and matrices. */
#include "compare.h"

#include <string.h>

bool is_collection(const node *n)
{
    return n->kind == NODE_LIST || n->kind == NODE_SET || n->kind == NODE_TUPLE ||
           n->kind == NODE_MATRIX;
}

static masa_verdict compare_in_order(work *w, node *a, node *b)
{
    if (a->n != b->n) return MASA_VERDICT_DIFFERENT;
    for (unsigned i = 0; i < a->n; i++) {
        masa_verdict verdict = compare(w, a->child[i], b->child[i]);
        if (verdict != MASA_VERDICT_EQUAL) return verdict;
    }
    return MASA_VERDICT_EQUAL;
}

/* Whether every item of a is one of b's. used: each of b's only once. */
static masa_verdict find_all(work *w, node *a, node *b, bool once)
{
    bool *used = work_alloc(w, b->n + 1);
    for (unsigned i = 0; i < a->n; i++) {
        bool found = false;
        for (unsigned j = 0; j < b->n && !found; j++) {
            if (once && used[j]) continue;
            masa_verdict verdict = compare(w, a->child[i], b->child[j]);
            if (w->exhausted) return MASA_VERDICT_UNDECIDED;
            found = used[j] = verdict == MASA_VERDICT_EQUAL;
        }
        if (!found) return MASA_VERDICT_DIFFERENT;
    }
    return MASA_VERDICT_EQUAL;
}

static masa_verdict compare_as_sets(work *w, node *a, node *b)
{
    masa_verdict verdict = find_all(w, a, b, false);
    return verdict == MASA_VERDICT_EQUAL ? find_all(w, b, a, false) : verdict;
}

static masa_verdict compare_any_order(work *w, node *a, node *b)
{
    if (a->n != b->n) return MASA_VERDICT_DIFFERENT;
    return find_all(w, a, b, true);
}

/* "E, D, A, C, B" answers "in which order": letters that are not in the alphabet's. */
static bool is_ranking(const work *w, const node *n)
{
    char last = 0;
    bool sorted = true;
    for (unsigned i = 0; i < n->n; i++) {
        const node *item = n->child[i];
        if (item->kind != NODE_SYMBOL || w->symbols[item->symbol].size != 1) return false;
        char letter = w->symbols[item->symbol].name[0];
        sorted &= letter > last;
        last = letter;
    }
    return n->n > 2 && !sorted;
}

/* "x = 1, y = 2": bare values must come in the order of the names. */
static bool names_differ(const node *n)
{
    for (unsigned i = 0; i < n->n; i++) {
        const node *x = n->child[i], *y = n->child[0];
        if (x->kind != NODE_RELATION || x->text[0] != '=') return false;
        if (i && node_same(x->child[0], y->child[0])) return false;
    }
    return n->n > 1;
}

static bool has_relation(const node *n)
{
    for (unsigned i = 0; i < n->n; i++)
        if (n->child[i]->kind == NODE_RELATION) return true;
    return false;
}

/* Whether every item is a tuple: a solution that is listed twice is still one. */
static bool are_points(const node *n)
{
    for (unsigned i = 0; i < n->n; i++)
        if (n->child[i]->kind != NODE_TUPLE) return false;
    return true;
}

static masa_verdict compare_list(work *w, node *a, node *b)
{
    bool bracketed = a->kind == NODE_TUPLE && a->mark == '[' && a->close == ']';
    if (a->kind == NODE_TUPLE && !(bracketed && a->n > 2)) return compare_in_order(w, a, b);
    if (a->kind == NODE_MATRIX) return MASA_VERDICT_DIFFERENT;
    /* "15,600" is a list only when nothing else fits: then its order counts. */
    if (w->second_reading || is_ranking(w, b) || (names_differ(b) && !has_relation(a)))
        return compare_in_order(w, a, b);
    if (a->kind == NODE_SET || a->mark == 'o' || b->mark == 'o' || are_points(a))
        return compare_as_sets(w, a, b);
    return compare_any_order(w, a, b);
}

static bool is_column(const node *n)
{
    return n->kind == NODE_MATRIX && (n->rows == 1 || n->rows == n->n);
}

/* [[1, 2], [3, 4]] */
static masa_verdict compare_rows(work *w, node *rows, node *matrix)
{
    unsigned columns = matrix->n / matrix->rows;
    if (rows->n != matrix->rows) return MASA_VERDICT_DIFFERENT;
    for (unsigned i = 0; i < rows->n; i++) {
        node *row = rows->child[i];
        bool single = !is_collection(row);
        if ((single ? 1 : row->n) != columns) return MASA_VERDICT_DIFFERENT;
        for (unsigned j = 0; j < columns; j++) {
            masa_verdict verdict =
                compare(w, single ? row : row->child[j], matrix->child[i * columns + j]);
            if (verdict != MASA_VERDICT_EQUAL) return verdict;
        }
    }
    return MASA_VERDICT_EQUAL;
}

static bool is_infinite(const node *n)
{
    return n->kind == NODE_INFINITY || (n->kind == NODE_NEGATE && is_infinite(n->child[0]));
}

static masa_verdict compare_tuple(work *w, node *a, node *b)
{
    if (a->kind == NODE_LIST && (a->mark == ',' || (a->mark == 'a' && names_differ(a))))
        return compare_in_order(w, a, b);
    if (is_column(a)) return compare_in_order(w, a, b);
    if (a->kind != NODE_TUPLE) return MASA_VERDICT_DIFFERENT;
    /* Two numbers between brackets may be an interval: its ends count, but for
     * infinite ones, which nobody can mean to be closed. */
    bool paired = (a->mark == '(') == (a->close == ')');
    bool opens = a->mark == b->mark || (a->n == 2 && is_infinite(b->child[0]));
    bool closes = a->close == b->close || (a->n == 2 && is_infinite(b->child[a->n - 1]));
    if (a->n == b->n && !(opens && closes) && (a->n == 2 || !paired))
        return MASA_VERDICT_DIFFERENT;
    return compare_in_order(w, a, b);
}

static masa_verdict compare_matrix(work *w, node *a, node *b)
{
    if (a->kind == NODE_MATRIX)
        return a->rows == b->rows ? compare_in_order(w, a, b) : MASA_VERDICT_DIFFERENT;
    if (a->kind == NODE_TUPLE && is_column(b) && !is_collection(a->child[0]))
        return compare_in_order(w, a, b);
    return a->kind == NODE_TUPLE ? compare_rows(w, a, b) : MASA_VERDICT_DIFFERENT;
}

masa_verdict compare_collections(work *w, node *a, node *b)
{
    static const struct {
        node_kind kind;
        const char *rule;
    } rules[] = {{NODE_SET, "set"}, {NODE_TUPLE, "tuple"}, {NODE_MATRIX, "matrix"}};
    const char *rule = "list";
    masa_verdict verdict;
    if (!is_collection(b)) {
        if (a->n == 1) return compare(w, a->child[0], b);
        verdict = MASA_VERDICT_DIFFERENT;
        /* "a or b" where both say the same */
        for (unsigned i = 0; a->kind == NODE_LIST && a->mark == 'o' && i < a->n; i++)
            if ((verdict = compare(w, a->child[i], b)) != MASA_VERDICT_EQUAL) break;
    } else if (!is_collection(a)) {
        verdict = MASA_VERDICT_DIFFERENT;
        if (b->n == 1) return compare(w, a, b->child[0]);
        for (unsigned i = 0; b->kind == NODE_LIST && b->mark == 'o' && i < b->n; i++)
            if ((verdict = compare(w, a, b->child[i])) != MASA_VERDICT_EQUAL) break;
    } else if (a->kind == NODE_SET && b->kind != NODE_SET && a->n == 1 &&
               is_collection(a->child[0])) {
        return compare(w, a->child[0], b); /* {(1, 2)} */
    } else if (b->kind == NODE_SET && a->kind != NODE_SET && b->n == 1 &&
               is_collection(b->child[0])) {
        return compare(w, a, b->child[0]);
    } else if (b->kind == NODE_SET) {
        verdict = a->kind == NODE_SET || a->kind == NODE_LIST ? compare_as_sets(w, a, b)
                                                              : MASA_VERDICT_DIFFERENT;
    } else if (b->kind == NODE_TUPLE) {
        verdict = compare_tuple(w, a, b);
    } else if (b->kind == NODE_MATRIX) {
        verdict = compare_matrix(w, a, b);
    } else {
        verdict = compare_list(w, a, b);
    }
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (b->kind == rules[i].kind) rule = rules[i].rule;
    w->rule = rule;
    return verdict;
}
