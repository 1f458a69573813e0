/* Products against float64. */
#include "cuda_test.h"

struct product {
    size_t rows, out, in;
    masa_dtype dtype, y_dtype;
    bool accumulate;
    void *map, *y, *x, *dy, *dx;
    float *weight, *bias, *dw, *dbias;
};

static void product_run(const void *context)
{
    const struct product *p = context;
    cuda_linear_pack(p->map, p->weight);
    cuda_linear_forward(p->map, p->y, p->y_dtype, p->x, p->bias, p->rows, p->accumulate);
    cuda_linear_backward_input(p->map, p->dx, p->y_dtype, p->dy, p->rows, p->accumulate);
    cuda_linear_backward_weight(p->map, p->dw, p->dbias, p->dy, p->x, p->rows);
}

/* value += (or =) a b, sizes and strides as given. */
static void expect(struct tensor *d, bool accumulate, const double *a, const double *b,
                   size_t m, size_t n, size_t k, size_t am, size_t ak, size_t bk, size_t bn)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = accumulate ? d->value[i * n + j] : 0;
            for (size_t l = 0; l < k; l++) sum += a[i * am + l * ak] * b[l * bk + j * bn];
            d->value[i * n + j] = sum;
        }
}

static void near(const struct gpu_arrays *a, const void *gpu, const struct tensor *want,
                 double tolerance)
{
    struct tensor got = {gpu_result(a, gpu), NULL, want->dtype, want->n};
    tensor_matches(&got, want->value, tolerance);
}

static void check(size_t rows, size_t out, size_t in, masa_dtype dtype, masa_dtype y_dtype,
                  bool accumulate, bool with_bias)
{
    masa_random random = masa_random_init(rows * 100 + out, MASA_STREAM_TEST);
    struct tensor x = tensor_random(&random, dtype, rows * in, 1);
    struct tensor dy = tensor_random(&random, dtype, rows * out, 1);
    struct tensor y = tensor_random(&random, y_dtype, rows * out, 1);
    struct tensor dx = tensor_random(&random, y_dtype, rows * in, 1);
    struct tensor weight = tensor_random(&random, MASA_F32, out * in, 0.3);
    struct tensor bias = tensor_random(&random, MASA_F32, out, 1);
    struct tensor dw = tensor_random(&random, MASA_F32, out * in, 1);
    struct tensor dbias = tensor_random(&random, MASA_F32, out, 1);
    const char *why = NULL;
    struct gpu_arrays a = {0};
    struct product p = {.rows = rows,
                        .out = out,
                        .in = in,
                        .dtype = dtype,
                        .y_dtype = y_dtype,
                        .accumulate = accumulate,
                        .map = cuda_linear_create(out, in, dtype, &why)};
    assert_non_null(p.map);
    assert_int_equal(cuda_linear_bytes(p.map), out * in * masa_dtype_size(dtype));
    p.x = gpu_give_tensor(&a, &x), p.dy = gpu_give_tensor(&a, &dy);
    p.y = gpu_give_tensor(&a, &y), p.dx = gpu_give_tensor(&a, &dx);
    p.weight = gpu_give_tensor(&a, &weight), p.dw = gpu_give_tensor(&a, &dw);
    if (with_bias) p.bias = gpu_give_tensor(&a, &bias), p.dbias = gpu_give_tensor(&a, &dbias);
    gpu_run(&a, product_run, &p);
    if (dtype == MASA_BF16) /* the weights are rounded */
        for (size_t i = 0; i < weight.n; i++)
            weight.value[i] = masa_bf16_to_f32(masa_f32_to_bf16((float)weight.value[i]));
    expect(&y, accumulate, x.value, weight.value, rows, out, in, in, 1, 1, in);
    expect(&dx, accumulate, dy.value, weight.value, rows, in, out, out, 1, in, 1);
    expect(&dw, true, dy.value, x.value, out, in, rows, 1, out, in, 1);
    for (size_t i = 0; with_bias && i < rows * out; i++) {
        y.value[i] += bias.value[i % out];
        dbias.value[i % out] += dy.value[i];
    }
    near(&a, p.y, &y, storage_tolerance(y_dtype, 1e-5));
    near(&a, p.dx, &dx, storage_tolerance(y_dtype, 1e-5));
    near(&a, p.dw, &dw, 1e-5);
    if (with_bias) near(&a, p.dbias, &dbias, 1e-5);
    cuda_linear_destroy(p.map);
    gpu_drop(&a);
    tensor_free(&x), tensor_free(&dy), tensor_free(&y), tensor_free(&dx), tensor_free(&weight);
    tensor_free(&bias), tensor_free(&dw), tensor_free(&dbias);
}

static void products_match(void **state)
{
    (void)state;
    for (int flags = 0; flags < 4; flags++) {
        bool accumulate = flags & 1, with_bias = flags & 2;
        check(33, 24, 40, MASA_BF16, MASA_BF16, accumulate, with_bias);
        check(17, 8, 12, MASA_BF16, MASA_F32, accumulate, with_bias);
        check(9, 10, 6, MASA_F32, MASA_F32, accumulate, with_bias);
        check(7, 5, 37, MASA_BF16, MASA_BF16, accumulate, with_bias); /* odd: not by cuBLASLt */
        check(1, 21, 3, MASA_F32, MASA_BF16, accumulate, with_bias);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(products_match)};
    return cmocka_run_group_tests(tests, gpu_start, NULL);
}
