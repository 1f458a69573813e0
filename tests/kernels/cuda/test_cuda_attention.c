/* Attention over packed segments, and over the block cache, against the processor's. */
#include "cuda_test.h"

struct attention {
    masa_attention_shape shape;
    const masa_segment *segments;
    size_t n_segments, rows, width;
    void *plan;
    char *qkv, *out, *dout, *dqkv;
    float *lse, *parts;
};

static void attention_run(const void *context)
{
    const struct attention *c = context;
    const masa_attention_shape *h = &c->shape;
    size_t size = masa_dtype_size(h->dtype), k = c->width * size;
    size_t v = k + h->kv_heads * h->head_dim * size;
    cuda_plan_set(c->plan, c->segments, c->n_segments);
    cuda_attention_forward(c->out, c->lse, c->qkv, c->qkv + k, c->qkv + v, c->plan, h);
    cuda_attention_backward(c->dqkv, c->dqkv + k, c->dqkv + v, c->parts, c->dout, c->out,
                            c->lse, c->qkv, c->qkv + k, c->qkv + v, c->plan, c->rows, h);
}

static void *processor_plan(const masa_segment *segments, size_t n)
{
    void *plan = NULL;
    assert_int_equal(backend_cpu.plan_create(&plan, n, NULL), MASA_OK);
    backend_cpu.plan_set(plan, segments, n);
    return plan;
}

static void processor_run(const struct attention *c, const struct tensor *qkv,
                          struct tensor *out, float *lse, const struct tensor *dout,
                          struct tensor *dqkv)
{
    const masa_attention_shape *h = &c->shape;
    size_t size = masa_dtype_size(h->dtype), k = c->width * size;
    size_t v = k + h->kv_heads * h->head_dim * size;
    char *x = qkv->data, *dx = dqkv->data;
    float *parts = calloc(
        backend_cpu.attention_backward_floats(c->rows, h->q_heads, h->head_dim), sizeof *parts);
    void *plan = processor_plan(c->segments, c->n_segments);
    backend_cpu.attention_forward(out->data, lse, x, x + k, x + v, plan, h);
    backend_cpu.attention_backward(dx, dx + k, dx + v, parts, dout->data, out->data, lse, x,
                                   x + k, x + v, plan, c->rows, h);
    backend_cpu.plan_destroy(plan);
    free(parts);
}

/* Relative to the whole gradient: single elements of it may cancel out. What lies behind
 * the heads of a row stays as it was. */
static void gradient_near(const struct gpu_arrays *a, const void *gpu,
                          const struct tensor *want, size_t width, size_t stride,
                          double tolerance)
{
    struct tensor got = {gpu_result(a, gpu), NULL, want->dtype, want->n};
    double error = 0, size = 0;
    for (size_t i = 0; i < want->n; i++) {
        if (i % stride >= width) {
            assert_true(isnan(tensor_at(&got, i)));
            continue;
        }
        double w = tensor_at(want, i), e = tensor_at(&got, i) - w;
        error += e * e;
        size += w * w;
        assert_near(e, 0, 20 * tolerance * fmax(1, fabs(w)));
    }
    assert_true(sqrt(error) <= tolerance * sqrt(size));
}

