#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

#include "cpu_attention_plan.h"
#include "cpu_backend.h"
#include "isa/isa_attention.h"
#include "cpu_scratch.h"
#include "cpu_split.h"

static void *at(const void *p, masa_dtype dtype, size_t index)
{
    return (char *)(uintptr_t)p + index * masa_dtype_size(dtype);
}

_Static_assert((int)MASA_ATTENTION_MOST_GROUP == (int)ATTENTION_ROWS,
               "decoding takes the heads of a group as one tile");

/* Everything of a call that its units share. */
struct call {
    const struct attention_kernels *kernels;
    const masa_attention_shape *shape;
    const struct attention_plan *plan; /* of a packed batch */
    const masa_kv_layer *kv;           /* or over the cache */
    const masa_cached_rows *rows;
    const void *q, *k, *v;
    void *out;
    float *lse;
};

/* Room for the keys of one unit; all zero where the kernels rely on it. */
static struct attention_keys keys_init(const struct call *c, size_t length)
{
    const masa_attention_shape *h = c->shape;
    size_t size = c->kernels->pairs && h->dtype == MASA_BF16 ? sizeof(uint16_t) : sizeof(float);
    struct attention_keys keys = {.keys = attention_padded(length, ATTENTION_KEYS),
                                  .width = attention_padded(h->head_dim, ATTENTION_PAD)};
    size_t n = keys.keys * keys.width;
    keys.k_t = scratch_get(SCRATCH_ATTENTION, 2 * n * size);
    keys.v = (char *)keys.k_t + n * size;
    memset(keys.k_t, 0, 2 * n * size);
    return keys;
}

static void pack_segment(const struct call *c, const struct attention_keys *keys, size_t place,
                         const masa_segment *s, size_t head)
{
    const masa_attention_shape *h = c->shape;
    size_t from = (size_t)s->start * h->stride + head * h->head_dim;
    c->kernels->pack(keys, place, at(c->k, h->dtype, from), at(c->v, h->dtype, from), h->stride,
                     (size_t)s->length, h->head_dim, h->dtype);
}

/* A segment's keys, and those of what it continues before them. */
static void pack_keys(const struct call *c, const struct attention_keys *keys,
                      const struct plan_node *node, size_t head)
{
    for (;; node = &c->plan->nodes[node->segment.parent]) {
        pack_segment(c, keys, (size_t)node->before, &node->segment, head);
        if (node->segment.parent < 0) return;
    }
}

/* Every `pieces`-th query tile of a segment, from number `piece` on. */
static void run_segment(const struct call *c, const struct attention_keys *keys,
                        const struct plan_node *node, size_t kv_head, size_t piece,
                        size_t pieces)
{
    const masa_attention_shape *h = c->shape;
    const masa_segment *s = &node->segment;
    size_t before = (size_t)node->before;
    size_t group = h->q_heads / h->kv_heads, width = h->q_heads * h->head_dim;
    size_t tiles = ((size_t)s->length + ATTENTION_ROWS - 1) / ATTENTION_ROWS;
    for (size_t n = piece; n < group * tiles; n += pieces) {
        size_t head = kv_head * group + n / tiles, i = n % tiles * ATTENTION_ROWS;
        size_t row = (size_t)s->start + i, rows = (size_t)s->length - i;
        size_t visible[ATTENTION_ROWS];
        if (rows > ATTENTION_ROWS) rows = ATTENTION_ROWS;
        for (size_t r = 0; r < rows; r++) visible[r] = before + i + r + 1;
        size_t in = row * h->stride + head * h->head_dim;
        size_t to = row * width + head * h->head_dim;
        c->kernels->tile_forward(at(c->out, h->dtype, to), width,
                                 c->lse + row * h->q_heads + head, h->q_heads,
                                 at(c->q, h->dtype, in), h->stride, visible, rows, keys,
                                 h->head_dim, h->scale, h->dtype);
    }
}

/* Long segments in pieces: few of them would not divide evenly among the threads. */
static size_t segment_pieces(const struct attention_plan *plan)
{
    return 1 + plan->longest / 1024;
}

static void forward_unit(void *call, size_t unit)
{
    const struct call *c = call;
    size_t pieces = segment_pieces(c->plan), piece = unit % pieces;
    size_t head = unit / pieces % c->shape->kv_heads;
    const struct plan_node *node = &c->plan->nodes[unit / pieces / c->shape->kv_heads];
    struct attention_keys keys = keys_init(c, (size_t)(node->before + node->segment.length));
    pack_keys(c, &keys, node, head);
    run_segment(c, &keys, node, head, piece, pieces);
}

void cpu_attention_forward(void *out, float *lse, const void *q, const void *k, const void *v,
                           const void *of, const masa_attention_shape *shape)
{
    const struct attention_plan *plan = of;
    struct call c = {.kernels = ISA_SELECT(attention_kernels),
                     .shape = shape,
                     .plan = plan,
                     .q = q,
                     .k = k,
                     .v = v,
                     .out = out,
                     .lse = lse};
    masa_parallel(plan->n * shape->kv_heads * segment_pieces(plan), forward_unit, &c);
}

/* ---- over the block cache ---- */

