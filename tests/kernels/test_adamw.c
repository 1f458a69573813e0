#include "kernels_test.h"
#include <omp.h>
#include <masa/adamw.h>

enum { MOST = 64 };

static void read_floats(FILE *f, float *to, size_t n)
{
    for (size_t i = 0; i < n; i++) assert_int_equal(fscanf(f, "%f", &to[i]), 1);
}

/* tools/make_adamw_golden.py */
static void steps_like_torch(void **state)
{
    (void)state;
    FILE *f = fopen(MASA_TEST_DATA "/adamw.txt", "r");
    assert_non_null(f);
    size_t n;
    int steps;
    masa_adamw o = {.grad_scale = 0.5f};
    assert_int_equal(fscanf(f, "%zu %d %f %f %f %f %f", &n, &steps, &o.lr, &o.beta1, &o.beta2,
                            &o.eps, &o.weight_decay),
                     7);
    assert_in_range(n, 1, MOST);
    float w[MOST], m[MOST] = {0}, v[MOST] = {0}, grad[MOST], want[MOST];
    read_floats(f, w, n);
    for (o.step = 1; o.step <= steps; o.step++) {
        read_floats(f, grad, n);
        read_floats(f, want, n);
        for (size_t i = 0; i < n; i++) grad[i] *= 2; /* grad_scale undoes it */
        masa_adamw_update(w, m, v, grad, n, &o);
        for (size_t i = 0; i < n; i++) assert_near(w[i], want[i], 1e-6);
    }
    fclose(f);
}

static void divides_any_length(void **state)
{
    (void)state;
    enum { N = 20003 };
    masa_random random = masa_random_init(4, MASA_STREAM_TEST);
    struct tensor w = tensor_random(&random, MASA_F32, N, 1);
    struct tensor m = tensor_random(&random, MASA_F32, N, 0.1);
    struct tensor v = tensor_zero(MASA_F32, N), g = tensor_random(&random, MASA_F32, N, 1);
    masa_adamw o = {1e-3f, 0.9f, 0.999f, 1e-8f, 0.01f, 1, 7, MASA_F32, 0};
    for (size_t i = 0; i < N; i++) {
        double gi = g.value[i];
        double mi = (double)o.beta1 * m.value[i] + (1 - (double)o.beta1) * gi;
        double vi = (1 - (double)o.beta2) * gi * gi;
        double update = mi / (1 - pow((double)o.beta1, 7)) /
                        (sqrt(vi / (1 - pow((double)o.beta2, 7))) + (double)o.eps);
        w.value[i] -= (double)o.lr * (update + (double)o.weight_decay * w.value[i]);
        m.value[i] = mi, v.value[i] = vi;
    }
    masa_adamw_update(w.data, m.data, v.data, g.data, N, &o);
    tensor_matches(&w, w.value, 1e-6);
    tensor_matches(&m, m.value, 1e-6);
    tensor_matches(&v, v.value, 1e-6);
    masa_adamw_update(w.data, m.data, v.data, g.data, 0, &o);
    tensor_matches(&w, w.value, 1e-6);
    tensor_free(&w), tensor_free(&m), tensor_free(&v), tensor_free(&g);
}

/* m and v in bf16 against the same in float32: every moment is one of the two bf16 numbers around
 * its float32 value, on average that value, and does not depend on how the elements are divided. */
