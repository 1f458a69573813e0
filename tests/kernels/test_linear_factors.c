/* Factors beside a map: its products are those of the merged weights. */
#include "kernels_test.h"
#include <masa/linear.h>

enum { OUT = 37, IN = 50, RANK = 5, PAIRS = 2 };

/* A random matrix as a map holds it. */
static struct tensor weights(masa_random *random, masa_dtype dtype, size_t n, double scale)
{
    struct tensor t = tensor_random(random, MASA_F32, n, scale);
    for (size_t i = 0; i < n; i++)
        if (dtype == MASA_BF16)
            t.value[i] = masa_bf16_to_f32(masa_f32_to_bf16((float)t.value[i]));
    return t;
}

static masa_linear *map_of(const struct tensor *w, size_t out, size_t in, masa_dtype dtype)
{
    masa_linear *l = NULL;
    assert_int_equal(masa_linear_create(&l, out, in, dtype, true, NULL), MASA_OK);
    masa_linear_pack(l, w->data);
    return l;
}

/* Two pairs at one map. */
typedef struct setting {
    masa_linear *map;
    masa_linear_factors pair[PAIRS];
    struct tensor w, a[PAIRS], b[PAIRS], da[PAIRS], db[PAIRS], room;
    double merged[OUT * IN];
} setting;

static void set_up(setting *s, masa_dtype dtype)
{
    masa_random random = masa_random_init(3, MASA_STREAM_TEST);
    s->w = weights(&random, dtype, OUT * IN, 1);
    s->map = map_of(&s->w, OUT, IN, dtype);
    s->room = tensor_zero(dtype, MASA_FACTOR_ROWS * RANK);
    memcpy(s->merged, s->w.value, sizeof s->merged);
    for (int p = 0; p < PAIRS; p++) {
        s->a[p] = weights(&random, dtype, RANK * IN, 0.5);
        s->b[p] = weights(&random, dtype, OUT * RANK, 0.5);
        s->da[p] = tensor_random(&random, MASA_F32, RANK * IN, 1);
        s->db[p] = tensor_random(&random, MASA_F32, OUT * RANK, 1);
        s->pair[p] = (masa_linear_factors){.a = map_of(&s->a[p], RANK, IN, dtype),
                                           .b = map_of(&s->b[p], OUT, RANK, dtype),
                                           .da = s->da[p].data,
                                           .db = s->db[p].data,
                                           .room = s->room.data};
        for (size_t o = 0; o < OUT; o++)
            for (size_t i = 0; i < IN; i++)
                for (size_t k = 0; k < RANK; k++)
                    s->merged[o * IN + i] +=
                        s->b[p].value[o * RANK + k] * s->a[p].value[k * IN + i];
        masa_linear_attach(s->map, &s->pair[p]);
    }
}

static void tear_down(setting *s)
{
    for (int p = 0; p < PAIRS; p++) {
        masa_linear_detach(s->map);
        masa_linear_destroy(s->pair[p].a), masa_linear_destroy(s->pair[p].b);
        tensor_free(&s->a[p]), tensor_free(&s->b[p]);
        tensor_free(&s->da[p]), tensor_free(&s->db[p]);
    }
    masa_linear_destroy(s->map);
    tensor_free(&s->w), tensor_free(&s->room);
}

/* z [rows, n] += x [rows, k] m, where m is [k, n], or turned [n, k]. */
static void multiply(double *z, const double *x, const double *m, size_t rows, size_t n,
                     size_t k, bool turned)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < n; j++)
            for (size_t i = 0; i < k; i++)
                z[r * n + j] += x[r * k + i] * (turned ? m[j * k + i] : m[i * n + j]);
}

/* g [n, m] += dy [rows, n]^T x [rows, m] */
static void outer(double *g, const double *dy, const double *x, size_t rows, size_t n, size_t m)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < n; j++)
            for (size_t i = 0; i < m; i++) g[j * m + i] += dy[r * n + j] * x[r * m + i];
}

