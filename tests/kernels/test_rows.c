#include "kernels_test.h"
#include <masa/rows.h>

/* One case: some rows of some width in some storage type. */
struct size {
    size_t rows, dim;
};
static const struct size sizes[] = {{0, 16}, {1, 1},   {7, 5},   {1, 16},
                                    {7, 37}, {2, 700}, {33, 576}};
enum { SIZES = sizeof sizes / sizeof *sizes };
static const double EPS = 1e-5;

/* A scalar function of everything in `inputs`, for central differences in float64. */
typedef double (*loss_function)(const void *inputs);

static double derivative(loss_function loss, const void *inputs, double *x)
{
    const double h = 1e-5, kept = *x;
    *x = kept + h;
    double up = loss(inputs);
    *x = kept - h;
    double down = loss(inputs);
    *x = kept;
    return (up - down) / (2 * h);
}

/* Every (or for big arrays: some) gradient against differences. `before` is what the
 * accumulated output held, or NULL. */
static void gradient_matches(const struct tensor *gradient, const double *before,
                             loss_function loss, const void *inputs, double *x,
                             double tolerance)
{
    size_t step = gradient->n > 400 ? gradient->n / 97 : 1;
    for (size_t i = 0; i < gradient->n; i += step) {
        double want = derivative(loss, inputs, &x[i]) + (before ? before[i] : 0);
        assert_near(tensor_at(gradient, i), want, tolerance * fmax(1, fabs(want)));
    }
}

struct norm_case {
    size_t rows, heads, dim; /* heads 1 for whole rows */
    size_t stride;
    struct tensor x, gain, dy;
};

static double norm_rstd(const struct norm_case *c, size_t at)
{
    double square = 0;
    for (size_t i = 0; i < c->dim; i++) square += c->x.value[at + i] * c->x.value[at + i];
    return 1 / sqrt(square / (double)c->dim + EPS);
}

static double norm_loss(const void *inputs)
{
    const struct norm_case *c = inputs;
    double sum = 0;
    for (size_t r = 0; r < c->rows; r++)
        for (size_t h = 0; h < c->heads; h++) {
            size_t at = r * c->stride + h * c->dim;
            double rstd = norm_rstd(c, at);
            for (size_t i = 0; i < c->dim; i++)
                sum += c->dy.value[at + i] * c->x.value[at + i] * rstd * c->gain.value[i];
        }
    return sum;
}

static struct norm_case norm_make(size_t rows, size_t heads, size_t dim, size_t stride,
                                  masa_dtype dtype)
{
    masa_random random = masa_random_init(rows * 1000 + dim, MASA_STREAM_TEST);
    struct norm_case c = {.rows = rows, .heads = heads, .dim = dim, .stride = stride};
    c.x = tensor_random(&random, dtype, rows * stride, 1.5);
    c.gain = tensor_random(&random, MASA_F32, dim, 1);
    c.dy = tensor_random(&random, dtype, rows * stride, 1);
    return c;
}

static void norm_free(struct norm_case *c)
{
    tensor_free(&c->x), tensor_free(&c->gain), tensor_free(&c->dy);
}

static void rmsnorm_forward_matches(void **state)
{
    (void)state;
    for (size_t s = 0; s < SIZES; s++)
        for (int dtype = MASA_F32; dtype <= MASA_BF16; dtype++) {
            size_t rows = sizes[s].rows, dim = sizes[s].dim;
            struct norm_case c = norm_make(rows, 1, dim, dim, MASA_F32);
            struct tensor y = tensor_zero((masa_dtype)dtype, rows * dim);
            struct tensor rstd = tensor_zero(MASA_F32, rows);
            masa_rmsnorm_forward(y.data, y.dtype, dtype ? NULL : rstd.data, c.x.data,
                                 c.gain.data, rows, dim, (float)EPS);
            for (size_t i = 0; i < y.n; i++)
                y.value[i] =
                    c.x.value[i] * norm_rstd(&c, i / dim * dim) * c.gain.value[i % dim];
            tensor_matches(&y, y.value, storage_tolerance(y.dtype, 2e-6));
            for (size_t r = 0; r < rows && !dtype; r++)
                assert_near(tensor_at(&rstd, r), norm_rstd(&c, r * dim), 2e-6);
            tensor_free(&y), tensor_free(&rstd), norm_free(&c);
        }
}

