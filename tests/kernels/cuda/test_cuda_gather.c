/* Rows gathered, moved and summed, and AdamW, against the processor. */
#include "cuda_test.h"

struct table {
    size_t rows, dim;
    float *table, *x, *gathered;
    int32_t *index;
};

static void table_run(const void *context)
{
    const struct table *t = context;
    cuda_gather_rows(t->gathered, t->table, MASA_F32, t->index, t->rows, t->dim);
    cuda_add_rows(t->table, t->x, t->index, t->rows, t->dim);
}

/* Bit by bit: equal numbers are added in the order of rows there too. */
static void check_table(size_t vocab, size_t rows, size_t dim)
{
    masa_random random = masa_random_init(rows + dim, MASA_STREAM_TEST);
    struct tensor table = tensor_random(&random, MASA_F32, vocab * dim, 1);
    struct tensor x = tensor_random(&random, MASA_F32, rows * dim, 1);
    struct tensor gathered = tensor_zero(MASA_F32, rows * dim);
    int32_t *index = calloc(rows + 1, sizeof *index);
    for (size_t r = 0; r < rows; r++)
        index[r] = (int32_t)masa_random_below(&random, (uint32_t)vocab);
    struct gpu_arrays a = {0};
    struct table t = {rows,
                      dim,
                      gpu_give_tensor(&a, &table),
                      gpu_give_tensor(&a, &x),
                      gpu_room(&a, rows * dim * 4),
                      gpu_give(&a, index, rows * sizeof *index)};
    gpu_run(&a, table_run, &t);
    backend_cpu.gather_rows(gathered.data, table.data, MASA_F32, index, rows, dim);
    backend_cpu.add_rows(table.data, x.data, index, rows, dim);
    gpu_equal(&a, t.gathered, gathered.data, rows * dim * 4);
    gpu_equal(&a, t.table, table.data, vocab * dim * 4);
    gpu_drop(&a);
    tensor_free(&table), tensor_free(&x), tensor_free(&gathered);
    free(index);
}

static void gathers_and_adds(void **state)
{
    (void)state;
    check_table(11, 40, 3);
    check_table(5, 300, 8); /* each index many times, in several chunks */
    check_table(1000, 70, 300);
    check_table(3, 1, 20);
    table_run(&(struct table){.dim = 4});
}

struct moves {
    size_t rows, record;
    masa_record_part parts[2];
    void *records, *wide, *narrow, *back_wide, *back_narrow;
    int32_t *index;
};

static void moves_run(const void *context)
{
    const struct moves *m = context;
    masa_record_part there[2] = {m->parts[0], m->parts[1]},
                     back[2] = {m->parts[0], m->parts[1]};
    there[0].array = m->wide, there[1].array = m->narrow;
    back[0].array = m->back_wide, back[1].array = m->back_narrow;
    cuda_move_records(m->records, m->record, m->index, m->rows, there, 2, false);
    cuda_move_records(m->records, m->record, m->index, m->rows, back, 2, true);
}

/* Rows with a number go to records of that number and come back; the others stay. */
static void moves_records(void **state)
{
    (void)state;
    enum { ROWS = 9, RECORDS = 12, RECORD = 64, WIDE = 36, NARROW = 8 };
    static const int32_t index[ROWS] = {3, -1, 11, 0, -1, 5, 4, 7, -1};
    unsigned char wide[ROWS * WIDE], narrow[ROWS * NARROW], records[RECORDS * RECORD];
    unsigned char back[ROWS * WIDE];
    for (size_t i = 0; i < sizeof wide; i++) wide[i] = (unsigned char)(i * 7 + 1);
    for (size_t i = 0; i < sizeof narrow; i++) narrow[i] = (unsigned char)(i * 5 + 2);
    memset(records, 0xEE, sizeof records), memset(back, 0xDD, sizeof back);
    struct gpu_arrays a = {0};
    struct moves m = {.rows = ROWS,
                      .record = RECORD,
                      .parts = {{.at = 4, .bytes = WIDE}, {.at = 48, .bytes = NARROW}}};
    m.records = gpu_give(&a, records, sizeof records);
    m.wide = gpu_give(&a, wide, sizeof wide);
    m.narrow = gpu_give(&a, narrow, sizeof narrow);
    m.back_wide = gpu_give(&a, back, sizeof back);
    m.back_narrow = gpu_room(&a, sizeof narrow);
    m.index = gpu_give(&a, index, sizeof index);
    gpu_run(&a, moves_run, &m);
    for (size_t r = 0; r < ROWS; r++) {
        if (index[r] < 0) continue;
        memcpy(records + index[r] * RECORD + 4, wide + r * WIDE, WIDE);
        memcpy(records + index[r] * RECORD + 48, narrow + r * NARROW, NARROW);
        memcpy(back + r * WIDE, wide + r * WIDE, WIDE);
    }
    gpu_equal(&a, m.records, records, sizeof records);
    gpu_equal(&a, m.back_wide, back, sizeof back);
    gpu_drop(&a);
}

