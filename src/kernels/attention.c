#include <masa/attention.h>

#include <masa/memory.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "isa/attention.h"
#include "split.h"

/* Scratch of a thread, kept between calls. */
static _Thread_local struct {
    float *data;
    size_t size;
} scratch;

static float *scratch_get(size_t floats)
{
    if (scratch.size < floats) {
        free(scratch.data);
        scratch.data = masa_alloc(floats, sizeof(float));
        scratch.size = floats;
    }
    return scratch.data;
}

/* Room for the keys of one unit; all zero where the kernels rely on it. */
static struct attention_keys keys_init(size_t length, size_t head_dim, bool backward)
{
    struct attention_keys keys = {.keys = attention_padded(length, ATTENTION_KEYS),
                                  .width = attention_padded(head_dim, ATTENTION_PAD)};
    size_t n = keys.keys * keys.width;
    float *p = scratch_get(n * (backward ? 6 : 2));
    memset(p, 0, n * (backward ? 6 : 2) * sizeof *p);
    keys.k_t = p;
    keys.v = p + n;
    if (backward) {
        keys.v_t = p + 2 * n;
        keys.k = p + 3 * n;
        keys.dk = p + 4 * n;
        keys.dv = p + 5 * n;
    }
    return keys;
}

static void *at(const void *p, masa_dtype dtype, size_t index)
{
    return (char *)(uintptr_t)p + index * masa_dtype_size(dtype);
}

/* Everything of a call that its units share. */
struct call {
    const struct attention_kernels *kernels;
    const masa_attention_shape *shape;
    const masa_segment *segments;
    void *dq, *dk, *dv;
    const void *dout, *q, *k, *v;
    void *out;
    float *lse;
};

static void pack_segment(const struct call *c, const struct attention_keys *keys, size_t place,
                         const masa_segment *s, size_t head)
{
    const masa_attention_shape *h = c->shape;
    size_t from = (size_t)s->start * h->stride + head * h->head_dim;
    c->kernels->pack(keys, place, at(c->k, h->dtype, from), at(c->v, h->dtype, from), h->stride,
                     (size_t)s->length, h->head_dim, h->dtype);
}

/* All query tiles of a segment whose own keys begin at `before`. */
static void run_segment(const struct call *c, const struct attention_keys *keys,
                        const masa_segment *s, size_t before, size_t kv_head)
{
    const masa_attention_shape *h = c->shape;
    size_t group = h->q_heads / h->kv_heads, width = h->q_heads * h->head_dim;
    for (size_t g = 0; g < group; g++)
        for (size_t i = 0; i < (size_t)s->length; i += ATTENTION_ROWS) {
            size_t head = kv_head * group + g, row = (size_t)s->start + i;
            size_t rows = (size_t)s->length - i, visible[ATTENTION_ROWS];
            if (rows > ATTENTION_ROWS) rows = ATTENTION_ROWS;
            for (size_t r = 0; r < rows; r++) visible[r] = before + i + r + 1;
            size_t in = row * h->stride + head * h->head_dim;
            size_t to = row * width + head * h->head_dim;
            float *lse = c->lse + row * h->q_heads + head;
            if (c->dq)
                c->kernels->tile_backward(at(c->dq, h->dtype, in), at(c->dout, h->dtype, to),
                                          at(c->out, h->dtype, to), width, lse, h->q_heads,
                                          at(c->q, h->dtype, in), h->stride, visible, rows,
                                          keys, h->head_dim, h->scale, h->dtype);
            else
                c->kernels->tile_forward(at(c->out, h->dtype, to), width, lse, h->q_heads,
                                         at(c->q, h->dtype, in), h->stride, visible, rows,
                                         keys, h->head_dim, h->scale, h->dtype);
        }
}

static void check_shape(const masa_attention_shape *shape)
{
    (void)shape; /* without assertions */
    assert(shape->q_heads % shape->kv_heads == 0);
    assert(shape->q_heads / shape->kv_heads <= ATTENTION_ROWS);
    assert(shape->head_dim > 0 && shape->head_dim <= 256);
}

void masa_attention_forward(void *out, float *lse, const void *q, const void *k, const void *v,
                            const masa_segment *segments, size_t n_segments,
                            const masa_attention_shape *shape)
{
    check_shape(shape);
    struct call c = {.kernels = ISA_SELECT(attention_kernels), .shape = shape,
                     .segments = segments, .q = q, .k = k, .v = v, .out = out, .lse = lse};
    size_t heads = shape->kv_heads;
#pragma omp parallel for schedule(dynamic)
    for (size_t unit = 0; unit < n_segments * heads; unit++) {
        const masa_segment *s = &segments[unit / heads];
        const masa_segment *parent = s->parent >= 0 ? &segments[s->parent] : NULL;
        size_t before = parent ? (size_t)parent->length : 0, head = unit % heads;
        struct attention_keys keys =
            keys_init(before + (size_t)s->length, shape->head_dim, false);
        if (parent) pack_segment(&c, &keys, 0, parent, head);
        pack_segment(&c, &keys, before, s, head);
        run_segment(&c, &keys, s, before, head);
    }
}