static void rmsnorm_backward_matches(void **state)
{
    (void)state;
    for (size_t s = 0; s < SIZES; s++) {
        size_t rows = sizes[s].rows, dim = sizes[s].dim;
        struct norm_case c = norm_make(rows, 1, dim, dim, MASA_F32);
        masa_random random = masa_random_init(s, MASA_STREAM_TEST);
        struct tensor dx = tensor_random(&random, MASA_F32, rows * dim, 1);
        struct tensor again = tensor_zero(MASA_F32, rows * dim);
        struct tensor dgain = tensor_random(&random, MASA_F32, dim, 1);
        struct tensor rstd = tensor_zero(MASA_F32, rows);
        for (size_t r = 0; r < rows; r++)
            ((float *)rstd.data)[r] = (float)norm_rstd(&c, r * dim);
        memcpy(again.data, dx.data, rows * dim * sizeof(float));
        masa_rmsnorm_backward(dx.data, dgain.data, c.dy.data, c.x.data, c.gain.data, rstd.data,
                              rows, dim);
        gradient_matches(&dx, dx.value, norm_loss, &c, c.x.value, 1e-5);
        gradient_matches(&dgain, dgain.value, norm_loss, &c, c.gain.value, 1e-5);
        masa_rmsnorm_backward(again.data, NULL, c.dy.data, c.x.data, c.gain.data, rstd.data,
                              rows, dim);
        assert_memory_equal(again.data, dx.data, rows * dim * sizeof(float));
        tensor_free(&dx), tensor_free(&again), tensor_free(&dgain), tensor_free(&rstd);
        norm_free(&c);
    }
}

static void check_headnorm(size_t rows, size_t heads, size_t dim, size_t extra,
                           masa_dtype dtype)
{
    size_t stride = heads * dim + extra;
    struct norm_case c = norm_make(rows, heads, dim, stride, dtype);
    masa_random random = masa_random_init(9, MASA_STREAM_TEST);
    struct tensor y = tensor_random(&random, dtype, rows * stride, 1);
    struct tensor rstd = tensor_zero(MASA_F32, rows * heads);
    masa_headnorm_forward(y.data, stride, rstd.data, c.x.data, stride, dtype, c.gain.data, rows,
                          heads, dim, (float)EPS);
    for (size_t i = 0; i < y.n; i++) {
        size_t within = i % stride; /* what lies between the rows stays untouched */
        if (within >= heads * dim) continue;
        size_t at = i - within % dim;
        y.value[i] = c.x.value[i] * norm_rstd(&c, at) * c.gain.value[within % dim];
    }
    tensor_matches(&y, y.value, storage_tolerance(dtype, 2e-6));
    struct tensor dgain = tensor_random(&random, MASA_F32, dim, 1);
    /* In place: dx takes the place of dy. */
    struct tensor dx = tensor_zero(dtype, rows * stride);
    memcpy(dx.data, c.dy.data, rows * stride * masa_dtype_size(dtype));
    double tolerance = storage_tolerance(dtype, 1e-5);
    masa_headnorm_backward(dx.data, stride, dgain.data, dx.data, stride, c.x.data, stride,
                           dtype, c.gain.data, rstd.data, rows, heads, dim);
    gradient_matches(&dgain, dgain.value, norm_loss, &c, c.gain.value, 1e-5);
    for (size_t r = 0; r < rows; r++) {
        size_t size = masa_dtype_size(dtype);
        struct tensor row = {(char *)dx.data + r * stride * size, NULL, dtype, heads * dim};
        struct norm_case of = c; /* the other rows' terms do not depend on this one */
        of.rows = 1, of.x.value += r * stride, of.dy.value += r * stride;
        gradient_matches(&row, NULL, norm_loss, &of, of.x.value, tolerance);
    }
    tensor_free(&y), tensor_free(&rstd), tensor_free(&dgain), tensor_free(&dx), norm_free(&c);
}

static void headnorm_matches(void **state)
{
    (void)state;
    for (int dtype = MASA_F32; dtype <= MASA_BF16; dtype++) {
        check_headnorm(0, 2, 8, 0, (masa_dtype)dtype);
        check_headnorm(1, 1, 3, 2, (masa_dtype)dtype);
        check_headnorm(7, 3, 12, 5, (masa_dtype)dtype);
        check_headnorm(20, 4, 64, 128, (masa_dtype)dtype);
        check_headnorm(40, 4, 128, 0, (masa_dtype)dtype);
    }
}