static void check(size_t q_heads, size_t kv_heads, size_t head_dim, masa_dtype dtype,
                  const masa_segment *segments, size_t n)
{
    masa_random random = masa_random_init(q_heads * 1000 + head_dim, MASA_STREAM_TEST);
    const masa_segment *last = &segments[n - 1];
    size_t rows = (size_t)(last->start + last->length), width = q_heads * head_dim;
    size_t used = width + 2 * kv_heads * head_dim, stride = used + 8;
    size_t size = masa_dtype_size(dtype);
    struct tensor qkv = tensor_random(&random, dtype, rows * stride, 1);
    struct tensor dout = tensor_random(&random, dtype, rows * width, 1);
    struct tensor out = tensor_zero(dtype, rows * width);
    struct tensor dqkv = tensor_zero(dtype, rows * stride),
                  lse = tensor_zero(MASA_F32, rows * q_heads);
    for (size_t i = 0; i < qkv.n; i++) /* between the rows */
        if (i % stride >= used) memset((char *)qkv.data + i * size, 0xff, size);
    struct gpu_arrays a = {0};
    struct attention c = {
        .shape = {q_heads, kv_heads, head_dim, stride, 1 / sqrtf((float)head_dim), dtype},
        .segments = segments,
        .n_segments = n,
        .rows = rows,
        .width = width,
        .plan = cuda_plan_create(1)};
    c.qkv = gpu_give_tensor(&a, &qkv), c.dout = gpu_give_tensor(&a, &dout);
    c.out = gpu_room(&a, out.n * size), c.dqkv = gpu_room(&a, dqkv.n * size);
    c.lse = gpu_room(&a, lse.n * 4);
    c.parts = gpu_room(&a, cuda_attention_backward_floats(rows, q_heads, head_dim) * 4);
    gpu_run(&a, attention_run, &c);
    processor_run(&c, &qkv, &out, lse.data, &dout, &dqkv);
    gpu_near(&a, c.out, out.data, dtype, out.n, dtype == MASA_F32 ? 4e-6 : 1.2e-2);
    gpu_near(&a, c.lse, lse.data, MASA_F32, lse.n, 4e-6);
    gradient_near(&a, c.dqkv, &dqkv, used, stride, dtype == MASA_F32 ? 4e-6 : 1e-2);
    cuda_plan_destroy(c.plan);
    gpu_drop(&a);
    tensor_free(&qkv), tensor_free(&dout), tensor_free(&out), tensor_free(&dqkv),
        tensor_free(&lse);
}

static const masa_segment single[] = {{0, 1, -1}};
static const masa_segment pair[] = {{0, 21, -1}, {21, 18, 0}};
/* Two trees: of one, three segments continue the first, and one of them goes on. */
static const masa_segment several[] = {{0, 5, -1},  {5, 70, -1}, {75, 3, 1},  {78, 20, 1},
                                       {98, 1, -1}, {99, 9, 1},  {108, 17, 3}};

static void matches(void **state)
{
    (void)state;
    for (int dtype = MASA_F32; dtype <= MASA_BF16; dtype++) {
        check(1, 1, 2, (masa_dtype)dtype, single, 1);
        check(4, 2, 20, (masa_dtype)dtype, several, 7);
        check(1, 1, 256, (masa_dtype)dtype, pair, 2);
    }
}

static void tensor_cores_match(void **state)
{
    (void)state;
    check(2, 1, 64, MASA_BF16, several, 7);
    check(1, 1, 128, MASA_BF16, several, 7);
    check(3, 1, 64, MASA_BF16, pair, 2);
    check(1, 1, 64, MASA_BF16, single, 1);
}

/* ---- the cache ---- */

struct cached {
    masa_attention_shape shape;
    masa_kv_layer kv;
    masa_cached_rows rows;
    size_t written;
    char *k, *v, *q, *out;
    int32_t *slots;
    float *lse;
};

static void cached_run(const void *context)
{
    const struct cached *c = context;
    cuda_kv_write(&c->kv, c->k, c->v, c->shape.stride, c->slots, c->written);
    cuda_attention_cached(c->out, c->lse, c->q, &c->kv, &c->rows, &c->shape);
}

/*
 * Four sequences: three continue a prompt of 70 tokens, whose whole blocks they share, the
 * fourth is of its own. Their last rows are decoded, of the fourth its last ten, and of the
 * prompt itself rows 60 to 69 (a chunk). The packed batch has them as segments.
 */
enum { PROMPT = 70, SEQUENCES = 5 };
static const masa_segment forest[] = {
    {0, PROMPT, -1}, {70, 1, 0}, {71, 30, 0}, {101, 95, 0}, {196, 40, -1}};
enum { FOREST = 5, FOREST_ROWS = 236 };

