/* Softmax over logits, and draws from them, against float64 and the processor. */
#include "cuda_test.h"

struct softmax {
    size_t rows, vocab;
    masa_dtype dtype;
    float scale, *logits, *logprob, *lse, *entropy, *batch_lse;
    void *dz;
    int32_t *targets, *index, *batch_targets;
};

static void softmax_run(const void *context)
{
    const struct softmax *s = context;
    cuda_softmax_forward(s->logprob, s->lse, s->entropy, s->logits, s->targets, s->rows,
                         s->vocab, s->scale);
    cuda_softmax_backward(s->dz, s->dtype, s->logits, s->index, s->batch_lse, s->batch_targets,
                          s->rows, s->vocab, s->scale);
}

/* Rows that are numbers; the last has impossible tokens. */
static void check_softmax(size_t rows, size_t vocab, masa_dtype dtype, bool in_place)
{
    enum { MOST = 8 };
    masa_random random = masa_random_init(vocab, MASA_STREAM_TEST);
    struct tensor x = tensor_random(&random, MASA_F32, rows * vocab, 4);
    int32_t targets[MOST], index[MOST], batch_targets[MOST];
    float batch_lse[MOST], *at = x.data, scale = 1.3f;
    struct gpu_arrays a = {0};
    for (size_t r = 0; r < rows; r++) {
        targets[r] = (int32_t)masa_random_below(&random, (uint32_t)vocab);
        index[r] = (int32_t)(rows - 1 - r);
        batch_lse[rows - 1 - r] = 3.0f + (float)r;
        batch_targets[rows - 1 - r] = targets[r];
    }
    for (size_t i = 0; i + 1 < vocab; i += 3)
        if ((int32_t)i != targets[rows - 1]) {
            at[(rows - 1) * vocab + i] = -INFINITY;
            x.value[(rows - 1) * vocab + i] = -INFINITY;
        }
    struct softmax s = {.rows = rows,
                        .vocab = vocab,
                        .dtype = dtype,
                        .scale = scale,
                        .logits = gpu_give_tensor(&a, &x)};
    s.logprob = gpu_room(&a, rows * 4), s.lse = gpu_room(&a, rows * 4);
    s.entropy = gpu_room(&a, rows * 4), s.targets = gpu_give(&a, targets, rows * 4);
    s.index = gpu_give(&a, index, rows * 4), s.batch_lse = gpu_give(&a, batch_lse, rows * 4);
    s.batch_targets = gpu_give(&a, batch_targets, rows * 4);
    s.dz = in_place ? s.logits : gpu_room(&a, x.n * masa_dtype_size(dtype));
    gpu_run(&a, softmax_run, &s);
    struct tensor dz = {gpu_result(&a, s.dz), NULL, dtype, x.n};
    float *logprob = gpu_result(&a, s.logprob), *lse = gpu_result(&a, s.lse);
    float *entropy = gpu_result(&a, s.entropy);
    for (size_t r = 0; r < rows; r++) {
        const double *row = x.value + r * vocab;
        double most = -INFINITY, sum = 0, want, h;
        for (size_t i = 0; i < vocab; i++) most = fmax(most, scale * row[i]);
        for (size_t i = 0; i < vocab; i++) sum += exp(scale * row[i] - most);
        want = h = most + log(sum);
        for (size_t i = 0; i < vocab; i++)
            if (row[i] > -INFINITY) h -= exp(scale * row[i] - want) * scale * row[i];
        assert_near(lse[r], want, 3e-6 * fmax(1, fabs(want)));
        assert_near(logprob[r], scale * row[targets[r]] - want, 1e-5);
        assert_near(entropy[r], h, 2e-5);
        for (size_t i = 0; i < vocab; i++) {
            double d =
                scale * (((int32_t)i == targets[r]) - exp(scale * row[i] - (3.0 + (double)r)));
            assert_near(tensor_at(&dz, r * vocab + i), d,
                        storage_tolerance(dtype, 5e-6) * fmax(1, fabs(d)));
        }
    }
    gpu_drop(&a);
    tensor_free(&x);
}

static void softmax_matches(void **state)
{
    (void)state;
    check_softmax(1, 2, MASA_F32, false);
    check_softmax(4, 1000, MASA_F32, true);
    check_softmax(5, 37, MASA_BF16, false);
    check_softmax(3, 4100, MASA_BF16, false);
}

