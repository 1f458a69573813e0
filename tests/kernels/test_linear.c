#include "kernels_test.h"
#include <masa/device.h>
#include <masa/linear.h>
#include <masa/memory.h>
#include <masa/parallel.h>

struct shape {
    size_t out, in;
};
static const struct shape shapes[] = {{1, 1},    {3, 5},     {17, 33},  {64, 64}, {96, 128},
                                      {100, 31}, {160, 576}, {3, 1100}, {2, 8300}};
/* The last ones are beyond the chunks of the weight gradient, with AMX the very last. */
static const size_t row_counts[] = {0, 1, 2, 3, 4, 5, 7, 16, 33, 130, 767, 1281, 3100};
enum { SHAPES = sizeof shapes / sizeof *shapes, ROWS = sizeof row_counts / sizeof *row_counts };

static bool plain(void)
{
    return masa_isa_get() == MASA_ISA_REFERENCE;
}

/* Plain loops take a row at a time whatever the shape, and long where they are checked. */
static bool slow(struct shape s)
{
    return plain() && s.out * s.in > 5000;
}

static masa_linear *make(const struct tensor *weight, struct shape s, masa_dtype dtype,
                         bool trainable)
{
    masa_linear *l = NULL;
    masa_error err;
    assert_int_equal(masa_linear_create(&l, s.out, s.in, dtype, trainable, &err), MASA_OK);
    masa_linear_pack(l, weight->data);
    return l;
}

/* What the packed weights hold: the float32 weights rounded to the compute type. */
static void round_values(struct tensor *weight, masa_dtype dtype)
{
    for (size_t i = 0; dtype == MASA_BF16 && i < weight->n; i++)
        weight->value[i] = masa_bf16_to_f32(masa_f32_to_bf16((float)weight->value[i]));
}

/* The sum of a[i * by_a] b[i * by_b]. */
static double dot(const double *a, size_t by_a, const double *b, size_t by_b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i * by_a] * b[i * by_b];
    return sum;
}

/* Every way to write x W^T: into either type, with a bias or without, over what is there or on. */
static void check_forward(masa_linear *l, const struct tensor *w, struct shape s, size_t rows)
{
    masa_random random = masa_random_init(rows * 100 + s.out, MASA_STREAM_TEST);
    struct tensor x = tensor_random(&random, masa_linear_dtype(l), rows * s.in, 1);
    struct tensor bias = tensor_random(&random, MASA_F32, s.out, 1);
    double *product = calloc(rows * s.out + 1, sizeof *product);
    double *want = calloc(rows * s.out + 1, sizeof *want);
    for (size_t r = 0; r < rows; r++)
        for (size_t o = 0; o < s.out; o++)
            product[r * s.out + o] = dot(&x.value[r * s.in], 1, &w->value[o * s.in], 1, s.in);
    for (int variant = 0; variant < 8; variant++) {
        masa_dtype dtype = variant & 1 ? MASA_BF16 : MASA_F32;
        bool with_bias = variant & 2, accumulate = variant & 4;
        struct tensor y = tensor_random(&random, dtype, rows * s.out, 1);
        for (size_t i = 0; i < y.n; i++)
            want[i] = product[i] + (with_bias ? bias.value[i % s.out] : 0) +
                      (accumulate ? y.value[i] : 0);
        masa_linear_forward(l, y.data, dtype, x.data, with_bias ? bias.data : NULL, rows,
                            accumulate);
        tensor_matches(&y, want, storage_tolerance(dtype, 1e-5));
        tensor_free(&y);
    }
    tensor_free(&x), tensor_free(&bias), free(product), free(want);
}

static void check_backward_input(masa_linear *l, const struct tensor *w, struct shape s,
                                 size_t rows)
{
    masa_random random = masa_random_init(rows * 100 + s.in, MASA_STREAM_TEST);
    struct tensor dy = tensor_random(&random, masa_linear_dtype(l), rows * s.out, 1);
    double *product = calloc(rows * s.in + 1, sizeof *product);
    double *want = calloc(rows * s.in + 1, sizeof *want);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < s.in; i++)
            product[r * s.in + i] = dot(&dy.value[r * s.out], 1, &w->value[i], s.in, s.out);
    for (int variant = 0; variant < 4; variant++) {
        masa_dtype dtype = variant & 1 ? MASA_BF16 : MASA_F32;
        bool accumulate = variant & 2;
        struct tensor dx = tensor_random(&random, dtype, rows * s.in, 1);
        for (size_t i = 0; i < dx.n; i++) want[i] = product[i] + (accumulate ? dx.value[i] : 0);
        masa_linear_backward_input(l, dx.data, dtype, dy.data, rows, accumulate);
        tensor_matches(&dx, want, storage_tolerance(dtype, 1e-5));
        tensor_free(&dx);
    }
    tensor_free(&dy), free(product), free(want);
}

