/* Attention over packed segments against float64: forward, and gradients by the chain
 * rule written out. The block cache is tested through the model (test_decode.c). */
#include "kernels_test.h"
#include <masa/attention.h>
#include <omp.h>

struct attention_case {
    masa_attention_shape shape;
    const masa_segment *segments;
    size_t n_segments, rows;
    struct tensor qkv, out, dout, dqkv; /* [rows, stride], [rows, heads * head_dim] */
    float *lse;
    double *want_out, *want_dqkv, *want_lse;
};

static const masa_segment several[] = {{0, 5, -1},   {5, 70, -1},  {75, 3, 1},   {78, 130, 1},
                                       {208, 1, -1}, {209, 64, 1}, {273, 33, 4}, {306, 40, 3},
                                       {346, 9, 7},  {355, 70, 3}};
static const masa_segment single[] = {{0, 1, -1}};

static struct attention_case make(size_t q_heads, size_t kv_heads, size_t head_dim,
                                  masa_dtype dtype, const masa_segment *segments, size_t n)
{
    masa_random random = masa_random_init(q_heads * 1000 + head_dim, MASA_STREAM_TEST);
    size_t width = q_heads * head_dim, stride = width + 2 * kv_heads * head_dim + 6;
    const masa_segment *last = &segments[n - 1];
    struct attention_case c = {
        .shape = {q_heads, kv_heads, head_dim, stride, 1 / sqrtf((float)head_dim), dtype},
        .segments = segments,
        .n_segments = n,
        .rows = (size_t)(last->start + last->length)};
    c.qkv = tensor_random(&random, dtype, c.rows * stride, 1);
    c.dout = tensor_random(&random, dtype, c.rows * width, 1);
    c.out = tensor_zero(dtype, c.rows * width);
    c.dqkv = tensor_zero(dtype, c.rows * stride);
    c.lse = calloc(c.rows * q_heads, sizeof(float));
    c.want_out = calloc(c.out.n, sizeof(double));
    c.want_dqkv = calloc(c.qkv.n, sizeof(double));
    c.want_lse = calloc(c.rows * q_heads, sizeof(double));
    return c;
}

static void drop(struct attention_case *c)
{
    tensor_free(&c->qkv), tensor_free(&c->dout), tensor_free(&c->out);
    tensor_free(&c->dqkv);
    free(c->lse), free(c->want_out), free(c->want_dqkv), free(c->want_lse);
}

/* Keys of what a segment continues. */
static size_t keys_before(const struct attention_case *c, const masa_segment *s)
{
    if (s->parent < 0) return 0;
    const masa_segment *parent = &c->segments[s->parent];
    return keys_before(c, parent) + (size_t)parent->length;
}

