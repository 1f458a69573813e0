/* Kernels that work row by row, against those of the processor. */
#include "cuda_test.h"

static const struct {
    size_t rows, dim;
} sizes[] = {{1, 1}, {7, 37}, {3, 700}, {300, 12}, {20, 64}};
enum { SIZES = sizeof sizes / sizeof *sizes };
static const float EPS = 1e-5f;

struct norm {
    size_t rows, dim;
    masa_dtype dtype;
    void *y;
    float *x, *gain, *rstd, *dy, *dx, *dgain;
};

static void norm_run(const void *context)
{
    const struct norm *n = context;
    cuda_rmsnorm_forward(n->y, n->dtype, n->rstd, n->x, n->gain, n->rows, n->dim, EPS);
    cuda_rmsnorm_backward(n->dx, n->dgain, n->dy, n->x, n->gain, n->rstd, n->rows, n->dim);
}

static void check_rmsnorm(size_t rows, size_t dim, masa_dtype dtype, bool with_gain)
{
    masa_random random = masa_random_init(rows * 1000 + dim, MASA_STREAM_TEST);
    struct tensor x = tensor_random(&random, MASA_F32, rows * dim, 1.5);
    struct tensor dy = tensor_random(&random, MASA_F32, rows * dim, 1);
    struct tensor dx = tensor_random(&random, MASA_F32, rows * dim, 1);
    struct tensor gain = tensor_random(&random, MASA_F32, dim, 1);
    struct tensor dgain = tensor_random(&random, MASA_F32, dim, 1);
    struct tensor y = tensor_zero(dtype, rows * dim), rstd = tensor_zero(MASA_F32, rows);
    struct gpu_arrays a = {0};
    struct norm n = {rows,
                     dim,
                     dtype,
                     gpu_room(&a, y.n * masa_dtype_size(dtype)),
                     gpu_give_tensor(&a, &x),
                     gpu_give_tensor(&a, &gain),
                     gpu_room(&a, rows * sizeof(float)),
                     gpu_give_tensor(&a, &dy),
                     gpu_give_tensor(&a, &dx),
                     gpu_give_tensor(&a, &dgain)};
    float *parts = n.dgain;
    if (!with_gain) n.dgain = NULL;
    gpu_run(&a, norm_run, &n);
    backend_cpu.rmsnorm_forward(y.data, dtype, rstd.data, x.data, gain.data, rows, dim, EPS);
    backend_cpu.rmsnorm_backward(dx.data, with_gain ? dgain.data : NULL, dy.data, x.data,
                                 gain.data, rstd.data, rows, dim);
    gpu_near(&a, n.y, y.data, dtype, y.n, storage_tolerance(dtype, 2e-6));
    gpu_near(&a, n.rstd, rstd.data, MASA_F32, rows, 2e-6);
    gpu_near(&a, n.dx, dx.data, MASA_F32, dx.n, 1e-5);
    gpu_near(&a, parts, dgain.data, MASA_F32, dim, 3e-5);
    gpu_drop(&a);
    tensor_free(&x), tensor_free(&dy), tensor_free(&dx), tensor_free(&gain);
    tensor_free(&dgain), tensor_free(&y), tensor_free(&rstd);
}

static void rmsnorm_matches(void **state)
{
    (void)state;
    for (size_t s = 0; s < SIZES; s++)
        for (int dtype = MASA_F32; dtype <= MASA_BF16; dtype++)
            check_rmsnorm(sizes[s].rows, sizes[s].dim, (masa_dtype)dtype, s % 2 == 0);
    check_rmsnorm(9, 3200, MASA_BF16, true); /* sums of 8 rows are too much shared memory */
    struct gpu_arrays none = {0};
    norm_run(&(struct norm){.dim = 4});
    gpu_drop(&none);
}

