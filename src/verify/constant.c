/* The constant of integration, which every hand names as it likes. */
#include "compare.h"

#include <string.h>

/* The last side of y = x^2 + C, or the expression itself. */
static node *expression(node *n)
{
    return n->kind == NODE_RELATION ? n->child[n->n - 1] : n;
}

/* Where one of the names (ended by NULL) stands as a term of its own in a sum; NULL: not
 * once. */
static node *constant_term(const work *w, node *n, const char *const *names)
{
    node *found = NULL;
    n = expression(n);
    for (unsigned i = 0; n->kind == NODE_SUM && i < n->n; i++) {
        const node *term = n->child[i];
        if (term->kind != NODE_SYMBOL) continue;
        for (size_t k = 0; names[k]; k++) {
            size_t size = w->symbols[term->symbol].size;
            if (strlen(names[k]) != size ||
                memcmp(w->symbols[term->symbol].name, names[k], size) != 0)
                continue;
            if (found) return NULL;
            found = n->child[i];
        }
    }
    return found;
}

static unsigned occurrences(const node *n, int symbol)
{
    unsigned count = n->kind == NODE_SYMBOL && n->symbol == symbol;
    for (unsigned i = 0; i < n->n; i++) count += occurrences(n->child[i], symbol);
    return count;
}

void rename_constant(const work *w, node *answer, node *gold)
{
    static const char *const theirs[] = {"C", "C_1", NULL};
    static const char *const ours[] = {"C", "c", "K", "k", "C_1", "c_1", "C_0", NULL};
    node *b = constant_term(w, gold, theirs);
    node *a = b ? constant_term(w, answer, ours) : NULL;
    if (!a || a->symbol == b->symbol || occurrences(answer, b->symbol) ||
        occurrences(answer, a->symbol) != 1 || occurrences(gold, a->symbol))
        return;
    a->symbol = b->symbol;
}