/* The row of key number j of a segment: those of what it continues come first. */
static size_t key_row(const struct attention_case *c, const masa_segment *s, size_t j)
{
    size_t before = keys_before(c, s);
    return j < before ? key_row(c, &c->segments[s->parent], j) : (size_t)s->start + j - before;
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* One query of one head: its output, and all it adds to the gradients. */
static void reference_query(struct attention_case *c, const masa_segment *s, size_t i,
                            size_t head, double *p)
{
    const masa_attention_shape *h = &c->shape;
    size_t n = h->head_dim, width = h->q_heads * n, row = (size_t)s->start + i;
    size_t keys = keys_before(c, s) + i + 1;
    size_t q = row * h->stride + head * n, kv = head / (h->q_heads / h->kv_heads) * n;
    size_t k_at = width + kv, v_at = k_at + h->kv_heads * n;
    const double *x = c->qkv.value, *dout = c->dout.value + row * width + head * n;
    double *out = c->want_out + row * width + head * n, *d = c->want_dqkv, sum = 0;
    double most = -INFINITY, delta = 0;
    for (size_t j = 0; j < keys; j++) {
        p[j] = (double)h->scale * dot(x + q, x + key_row(c, s, j) * h->stride + k_at, n);
        most = fmax(most, p[j]);
    }
    for (size_t j = 0; j < keys; j++) sum += p[j] = exp(p[j] - most);
    c->want_lse[row * h->q_heads + head] = most + log(sum);
    for (size_t j = 0; j < keys; j++) {
        p[j] /= sum;
        for (size_t e = 0; e < n; e++)
            out[e] += p[j] * x[key_row(c, s, j) * h->stride + v_at + e];
    }
    delta = dot(out, dout, n);
    for (size_t j = 0; j < keys; j++) {
        size_t at = key_row(c, s, j) * h->stride;
        double ds = p[j] * (dot(dout, x + at + v_at, n) - delta) * (double)h->scale;
        for (size_t e = 0; e < n; e++) {
            d[q + e] += ds * x[at + k_at + e];
            d[at + k_at + e] += ds * x[q + e];
            d[at + v_at + e] += p[j] * dout[e];
        }
    }
}

static void reference(struct attention_case *c)
{
    double *p = calloc(c->rows, sizeof *p);
    for (size_t s = 0; s < c->n_segments; s++)
        for (size_t i = 0; i < (size_t)c->segments[s].length; i++)
            for (size_t head = 0; head < c->shape.q_heads; head++)
                reference_query(c, &c->segments[s], i, head, p);
    free(p);
}

static void *part(const struct tensor *t, size_t at)
{
    return (char *)t->data + at * masa_dtype_size(t->dtype);
}

static void run(struct attention_case *c)
{
    const masa_attention_shape *h = &c->shape;
    size_t k = h->q_heads * h->head_dim, v = k + h->kv_heads * h->head_dim;
    float *parts =
        calloc(masa_attention_backward_floats(c->rows, h->q_heads, h->head_dim), sizeof *parts);
    masa_attention_plan *plan = NULL;
    assert_int_equal(masa_attention_plan_create(&plan, 10, NULL), MASA_OK);
    masa_attention_plan_set(plan, several, 10); /* of another batch: forgotten */
    masa_attention_plan_set(plan, c->segments, c->n_segments);
    masa_attention_forward(c->out.data, c->lse, c->qkv.data, part(&c->qkv, k), part(&c->qkv, v),
                           plan, h);
    masa_attention_backward(c->dqkv.data, part(&c->dqkv, k), part(&c->dqkv, v), parts,
                            c->dout.data, c->out.data, c->lse, c->qkv.data, part(&c->qkv, k),
                            part(&c->qkv, v), plan, h);
    masa_attention_plan_destroy(plan);
    free(parts);
}

/* Relative to the whole gradient: single elements of it may cancel out. */
static void gradient_matches(const struct tensor *t, const double *want, double tolerance)
{
    double error = 0, size = 0;
    for (size_t i = 0; i < t->n; i++) {
        double e = tensor_at(t, i) - want[i];
        error += e * e;
        size += want[i] * want[i];
        assert_near(tensor_at(t, i), want[i], 20 * tolerance * fmax(1, fabs(want[i])));
    }
    assert_true(sqrt(error) <= tolerance * sqrt(size));
}

static void check(size_t q_heads, size_t kv_heads, size_t head_dim, masa_dtype dtype,
                  const masa_segment *segments, size_t n)
{
    struct attention_case c = make(q_heads, kv_heads, head_dim, dtype, segments, n);
    reference(&c);
    run(&c);
    /* Where bf16 is native the probabilities are rounded too, not the result alone. */
    double rounding = storage_tolerance(dtype, 2e-6);
    tensor_matches(&c.out, c.want_out, dtype == MASA_BF16 ? 2 * rounding : rounding);
    for (size_t i = 0; i < c.rows * q_heads; i++)
        assert_near(c.lse[i], c.want_lse[i], 2e-6 * fmax(1, fabs(c.want_lse[i])));
    gradient_matches(&c.dqkv, c.want_dqkv, dtype == MASA_F32 ? 2e-6 : 6e-3);
    drop(&c);
}

static void matches_float64(void **state)
{
    (void)state;
    for (int dtype = MASA_F32; dtype <= MASA_BF16; dtype++) {
        check(1, 1, 2, (masa_dtype)dtype, single, 1);
        check(3, 1, 64, (masa_dtype)dtype, several, 7);
        check(1, 1, 16, (masa_dtype)dtype, several, 10);
        check(4, 2, 20, (masa_dtype)dtype, several, 7);
        check(2, 2, 96, (masa_dtype)dtype, several, 7);
        check(2, 1, 256, (masa_dtype)dtype, several, 3);
    }
}

static void does_not_depend_on_threads(void **state)
{
    (void)state;
    int threads = omp_get_max_threads();
    struct attention_case a = make(6, 2, 64, MASA_BF16, several, 7);
    struct attention_case b = make(6, 2, 64, MASA_BF16, several, 7);
    omp_set_num_threads(1);
    run(&a);
    omp_set_num_threads(3);
    run(&b);
    omp_set_num_threads(threads);
    assert_memory_equal(a.out.data, b.out.data, a.out.n * 2);
    assert_memory_equal(a.dqkv.data, b.dqkv.data, a.dqkv.n * 2);
    drop(&a), drop(&b);
}

static void a_plan_takes_the_memory_that_it_says(void **state)
{
    (void)state;
    assert_true(masa_attention_plan_bytes(20) > masa_attention_plan_bytes(10));
    assert_true(masa_attention_plan_bytes(SIZE_MAX / 4) == SIZE_MAX);
    masa_attention_plan *plan = NULL;
    masa_error err = {0};
    assert_int_equal(masa_attention_plan_create(&plan, SIZE_MAX / 4, &err), MASA_ERR_MEMORY);
    assert_null(plan);
    masa_attention_plan_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_float64),
        cmocka_unit_test(does_not_depend_on_threads),
        cmocka_unit_test(a_plan_takes_the_memory_that_it_says),
        cmocka_unit_test(passes_on_lower_instruction_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