/* A block of k is [kv_heads, head_dim, block_tokens], so that scores of neighbouring tokens
 * are one vector, in bf16 [kv_heads, head_dim/2, block_tokens, 2], so that a vector has pairs
 * of dimensions; a block of v is [kv_heads, block_tokens, head_dim]. */

/* A token's key: an element of float32, or a pair of bf16, for every line of the block. */
static void scatter(void *to, const void *from, size_t block_tokens, size_t token, size_t n,
                    size_t size)
{
    size_t lines = n * size / sizeof(float);
    for (size_t c = 0; c < lines; c++)
        memcpy((float *)to + c * block_tokens + token, (const float *)from + c, sizeof(float));
}

struct kv_write {
    const masa_kv_layer *kv;
    const void *k, *v;
    size_t stride;
    const int32_t *slots;
};

static void kv_write(void *call, size_t begin, size_t end)
{
    const struct kv_write *c = call;
    const masa_kv_layer *kv = c->kv;
    size_t n = kv->head_dim, size = masa_dtype_size(kv->dtype);
    for (size_t r = begin; r < end; r++) {
        size_t block = (size_t)c->slots[r] / kv->block_tokens;
        size_t token = (size_t)c->slots[r] % kv->block_tokens;
        for (size_t h = 0; h < kv->kv_heads; h++) {
            size_t to = (block * kv->kv_heads + h) * kv->block_tokens * n;
            size_t from = r * c->stride + h * n;
            memcpy(at(kv->v, kv->dtype, to + token * n), at(c->v, kv->dtype, from), n * size);
            scatter(at(kv->k, kv->dtype, to), at(c->k, kv->dtype, from), kv->block_tokens,
                    token, n, size);
        }
    }
}

/* Among all threads: nearly every element of a key goes to another line of memory. */
void cpu_kv_write(const masa_kv_layer *kv, const void *k, const void *v, size_t stride,
                  const int32_t *slots, size_t rows)
{
    struct kv_write c = {kv, k, v, stride, slots};
    parallel_ranges(rows, 1, 2 * kv->kv_heads * kv->head_dim, kv_write, &c);
}

/* Consecutive rows of one sequence: a chunk of a prompt, or a single new token. */
struct run {
    size_t row, rows;
};

/* A chunk: keys are unpacked once for all of its rows. */
static void cached_chunk(const struct call *c, const int32_t *blocks, struct run run,
                         size_t head)
{
    const masa_kv_layer *kv = c->kv;
    const int32_t *lengths = c->rows->lengths;
    const masa_attention_shape *h = c->shape;
    size_t longest = 0, block_stride = kv->kv_heads * kv->block_tokens * kv->head_dim;
    size_t group = h->q_heads / h->kv_heads, width = h->q_heads * h->head_dim;
    for (size_t r = 0; r < run.rows; r++)
        if ((size_t)lengths[run.row + r] > longest) longest = (size_t)lengths[run.row + r];
    struct attention_keys keys = keys_init(c, longest);
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
            c->kernels->tile_forward(
                at(c->out, h->dtype, row * width + q_head * h->head_dim), width,
                c->lse ? c->lse + row * h->q_heads + q_head : NULL, h->q_heads,
                at(c->q, h->dtype, row * h->stride + q_head * h->head_dim), h->stride, visible,
                n, &keys, h->head_dim, h->scale, h->dtype);
        }
}

static void cached_row(const struct call *c, const int32_t *blocks, size_t row, size_t head)
{
    const masa_kv_layer *kv = c->kv;
    const masa_attention_shape *h = c->shape;
    size_t length = (size_t)c->rows->lengths[row];
    size_t group = h->q_heads / h->kv_heads, first = head * group * h->head_dim;
    size_t base = head * kv->block_tokens * kv->head_dim;
    float *lse = c->lse ? c->lse + row * h->q_heads + head * group : NULL;
    c->kernels->decode(at(c->out, h->dtype, row * h->q_heads * h->head_dim + first), lse,
                       at(c->q, h->dtype, row * h->stride + first), at(kv->k, h->dtype, base),
                       at(kv->v, h->dtype, base), blocks, kv->block_tokens,
                       kv->kv_heads * kv->block_tokens * kv->head_dim, length, group,
                       h->head_dim, h->scale, h->dtype);
}

static void cached_unit(void *call, size_t unit)
{
    const struct call *c = call;
    const masa_cached_rows *rows = c->rows;
    /* Head by head, so that a prompt that rows share is read from a cache. */
    const int32_t *first = &rows->runs[unit % rows->n_runs];
    struct run run = {(size_t)first[0], (size_t)(first[1] - first[0])};
    size_t head = unit / rows->n_runs;
    const int32_t *blocks =
        rows->block_tables + (size_t)rows->sequences[run.row] * rows->max_blocks;
    if (run.rows == 1) cached_row(c, blocks, run.row, head);
    else cached_chunk(c, blocks, run, head);
}

void cpu_attention_cached(void *out, float *lse, const void *q, const masa_kv_layer *kv,
                          const masa_cached_rows *rows, const masa_attention_shape *shape)
{
    struct call c = {.kernels = ISA_SELECT(attention_kernels),
                     .shape = shape,
                     .kv = kv,
                     .rows = rows,
                     .q = q,
                     .out = out,
                     .lse = lse};
    masa_parallel(rows->n_runs * shape->kv_heads, cached_unit, &c);
}