static void check_rope(size_t rows, size_t heads, size_t dim, masa_dtype dtype)
{
    enum { POSITIONS = 50 };
    size_t half = dim / 2, stride = heads * dim + 3;
    masa_random random = masa_random_init(dim, MASA_STREAM_TEST);
    float *cosine = calloc(POSITIONS * half, sizeof *cosine),
          *sine = calloc(POSITIONS * half, 4);
    for (size_t i = 0; i < POSITIONS * half; i++) {
        double angle = (double)(i / half) * pow(10000, -(double)(i % half) / (double)half);
        cosine[i] = (float)cos(angle), sine[i] = (float)sin(angle);
    }
    int32_t positions[64];
    for (size_t r = 0; r < rows; r++)
        positions[r] = (int32_t)masa_random_below(&random, POSITIONS);
    struct tensor x = tensor_random(&random, dtype, rows * stride, 1);
    double *start = calloc(x.n + 1, sizeof *start);
    memcpy(start, x.value, x.n * sizeof *start);
    for (size_t r = 0; r < rows; r++)
        for (size_t h = 0; h < heads; h++)
            for (size_t i = 0; i < half; i++) {
                size_t at = r * stride + h * dim + i, p = (size_t)positions[r] * half + i;
                x.value[at] = start[at] * cosine[p] - start[at + half] * sine[p];
                x.value[at + half] = start[at + half] * cosine[p] + start[at] * sine[p];
            }
    double tolerance = storage_tolerance(dtype, 1e-6);
    masa_rope_apply(x.data, dtype, stride, positions, cosine, sine, rows, heads, dim, false);
    tensor_matches(&x, x.value, tolerance);
    masa_rope_apply(x.data, dtype, stride, positions, cosine, sine, rows, heads, dim, true);
    tensor_matches(&x, start, 3 * tolerance);
    tensor_free(&x), free(start), free(cosine), free(sine);
}

static void rope_rotates_and_back(void **state)
{
    (void)state;
    for (int dtype = MASA_F32; dtype <= MASA_BF16; dtype++) {
        check_rope(0, 1, 4, (masa_dtype)dtype);
        check_rope(1, 1, 2, (masa_dtype)dtype);
        check_rope(7, 3, 10, (masa_dtype)dtype);
        check_rope(60, 9, 64, (masa_dtype)dtype);
    }
}

struct gate_case {
    size_t rows, dim;
    struct tensor x, dy;
};

static double gate_value(const struct gate_case *c, size_t r, size_t i)
{
    double g = c->x.value[r * 2 * c->dim + i], u = c->x.value[r * 2 * c->dim + c->dim + i];
    return g / (1 + exp(-g)) * u;
}

static double gate_loss(const void *inputs)
{
    const struct gate_case *c = inputs;
    double sum = 0;
    for (size_t r = 0; r < c->rows; r++)
        for (size_t i = 0; i < c->dim; i++)
            sum += c->dy.value[r * c->dim + i] * gate_value(c, r, i);
    return sum;
}

static void check_swiglu(size_t rows, size_t dim, masa_dtype dtype)
{
    masa_random random = masa_random_init(dim + rows, MASA_STREAM_TEST);
    struct gate_case c = {rows, dim, tensor_random(&random, dtype, rows * 2 * dim, 3),
                          tensor_random(&random, dtype, rows * dim, 1)};
    struct tensor y = tensor_zero(dtype, rows * dim);
    masa_swiglu_forward(y.data, c.x.data, dtype, rows, dim);
    for (size_t i = 0; i < y.n; i++) y.value[i] = gate_value(&c, i / dim, i % dim);
    tensor_matches(&y, y.value, storage_tolerance(dtype, 2e-6));
    /* In place, as the contract allows. */
    masa_swiglu_backward(c.x.data, c.dy.data, c.x.data, dtype, rows, dim);
    gradient_matches(&c.x, NULL, gate_loss, &c, c.x.value, storage_tolerance(dtype, 1e-5));
    tensor_free(&c.x), tensor_free(&c.dy), tensor_free(&y);
}

static void swiglu_matches(void **state)
{
    (void)state;
    for (size_t s = 0; s < SIZES; s++)
        for (int dtype = MASA_F32; dtype <= MASA_BF16; dtype++)
            check_swiglu(sizes[s].rows, sizes[s].dim, (masa_dtype)dtype);
}

static void swiglu_saturates(void **state)
{
    (void)state;
    float x[] = {-200, -90, 90, 200, NAN, 2, 2, 2, 2, 2}, y[5];
    masa_swiglu_forward(y, x, MASA_F32, 1, 5);
    assert_near(y[0], 0, 1e-30);
    assert_near(y[1], 0, 1e-30);
    assert_near(y[2], 180, 1e-4);
    assert_near(y[3], 400, 1e-4);
    assert_true(isnan(y[4]));
}