struct weighted {
    size_t rows, dim;
    masa_dtype to_dtype, from_dtype;
    void *to, *from;
    int32_t *to_index, *from_index;
    float *weight;
};

static void weighted_run(const void *context)
{
    const struct weighted *w = context;
    cuda_scale_rows(w->to, w->to_dtype, w->to_index, w->from, w->from_dtype, w->from_index,
                    w->weight, w->rows, w->dim);
}

static void check_weighted(masa_dtype to_dtype, masa_dtype from_dtype, bool scatter)
{
    enum { ROWS = 5, ALL = 9, DIM = 37 };
    static const int32_t index[ROWS] = {8, 0, 3, 2, 6};
    size_t to_rows = scatter ? ALL : ROWS, from_rows = scatter ? ROWS : ALL;
    masa_random random = masa_random_init(1, MASA_STREAM_TEST);
    struct tensor to = tensor_random(&random, to_dtype, to_rows * DIM, 1);
    struct tensor from = tensor_random(&random, from_dtype, from_rows * DIM, 1);
    struct tensor weight = tensor_random(&random, MASA_F32, ROWS, 1);
    struct gpu_arrays a = {0};
    struct weighted w = {ROWS,
                         DIM,
                         to_dtype,
                         from_dtype,
                         gpu_give_tensor(&a, &to),
                         gpu_give_tensor(&a, &from),
                         NULL,
                         NULL,
                         gpu_give_tensor(&a, &weight)};
    int32_t *on_gpu = gpu_give(&a, index, sizeof index);
    if (scatter) w.to_index = on_gpu;
    else w.from_index = on_gpu;
    gpu_run(&a, weighted_run, &w);
    for (size_t i = 0; i < ROWS * DIM; i++) {
        size_t other = (size_t)index[i / DIM] * DIM + i % DIM;
        size_t t = scatter ? other : i, f = scatter ? i : other;
        to.value[t] = weight.value[i / DIM] * from.value[f];
    }
    struct tensor got = {gpu_result(&a, w.to), NULL, to_dtype, to.n};
    tensor_matches(&got, to.value, storage_tolerance(to_dtype, 1e-6));
    gpu_drop(&a);
    tensor_free(&to), tensor_free(&from), tensor_free(&weight);
}

static void scales_rows(void **state)
{
    (void)state;
    check_weighted(MASA_F32, MASA_F32, true);
    check_weighted(MASA_F32, MASA_BF16, false);
    check_weighted(MASA_BF16, MASA_F32, true);
    check_weighted(MASA_BF16, MASA_BF16, false);
}

/* Planes of 12 bytes, 20 apart, and one copy of all. */
static void copies_planes(void **state)
{
    (void)state;
    enum { N = 4, PITCH = 20, WIDTH = 12, BYTES = N * PITCH };
    unsigned char from[BYTES], to[BYTES], want[BYTES];
    for (size_t i = 0; i < BYTES; i++) from[i] = (unsigned char)i, want[i] = 0;
    for (size_t i = 0; i < N; i++) memcpy(want + i * PITCH, from + i * PITCH, WIDTH);
    char *a = device_alloc(BYTES, false), *b = device_alloc(BYTES, true);
    device_put(a, from, BYTES);
    device_copy(b, a, PITCH, WIDTH, N);
    device_get(to, b, BYTES);
    assert_memory_equal(to, want, BYTES);
    device_copy(b, a, BYTES, BYTES, 1);
    device_zero(a, BYTES);
    device_get(to, b, BYTES);
    assert_memory_equal(to, from, BYTES);
    assert_true(device_peak() >= 2 * BYTES && device_available() > 0);
    device_free(a), device_free(b);
}

struct columns {
    size_t rows, n;
    masa_dtype dtype;
    void *x, *y;
    float *sum, *bias, *terms;
};

static void columns_run(const void *context)
{
    const struct columns *c = context;
    cuda_add_columns(c->sum, c->x, c->dtype, c->rows, c->n);
    cuda_add_bias(c->y, c->dtype, c->terms, c->bias, c->rows, c->n, true);
}

