/* Attention over the block cache equals attention over the packed sequence, to the last
 * bit: heads and blocks of whole vectors (read in place) and of other sizes (copied). */
#include "kernels_test.h"
#include <masa/attention.h>
#include <masa/memory.h>

enum { SEQUENCES = 6, LONGEST = 150 };
static const int32_t sequence_length[SEQUENCES] = {1, 16, 17, 64, 65, LONGEST};

struct sizes {
    size_t q_heads, kv_heads, head_dim, block_tokens;
};

struct packed {
    masa_attention_shape shape;
    masa_segment segments[SEQUENCES];
    size_t rows, width;
    struct tensor qkv, out;
    const void *q, *k, *v;
    float *lse; /* [rows, q_heads] */
};

static const void *element(const struct tensor *t, size_t i)
{
    return (const char *)t->data + i * masa_dtype_size(t->dtype);
}

static struct packed make_packed(const struct sizes *s, masa_dtype dtype)
{
    masa_random random = masa_random_init(5, MASA_STREAM_TEST);
    struct packed p = {.width = s->q_heads * s->head_dim};
    size_t kv = s->kv_heads * s->head_dim, stride = p.width + 2 * kv;
    p.shape = (masa_attention_shape){s->q_heads, s->kv_heads, s->head_dim, stride, 0.3f, dtype};
    for (size_t i = 0; i < SEQUENCES; i++) {
        p.segments[i] = (masa_segment){(int32_t)p.rows, sequence_length[i], -1};
        p.rows += (size_t)sequence_length[i];
    }
    p.qkv = tensor_random(&random, dtype, p.rows * stride, 1);
    p.out = tensor_zero(dtype, p.rows * p.width);
    p.q = p.qkv.data;
    p.k = element(&p.qkv, p.width);
    p.v = element(&p.qkv, p.width + kv);
    p.lse = masa_alloc(p.rows * s->q_heads, sizeof *p.lse);
    masa_attention_plan *plan = NULL;
    assert_int_equal(masa_attention_plan_create(&plan, SEQUENCES, NULL), MASA_OK);
    masa_attention_plan_set(plan, p.segments, SEQUENCES);
    masa_attention_forward(p.out.data, p.lse, p.q, p.k, p.v, plan, &p.shape);
    masa_attention_plan_destroy(plan);
    return p;
}

/* A cache of the packed sequences in scattered blocks; what is not theirs is NaN. */
struct cache {
    masa_kv_layer layer;
    int32_t *tables;
    size_t max_blocks;
};

static struct cache make_cache(const struct sizes *s, const struct packed *p)
{
    struct cache c = {.max_blocks = LONGEST / s->block_tokens + 1};
    size_t blocks = SEQUENCES * c.max_blocks, tokens = s->block_tokens, row = 0;
    size_t bytes =
        blocks * tokens * s->kv_heads * s->head_dim * masa_dtype_size(p->shape.dtype);
    int32_t *slots = masa_alloc(p->rows, sizeof *slots);
    c.layer = (masa_kv_layer){masa_alloc(bytes, 1), masa_alloc(bytes, 1), tokens,
                              s->kv_heads,          s->head_dim,          p->shape.dtype};
    memset(c.layer.k, 0xFF, bytes);
    memset(c.layer.v, 0xFF, bytes);
    c.tables = masa_alloc(blocks, sizeof *c.tables);
    for (size_t i = 0; i < blocks; i++) /* interleaved, backwards */
        c.tables[i] =
            (int32_t)((c.max_blocks - 1 - i % c.max_blocks) * SEQUENCES + i / c.max_blocks);
    for (size_t i = 0; i < SEQUENCES; i++)
        for (size_t t = 0; t < (size_t)sequence_length[i]; t++)
            slots[row++] = c.tables[i * c.max_blocks + t / tokens] * (int32_t)tokens +
                           (int32_t)(t % tokens);
    masa_kv_write(&c.layer, p->k, p->v, p->shape.stride, slots, p->rows);
    free(slots);
    return c;
}

/* The last row of every sequence decoded in one call, the longest twice; and between these
 * a chunk of the longest, which is a run of several rows. */
static void check(const struct sizes *s, masa_dtype dtype)
{
    enum { CHUNK = 40, RUNS = SEQUENCES + 2, ROWS = SEQUENCES + 1 + CHUNK };
    struct packed p = make_packed(s, dtype);
    struct cache c = make_cache(s, &p);
    size_t size = masa_dtype_size(dtype), stride = p.shape.stride;
    int32_t sequences[ROWS], lengths[ROWS];
    size_t source[ROWS];
    char *q = masa_alloc(ROWS * stride, size), *out = masa_alloc(ROWS * p.width, size);
    size_t heads = p.shape.q_heads;
    float *lse = masa_alloc(ROWS * heads, sizeof *lse);
    int32_t runs[RUNS + 1];
    size_t n_runs = 0;
    for (size_t i = 0; i < ROWS; i++) {
        /* 5, 0, 1, 2, then the chunk of 5, 3, 4, 5 */
        size_t single = i < 4 ? i : i < 4 + CHUNK ? 0 : i - CHUNK;
        size_t sequence = (single + SEQUENCES - 1) % SEQUENCES;
        sequences[i] = (int32_t)sequence;
        lengths[i] = sequence_length[sequence];
        if (i >= 4 && i < 4 + CHUNK) lengths[i] -= (int32_t)(4 + CHUNK - i);
        if (i <= 4 || i >= 4 + CHUNK) runs[n_runs++] = (int32_t)i;
        source[i] = (size_t)(p.segments[sequence].start + lengths[i]) - 1;
        memcpy(q + i * stride * size, element(&p.qkv, source[i] * stride), stride * size);
    }
    runs[n_runs] = ROWS;
    assert_int_equal(n_runs, RUNS);
    masa_cached_rows rows = {.rows = ROWS,
                             .n_runs = RUNS,
                             .longest_run = CHUNK,
                             .longest_context = LONGEST,
                             .max_blocks = c.max_blocks,
                             .block_tables = c.tables,
                             .sequences = sequences,
                             .lengths = lengths,
                             .runs = runs};
    masa_attention_cached(out, lse, q, &c.layer, &rows, &p.shape);
    for (size_t i = 0; i < ROWS; i++) {
        assert_memory_equal(out + i * p.width * size, element(&p.out, source[i] * p.width),
                            p.width * size);
        assert_memory_equal(lse + i * heads, p.lse + source[i] * heads, heads * sizeof *lse);
    }
    free(q), free(out), free(lse), free(p.lse), free(c.tables), free(c.layer.k),
        free(c.layer.v);
    tensor_free(&p.qkv);
    tensor_free(&p.out);
}

static void equals_packed_attention(void **state)
{
    (void)state;
    static const struct sizes cases[] = {
        {3, 1, 64, 16}, /* whole vectors, three heads a group */
        {9, 3, 64, 16},  {2, 2, 128, 32}, {4, 2, 80, 16}, {10, 2, 16, 48},
        {16, 2, 96, 64}, {4, 2, 8, 16},   {6, 2, 24, 16}, /* heads that are not */
        {4, 1, 32, 8},   {2, 1, 64, 5},                   /* blocks that are not */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check(&cases[i], MASA_F32);
        check(&cases[i], MASA_BF16);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_packed_attention),
                                       cmocka_unit_test(passes_on_lower_instruction_sets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
