/* Arithmetic of matrices and vectors: sums, products, powers and transposes are worked
 * out before the comparison, a determinant as well. */
#include "matrix.h"

#include <string.h>

enum { LARGEST_MATRIX = 12, LARGEST_DETERMINANT = 4, LARGEST_POWER = 16 };

static node *matrix_like(work *w, unsigned rows, unsigned columns)
{
    node *out = node_create(w, NODE_MATRIX, rows * columns);
    out->rows = rows;
    return out;
}

static unsigned columns_of(const node *n)
{
    return n->rows ? n->n / n->rows : 0;
}

static bool is_small(const node *n)
{
    return n->kind == NODE_MATRIX && n->rows && n->rows <= LARGEST_MATRIX &&
           columns_of(n) <= LARGEST_MATRIX;
}

/* A vector of the same shape, as an addend: tuples with tuples, matrices with matrices. */
static bool same_shape(const node *a, const node *b)
{
    return a->kind == b->kind && a->n == b->n && a->rows == b->rows && a->mark == b->mark &&
           a->close == b->close;
}

node *matrix_sum(work *w, node *sum)
{
    const node *first = sum->child[0];
    if (!matrix_is_vector(first)) return sum;
    for (unsigned i = 1; i < sum->n; i++)
        if (!same_shape(sum->child[i], first)) return sum;
    if (!work_spend(w, (unsigned long)first->n * sum->n)) return sum;
    node *out = node_create(w, first->kind, first->n);
    out->rows = first->rows;
    out->mark = first->mark;
    out->close = first->close;
    for (unsigned k = 0; k < out->n; k++) {
        node_list terms = {0};
        for (unsigned i = 0; i < sum->n; i++) node_push(w, &terms, sum->child[i]->child[k]);
        out->child[k] = node_from_list(w, NODE_SUM, &terms);
    }
    return out;
}

/* a * b by rows and columns; NULL: their shapes do not fit. */
static node *multiply(work *w, const node *a, const node *b)
{
    unsigned inner = columns_of(a), columns = columns_of(b);
    if (!is_small(a) || !is_small(b) || inner != b->rows ||
        !work_spend(w, (unsigned long)a->rows * columns * inner))
        return NULL;
    node *out = matrix_like(w, a->rows, columns);
    for (unsigned i = 0; i < a->rows; i++) {
        for (unsigned j = 0; j < columns; j++) {
            node_list terms = {0};
            for (unsigned k = 0; k < inner; k++)
                node_push(w, &terms,
                          node_binary(w, NODE_PRODUCT, a->child[i * inner + k],
                                      b->child[k * columns + j]));
            out->child[i * columns + j] = node_from_list(w, NODE_SUM, &terms);
        }
    }
    return out;
}

node *matrix_product(work *w, node *product)
{
    node_list factors = {0};
    for (unsigned i = 0; i < product->n; i++) {
        node *next = product->child[i], *joined = NULL;
        if (factors.n && next->kind == NODE_MATRIX)
            joined = multiply(w, factors.items[factors.n - 1], next);
        if (joined) factors.items[factors.n - 1] = joined;
        else node_push(w, &factors, next);
    }
    return factors.n == 1 ? factors.items[0] : node_from_list(w, NODE_PRODUCT, &factors);
}

static node *transpose(work *w, const node *n)
{
    unsigned columns = columns_of(n);
    node *out = matrix_like(w, columns, n->rows);
    for (unsigned i = 0; i < n->rows; i++)
        for (unsigned j = 0; j < columns; j++)
            out->child[j * n->rows + i] = n->child[i * columns + j];
    return out;
}

/* A^T, A^\top */
static bool means_transpose(const work *w, const node *exponent)
{
    if (exponent->kind != NODE_SYMBOL) return false;
    const char *name = w->symbols[exponent->symbol].name;
    size_t size = w->symbols[exponent->symbol].size;
    return (size == 1 && *name == 'T') || (size == 3 && memcmp(name, "top", 3) == 0);
}

node *matrix_power(work *w, node *power)
{
    node *base = power->child[0], *exponent = power->child[1], *out = base;
    if (!is_small(base)) return power;
    if (means_transpose(w, exponent)) return transpose(w, base);
    if (exponent->kind != NODE_NUMBER || !fmpz_is_one(fmpq_denref(exponent->value)) ||
        fmpz_cmp_ui(fmpq_numref(exponent->value), LARGEST_POWER) > 0 ||
        fmpz_sgn(fmpq_numref(exponent->value)) <= 0)
        return power;
    for (ulong k = fmpz_get_ui(fmpq_numref(exponent->value)); k > 1; k--)
        if (!(out = multiply(w, out, base))) return power;
    return out;
}

/* Along the first row; rows and columns are those still left, as bits. */
static node *minor_of(work *w, const node *n, unsigned row, unsigned columns)
{
    node_list terms = {0};
    bool minus = false;
    for (unsigned j = 0; j < n->rows; j++) {
        if (!(columns & 1u << j)) continue;
        node *term = n->child[row * n->rows + j];
        if (row + 1 < n->rows)
            term = node_binary(w, NODE_PRODUCT, term,
                               minor_of(w, n, row + 1, columns & ~(1u << j)));
        node_push(w, &terms, minus ? node_unary(w, NODE_NEGATE, term) : term);
        minus = !minus;
    }
    return terms.n == 1 ? terms.items[0] : node_from_list(w, NODE_SUM, &terms);
}

node *matrix_determinant(work *w, node *n)
{
    if (n->rows != columns_of(n) || n->rows > LARGEST_DETERMINANT || !work_spend(w, 100))
        return n;
    return minor_of(w, n, 0, (1u << n->rows) - 1);
}
