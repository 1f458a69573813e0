/* Vectors as sums of their directions: 3i + 4j - k is (3, 4, -1) where that is asked for. */
#include "compare.h"

#include <string.h>

enum { DIRECTIONS = 3 };

/* Which direction a letter is, with or without a hat or an arrow; DIRECTIONS: none. */
static int direction(const work *w, const node *n)
{
    static const char *const dress[] = {"", "hat", "vec", "widehat", "overrightarrow"};
    static const char letters[] = "ijk";
    if (n->kind == NODE_I) return 0;
    if (n->kind != NODE_SYMBOL) return DIRECTIONS;
    const char *name = w->symbols[n->symbol].name;
    size_t size = w->symbols[n->symbol].size;
    const char *at = size ? strchr(letters, name[size - 1]) : NULL;
    for (size_t k = 0; at && *at && k < sizeof dress / sizeof *dress; k++)
        if (strlen(dress[k]) == size - 1 && memcmp(dress[k], name, size - 1) == 0)
            return (int)(at - letters);
    return DIRECTIONS;
}

/* Takes the one direction out of a term; what is left is its length. NULL: there is not one. */
static node *length_along(work *w, node *term, int *out)
{
    if (term->kind == NODE_NEGATE) {
        node *rest = length_along(w, term->child[0], out);
        return rest ? node_unary(w, NODE_NEGATE, rest) : NULL;
    }
    if ((*out = direction(w, term)) < DIRECTIONS) return node_integer(w, 1);
    if (term->kind == NODE_QUOTIENT) {
        node *rest = length_along(w, term->child[0], out);
        return rest ? node_binary(w, NODE_QUOTIENT, rest, term->child[1]) : NULL;
    }
    node_list rest = {0};
    int found = DIRECTIONS;
    for (unsigned i = 0; term->kind == NODE_PRODUCT && i < term->n; i++) {
        int here = direction(w, term->child[i]);
        if (here == DIRECTIONS) node_push(w, &rest, term->child[i]);
        else if (found < DIRECTIONS) return NULL;
        else found = here;
    }
    *out = found;
    return found < DIRECTIONS ? node_from_list(w, NODE_PRODUCT, &rest) : NULL;
}

/* Whether n is a list of so many numbers, as a tuple or a column. */
static bool is_point(const node *n)
{
    bool column = n->kind == NODE_MATRIX && n->rows == n->n;
    bool tuple = n->kind == NODE_TUPLE && n->mark == '(' && n->close == ')';
    return (column || tuple) && (n->n == 2 || n->n == DIRECTIONS);
}

node *vector_from_sum(work *w, node *n, const node *like)
{
    node *along[DIRECTIONS] = {NULL};
    node **terms = n->kind == NODE_SUM ? n->child : &n;
    unsigned count = n->kind == NODE_SUM ? n->n : 1;
    bool other = false; /* than i alone, which is a complex number */
    if (!is_point(like)) return n;
    for (unsigned i = 0; i < count; i++) {
        int at = DIRECTIONS;
        node *length = length_along(w, terms[i], &at);
        if (!length || along[at] || at >= (int)like->n) return n;
        along[at] = length;
        other |= at > 0;
    }
    if (!other) return n;
    node *out = node_create(w, NODE_TUPLE, like->n);
    out->mark = '(';
    out->close = ')';
    for (unsigned i = 0; i < like->n; i++)
        out->child[i] = along[i] ? along[i] : node_integer(w, 0);
    return out;
}