static void check_backward_weight(masa_linear *l, struct shape s, size_t rows)
{
    masa_random random = masa_random_init(rows, MASA_STREAM_TEST);
    struct tensor dy = tensor_random(&random, masa_linear_dtype(l), rows * s.out, 1);
    struct tensor x = tensor_random(&random, masa_linear_dtype(l), rows * s.in, 1);
    struct tensor dw = tensor_random(&random, MASA_F32, s.out * s.in, 1);
    struct tensor dbias = tensor_random(&random, MASA_F32, s.out, 1);
    for (size_t r = 0; r < rows; r++)
        for (size_t o = 0; o < s.out; o++) {
            double d = dy.value[r * s.out + o], *sums = &dw.value[o * s.in];
            const double *with = &x.value[r * s.in];
            dbias.value[o] += d;
            for (size_t i = 0; i < s.in; i++) sums[i] += d * with[i];
        }
    masa_linear_backward_weight(l, dw.data, rows % 2 ? dbias.data : NULL, dy.data, x.data,
                                rows);
    /* float32 sums of that many terms of size 1. */
    double tolerance = 2e-5 * fmax(1, sqrt((double)rows) / 8);
    tensor_matches(&dw, dw.value, tolerance);
    if (rows % 2) tensor_matches(&dbias, dbias.value, tolerance);
    tensor_free(&dy), tensor_free(&x), tensor_free(&dw), tensor_free(&dbias);
}

static void check_map(struct shape s, masa_dtype dtype)
{
    masa_random random = masa_random_init(s.out * 1000 + s.in, MASA_STREAM_TEST);
    struct tensor w = tensor_random(&random, MASA_F32, s.out * s.in, 1 / sqrt((double)s.in));
    round_values(&w, dtype);
    masa_linear *l = make(&w, s, dtype, true);
    for (size_t r = 0; r < ROWS; r++) {
        /* Plain loops have no chunks, and the last rows would take long on large maps. */
        if (row_counts[r] > (plain() ? 200 : s.out * s.in > 10000 ? 2000 : 4000)) continue;
        check_backward_weight(l, s, row_counts[r]);
        if (row_counts[r] > 200) continue;
        check_forward(l, &w, s, row_counts[r]);
        check_backward_input(l, &w, s, row_counts[r]);
    }
    masa_linear_destroy(l);
    tensor_free(&w);
}

static void matches_float64_in_f32(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) check_map(shapes[i], MASA_F32);
}

static void matches_float64_in_bf16(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) check_map(shapes[i], MASA_BF16);
}

/* A row gives the same alone and inside any batch, up to float32 rounding. */
static void rows_do_not_see_each_other(void **state)
{
    (void)state;
    enum { BATCH = 70 };
    struct shape s = {192, 320};
    masa_random random = masa_random_init(5, MASA_STREAM_TEST);
    for (int dtype = MASA_F32; dtype <= MASA_BF16; dtype++) {
        struct tensor w = tensor_random(&random, MASA_F32, s.out * s.in, 0.1);
        struct tensor x = tensor_random(&random, (masa_dtype)dtype, BATCH * s.in, 1);
        struct tensor y = tensor_zero(MASA_F32, BATCH * s.out);
        masa_linear *l = make(&w, s, (masa_dtype)dtype, false);
        masa_linear_forward(l, y.data, MASA_F32, x.data, NULL, BATCH, false);
        for (size_t rows = 1; rows < BATCH; rows += rows < 8 ? 1 : 9) {
            struct tensor few = tensor_zero(MASA_F32, rows * s.out);
            masa_linear_forward(l, few.data, MASA_F32, x.data, NULL, rows, false);
            for (size_t i = 0; i < few.n; i++)
                assert_near(((float *)few.data)[i], ((float *)y.data)[i], 5e-6);
            tensor_free(&few);
        }
        masa_linear_destroy(l);
        tensor_free(&w), tensor_free(&x), tensor_free(&y);
    }
}

/* Few rows, a product of our own, and many, oneDNN's: what a rollout and the trainer see
 * of the same tokens. */