static void bf16_moments_are_rounded_both_ways(void **state)
{
    (void)state;
    enum { N = 70001, PART = 30011 };
    masa_random random = masa_random_init(5, MASA_STREAM_TEST);
    struct tensor w = tensor_random(&random, MASA_F32, N, 1);
    struct tensor g = tensor_random(&random, MASA_F32, N, 1);
    struct tensor m = tensor_random(&random, MASA_BF16, N, 1);
    struct tensor v = tensor_random(&random, MASA_BF16, N, 1);
    uint16_t *halves[2] = {m.data, v.data};
    for (size_t i = 0; i < N; i++) halves[1][i] &= 0x7fff;
    float *exact[2], *weights = malloc(N * sizeof *weights);
    for (int k = 0; k < 2; k++) {
        exact[k] = malloc(N * sizeof *exact[k]);
        for (size_t i = 0; i < N; i++) exact[k][i] = masa_bf16_to_f32(halves[k][i]);
    }
    memcpy(weights, w.data, N * sizeof *weights);
    masa_adamw o = {1e-3f, 0.9f, 0.999f, 1e-8f, 0.01f, 1, 7, MASA_F32, 0};
    masa_adamw_update(weights, exact[0], exact[1], g.data, N, &o);
    o.moments = MASA_BF16;
    masa_adamw_update(w.data, halves[0], halves[1], g.data, PART, &o);
    o.first = PART;
    masa_adamw_update((float *)w.data + PART, halves[0] + PART, halves[1] + PART,
                      (float *)g.data + PART, N - PART, &o);
    assert_memory_equal(w.data, weights, N * sizeof *weights);
    for (int k = 0; k < 2; k++) {
        double bias = 0, step = 0;
        size_t up = 0;
        for (size_t i = 0; i < N; i++) {
            uint32_t bits;
            memcpy(&bits, &exact[k][i], sizeof bits);
            uint16_t below = (uint16_t)(bits >> 16);
            assert_true(halves[k][i] == below || halves[k][i] == below + 1);
            up += halves[k][i] != below;
            double unit = fabs((double)masa_bf16_to_f32((uint16_t)(below + 1)) -
                               (double)masa_bf16_to_f32(below));
            bias += ((double)masa_bf16_to_f32(halves[k][i]) - (double)exact[k][i]) / unit;
            step += unit;
        }
        assert_true(step > 0 && up > N / 3 && up < 2 * N / 3);
        assert_true(fabs(bias) / N < 0.01); /* of a unit; 0.0011 is one deviation */
    }
    free(exact[0]), free(exact[1]), free(weights);
    tensor_free(&w), tensor_free(&m), tensor_free(&v), tensor_free(&g);
}

/* A second moment that is to fade does, by far less a step than bf16 tells apart. */
static void bf16_moments_fade(void **state)
{
    (void)state;
    enum { N = 1000, STEPS = 700 };
    float w[N] = {0}, g[N] = {0};
    uint16_t m[N] = {0}, v[N];
    double sum = 0;
    for (size_t i = 0; i < N; i++) v[i] = masa_f32_to_bf16(1);
    masa_adamw o = {1e-3f, 0.9f, 0.999f, 1e-8f, 0, 1, 0, MASA_BF16, 0};
    for (o.step = 1; o.step <= STEPS; o.step++) masa_adamw_update(w, m, v, g, N, &o);
    for (size_t i = 0; i < N; i++) sum += (double)masa_bf16_to_f32(v[i]);
    assert_near(sum / N, pow(0.999, STEPS), 0.01);
}

static void sum_is_equal_for_any_number_of_threads(void **state)
{
    (void)state;
    const size_t counts[] = {0, 1, 7, 1000, 65536, 65537, 500003};
    int threads = omp_get_max_threads();
    masa_random random = masa_random_init(3, MASA_STREAM_TEST);
    struct tensor x = tensor_random(&random, MASA_F32, 500003, 1);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        double want = 0;
        for (size_t i = 0; i < counts[c]; i++) want += x.value[i] * x.value[i];
        omp_set_num_threads(1);
        double alone = masa_sum_squares(x.data, counts[c]);
        assert_near(alone, want, 1e-11 * (1 + want));
        for (int t = 2; t <= 5; t++) {
            omp_set_num_threads(t);
            assert_true(masa_sum_squares(x.data, counts[c]) == alone);
        }
    }
    omp_set_num_threads(threads);
    tensor_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(steps_like_torch),
                                       cmocka_unit_test(divides_any_length),
                                       cmocka_unit_test(bf16_moments_are_rounded_both_ways),
                                       cmocka_unit_test(bf16_moments_fade),
                                       cmocka_unit_test(sum_is_equal_for_any_number_of_threads),
                                       cmocka_unit_test(passes_on_lower_instruction_sets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