/* NaN and infinities come out as such, and -infinity alone as a sum of nothing. */
static void softmax_says_what_is_no_number(void **state)
{
    (void)state;
    enum { ROWS = 3, VOCAB = 300 };
    float x[ROWS * VOCAB];
    int32_t targets[ROWS] = {0};
    for (size_t i = 0; i < ROWS * VOCAB; i++) x[i] = i < VOCAB ? -INFINITY : (float)(i % 7);
    x[VOCAB + 290] = NAN;
    x[2 * VOCAB + 5] = INFINITY;
    struct gpu_arrays a = {0};
    struct softmax s = {
        .rows = ROWS, .vocab = VOCAB, .scale = 1, .logits = gpu_give(&a, x, sizeof x)};
    s.logprob = gpu_room(&a, ROWS * 4), s.lse = gpu_room(&a, ROWS * 4);
    s.targets = s.batch_targets = gpu_give(&a, targets, sizeof targets);
    s.batch_lse = s.lse, s.dz = gpu_room(&a, sizeof x);
    gpu_run(&a, softmax_run, &s);
    float *lse = gpu_result(&a, s.lse);
    assert_true(lse[0] == -INFINITY);
    assert_true(isnan(lse[1]));
    assert_true(lse[2] == INFINITY);
    gpu_drop(&a);
}

/* A draw in plain float64: the inversion over all tokens, which that over chunks equals. */
static int32_t draw_reference(const float *x, size_t vocab, const masa_draw *d, double *logprob)
{
    double scale = d->sampling.temperature == 0 ? 1 : (double)(1 / d->sampling.temperature);
    double most = -INFINITY, total = 0, sum = 0;
    int32_t best = 0, token = 0;
    for (size_t i = 0; i < vocab; i++)
        if (scale * x[i] > most) most = scale * x[i], best = (int32_t)i;
    for (size_t i = 0; i < vocab; i++) total += exp(scale * x[i] - most);
    for (size_t i = 0; i < vocab && sum <= d->u * total; i++)
        if (x[i] > -INFINITY) sum += exp(scale * x[i] - most), token = (int32_t)i;
    if (d->sampling.temperature == 0) token = best;
    *logprob = scale * x[token] - most - log(total);
    return token;
}

static void draws_match(void **state)
{
    (void)state;
    enum { ROWS = 6, VOCAB = 1300, DRAWS = 40 };
    masa_random random = masa_random_init(7, MASA_STREAM_TEST);
    struct tensor x = tensor_random(&random, MASA_F32, ROWS * VOCAB, 2);
    float *at = x.data;
    masa_draw draws[DRAWS];
    for (size_t i = 256; i < 512; i++) at[i] = -INFINITY; /* an impossible chunk */
    at[4 * VOCAB + 3] = NAN, at[5 * VOCAB + 1299] = INFINITY;
    at[2 * VOCAB + 900] = at[2 * VOCAB + 70] = 50; /* a tie */
    for (unsigned order = 0; order < ORDERS; order++) {
        gpu_set_order(order);
        masa_random us = masa_random_init(8, MASA_STREAM_TEST);
        for (size_t i = 0; i < DRAWS; i++)
            draws[i] = (masa_draw){
                .row = i % ROWS,
                .u = masa_random_uniform(&us),
                .sampling = {i % 5 == 0 ? 0 : 0.5f + 0.1f * (float)(i % 7), 0, 1, 0}};
        draws[1].u = 0, draws[7].u = 1 - 0x1p-53;
        float *gpu = device_alloc(x.n * 4, false);
        device_put(gpu, at, x.n * 4);
        cuda_sample(draws, DRAWS, gpu, VOCAB);
        device_free(gpu);
        for (size_t i = 0; i < DRAWS; i++) {
            double logprob;
            assert_int_equal(draws[i].valid, draws[i].row < 4);
            if (!draws[i].valid) continue;
            assert_int_equal(draws[i].token, draw_reference(at + draws[i].row * VOCAB, VOCAB,
                                                            &draws[i], &logprob));
            assert_near(draws[i].logprob, logprob, 1e-5);
        }
    }
    gpu_set_order(0);
    tensor_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(softmax_matches),
                                       cmocka_unit_test(softmax_says_what_is_no_number),
                                       cmocka_unit_test(draws_match)};
    return cmocka_run_group_tests(tests, gpu_start, NULL);
}