static void few_rows_equal_many(void **state)
{
    (void)state;
    enum { MANY = 200 };
    static const struct shape sizes[] = {{100, 31},  {65, 511},   {192, 576}, {70, 1023},
                                         {64, 1024}, {130, 1025}, {64, 1536}, {65, 2050}};
    static const size_t few[] = {1, 2, 5, 6, 7, 13, 64, 131, 192};
    if (!masa_device_rows_agree(MASA_BF16))
        skip_since("rows of bf16 do not agree on this device");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int variant = 0; variant < 8; variant++) {
            struct shape s = sizes[i];
            if (slow(s)) continue;
            masa_dtype dtype = variant & 1 ? MASA_BF16 : MASA_F32;
            masa_random random = masa_random_init(i, MASA_STREAM_TEST);
            struct tensor w = tensor_random(&random, MASA_F32, s.out * s.in, 0.1);
            struct tensor x = tensor_random(&random, MASA_BF16, MANY * s.in, 1);
            struct tensor bias = tensor_random(&random, MASA_F32, s.out, 1);
            struct tensor y = tensor_zero(dtype, MANY * s.out), z = tensor_zero(dtype, y.n);
            const float *b = variant & 2 ? bias.data : NULL;
            size_t size = masa_dtype_size(dtype);
            masa_linear *l = make(&w, s, MASA_BF16, false);
            masa_linear_forward(l, y.data, dtype, x.data, b, MANY, variant & 4);
            for (size_t r = 0; r < sizeof few / sizeof *few; r++) {
                memset(z.data, 0, z.n * size);
                masa_linear_forward(l, z.data, dtype, x.data, b, few[r], variant & 4);
                assert_memory_equal(z.data, y.data, few[r] * s.out * size);
            }
            masa_linear_destroy(l);
            tensor_free(&w), tensor_free(&x), tensor_free(&bias);
            tensor_free(&y), tensor_free(&z);
        }
}

/* The trial says what a comparison of its own finds, here of 7 rows among 300; plain loops
 * agree whatever the shape, and so does what the device promises. */
static void a_trial_tells_whether_rows_agree(void **state)
{
    (void)state;
    enum { MANY = 300, FEW = 7 };
    static const struct shape sizes[] = {{100, 31}, {17, 1024}, {8, 4097}, {5, 14336}};
    size_t different = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int dtype = MASA_F32; dtype <= MASA_BF16; dtype++) {
            struct shape s = sizes[i];
            if (slow(s)) continue;
            masa_dtype compute = (masa_dtype)dtype;
            masa_random random = masa_random_init(i, MASA_STREAM_TEST);
            struct tensor w = tensor_random(&random, MASA_F32, s.out * s.in, 0.1);
            struct tensor x = tensor_random(&random, compute, MANY * s.in, 1);
            struct tensor y = tensor_zero(MASA_F32, MANY * s.out),
                          z = tensor_zero(MASA_F32, y.n);
            masa_linear *l = make(&w, s, compute, false);
            bool agree = masa_linear_rows_agree(l);
            masa_memory_fail_at(1); /* the answer is kept: nothing is tried again */
            assert_int_equal(masa_linear_rows_agree(l), agree);
            assert_int_equal(masa_memory_fail_at(0), 1);
            masa_linear_forward(l, y.data, MASA_F32, x.data, NULL, MANY, false);
            masa_linear_forward(l, z.data, MASA_F32, x.data, NULL, FEW, false);
            if (agree) assert_memory_equal(y.data, z.data, FEW * s.out * sizeof(float));
            if (masa_device_rows_agree(compute)) assert_true(agree);
            different += !agree;
            masa_linear_destroy(l);
            tensor_free(&w), tensor_free(&x), tensor_free(&y), tensor_free(&z);
        }
    /* Where oneDNN's order of additions depends on the number of rows. */
    if (masa_isa_get() == MASA_ISA_AVX2) assert_true(different > 0);
}

/* More shapes than the cache of compiled products holds, twice over. */
static void survives_many_row_counts(void **state)
{
    (void)state;
    struct shape s = {16, 16};
    masa_random random = masa_random_init(6, MASA_STREAM_TEST);
    struct tensor w = tensor_random(&random, MASA_F32, s.out * s.in, 0.25);
    struct tensor x = tensor_random(&random, MASA_F32, 1500 * s.in, 1);
    struct tensor first = tensor_zero(MASA_F32, s.out), y = tensor_zero(MASA_F32, 1500 * s.out);
    masa_linear *l = make(&w, s, MASA_F32, false);
    masa_linear_forward(l, first.data, MASA_F32, x.data, NULL, 1, false);
    for (size_t rows = 1; rows <= (plain() ? 100 : 1500); rows++) {
        masa_linear_forward(l, y.data, MASA_F32, x.data, NULL, rows, false);
        for (size_t i = 0; i < s.out; i++)
            assert_near(((float *)y.data)[i], ((float *)first.data)[i], 1e-6);
    }
    masa_linear_destroy(l);
    tensor_free(&w), tensor_free(&x), tensor_free(&y), tensor_free(&first);
}