/* The row of the packed batch that is token t of sequence s (0: the prompt). */
static size_t packed_row(size_t s, size_t t)
{
    if (forest[s].parent < 0) return (size_t)forest[s].start + t;
    return t < PROMPT ? t : (size_t)forest[s].start + t - PROMPT;
}

static size_t tokens_of(size_t s)
{
    return (size_t)forest[s].length + (forest[s].parent < 0 ? 0 : PROMPT);
}

struct table {
    int32_t blocks[SEQUENCES * 40], slots[5 * FOREST_ROWS];
    size_t source[5 * FOREST_ROWS]; /* the packed row that goes to a slot */
    size_t max_blocks, n_blocks, n;
};

/* Blocks in falling order; shared ones have the prompt's numbers. */
static struct table make_table(size_t block_tokens)
{
    struct table t = {.max_blocks = 40 / (block_tokens < 16 ? 1 : 2)};
    int32_t next = SEQUENCES * 40 - 1;
    for (size_t s = 0; s < SEQUENCES; s++)
        for (size_t i = 0; i < tokens_of(s); i++) {
            size_t block = i / block_tokens;
            bool shared = forest[s].parent >= 0 && (block + 1) * block_tokens <= PROMPT;
            int32_t *at = &t.blocks[s * t.max_blocks + block];
            if (i % block_tokens == 0) *at = shared ? t.blocks[block] : next--;
            if (shared) continue;
            t.source[t.n] = packed_row(s, i);
            t.slots[t.n++] = *at * (int32_t)block_tokens + (int32_t)(i % block_tokens);
        }
    t.n_blocks = SEQUENCES * 40;
    return t;
}

/* The rows of the step: sequence and length of each. */
static size_t list_rows(int32_t *sequences, int32_t *lengths)
{
    size_t n = 0;
    for (int32_t i = 1; i <= 10; i++) sequences[n] = 0, lengths[n++] = PROMPT - 10 + i;
    for (int32_t s = 1; s <= 3; s++)
        sequences[n] = s, lengths[n++] = (int32_t)tokens_of((size_t)s);
    for (int32_t i = 1; i <= 10; i++) sequences[n] = 4, lengths[n++] = 30 + i;
    return n;
}

/* A row by itself, and not beside rows that read the same blocks: the same bits. */
static void check_alone(const struct gpu_arrays *a, const struct cached *c)
{
    size_t size = masa_dtype_size(c->shape.dtype);
    size_t bytes = c->shape.q_heads * c->shape.head_dim * size;
    const char *together = gpu_result(a, c->out);
    char *alone = malloc(bytes);
    for (size_t r = 0; r < c->rows.rows; r++) {
        masa_cached_rows one = c->rows;
        one.rows = 1;
        one.sequences += r;
        one.lengths += r;
        cuda_attention_cached(c->out, NULL, c->q + r * c->shape.stride * size, &c->kv, &one,
                              &c->shape);
        device_get(alone, c->out, bytes);
        assert_memory_equal(alone, together + r * bytes, bytes);
    }
    free(alone);
}