static void gathers_and_adds_rows(void **state)
{
    (void)state;
    enum { VOCAB = 11, ROWS = 40 };
    for (size_t dim = 3; dim < 900; dim += 573) {
        masa_random random = masa_random_init(dim, MASA_STREAM_TEST);
        struct tensor table = tensor_random(&random, MASA_F32, VOCAB * dim, 1);
        struct tensor dtable = tensor_random(&random, MASA_F32, VOCAB * dim, 1);
        struct tensor dx = tensor_random(&random, MASA_F32, ROWS * dim, 1);
        struct tensor x = tensor_zero(MASA_F32, ROWS * dim);
        int32_t tokens[ROWS];
        for (size_t r = 0; r < ROWS; r++)
            tokens[r] = (int32_t)masa_random_below(&random, VOCAB);
        float *sum = calloc(VOCAB * dim, sizeof *sum);
        memcpy(sum, dtable.data, VOCAB * dim * sizeof *sum);
        for (size_t i = 0; i < ROWS * dim; i++) {
            size_t at = (size_t)tokens[i / dim] * dim + i % dim;
            x.value[i] = table.value[at];
            sum[at] += ((float *)dx.data)[i];
        }
        masa_gather_rows(x.data, table.data, MASA_F32, tokens, ROWS, dim);
        tensor_matches(&x, x.value, 0);
        masa_add_rows(dtable.data, dx.data, tokens, ROWS, dim);
        assert_memory_equal(dtable.data, sum, VOCAB * dim * sizeof *sum);
        masa_gather_rows(x.data, table.data, MASA_F32, tokens, 0, dim);
        masa_add_rows(dtable.data, dx.data, tokens, 0, dim);
        assert_memory_equal(dtable.data, sum, VOCAB * dim * sizeof *sum);
        tensor_free(&table), tensor_free(&dtable), tensor_free(&dx), tensor_free(&x), free(sum);
    }
}

static void gathers_rows_of_bf16(void **state)
{
    (void)state;
    const uint16_t table[] = {1, 2, 3, 4, 5, 6};
    const int32_t index[] = {2, 0, 2};
    uint16_t to[6];
    masa_gather_rows(to, table, MASA_BF16, index, 3, 2);
    const uint16_t want[] = {5, 6, 1, 2, 5, 6};
    assert_memory_equal(to, want, sizeof want);
}

/* Both indices, each and none, in both types; rows longer than what is scaled at once. */
static void scales_rows(void **state)
{
    (void)state;
    enum { ROWS = 9, MOST = 2500 };
    masa_random random = masa_random_init(8, MASA_STREAM_TEST);
    int32_t to_index[ROWS], from_index[ROWS];
    for (int i = 0; i < ROWS; i++) to_index[i] = (i * 4 + 1) % ROWS, from_index[i] = i / 2;
    for (int c = 0; c < 2 * 2 * 2 * 3; c++) {
        masa_dtype dtype = c & 1 ? MASA_BF16 : MASA_F32;
        const int32_t *ti = c & 2 ? to_index : NULL, *fi = c & 4 ? from_index : NULL;
        const size_t dims[] = {3, 64, MOST};
        size_t dim = dims[c / 8];
        struct tensor from = tensor_random(&random, dtype, ROWS * dim, 1);
        struct tensor weight = tensor_random(&random, MASA_F32, ROWS, 1);
        struct tensor to = tensor_zero(dtype, ROWS * dim);
        masa_scale_rows(to.data, dtype, ti, from.data, dtype, fi, weight.data, ROWS, dim);
        for (size_t r = 0; r < ROWS; r++)
            for (size_t i = 0; i < dim; i++) {
                size_t t = ti ? (size_t)ti[r] : r, f = fi ? (size_t)fi[r] : r;
                float want = ((float *)weight.data)[r] * tensor_at(&from, f * dim + i);
                if (dtype == MASA_BF16) want = masa_bf16_to_f32(masa_f32_to_bf16(want));
                assert_true(tensor_at(&to, t * dim + i) == want);
            }
        tensor_free(&from), tensor_free(&weight), tensor_free(&to);
    }
}