/* Heads of q and k within rows of some stride; what lies between them is NaN. */
struct heads {
    size_t rows, heads, dim, stride;
    masa_dtype dtype;
    void *x, *y, *dy;
    float *gain, *dgain, *rstd, *cosine, *sine;
    int32_t *positions;
};

static void spoil_padding(struct tensor *t, size_t width, size_t stride)
{
    for (size_t i = 0; i < t->n; i++) {
        if (i % stride < width) continue;
        if (t->dtype == MASA_F32) ((float *)t->data)[i] = NAN;
        else ((uint16_t *)t->data)[i] = 0x7fff;
    }
}

/* Only the heads are compared; the padding must be NaN still. */
static void heads_near(const struct gpu_arrays *a, const void *gpu, const struct tensor *want,
                       size_t width, size_t stride, double tolerance)
{
    struct tensor got = {gpu_result(a, gpu), NULL, want->dtype, want->n};
    for (size_t i = 0; i < want->n; i++) {
        double w = tensor_at(want, i);
        if (i % stride < width)
            assert_near(tensor_at(&got, i), w, tolerance * fmax(1, fabs(w)));
        else assert_true(isnan(tensor_at(&got, i)));
    }
}

static void headnorm_run(const void *context)
{
    const struct heads *h = context;
    cuda_headnorm_forward(h->y, h->stride, h->rstd, h->x, h->stride, h->dtype, h->gain, h->rows,
                          h->heads, h->dim, EPS);
    cuda_headnorm_backward(h->dy, h->stride, h->dgain, h->dy, h->stride, h->x, h->stride,
                           h->dtype, h->gain, h->rstd, h->rows, h->heads, h->dim);
}

static void check_headnorm(size_t rows, size_t heads, size_t dim, masa_dtype dtype)
{
    size_t width = heads * dim, stride = width + 3;
    masa_random random = masa_random_init(rows + dim, MASA_STREAM_TEST);
    struct tensor x = tensor_random(&random, dtype, rows * stride, 1);
    struct tensor y = tensor_random(&random, dtype, rows * stride, 1);
    struct tensor dy = tensor_random(&random, dtype, rows * stride, 1);
    struct tensor gain = tensor_random(&random, MASA_F32, dim, 1);
    struct tensor dgain = tensor_random(&random, MASA_F32, dim, 1);
    struct tensor rstd = tensor_zero(MASA_F32, rows * heads);
    spoil_padding(&x, width, stride), spoil_padding(&y, width, stride);
    spoil_padding(&dy, width, stride);
    struct gpu_arrays a = {0};
    struct heads h = {rows,
                      heads,
                      dim,
                      stride,
                      dtype,
                      gpu_give_tensor(&a, &x),
                      gpu_give_tensor(&a, &y),
                      gpu_give_tensor(&a, &dy),
                      gpu_give_tensor(&a, &gain),
                      gpu_give_tensor(&a, &dgain),
                      gpu_room(&a, rstd.n * sizeof(float)),
                      NULL,
                      NULL,
                      NULL};
    gpu_run(&a, headnorm_run, &h);
    backend_cpu.headnorm_forward(y.data, stride, rstd.data, x.data, stride, dtype, gain.data,
                                 rows, heads, dim, EPS);
    backend_cpu.headnorm_backward(dy.data, stride, dgain.data, dy.data, stride, x.data, stride,
                                  dtype, gain.data, rstd.data, rows, heads, dim);
    heads_near(&a, h.y, &y, width, stride, storage_tolerance(dtype, 2e-6));
    heads_near(&a, h.dy, &dy, width, stride, storage_tolerance(dtype, 1e-5));
    gpu_near(&a, h.dgain, dgain.data, MASA_F32, dim, 3e-5);
    gpu_drop(&a);
    tensor_free(&x), tensor_free(&y), tensor_free(&dy), tensor_free(&gain);
    tensor_free(&dgain), tensor_free(&rstd);
}