/* The last pair's gradients, and no other's. */
static void check_gradients(setting *s, const struct tensor *dy, const struct tensor *x,
                            size_t rows, double tolerance)
{
    const int last = PAIRS - 1;
    struct tensor other = tensor_zero(MASA_F32, RANK * IN);
    double *u = calloc(rows * RANK, sizeof *u), *v = calloc(rows * RANK, sizeof *v);
    memcpy(other.data, s->da[0].data, RANK * IN * sizeof(float));
    multiply(u, x->value, s->a[last].value, rows, RANK, IN, true);
    multiply(v, dy->value, s->b[last].value, rows, RANK, OUT, false);
    outer(s->db[last].value, dy->value, u, rows, OUT, RANK);
    outer(s->da[last].value, v, x->value, rows, RANK, IN);
    masa_linear_backward_weight(s->map, NULL, NULL, dy->data, x->data, rows);
    tensor_matches(&s->da[last], s->da[last].value, tolerance * sqrt((double)rows));
    tensor_matches(&s->db[last], s->db[last].value, tolerance * sqrt((double)rows));
    assert_memory_equal(other.data, s->da[0].data, RANK * IN * sizeof(float));
    tensor_free(&other), free(u), free(v);
}

static void check(masa_dtype dtype, size_t rows)
{
    setting s;
    set_up(&s, dtype);
    masa_random random = masa_random_init(rows, MASA_STREAM_TEST);
    struct tensor x = tensor_random(&random, dtype, rows * IN, 1);
    struct tensor dy = tensor_random(&random, dtype, rows * OUT, 1);
    struct tensor y = tensor_zero(MASA_F32, rows * OUT), dx = tensor_zero(dtype, rows * IN);
    double tolerance = dtype == MASA_F32 ? 2e-5 : 0.15; /* what lies between is rounded */
    multiply(y.value, x.value, s.merged, rows, OUT, IN, true);
    multiply(dx.value, dy.value, s.merged, rows, IN, OUT, false);
    masa_linear_forward(s.map, y.data, MASA_F32, x.data, NULL, rows, false);
    masa_linear_backward_input(s.map, dx.data, dtype, dy.data, rows, false);
    tensor_matches(&y, y.value, tolerance);
    tensor_matches(&dx, dx.value, tolerance);
    check_gradients(&s, &dy, &x, rows, tolerance);
    tensor_free(&x), tensor_free(&dy), tensor_free(&y), tensor_free(&dx);
    tear_down(&s);
}

static void are_products_of_the_merged_weights(void **state)
{
    (void)state;
    const size_t rows[] = {1, 7, 200, MASA_FACTOR_ROWS + 77};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check(MASA_F32, rows[i]);
        check(MASA_BF16, rows[i]);
    }
}

/* Detached, the map is what it was. */
static void leave_nothing_behind(void **state)
{
    (void)state;
    setting s;
    set_up(&s, MASA_F32);
    float x[IN], with[OUT], without[OUT], plain[OUT];
    for (size_t i = 0; i < IN; i++) x[i] = (float)i - 20;
    masa_linear_forward(s.map, with, MASA_F32, x, NULL, 1, false);
    masa_linear_detach(s.map);
    masa_linear_detach(s.map);
    masa_linear_forward(s.map, without, MASA_F32, x, NULL, 1, false);
    masa_linear *alone = map_of(&s.w, OUT, IN, MASA_F32);
    masa_linear_forward(alone, plain, MASA_F32, x, NULL, 1, false);
    assert_memory_equal(plain, without, sizeof plain);
    assert_memory_not_equal(with, without, sizeof with);
    masa_linear_destroy(alone);
    for (int p = 0; p < PAIRS; p++) masa_linear_attach(s.map, &s.pair[p]);
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_products_of_the_merged_weights),
        cmocka_unit_test(leave_nothing_behind),
        cmocka_unit_test(passes_on_lower_instruction_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