static void writes_and_reads_records(void **state)
{
    (void)state;
    enum { ROWS = 5, RECORDS = 4, RECORD = 64 };
    int32_t a[ROWS * 3], b[ROWS * 2], a2[ROWS * 3] = {0}, b2[ROWS * 2] = {0};
    char records[RECORDS * RECORD];
    const int32_t index[ROWS] = {3, -1, 0, 2, -1};
    for (int32_t i = 0; i < ROWS * 3; i++) a[i] = i;
    for (int32_t i = 0; i < ROWS * 2; i++) b[i] = 100 + i;
    memset(records, 0x77, sizeof records);
    masa_record_part write[] = {{a, 4, 12}, {b, 32, 8}}, read[] = {{b2, 32, 8}, {a2, 4, 12}};
    masa_records_write(records, RECORD, index, ROWS, write, 2);
    assert_memory_equal(records + 3 * RECORD + 4, a, 12);
    assert_memory_equal(records + 32, b + 4, 8);
    for (size_t i = 0; i < RECORD; i++) assert_int_equal(records[RECORD + i], 0x77);
    assert_int_equal(records[3 * RECORD + 3], 0x77);
    masa_records_read(records, RECORD, index, ROWS, read, 2);
    for (int32_t r = 0; r < ROWS; r++) {
        for (int i = 0; i < 3; i++)
            assert_int_equal(a2[r * 3 + i], index[r] < 0 ? 0 : a[r * 3 + i]);
        for (int i = 0; i < 2; i++)
            assert_int_equal(b2[r * 2 + i], index[r] < 0 ? 0 : b[r * 2 + i]);
    }
}

/* Conversion is the scalar one of base, bit by bit, wherever the vectors end. */
static void converts_like_the_scalar_code(void **state)
{
    (void)state;
    enum { MOST = 70000 };
    masa_random random = masa_random_init(1, MASA_STREAM_TEST);
    float *from = calloc(MOST, sizeof *from), *back = calloc(MOST, sizeof *back);
    uint16_t *to = calloc(MOST + 1, sizeof *to);
    const size_t counts[] = {0, 1, 15, 31, 32, 33, 100, MOST};
    for (size_t i = 0; i < MOST; i++)
        from[i] =
            (float)ldexp(masa_random_normal(&random), (int)masa_random_range(&random, -80, 80));
    from[20] = INFINITY, from[21] = -INFINITY, from[22] = -0.0f;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        size_t n = counts[c];
        memset(to, 0x5A, (MOST + 1) * sizeof *to);
        masa_convert(to, MASA_BF16, from, MASA_F32, n);
        for (size_t i = 0; i < n; i++) assert_int_equal(to[i], masa_f32_to_bf16(from[i]));
        assert_int_equal(to[n], 0x5A5A);
        masa_convert(back, MASA_F32, to, MASA_BF16, n);
        for (size_t i = 0; i < n; i++) assert_true(back[i] == masa_bf16_to_f32(to[i]));
    }
    from[3] = NAN;
    masa_convert(to, MASA_BF16, from, MASA_F32, 40);
    assert_true(isnan(masa_bf16_to_f32(to[3])));
    masa_convert(back, MASA_F32, from, MASA_F32, MOST);
    assert_memory_equal(back, from, MOST * sizeof *from);
    free(from), free(back), free(to);
}

static void adds_and_scales(void **state)
{
    (void)state;
    enum { N = 20011 };
    masa_random random = masa_random_init(2, MASA_STREAM_TEST);
    struct tensor x = tensor_random(&random, MASA_F32, N, 1);
    struct tensor y = tensor_random(&random, MASA_F32, N, 1);
    for (size_t i = 0; i < N; i++) y.value[i] += x.value[i];
    masa_add(y.data, x.data, N);
    tensor_matches(&y, y.value, 1e-6);
    masa_scale(y.data, x.data, 0.3f, N);
    for (size_t i = 0; i < N; i++)
        assert_true(((float *)y.data)[i] == 0.3f * ((float *)x.data)[i]);
    masa_scale(x.data, x.data, 0.3f, N);
    assert_memory_equal(x.data, y.data, N * sizeof(float));
    tensor_free(&x), tensor_free(&y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rmsnorm_forward_matches),
                                       cmocka_unit_test(rmsnorm_backward_matches),
                                       cmocka_unit_test(headnorm_matches),
                                       cmocka_unit_test(rope_rotates_and_back),
                                       cmocka_unit_test(swiglu_matches),
                                       cmocka_unit_test(swiglu_saturates),
                                       cmocka_unit_test(gathers_and_adds_rows),
                                       cmocka_unit_test(gathers_rows_of_bf16),
                                       cmocka_unit_test(scales_rows),
                                       cmocka_unit_test(writes_and_reads_records),
                                       cmocka_unit_test(converts_like_the_scalar_code),
                                       cmocka_unit_test(adds_and_scales),
                                       cmocka_unit_test(passes_on_lower_instruction_sets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