static void headnorm_matches(void **state)
{
    (void)state;
    for (int dtype = MASA_F32; dtype <= MASA_BF16; dtype++) {
        check_headnorm(1, 1, 2, (masa_dtype)dtype);
        check_headnorm(30, 3, 64, (masa_dtype)dtype);
        check_headnorm(5, 2, 130, (masa_dtype)dtype);
    }
    check_headnorm(900, 3, 8, MASA_F32); /* more heads than warps */
}

static void rope_run(const void *context)
{
    const struct heads *h = context;
    cuda_rope(h->x, h->dtype, h->stride, h->positions, h->cosine, h->sine, h->rows, h->heads,
              h->dim, false);
    cuda_rope(h->y, h->dtype, h->stride, h->positions, h->cosine, h->sine, h->rows, h->heads,
              h->dim, true);
}

static void check_rope(size_t rows, size_t heads, size_t dim, masa_dtype dtype)
{
    enum { POSITIONS = 50 };
    size_t width = heads * dim, stride = width + (dim % 8 ? 5 : 8); /* packs of 4, or not */
    masa_random random = masa_random_init(rows + dim, MASA_STREAM_TEST);
    struct tensor x = tensor_random(&random, dtype, rows * stride, 1);
    struct tensor y = tensor_random(&random, dtype, rows * stride, 1);
    struct tensor cosine = tensor_random(&random, MASA_F32, POSITIONS * dim / 2, 1);
    struct tensor sine = tensor_random(&random, MASA_F32, POSITIONS * dim / 2, 1);
    int32_t positions[100];
    for (size_t r = 0; r < rows; r++)
        positions[r] = (int32_t)masa_random_below(&random, POSITIONS);
    spoil_padding(&x, width, stride), spoil_padding(&y, width, stride);
    struct gpu_arrays a = {0};
    struct heads h = {.rows = rows,
                      .heads = heads,
                      .dim = dim,
                      .stride = stride,
                      .dtype = dtype,
                      .x = gpu_give_tensor(&a, &x),
                      .y = gpu_give_tensor(&a, &y),
                      .cosine = gpu_give_tensor(&a, &cosine),
                      .sine = gpu_give_tensor(&a, &sine),
                      .positions = gpu_give(&a, positions, rows * sizeof *positions)};
    gpu_run(&a, rope_run, &h);
    backend_cpu.rope(x.data, dtype, stride, positions, cosine.data, sine.data, rows, heads, dim,
                     false);
    backend_cpu.rope(y.data, dtype, stride, positions, cosine.data, sine.data, rows, heads, dim,
                     true);
    heads_near(&a, h.x, &x, width, stride, storage_tolerance(dtype, 1e-6));
    heads_near(&a, h.y, &y, width, stride, storage_tolerance(dtype, 1e-6));
    gpu_drop(&a);
    tensor_free(&x), tensor_free(&y), tensor_free(&cosine), tensor_free(&sine);
}

static void rope_matches(void **state)
{
    (void)state;
    for (int dtype = MASA_F32; dtype <= MASA_BF16; dtype++) {
        check_rope(1, 1, 2, (masa_dtype)dtype);
        check_rope(7, 3, 10, (masa_dtype)dtype);
        check_rope(60, 3, 64, (masa_dtype)dtype);
    }
}

struct gate {
    size_t rows, dim;
    masa_dtype dtype;
    void *gate_up, *y, *dy;
};

static void gate_run(const void *context)
{
    const struct gate *g = context;
    cuda_swiglu_forward(g->y, g->gate_up, g->dtype, g->rows, g->dim);
    cuda_swiglu_backward(g->gate_up, g->dy, g->gate_up, g->dtype, g->rows, g->dim);
}