static void repeats_bit_by_bit(void **state)
{
    (void)state;
    struct shape s = {100, 200};
    size_t rows = 77;
    masa_random random = masa_random_init(8, MASA_STREAM_TEST);
    masa_dtype dtype = masa_device_compute();
    struct tensor w = tensor_random(&random, MASA_F32, s.out * s.in, 0.1);
    struct tensor x = tensor_random(&random, dtype, rows * s.in, 1);
    struct tensor dy = tensor_random(&random, dtype, rows * s.out, 1);
    struct tensor a = tensor_zero(MASA_F32, s.out * s.in), b = tensor_zero(MASA_F32, a.n);
    masa_linear *l = make(&w, s, dtype, true);
    masa_linear_backward_weight(l, a.data, NULL, dy.data, x.data, rows);
    masa_linear_backward_weight(l, b.data, NULL, dy.data, x.data, rows);
    assert_memory_equal(a.data, b.data, a.n * sizeof(float));
    masa_linear_destroy(l);
    tensor_free(&w), tensor_free(&x), tensor_free(&dy), tensor_free(&a), tensor_free(&b);
}

/* Small and large weights, few rows and many: however a product is cut for its threads. */
static void threads_change_no_bit(void **state)
{
    (void)state;
    static const struct shape of[] = {{512, 192}, {192, 512}, {150, 70}, {520, 800}};
    static const size_t rows[] = {2, 16, 50, 300, 1100};
    masa_dtype dtype = masa_device_compute();
    int before = masa_threads();
    for (size_t k = 0; k < sizeof of / sizeof *of; k++)
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
            if (plain() && rows[r] > 50) continue; /* they are cut alike, and slow */
            struct shape s = of[k];
            size_t n = rows[r], ny = n * s.out, nx = n * s.in;
            masa_random random = masa_random_init(n + s.out, MASA_STREAM_TEST);
            struct tensor w = tensor_random(&random, MASA_F32, s.out * s.in, 0.1);
            struct tensor x = tensor_random(&random, dtype, nx, 1);
            struct tensor dy = tensor_random(&random, dtype, ny, 1);
            struct tensor made[2]; /* by one thread; by several */
            masa_linear *l = make(&w, s, dtype, true);
            for (int threads = 1; threads <= 4; threads++) {
                struct tensor *t = &made[threads > 1];
                *t = tensor_zero(MASA_F32, ny + nx + w.n);
                float *out = t->data;
                masa_threads_set(threads);
                masa_linear_forward(l, out, MASA_F32, x.data, NULL, n, false);
                masa_linear_backward_input(l, out + ny, MASA_F32, dy.data, n, false);
                masa_linear_backward_weight(l, out + ny + nx, NULL, dy.data, x.data, n);
                if (threads == 1) continue;
                assert_memory_equal(made[0].data, t->data, t->n * sizeof(float));
                tensor_free(t);
            }
            tensor_free(&made[0]);
            masa_linear_destroy(l);
            tensor_free(&w), tensor_free(&x), tensor_free(&dy);
        }
    masa_threads_set(before);
}

static void tells_its_shape(void **state)
{
    (void)state;
    masa_linear *l = NULL;
    assert_int_equal(masa_linear_create(&l, 12, 34, MASA_F32, true, NULL), MASA_OK);
    assert_int_equal(masa_linear_out_features(l), 12);
    assert_int_equal(masa_linear_in_features(l), 34);
    assert_int_equal(masa_linear_dtype(l), MASA_F32);
    assert_true(masa_linear_bytes(l) >= 12 * 34 * 4);
    masa_linear_destroy(l);
    masa_linear_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(matches_float64_in_f32),
                                       cmocka_unit_test(matches_float64_in_bf16),
                                       cmocka_unit_test(rows_do_not_see_each_other),
                                       cmocka_unit_test(few_rows_equal_many),
                                       cmocka_unit_test(a_trial_tells_whether_rows_agree),
                                       cmocka_unit_test(survives_many_row_counts),
                                       cmocka_unit_test(repeats_bit_by_bit),
                                       cmocka_unit_test(threads_change_no_bit),
                                       cmocka_unit_test(tells_its_shape),
                                       cmocka_unit_test(passes_on_lower_instruction_sets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
