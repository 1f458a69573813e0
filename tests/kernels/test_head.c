#include "kernels_test.h"
#include "isa/isa_head.h"
#include <masa/device.h>
#include <masa/head.h>

/* One problem: rows, targets and weights, and the outputs computed in float64. */
struct head_case {
    size_t rows, vocab, hidden;
    masa_dtype dtype;
    float inv_temperature;
    struct tensor x, w;
    int32_t *targets;
    float *dlogprob;
    masa_linear *linear;
    masa_head *head;
};

static struct head_case make_kept(size_t rows, size_t vocab, size_t hidden, masa_dtype dtype,
                                  float inv_temperature, size_t kept)
{
    masa_random random = masa_random_init(rows * 77 + vocab, MASA_STREAM_TEST);
    struct head_case c = {.rows = rows,
                          .vocab = vocab,
                          .hidden = hidden,
                          .dtype = dtype,
                          .inv_temperature = inv_temperature};
    c.x = tensor_random(&random, dtype, rows * hidden, 1);
    /* Weights that every dtype holds exactly. */
    struct tensor rounded = tensor_random(&random, MASA_BF16, vocab * hidden, 0.5);
    c.w = tensor_zero(MASA_F32, vocab * hidden);
    for (size_t i = 0; i < c.w.n; i++)
        ((float *)c.w.data)[i] = (float)(c.w.value[i] = rounded.value[i]);
    tensor_free(&rounded);
    c.targets = calloc(rows + 1, sizeof *c.targets);
    c.dlogprob = calloc(rows + 1, sizeof *c.dlogprob);
    for (size_t r = 0; r < rows; r++) {
        c.targets[r] = (int32_t)masa_random_below(&random, (uint32_t)vocab);
        c.dlogprob[r] = r % 3 == 1 ? 0 : (float)masa_random_normal(&random);
    }
    masa_error err;
    assert_int_equal(masa_linear_create(&c.linear, vocab, hidden, dtype, true, &err), MASA_OK);
    masa_linear_pack(c.linear, c.w.data);
    assert_int_equal(masa_head_create(&c.head, vocab, hidden, dtype, kept, &err), MASA_OK);
    return c;
}

static struct head_case make(size_t rows, size_t vocab, size_t hidden, masa_dtype dtype,
                             float inv_temperature)
{
    return make_kept(rows, vocab, hidden, dtype, inv_temperature, 0);
}

static void drop(struct head_case *c)
{
    masa_head_destroy(c->head);
    masa_linear_destroy(c->linear);
    tensor_free(&c->x), tensor_free(&c->w);
    free(c->targets), free(c->dlogprob);
}

/* z [vocab] of a row in float64; returns their log-sum-exp. */
static double reference_row(const struct head_case *c, size_t r, double *z)
{
    double max = -INFINITY, sum = 0;
    for (size_t v = 0; v < c->vocab; v++) {
        z[v] = 0;
        for (size_t i = 0; i < c->hidden; i++)
            z[v] += c->x.value[r * c->hidden + i] * c->w.value[v * c->hidden + i];
        z[v] *= (double)c->inv_temperature;
        max = fmax(max, z[v]);
    }
    for (size_t v = 0; v < c->vocab; v++) sum += exp(z[v] - max);
    return max + log(sum);
}

static void check_forward(const struct head_case *c)
{
    float *logprob = calloc(c->rows + 1, sizeof(float)),
          *lse = calloc(c->rows + 1, sizeof(float));
    float *entropy = calloc(c->rows + 1, sizeof(float)),
          *again = calloc(c->rows + 1, sizeof(float));
    double *z = calloc(c->vocab, sizeof *z);
    masa_head_forward(c->head, c->linear, logprob, lse, entropy, c->x.data, c->targets, c->rows,
                      c->inv_temperature);
    masa_head_forward(c->head, c->linear, again, lse, NULL, c->x.data, c->targets, c->rows,
                      c->inv_temperature);
    for (size_t r = 0; r < c->rows; r++) {
        double want = reference_row(c, r, z), h = want;
        for (size_t v = 0; v < c->vocab; v++) h -= exp(z[v] - want) * z[v];
        assert_near(lse[r], want, 3e-6 * fmax(1, fabs(want)));
        assert_near(logprob[r], z[c->targets[r]] - want, 1e-5);
        assert_near(again[r], logprob[r], 1e-6);
        assert_near(entropy[r], h, 1e-5);
    }
    free(logprob), free(lse), free(entropy), free(again), free(z);
}