static void swiglu_matches(void **state)
{
    (void)state;
    for (size_t s = 0; s < 2 * SIZES; s++) {
        size_t rows = sizes[s / 2].rows, dim = sizes[s / 2].dim;
        masa_dtype dtype = (masa_dtype)(s % 2);
        masa_random random = masa_random_init(s, MASA_STREAM_TEST);
        struct tensor x = tensor_random(&random, dtype, rows * 2 * dim, 3);
        struct tensor dy = tensor_random(&random, dtype, rows * dim, 1);
        struct tensor y = tensor_zero(dtype, rows * dim);
        if (dtype == MASA_F32) ((float *)x.data)[0] = -200, ((float *)x.data)[x.n - 1] = 150;
        struct gpu_arrays a = {0};
        struct gate g = {rows,
                         dim,
                         dtype,
                         gpu_give_tensor(&a, &x),
                         gpu_room(&a, y.n * masa_dtype_size(dtype)),
                         gpu_give_tensor(&a, &dy)};
        gpu_run(&a, gate_run, &g);
        backend_cpu.swiglu_forward(y.data, x.data, dtype, rows, dim);
        backend_cpu.swiglu_backward(x.data, dy.data, x.data, dtype, rows, dim);
        gpu_near(&a, g.y, y.data, dtype, y.n, storage_tolerance(dtype, 2e-6));
        gpu_near(&a, g.gate_up, x.data, dtype, x.n, storage_tolerance(dtype, 2e-6));
        gpu_drop(&a);
        tensor_free(&x), tensor_free(&dy), tensor_free(&y);
    }
}

struct flat {
    size_t n;
    float *x, *y, *scaled, *back;
    void *half;
};

static void flat_run(const void *context)
{
    const struct flat *f = context;
    cuda_scale(f->scaled, f->x, 0.3f, f->n);
    cuda_add(f->y, f->x, f->n);
    cuda_convert(f->half, MASA_BF16, f->x, MASA_F32, f->n);
    cuda_convert(f->back, MASA_F32, f->half, MASA_BF16, f->n);
}

/* Additions and roundings are those of the processor, bit by bit. */
static void flat_kernels_match(void **state)
{
    (void)state;
    const size_t counts[] = {1, 3, 31, 1024, 5003};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        size_t n = counts[c];
        masa_random random = masa_random_init(n, MASA_STREAM_TEST);
        struct tensor x = tensor_random(&random, MASA_F32, n, 1);
        struct tensor y = tensor_random(&random, MASA_F32, n, 1);
        struct tensor half = tensor_zero(MASA_BF16, n);
        float *px = x.data;
        if (n > 30) px[1] = INFINITY, px[2] = -INFINITY, px[3] = -0.0f, px[4] = 1e-41f;
        struct gpu_arrays a = {0};
        struct flat f = {n,
                         gpu_give_tensor(&a, &x),
                         gpu_give_tensor(&a, &y),
                         gpu_room(&a, n * 4),
                         gpu_room(&a, n * 4),
                         gpu_room(&a, n * 2)};
        gpu_run(&a, flat_run, &f);
        backend_cpu.add(y.data, x.data, n);
        backend_cpu.convert(half.data, MASA_BF16, x.data, MASA_F32, n);
        gpu_equal(&a, f.y, y.data, n * 4);
        gpu_equal(&a, f.half, half.data, n * 2);
        for (size_t i = 0; i < n; i++) px[i] *= 0.3f;
        gpu_equal(&a, f.scaled, x.data, n * 4);
        backend_cpu.convert(x.data, MASA_F32, half.data, MASA_BF16, n);
        gpu_equal(&a, f.back, x.data, n * 4);
        gpu_drop(&a);
        tensor_free(&x), tensor_free(&y), tensor_free(&half);
    }
    flat_run(&(struct flat){0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rmsnorm_matches), cmocka_unit_test(headnorm_matches),
        cmocka_unit_test(rope_matches), cmocka_unit_test(swiglu_matches),
        cmocka_unit_test(flat_kernels_match)};
    return cmocka_run_group_tests(tests, gpu_start, NULL);
}