static void check_columns(size_t rows, size_t n, masa_dtype dtype)
{
    masa_random random = masa_random_init(rows * n, MASA_STREAM_TEST);
    struct tensor x = tensor_random(&random, dtype, rows * n, 1);
    struct tensor sum = tensor_random(&random, MASA_F32, n, 1);
    struct tensor bias = tensor_random(&random, MASA_F32, n, 1);
    struct gpu_arrays a = {0};
    struct tensor terms = tensor_random(&random, MASA_F32, rows * n, 1);
    struct columns c = {rows,
                        n,
                        dtype,
                        gpu_give_tensor(&a, &x),
                        gpu_give_tensor(&a, &x),
                        gpu_give_tensor(&a, &sum),
                        gpu_give_tensor(&a, &bias),
                        gpu_give_tensor(&a, &terms)};
    gpu_run(&a, columns_run, &c);
    float *want = sum.data;
    for (size_t i = 0; i < rows * n; i++) {
        sum.value[i % n] += x.value[i];
        x.value[i] += terms.value[i] + bias.value[i % n];
    }
    for (size_t i = 0; i < n; i++) want[i] = (float)sum.value[i];
    gpu_near(&a, c.sum, want, MASA_F32, n, 1e-5);
    struct tensor got = {gpu_result(&a, c.y), x.value, dtype, x.n};
    tensor_matches(&got, x.value, storage_tolerance(dtype, 1e-6));
    gpu_drop(&a);
    tensor_free(&x), tensor_free(&sum), tensor_free(&bias), tensor_free(&terms);
}

static void columns_and_bias(void **state)
{
    (void)state;
    for (int dtype = MASA_F32; dtype <= MASA_BF16; dtype++) {
        check_columns(1, 1, (masa_dtype)dtype);
        check_columns(33, 45, (masa_dtype)dtype);
        check_columns(600, 20, (masa_dtype)dtype);
    }
}

struct update {
    size_t n;
    float *w, *grad;
    void *m, *v;
    masa_adamw options;
    double *squares;
};

static void update_run(const void *context)
{
    const struct update *u = context;
    cuda_sums_of_squares(u->squares, u->grad, u->n);
    cuda_adamw(u->w, u->m, u->v, u->grad, u->n, &u->options);
}

/* But for a few. */
static void assert_rounded_alike(const struct gpu_arrays *a, const void *gpu, const void *want,
                                 size_t n)
{
    const uint16_t *x = gpu_result(a, gpu), *y = want;
    size_t apart = 0;
    for (size_t i = 0; i < n; i++) apart += x[i] != y[i];
    assert_true(apart <= 1 + n / 1000);
}

static void check_update(size_t n, double scale, masa_dtype moments)
{
    masa_random random = masa_random_init(n, MASA_STREAM_TEST);
    struct tensor w = tensor_random(&random, MASA_F32, n, 1);
    struct tensor m = tensor_random(&random, moments, n, 0.1);
    struct tensor v = tensor_random(&random, moments, n, 0.1);
    struct tensor grad = tensor_random(&random, MASA_F32, n, scale);
    for (size_t i = 0; i < n; i++)
        if (moments == MASA_F32) ((float *)v.data)[i] *= ((float *)v.data)[i];
        else ((uint16_t *)v.data)[i] &= 0x7fff; /* no roots of negative numbers */
    double squares[2] = {-1, -1}, want[2];
    struct gpu_arrays a = {0};
    struct update u = {n,
                       gpu_give_tensor(&a, &w),
                       gpu_give_tensor(&a, &grad),
                       gpu_give_tensor(&a, &m),
                       gpu_give_tensor(&a, &v),
                       {1e-2f, 0.9f, 0.999f, 1e-8f, 0.1f, 0.7f, 3, moments, 5},
                       squares};
    gpu_run(&a, update_run, &u);
    backend_cpu.sums_of_squares(want, grad.data, n);
    backend_cpu.adamw(w.data, m.data, v.data, grad.data, n, &u.options);
    for (size_t i = 0; i * MASA_SQUARES < n; i++)
        assert_near(squares[i], want[i], 1e-12 * want[i]);
    gpu_near(&a, u.w, w.data, MASA_F32, n, 1e-6);
    /* The same random bits; where sums differ in their last bit one may round up, one down. */
    double tolerance = moments == MASA_F32 ? 1e-6 : 1.0 / 128;
    gpu_near(&a, u.m, m.data, moments, n, tolerance);
    gpu_near(&a, u.v, v.data, moments, n, tolerance);
    if (moments == MASA_BF16) assert_rounded_alike(&a, u.m, m.data, n);
    gpu_drop(&a);
    tensor_free(&w), tensor_free(&m), tensor_free(&v), tensor_free(&grad);
}

static void adamw_matches(void **state)
{
    (void)state;
    for (int moments = MASA_F32; moments <= MASA_BF16; moments++) {
        check_update(1, 1, (masa_dtype)moments);
        check_update(1000, 1e-3, (masa_dtype)moments);
        check_update(65536 + 300, 1, (masa_dtype)moments);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gathers_and_adds), cmocka_unit_test(moves_records),
        cmocka_unit_test(scales_rows),      cmocka_unit_test(copies_planes),
        cmocka_unit_test(columns_and_bias), cmocka_unit_test(adamw_matches)};
    return cmocka_run_group_tests(tests, gpu_start, NULL);
}