/* Segments by the root they belong to: a root, then its children in index order. */
struct trees {
    size_t *roots, n;   /* indices of segments without a parent */
    size_t *first_child, *next; /* [n_segments]; 0: none (segment 0 is nobody's child) */
    size_t *last_child;
};

static struct trees trees_make(const masa_segment *segments, size_t n)
{
    struct trees t = {.roots = masa_alloc(4 * n + 1, sizeof(size_t))};
    t.first_child = t.roots + n;
    t.next = t.first_child + n;
    t.last_child = t.next + n;
    for (size_t i = 0; i < n; i++) {
        if (segments[i].parent < 0) {
            t.roots[t.n++] = i;
            continue;
        }
        size_t parent = (size_t)segments[i].parent, last = t.last_child[parent];
        if (last) t.next[last] = i;
        else t.first_child[parent] = i;
        t.last_child[parent] = i;
    }
    return t;
}

static void store_segment(const struct call *c, const struct attention_keys *keys, size_t place,
                          const masa_segment *s, size_t head)
{
    const masa_attention_shape *h = c->shape;
    size_t to = (size_t)s->start * h->stride + head * h->head_dim;
    c->kernels->unpack(at(c->dk, h->dtype, to), at(c->dv, h->dtype, to), h->stride, keys, place,
                       (size_t)s->length, h->head_dim, h->dtype);
}

/* The gradients of the part of the keys that begins at `from`, set to 0. */
static void clear_from(const struct attention_keys *keys, size_t from)
{
    size_t n = (keys->keys - from) * keys->width;
    memset(keys->dk + from * keys->width, 0, n * sizeof(float));
    memset(keys->dv + from * keys->width, 0, n * sizeof(float));
}

/* A root and its children for one kv head: the root's dk and dv sum up over all. */
static void backward_tree(const struct call *c, const struct trees *t, size_t root, size_t head)
{
    const masa_segment *r = &c->segments[root];
    size_t before = (size_t)r->length, longest = 0;
    for (size_t i = t->first_child[root]; i; i = t->next[i])
        if ((size_t)c->segments[i].length > longest) longest = (size_t)c->segments[i].length;
    struct attention_keys keys = keys_init(before + longest, c->shape->head_dim, true);
    pack_segment(c, &keys, 0, r, head);
    run_segment(c, &keys, r, 0, head);
    for (size_t i = t->first_child[root]; i; i = t->next[i]) {
        clear_from(&keys, before);
        pack_segment(c, &keys, before, &c->segments[i], head);
        run_segment(c, &keys, &c->segments[i], before, head);
        store_segment(c, &keys, before, &c->segments[i], head);
    }
    store_segment(c, &keys, 0, r, head);
}

void masa_attention_backward(void *dq, void *dk, void *dv, const void *dout, const void *out,
                             const float *lse, const void *q, const void *k, const void *v,
                             const masa_segment *segments, size_t n_segments, size_t rows,
                             const masa_attention_shape *shape)
{
    check_shape(shape);
    (void)rows;
    struct call c = {.kernels = ISA_SELECT(attention_kernels), .shape = shape,
                     .segments = segments, .dq = dq, .dk = dk, .dv = dv, .dout = dout,
                     .q = q, .k = k, .v = v, .out = at(out, shape->dtype, 0),
                     .lse = (float *)(uintptr_t)lse};
    struct trees t = trees_make(segments, n_segments);
    size_t heads = shape->kv_heads;
#pragma omp parallel for schedule(dynamic)
    for (size_t unit = 0; unit < t.n * heads; unit++)
        backward_tree(&c, &t, t.roots[unit / heads], unit % heads);
    free(t.roots);
}

/* ---- over the block cache ---- */

void masa_kv_write(const masa_kv_layer *kv, const void *k, const void *v, size_t stride,
                   const int32_t *slots, size_t rows)
{
    size_t n = kv->head_dim, size = masa_dtype_size(kv->dtype);
    for (size_t r = 0; r < rows; r++) {
        size_t block = (size_t)slots[r] / kv->block_tokens;
        size_t token = (size_t)slots[r] % kv->block_tokens;
        for (size_t h = 0; h < kv->kv_heads; h++) {
            size_t to = (block * kv->kv_heads + h) * kv->block_tokens * n, from = r * stride + h * n;
            memcpy(at(kv->v, kv->dtype, to + token * n), at(v, kv->dtype, from), n * size);
            for (size_t c = 0; c < n; c++)
                memcpy(at(kv->k, kv->dtype, to + c * kv->block_tokens + token),
                       at(k, kv->dtype, from + c), size);
        }
    }
}

