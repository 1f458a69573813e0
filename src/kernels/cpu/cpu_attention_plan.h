/* A packed batch's segments as attention walks them, found once for all layers. */
#ifndef KERNELS_CPU_ATTENTION_PLAN_H
#define KERNELS_CPU_ATTENTION_PLAN_H

#include <masa/attention.h>

struct plan_node {
    masa_segment segment;
    int32_t before; /* tokens of all that it continues */
    int32_t
        path; /* the most keys that it or one that continues it sees, from its own first on */
    /* Segments that continue it, in index order; 0: none (segment 0 is nobody's child). */
    int32_t first_child, last_child, next;
};

struct attention_plan {
    struct plan_node *nodes; /* [n] */
    int32_t *roots;          /* [n_roots] indices of segments that continue none */
    size_t n, n_roots;
    size_t longest; /* rows of the longest segment */
};

#endif