static const struct {
    size_t rows, vocab, hidden;
} sizes[] = {{0, 5, 4}, {1, 2, 1}, {1, 1000, 16}, {7, 37, 12}, {40, 513, 24}, {600, 70, 8}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void forward_matches(void **state)
{
    (void)state;
    for (size_t s = 0; s < SIZES; s++)
        for (int dtype = MASA_F32; dtype <= MASA_BF16; dtype++)
            for (float t = 0.5f; t < 3; t += 1) {
                struct head_case c =
                    make(sizes[s].rows, sizes[s].vocab, sizes[s].hidden, (masa_dtype)dtype, t);
                check_forward(&c);
                drop(&c);
            }
}

/* sum_i dlogprob[i] logprob[i], the loss whose gradient backward computes. */
static double loss_of_row(const struct head_case *c, size_t r, double *z)
{
    double lse = reference_row(c, r, z);
    return c->dlogprob[r] * (z[c->targets[r]] - lse);
}

static double difference(const struct head_case *c, double *value, size_t from, size_t to)
{
    const double h = 1e-5, kept = *value;
    double *z = calloc(c->vocab, sizeof *z), up = 0, down = 0;
    *value = kept + h;
    for (size_t r = from; r < to; r++) up += loss_of_row(c, r, z);
    *value = kept - h;
    for (size_t r = from; r < to; r++) down += loss_of_row(c, r, z);
    *value = kept;
    free(z);
    return (up - down) / (2 * h);
}

static void check_backward(const struct head_case *c)
{
    size_t nx = c->rows * c->hidden, nw = c->vocab * c->hidden;
    float *logprob = calloc(c->rows + 1, sizeof(float)),
          *lse = calloc(c->rows + 1, sizeof(float));
    float *dx = calloc(nx + 1, sizeof *dx), *dw = calloc(nw, sizeof *dw);
    for (size_t i = 0; i < nx; i++) dx[i] = 99;
    for (size_t i = 0; i < nw; i++) dw[i] = (float)(i % 7);
    masa_head_forward(c->head, c->linear, logprob, lse, NULL, c->x.data, c->targets, c->rows,
                      c->inv_temperature);
    masa_head_backward(c->head, c->linear, dx, dw, c->dlogprob, lse, c->x.data, c->targets,
                       c->rows, c->inv_temperature);
    /* dz and x times dlogprob are rounded to the operands' dtype: bf16 keeps 8 bits. */
    double tolerance = c->dtype == MASA_F32 ? 2e-5 : 3e-2;
    for (size_t i = 0; i<nx; i += nx> 300 ? nx / 97 : 1) {
        size_t r = i / c->hidden;
        double want = difference(c, &c->x.value[i], r, r + 1);
        assert_near(dx[i], want, tolerance * fmax(1, fabs(want)));
        if (c->dlogprob[r] == 0) assert_true(dx[i] == 0);
    }
    for (size_t i = 0; i<nw; i += nw> 300 ? nw / 13 : 1) {
        double want = difference(c, &c->w.value[i], 0, c->rows) + (double)(i % 7);
        assert_near(dw[i], want, tolerance * fmax(1, fabs(want)));
    }
    free(logprob), free(lse), free(dx), free(dw);
}

static void backward_matches(void **state)
{
    (void)state;
    for (size_t s = 0; s < SIZES; s++)
        for (int dtype = MASA_F32; dtype <= MASA_BF16; dtype++) {
            for (size_t kept = 0; kept <= sizes[s].rows; kept += sizes[s].rows) {
                struct head_case c = make_kept(sizes[s].rows, sizes[s].vocab, sizes[s].hidden,
                                               (masa_dtype)dtype, 1.25f, kept);
                check_backward(&c);
                drop(&c);
                if (sizes[s].rows == 0) break;
            }
        }
}

/* A batch of several chunks, of which many rows have no gradient, is the sum of its rows.
 */
static void rows_are_independent(void **state)
{
    (void)state;
    enum { ROWS = 530, VOCAB = 91, HIDDEN = 16 };
    struct head_case c = make(ROWS, VOCAB, HIDDEN, MASA_F32, 0.7f);
    float *out = calloc(6 * ROWS, sizeof *out), *one = out + 3 * ROWS;
    float *dx = calloc(2 * ROWS * HIDDEN, sizeof *dx), *dx_one = dx + ROWS * HIDDEN;
    float *dw = calloc(2 * VOCAB * HIDDEN, sizeof *dw), *dw_one = dw + VOCAB * HIDDEN;
    const float *x = c.x.data;
    masa_head_forward(c.head, c.linear, out, out + ROWS, out + 2 * ROWS, x, c.targets, ROWS,
                      0.7f);
    masa_head_backward(c.head, c.linear, dx, dw, c.dlogprob, out + ROWS, x, c.targets, ROWS,
                       0.7f);
    for (size_t r = 0; r < ROWS; r++) {
        masa_head_forward(c.head, c.linear, one + r, one + ROWS + r, one + 2 * ROWS + r,
                          x + r * HIDDEN, c.targets + r, 1, 0.7f);
        masa_head_backward(c.head, c.linear, dx_one + r * HIDDEN, dw_one, c.dlogprob + r,
                           one + ROWS + r, x + r * HIDDEN, c.targets + r, 1, 0.7f);
    }
    for (size_t i = 0; i < 3 * ROWS; i++)
        assert_near(out[i], one[i], 2e-6 * fmax(1, fabsf(one[i])));
    for (size_t i = 0; i < ROWS * HIDDEN; i++) assert_near(dx[i], dx_one[i], 2e-6);
    for (size_t i = 0; i < VOCAB * HIDDEN; i++)
        assert_near(dw[i], dw_one[i], 1e-5 * fmax(1, fabsf(dw_one[i])));
    free(out), free(dx), free(dw);
    drop(&c);
}

/* Rows without a gradient are not even read: what they hold may be no number. */
static void rows_of_zero_weight_are_left_alone(void **state)
{
    (void)state;
    enum { ROWS = 9, HIDDEN = 8 };
    struct head_case c = make(ROWS, 30, HIDDEN, MASA_F32, 1);
    float *x = c.x.data, logprob[ROWS], lse[ROWS], dx[ROWS * HIDDEN], dw[30 * HIDDEN] = {0};
    for (size_t r = 0; r < ROWS; r++)
        if (c.dlogprob[r] == 0) x[r * HIDDEN + 3] = NAN;
    masa_head_forward(c.head, c.linear, logprob, lse, NULL, x, c.targets, ROWS, 1);
    masa_head_backward(c.head, c.linear, dx, dw, c.dlogprob, lse, x, c.targets, ROWS, 1);
    for (size_t r = 0; r < ROWS; r++) {
        assert_int_equal(!!isnan(logprob[r]), c.dlogprob[r] == 0);
        assert_int_equal(!!isnan(lse[r]), c.dlogprob[r] == 0);
    }
    for (size_t i = 0; i < ROWS * HIDDEN; i++)
        assert_true(c.dlogprob[i / HIDDEN] == 0 ? dx[i] == 0 : isfinite(dx[i]));
    for (size_t i = 0; i < 30 * HIDDEN; i++) assert_true(isfinite(dw[i]));
    float none[ROWS] = {0}, before = dw[5];
    masa_head_backward(c.head, c.linear, dx, dw, none, lse, x, c.targets, ROWS, 1);
    for (size_t i = 0; i < ROWS * HIDDEN; i++) assert_true(dx[i] == 0);
    assert_true(dw[5] == before);
    drop(&c);
}

static void logsumexp(float *lse, const float *x, size_t rows, size_t vocab, float scale)
{
    ISA_SELECT(head_kernels)->logsumexp(lse, x, rows, vocab, scale);
}

static double reference_logsumexp(const float *x, size_t n, double scale)
{
    double max = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++) max = fmax(max, x[i] * scale);
    for (size_t i = 0; i < n; i++) sum += exp(x[i] * scale - max);
    return max + log(sum);
}

