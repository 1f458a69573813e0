/* A step's heads in one kernel, against the kernels that do the same one after the other: to the
 * bit on the shim; a GPU's compiler may contract a product and a sum in one and not in the other. */
#include "cuda_test.h"

#ifdef MASA_SHIM
static const bool to_the_bit = true;
#else
static const bool to_the_bit = false;
#endif

enum { ROWS = 9, POSITIONS = 50, BLOCK_TOKENS = 5, BLOCKS = 4 };

struct step {
    masa_attention_shape shape;
    masa_heads heads;
    masa_kv_layer kv;
};

struct both {
    struct step one, several;
    int32_t *slots;
};

static void both_run(const void *context)
{
    const struct both *c = context;
    const struct step *s = &c->several;
    const masa_attention_shape *h = &s->shape;
    size_t stride = h->stride, dim = h->head_dim, size = masa_dtype_size(h->dtype);
    size_t k = h->q_heads * dim * size, v = k + h->kv_heads * dim * size;
    char *from = s->heads.qkv, *to = s->heads.rotated;
    cuda_heads_to_cache(&c->one.heads, h, &c->one.kv, c->slots, ROWS);
    if (s->heads.q_gain) {
        cuda_headnorm_forward(to, stride, NULL, from, stride, h->dtype, s->heads.q_gain, ROWS,
                              h->q_heads, dim, s->heads.eps);
        cuda_headnorm_forward(to + k, stride, NULL, from + k, stride, h->dtype, s->heads.k_gain,
                              ROWS, h->kv_heads, dim, s->heads.eps);
    }
    cuda_rope(to, h->dtype, stride, s->heads.positions, s->heads.cos_table, s->heads.sin_table,
              ROWS, h->q_heads + h->kv_heads, dim, false);
    cuda_kv_write(&s->kv, to + k, from + v, stride, c->slots, ROWS);
}

/* What neither writes is NaN still. */
static void same(const struct gpu_arrays *a, const void *one, const void *several,
                 masa_dtype dtype, size_t n)
{
    struct tensor got = {gpu_result(a, one), NULL, dtype, n};
    struct tensor want = {gpu_result(a, several), NULL, dtype, n};
    double tolerance = to_the_bit ? 0 : storage_tolerance(dtype, 1e-6);
    for (size_t i = 0; i < n; i++) {
        double w = tensor_at(&want, i), g = tensor_at(&got, i);
        if (isnan(w)) assert_true(isnan(g));
        else assert_near(g, w, tolerance * fmax(1, fabs(w)));
    }
}

static void check(size_t q_heads, size_t kv_heads, size_t dim, masa_dtype dtype, bool norm)
{
    /* Some fill the batch: -1. */
    static const int32_t slots[ROWS] = {7, 0, -1, 19, 8, 5, -1, 12, 1};
    size_t size = masa_dtype_size(dtype), used = (q_heads + 2 * kv_heads) * dim;
    size_t stride = used + 5, cache = BLOCKS * BLOCK_TOKENS * kv_heads * dim;
    masa_random random = masa_random_init(used, MASA_STREAM_TEST);
    struct tensor qkv = tensor_random(&random, dtype, ROWS * stride, 1);
    struct tensor angles = tensor_random(&random, MASA_F32, POSITIONS * dim / 2, 1);
    struct tensor gain = tensor_random(&random, MASA_F32, 2 * dim, 1);
    int32_t positions[ROWS];
    for (size_t r = 0; r < ROWS; r++) {
        positions[r] = (int32_t)masa_random_below(&random, POSITIONS);
        memset((char *)qkv.data + (r * stride + used) * size, 0xff, (stride - used) * size);
    }
    struct gpu_arrays a = {0};
    struct both c = {.slots = gpu_give(&a, slots, sizeof slots)};
    struct step *s = &c.one;
    s->shape = (masa_attention_shape){q_heads, kv_heads, dim, stride, 1, dtype};
    s->heads.positions = gpu_give(&a, positions, sizeof positions);
    s->heads.cos_table = gpu_give_tensor(&a, &angles);
    s->heads.sin_table = gpu_give_tensor(&a, &angles);
    s->heads.eps = 1e-5f;
    if (norm) s->heads.q_gain = gpu_give_tensor(&a, &gain);
    if (norm) s->heads.k_gain = s->heads.q_gain + dim;
    c.several = c.one;
    struct step *each[] = {&c.one, &c.several};
    for (size_t i = 0; i < 2; i++) {
        s = each[i];
        s->heads.qkv = gpu_give_tensor(&a, &qkv);
        s->heads.rotated = norm ? gpu_room(&a, ROWS * stride * size) : s->heads.qkv;
        s->kv = (masa_kv_layer){gpu_room(&a, cache * size),
                                gpu_room(&a, cache * size),
                                BLOCK_TOKENS,
                                kv_heads,
                                dim,
                                dtype};
    }
    gpu_run(&a, both_run, &c);
    same(&a, c.one.heads.qkv, c.several.heads.qkv, dtype, ROWS * stride);
    same(&a, c.one.heads.rotated, c.several.heads.rotated, dtype, ROWS * stride);
    same(&a, c.one.kv.k, c.several.kv.k, dtype, cache);
    same(&a, c.one.kv.v, c.several.kv.v, dtype, cache);
    size_t written = 0;
    struct tensor k = {gpu_result(&a, c.one.kv.k), NULL, dtype, cache};
    for (size_t i = 0; i < cache; i++) written += !isnan(tensor_at(&k, i));
    assert_int_equal(written, 7 * kv_heads * dim);
    gpu_drop(&a);
    tensor_free(&qkv), tensor_free(&angles), tensor_free(&gain);
}

static void one_kernel_does_all(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        masa_dtype dtype = i % 2 ? MASA_BF16 : MASA_F32;
        check(1, 1, 2, dtype, i / 2);
        check(4, 2, 20, dtype, i / 2);
        check(3, 1, 64, dtype, i / 2);
        check(2, 2, 256, dtype, i / 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_kernel_does_all)};
    return cmocka_run_group_tests(tests, gpu_start, NULL);
}