/* Consecutive rows of one sequence: a chunk of a prompt, or a single new token. */
struct run {
    size_t row, rows;
};

/* A chunk: keys are unpacked once for all of its rows. */
static void cached_chunk(const struct call *c, const masa_kv_layer *kv, const int32_t *blocks,
                         const int32_t *lengths, struct run run, size_t head)
{
    const masa_attention_shape *h = c->shape;
    size_t longest = 0, block_stride = kv->kv_heads * kv->block_tokens * kv->head_dim;
    size_t group = h->q_heads / h->kv_heads, width = h->q_heads * h->head_dim;
    for (size_t r = 0; r < run.rows; r++)
        if ((size_t)lengths[run.row + r] > longest) longest = (size_t)lengths[run.row + r];
    struct attention_keys keys = keys_init(longest, h->head_dim, false);
    for (size_t j = 0; j < longest; j += kv->block_tokens) {
        size_t from = (size_t)blocks[j / kv->block_tokens] * block_stride +
                      head * kv->block_tokens * kv->head_dim;
        size_t n = longest - j < kv->block_tokens ? longest - j : kv->block_tokens;
        c->kernels->pack_cached(&keys, j, kv->k, kv->v, from, kv->block_tokens, n, h->head_dim,
                                h->dtype);
    }
    for (size_t g = 0; g < group; g++)
        for (size_t i = 0; i < run.rows; i += ATTENTION_ROWS) {
            size_t row = run.row + i, q_head = head * group + g, visible[ATTENTION_ROWS];
            size_t n = run.rows - i < ATTENTION_ROWS ? run.rows - i : ATTENTION_ROWS;
            for (size_t r = 0; r < n; r++) visible[r] = (size_t)lengths[row + r];
            c->kernels->tile_forward(at(c->out, h->dtype, row * width + q_head * h->head_dim),
                                     width, NULL, 0,
                                     at(c->q, h->dtype, row * h->stride + q_head * h->head_dim),
                                     h->stride, visible, n, &keys, h->head_dim, h->scale,
                                     h->dtype);
        }
}

static void cached_row(const struct call *c, const masa_kv_layer *kv, const int32_t *blocks,
                       size_t length, size_t row, size_t head)
{
    const masa_attention_shape *h = c->shape;
    size_t group = h->q_heads / h->kv_heads, first = head * group * h->head_dim;
    size_t base = head * kv->block_tokens * kv->head_dim;
    c->kernels->decode(at(c->out, h->dtype, row * h->q_heads * h->head_dim + first),
                       at(c->q, h->dtype, row * h->stride + first), at(kv->k, h->dtype, base),
                       at(kv->v, h->dtype, base), blocks, kv->block_tokens,
                       kv->kv_heads * kv->block_tokens * kv->head_dim, length, group,
                       h->head_dim, h->scale, h->dtype);
}

static size_t find_runs(struct run *runs, const int32_t *sequences, size_t rows)
{
    size_t n = 0;
    for (size_t r = 0; r < rows; r++) {
        if (r > 0 && sequences[r] == sequences[r - 1]) runs[n - 1].rows++;
        else runs[n++] = (struct run){r, 1};
    }
    return n;
}

void masa_attention_cached(void *out, const void *q, const masa_kv_layer *kv,
                           const int32_t *block_tables, size_t max_blocks,
                           const int32_t *sequences, const int32_t *lengths, size_t rows,
                           const masa_attention_shape *shape)
{
    check_shape(shape);
    struct call c = {.kernels = ISA_SELECT(attention_kernels), .shape = shape, .q = q,
                     .out = out};
    struct run *runs = masa_alloc(rows + 1, sizeof *runs);
    size_t n = find_runs(runs, sequences, rows), heads = shape->kv_heads;
#pragma omp parallel for schedule(dynamic)
    for (size_t unit = 0; unit < n * heads; unit++) {
        /* Head by head, so that a prompt that rows share is read from a cache. */
        struct run run = runs[unit % n];
        size_t row = run.row, head = unit / n;
        const int32_t *blocks = block_tables + (size_t)sequences[row] * max_blocks;
        if (run.rows == 1)
            cached_row(&c, kv, blocks, (size_t)lengths[row], row, head);
        else
            cached_chunk(&c, kv, blocks, lengths, run, head);
    }
    free(runs);
}