/* Equal scores, a certain token, and scores beyond what exp can represent. */
static void logsumexp_matches(void **state)
{
    (void)state;
    const size_t vocabularies[] = {1, 2, 63, 64, 65, 256, 511, 513, 49152};
    masa_random random = masa_random_init(4, MASA_STREAM_TEST);
    for (size_t s = 0; s < sizeof vocabularies / sizeof *vocabularies; s++)
        for (size_t rows = 0; rows < 6; rows += rows ? 4 : 1)
            for (int spread = 0; spread < 3; spread++) {
                size_t vocab = vocabularies[s], n = rows * vocab;
                const double deviation[] = {0.001, 4, 400};
                struct tensor x = tensor_random(&random, MASA_F32, n, deviation[spread]);
                float lse[6], *data = x.data;
                if (n > 0 && vocab > 2 && spread) data[1] = -INFINITY;
                logsumexp(lse, data, rows, vocab, 0.6f);
                for (size_t r = 0; r < rows; r++) {
                    double want = reference_logsumexp(data + r * vocab, vocab, (double)0.6f);
                    assert_near(lse[r], want, 1e-6 * fmax(1, fabs(want)));
                }
                tensor_free(&x);
            }
}

static void logsumexp_of_what_is_no_number(void **state)
{
    (void)state;
    enum { MOST = 600 };
    const size_t counts[] = {1, 3, 64, 70, 600};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t at = 0; at < counts[c]; at += 1 + at / 3) {
            float x[MOST], lse;
            size_t n = counts[c];
            for (size_t i = 0; i < n; i++) x[i] = (float)(i % 5);
            x[at] = NAN;
            logsumexp(&lse, x, 1, n, 1);
            assert_true(isnan(lse));
            x[at] = INFINITY;
            logsumexp(&lse, x, 1, n, 1);
            assert_true(lse == INFINITY);
            for (size_t i = 0; i < n; i++) x[i] = -INFINITY;
            logsumexp(&lse, x, 1, n, 0.5f);
            assert_true(lse == -INFINITY);
            x[at] = NAN;
            logsumexp(&lse, x, 1, n, 1);
            assert_true(isnan(lse));
            x[at] = 2.5f;
            logsumexp(&lse, x, 1, n, 2);
            assert_near(lse, 5, 1e-6);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forward_matches),
                                       cmocka_unit_test(backward_matches),
                                       cmocka_unit_test(rows_are_independent),
                                       cmocka_unit_test(rows_of_zero_weight_are_left_alone),
                                       cmocka_unit_test(logsumexp_matches),
                                       cmocka_unit_test(logsumexp_of_what_is_no_number),
                                       cmocka_unit_test(passes_on_lower_instruction_sets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