static void check_cached(size_t q_heads, size_t kv_heads, size_t head_dim, size_t block_tokens,
                         masa_dtype dtype)
{
    enum { ROWS = 23 };
    masa_random random = masa_random_init(head_dim, MASA_STREAM_TEST);
    size_t width = q_heads * head_dim, kv = kv_heads * head_dim, stride = width + 2 * kv;
    size_t size = masa_dtype_size(dtype);
    struct tensor qkv = tensor_random(&random, dtype, FOREST_ROWS * stride, 1);
    struct tensor want = tensor_zero(dtype, FOREST_ROWS * width);
    float *want_lse = calloc(FOREST_ROWS * q_heads, sizeof *want_lse);
    masa_attention_shape shape = {q_heads, kv_heads, head_dim, stride, 0.3f, dtype};
    char *x = qkv.data;
    void *plan = processor_plan(forest, FOREST);
    backend_cpu.attention_forward(want.data, want_lse, x, x + width * size,
                                  x + (width + kv) * size, plan, &shape);
    backend_cpu.plan_destroy(plan);
    struct table t = make_table(block_tokens);
    int32_t sequences[ROWS], lengths[ROWS], runs[ROWS + 1] = {0, 10, 11, 12, 13, 23};
    assert_int_equal(list_rows(sequences, lengths), ROWS);
    char *to_write = calloc(t.n, stride * size), *q = calloc(ROWS, stride * size);
    for (size_t i = 0; i < t.n; i++)
        memcpy(to_write + i * stride * size, x + t.source[i] * stride * size, stride * size);
    for (size_t r = 0; r < ROWS; r++)
        memcpy(q + r * stride * size,
               x + packed_row((size_t)sequences[r], (size_t)lengths[r] - 1) * stride * size,
               stride * size);
    struct gpu_arrays a = {0};
    struct cached c = {.shape = shape, .written = t.n};
    size_t bytes = t.n_blocks * block_tokens * kv * size;
    c.kv = (masa_kv_layer){
        gpu_room(&a, bytes), gpu_room(&a, bytes), block_tokens, kv_heads, head_dim, dtype};
    char *rows = gpu_give(&a, to_write, t.n * stride * size);
    c.k = rows + width * size, c.v = rows + (width + kv) * size;
    c.q = gpu_give(&a, q, ROWS * stride * size), c.out = gpu_room(&a, ROWS * width * size);
    c.lse = gpu_room(&a, ROWS * q_heads * 4);
    c.slots = gpu_give(&a, t.slots, t.n * sizeof *t.slots);
    c.rows = (masa_cached_rows){.rows = ROWS,
                                .n_runs = 5,
                                .longest_run = 10,
                                .longest_context = PROMPT + 95,
                                .max_blocks = t.max_blocks};
    c.rows.block_tables = gpu_give(&a, t.blocks, SEQUENCES * t.max_blocks * sizeof *t.blocks);
    c.rows.sequences = gpu_give(&a, sequences, sizeof sequences);
    c.rows.lengths = gpu_give(&a, lengths, sizeof lengths);
    c.rows.runs = gpu_give(&a, runs, 6 * sizeof *runs);
    gpu_run(&a, cached_run, &c);
    struct tensor got = {gpu_result(&a, c.out), NULL, dtype, ROWS * width};
    float *lse = gpu_result(&a, c.lse);
    for (size_t r = 0; r < ROWS; r++) {
        size_t from = packed_row((size_t)sequences[r], (size_t)lengths[r] - 1);
        for (size_t i = 0; i < width; i++) {
            double w = tensor_at(&want, from * width + i);
            assert_near(tensor_at(&got, r * width + i), w,
                        (dtype == MASA_F32 ? 4e-6 : 1.2e-2) * fmax(1, fabs(w)));
        }
        for (size_t h = 0; h < q_heads; h++)
            assert_near(lse[r * q_heads + h], want_lse[from * q_heads + h], 1e-5);
    }
    check_alone(&a, &c);
    gpu_drop(&a);
    free(to_write), free(q), free(want_lse);
    tensor_free(&qkv), tensor_free(&want);
}

static void cached_matches(void **state)
{
    (void)state;
    for (int dtype = MASA_F32; dtype <= MASA_BF16; dtype++) {
        check_cached(3, 1, 8, 16, (masa_dtype)dtype);
        check_cached(2, 2, 20, 5, (masa_dtype)dtype);
    }
    check_cached(2, 1, 64, 8, MASA_BF16); /* 16 keys are not side by side */
    check_cached(20, 1, 4, 16, MASA_F32); /* more query heads than slots */
}

static void cached_tensor_cores_match(void **state)
{
    (void)state;
    check_cached(6, 2, 64, 16, MASA_BF16);
    check_cached(20, 1, 64, 32, MASA_BF16);
    check_cached(1, 1, 128, 16, MASA_BF16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches), cmocka_unit_test(tensor_cores_match),
        cmocka_unit_test(cached_matches), cmocka_unit_test(cached_tensor_cores_match)};
    return cmocka_run_group_tests(tests, gpu_start, NULL);
}
