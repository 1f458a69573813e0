/* Matrices and vectors, worked out as far as their shapes allow. */
#ifndef MASA_VERIFY_MATRIX_H
#define MASA_VERIFY_MATRIX_H

#include "node.h"

/* A matrix, or a tuple of several. */
static inline bool matrix_is_vector(const node *n)
{
    return n->kind == NODE_MATRIX || (n->kind == NODE_TUPLE && n->n > 1);
}

/* Each returns its argument where it cannot be worked out: other shapes, too large. */
node *matrix_sum(work *w, node *sum);
node *matrix_product(work *w, node *product); /* neighbours that are matrices */
node *matrix_power(work *w, node *power);     /* small whole exponents, T */
node *matrix_determinant(work *w, node *n);

#endif
