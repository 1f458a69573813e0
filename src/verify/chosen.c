/* Letters that every hand chooses as it likes: the constant of integration, the whole number of
 * a family of angles, and the arguments of a function. */
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

/* The one letter of the values in n that names its members, k of \pi/6 + 2k\pi; -1: there is
 * another letter, or none. *turns: whether something is measured in turns. */
static int member(const work *w, const node *n, bool *turns)
{
    int found = -2;
    if (n->kind == NODE_PI || node_is_degrees(n)) *turns = true;
    if (n->kind == NODE_SYMBOL) {
        bool whole = w->symbols[n->symbol].size == 1 &&
                     strchr("kmn", *w->symbols[n->symbol].name) != NULL;
        return whole ? n->symbol : -1;
    }
    /* "x = ..." and "k \in Z" say what letters are. */
    bool named = n->kind == NODE_RELATION && n->n == 2;
    if (named && n->text[0] == 'i' && n->child[0]->kind == NODE_SYMBOL) return -2;
    for (unsigned i = named; i < n->n && found != -1; i++) {
        int here = member(w, n->child[i], turns);
        if (here != -2) found = found == -2 || found == here ? here : -1;
    }
    return found;
}

static void rename_symbol(node *n, int from, int to)
{
    if (n->kind == NODE_SYMBOL && n->symbol == from) n->symbol = to;
    for (unsigned i = 0; i < n->n; i++) rename_symbol(n->child[i], from, to);
}

static void rename_member(const work *w, node *answer, node *gold)
{
    bool x_turns = false, y_turns = false;
    int x = member(w, answer, &x_turns), y = member(w, gold, &y_turns);
    if (x >= 0 && y >= 0 && x != y && x_turns && y_turns) rename_symbol(answer, x, y);
}

/* Whether a name stands in n that is none of the arguments of `call`. */
static bool has_other(const node *n, int symbol, const node *call)
{
    for (unsigned i = 0; i < call->n; i++)
        if (call->child[i]->symbol == symbol) return false;
    return occurrences(n, symbol) > 0;
}

/* The left side of f(x, y) = ..., whose arguments are different letters; NULL: it is none. */
static node *definition(const node *n)
{
    node *call =
        n->kind == NODE_RELATION && n->n == 2 && n->text[0] == '=' ? n->child[0] : NULL;
    if (!call || call->kind != NODE_APPLY) return NULL;
    for (unsigned i = 0; i < call->n; i++) {
        if (call->child[i]->kind != NODE_SYMBOL) return NULL;
        for (unsigned k = 0; k < i; k++)
            if (call->child[k]->symbol == call->child[i]->symbol) return NULL;
    }
    return call;
}

/* What a function calls its arguments says nothing: f(n) = n + 1 is f(x) = x + 1. */
static void rename_arguments(node *answer, const node *gold)
{
    enum { ASIDE = -2 }; /* no symbol has this number */
    node *call = definition(answer), *wanted = definition(gold);
    if (!call || !wanted || call->symbol != wanted->symbol || call->n != wanted->n) return;
    int from[MOST_SYMBOLS];
    for (unsigned i = 0; i < call->n; i++)
        if (has_other(answer, wanted->child[i]->symbol, call)) return;
    for (unsigned i = 0; i < call->n; i++) from[i] = call->child[i]->symbol;
    for (unsigned i = 0; i < call->n; i++) rename_symbol(answer, from[i], ASIDE - (int)i);
    for (unsigned i = 0; i < call->n; i++)
        rename_symbol(answer, ASIDE - (int)i, wanted->child[i]->symbol);
}

void rename_letters(const work *w, node *answer, node *gold)
{
    rename_arguments(answer, gold);
    rename_member(w, answer, gold);
    static const char *const theirs[] = {"C", "C_1", NULL};
    static const char *const ours[] = {"C", "c", "K", "k", "C_1", "c_1", "C_0", NULL};
    node *b = constant_term(w, gold, theirs);
    node *a = b ? constant_term(w, answer, ours) : NULL;
    if (!a || a->symbol == b->symbol || occurrences(answer, b->symbol) ||
        occurrences(answer, a->symbol) != 1 || occurrences(gold, a->symbol))
        return;
    a->symbol = b->symbol;
}
