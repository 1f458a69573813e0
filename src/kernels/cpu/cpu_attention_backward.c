#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

#include "cpu_attention_plan.h"
#include "cpu_backend.h"
#include "isa/isa_attention_backward.h"
#include "cpu_scratch.h"
#include "cpu_split.h"

enum { KEYS = 64, PAD = 32 };

static size_t padded(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static void *at(const void *p, masa_dtype dtype, size_t index)
{
    return (char *)(uintptr_t)p + index * masa_dtype_size(dtype);
}

/* Everything of a call that its units share. */
struct call {
    const struct attention_backward_set *kernels;
    const masa_attention_shape *shape;
    const struct attention_plan *plan;
    void *dq, *dk, *dv;
    const void *dout, *out, *q, *k, *v;
    const float *lse;
    float *dk_part, *dv_part; /* [rows, q_heads * head_dim] */
};

static struct attention_gradient gradient_init(const struct call *c, size_t length)
{
    struct attention_gradient g = {.keys = padded(length, KEYS),
                                   .width = padded(c->shape->head_dim, PAD)};
    size_t n = g.keys * g.width, operand = n * c->kernels->element;
    size_t bytes = 4 * operand + 2 * n * sizeof(float);
    char *p = scratch_get(SCRATCH_ATTENTION_BACKWARD, bytes);
    memset(p, 0, bytes);
    g.dk = (float *)p;
    g.dv = g.dk + n;
    p += 2 * n * sizeof(float);
    g.k = p;
    g.v = p + operand;
    g.k_t = p + 2 * operand;
    g.v_t = p + 3 * operand;
    return g;
}

/* All query tiles of a segment whose own keys begin at `before`. */
static void run_segment(const struct call *c, const struct attention_gradient *g,
                        const masa_segment *s, size_t before, size_t head)
{
    const masa_attention_shape *h = c->shape;
    size_t width = h->q_heads * h->head_dim, most = c->kernels->rows;
    size_t kv = (size_t)s->start * h->stride + head / (h->q_heads / h->kv_heads) * h->head_dim;
    c->kernels->pack(g, before, at(c->k, h->dtype, kv), at(c->v, h->dtype, kv), h->stride,
                     (size_t)s->length, h->head_dim, h->dtype);
    for (size_t i = 0; i < (size_t)s->length; i += most) {
        size_t row = (size_t)s->start + i, left = (size_t)s->length - i;
        size_t in = row * h->stride + head * h->head_dim;
        size_t to = row * width + head * h->head_dim;
        struct attention_queries t = {.dq = at(c->dq, h->dtype, in),
                                      .q = at(c->q, h->dtype, in),
                                      .dout = at(c->dout, h->dtype, to),
                                      .out = at(c->out, h->dtype, to),
                                      .lse = c->lse + row * h->q_heads + head,
                                      .stride = h->stride,
                                      .out_stride = width,
                                      .lse_stride = h->q_heads,
                                      .rows = left < most ? left : most,
                                      .seen = before + i + 1};
        c->kernels->tile(&t, g, h->head_dim, h->scale, h->dtype);
    }
}

/* A segment's dk and dv, found at keys [place, ...), to this head's part. */
static void store_segment(const struct call *c, const struct attention_gradient *g,
                          size_t place, const masa_segment *s, size_t head)
{
    const masa_attention_shape *h = c->shape;
    size_t width = h->q_heads * h->head_dim;
    for (size_t i = 0; i < (size_t)s->length; i++) {
        size_t to = ((size_t)s->start + i) * width + head * h->head_dim;
        size_t from = (place + i) * g->width;
        memcpy(c->dk_part + to, g->dk + from, h->head_dim * sizeof(float));
        memcpy(c->dv_part + to, g->dv + from, h->head_dim * sizeof(float));
    }
}

/* The gradients of the part of the keys that begins at `from`, set to 0. */
static void clear_from(const struct attention_gradient *g, size_t from)
{
    size_t n = (g->keys - from) * g->width;
    memset(g->dk + from * g->width, 0, n * sizeof(float));
    memset(g->dv + from * g->width, 0, n * sizeof(float));
}

/* A segment and all that continues it: its dk and dv sum up over them. Keys that a longer
 * sibling left behind the end of one are seen by none of its queries. */
static void backward_tree(const struct call *c, const struct attention_gradient *g,
                          const struct plan_node *node, size_t head)
{
    const masa_segment *s = &node->segment;
    size_t before = (size_t)node->before;
    run_segment(c, g, s, before, head);
    for (int32_t i = node->first_child; i; i = c->plan->nodes[i].next) {
        clear_from(g, before + (size_t)s->length);
        backward_tree(c, g, &c->plan->nodes[i], head);
    }
    store_segment(c, g, before, s, head);
}

size_t cpu_attention_backward_floats(size_t rows, size_t q_heads, size_t head_dim)
{
    return 2 * rows * q_heads * head_dim;
}

/* All of a root's tree for one head: dq, and the head's part of dk and dv. */
static void backward_unit(void *call, size_t unit)
{
    const struct call *c = call;
    size_t heads = c->shape->q_heads;
    const struct plan_node *root = &c->plan->nodes[c->plan->roots[unit / heads]];
    struct attention_gradient g = gradient_init(c, (size_t)root->path);
    backward_tree(c, &g, root, unit % heads);
}

static void reduce(void *call, size_t b, size_t end)
{
    const struct call *c = call;
    const masa_attention_shape *h = c->shape;
    size_t width = h->q_heads * h->head_dim, group = h->q_heads / h->kv_heads;
    const struct attention_backward_kernels *k = ISA_SELECT(attention_backward_kernels);
    k->reduce(at(c->dk, h->dtype, b * h->stride), h->stride, c->dk_part + b * width, end - b,
              h->kv_heads, group, h->head_dim, h->dtype);
    k->reduce(at(c->dv, h->dtype, b * h->stride), h->stride, c->dv_part + b * width, end - b,
              h->kv_heads, group, h->head_dim, h->dtype);
}

void cpu_attention_backward(void *dq, void *dk, void *dv, float *parts, const void *dout,
                            const void *out, const float *lse, const void *q, const void *k,
                            const void *v, const void *of, size_t rows,
                            const masa_attention_shape *shape)
{
    const struct attention_plan *plan = of;
    const struct attention_backward_kernels *kernels = ISA_SELECT(attention_backward_kernels);
    size_t width = shape->q_heads * shape->head_dim;
    struct call c = {.kernels = shape->dtype == MASA_BF16 ? &kernels->bf16 : &kernels->f32,
                     .shape = shape,
                     .plan = plan,
                     .dq = dq,
                     .dk = dk,
                     .dv = dv,
                     .dout = dout,
                     .out = out,
                     .q = q,
                     .k = k,
                     .v = v,
                     .lse = lse,
                     .dk_part = parts,
                     .dv_part = parts + rows * width};
    masa_parallel(plan->n_roots * shape->q_heads, backward_unit, &c);
    parallel_ranges(rows, 1, 2 * width, reduce, &c);
}
