#include "cpu_attention_plan.h"

#include <masa/memory.h>

#include <stdlib.h>

#include "cpu_backend.h"

size_t cpu_plan_bytes(size_t max_segments)
{
    struct plan_node *node;
    size_t bytes;
    return masa_size_mul(max_segments, sizeof *node + sizeof(int32_t), &bytes) ? bytes
                                                                               : SIZE_MAX;
}

masa_status cpu_plan_create(void **out, size_t max_segments, masa_error *err)
{
    void *memory = NULL;
    masa_status st = masa_alloc_large(&memory, cpu_plan_bytes(max_segments), 1,
                                      "the plan of attention", err);
    if (st) return st;
    struct attention_plan *plan = masa_alloc(1, sizeof *plan);
    plan->nodes = memory;
    plan->roots = (int32_t *)(plan->nodes + max_segments);
    *out = plan;
    return MASA_OK;
}

void cpu_plan_destroy(void *plan)
{
    free(((struct attention_plan *)plan)->nodes);
    free(plan);
}

/* A segment's place among those that continue the same one. */
static void add_child(struct attention_plan *plan, int32_t index)
{
    struct plan_node *node = &plan->nodes[index], *parent = &plan->nodes[node->segment.parent];
    node->before = parent->before + parent->segment.length;
    if (parent->last_child) plan->nodes[parent->last_child].next = index;
    else parent->first_child = index;
    parent->last_child = index;
}

void cpu_plan_set(void *to, const masa_segment *segments, size_t n)
{
    struct attention_plan *plan = to;
    plan->n = n;
    plan->n_roots = plan->longest = 0;
    for (size_t i = 0; i < n; i++) {
        const masa_segment *s = &segments[i];
        plan->nodes[i] = (struct plan_node){.segment = *s, .path = s->length};
        if (s->parent < 0) plan->roots[plan->n_roots++] = (int32_t)i;
        else add_child(plan, (int32_t)i);
        if ((size_t)s->length > plan->longest) plan->longest = (size_t)s->length;
    }
    /* Children come after their parents: backwards, theirs are known. */
    for (size_t i = n; i-- > 0;) {
        const struct plan_node *node = &plan->nodes[i];
        if (node->segment.parent < 0) continue;
        struct plan_node *parent = &plan->nodes[node->segment.parent];
        int32_t path = parent->segment.length + node->path;
        if (path > parent->path) parent->path = path;
    }
}
