/* The sampler against a plain reference that sorts the whole vocabulary. */
#include "masa_test.h"
#include <masa/sample.h>
#include <masa/random.h>

enum { MOST = 1500 };

typedef struct reference {
    double p[MOST];    /* what is drawn from: after the filters, renormalised */
    double full[MOST]; /* the policy: before them */
} reference;

static const double *compared;

static int by_probability(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    if (compared[x] != compared[y]) return compared[x] < compared[y] ? 1 : -1;
    return x - y;
}

static void refer(reference *r, const float *logits, size_t n, const masa_sampling *s)
{
    static int order[MOST];
    double t = s->temperature > 0 ? (double)s->temperature : 1, sum = 0, best = -INFINITY;
    for (size_t i = 0; i < n; i++) best = fmax(best, (double)logits[i]);
    for (size_t i = 0; i < n; i++) sum += r->full[i] = exp(((double)logits[i] - best) / t);
    for (size_t i = 0; i < n; i++) r->full[i] /= sum, order[i] = (int)i;
    compared = r->full;
    qsort(order, n, sizeof *order, by_probability);
    size_t kept = s->temperature == 0 ? 1 : n;
    if (s->top_k > 0 && (size_t)s->top_k < kept) kept = (size_t)s->top_k;
    double mass = 0, cumulative = 0;
    for (size_t i = 0; i < kept; i++) mass += r->full[order[i]];
    for (size_t i = 0; s->top_p < 1 && i < kept; i++) {
        cumulative += r->full[order[i]] / mass;
        if (cumulative >= (double)s->top_p) kept = i + 1;
    }
    while (kept > 1 && r->full[order[kept - 1]] < (double)s->min_p * r->full[order[0]]) kept--;
    mass = 0;
    for (size_t i = 0; i < kept; i++) mass += r->full[order[i]];
    for (size_t i = 0; i < n; i++) r->p[i] = 0;
    for (size_t i = 0; i < kept; i++) r->p[order[i]] = r->full[order[i]] / mass;
}

static void fill(float *logits, size_t n, uint64_t seed, double spread)
{
    masa_random random = masa_random_init(seed, MASA_STREAM_TEST);
    for (size_t i = 0; i < n; i++) logits[i] = (float)(spread * masa_random_normal(&random));
}

/* One draw; false: there is nothing to draw. */
static bool draw(int32_t *token, float *logprob, const float *logits, size_t n,
                 const masa_sampling *sampling, double u)
{
    masa_draw one = {.sampling = *sampling, .u = u};
    masa_sample(&one, 1, logits, n);
    *token = one.token;
    *logprob = one.logprob;
    return one.valid;
}

static const masa_sampling settings[] = {
    {1, 0, 1, 0},       {0.7f, 0, 1, 0},     {1.3f, 0, 1, 0},     {1, 1, 1, 0},
    {1, 7, 1, 0},       {1, 400, 1, 0},      {1, 100000, 1, 0},   {1, 0, 0.5f, 0},
    {1, 0, 0.95f, 0},   {1, 0, 0.99999f, 0}, {1, 0, 1e-6f, 0},    {1, 0, 1, 0.05f},
    {1, 0, 1, 1e-7f},   {1, 0, 1, 1},        {0.6f, 20, 0.9f, 0}, {1.5f, 50, 1, 0.1f},
    {1, 0, 0.9f, 0.2f}, {2, 30, 0.8f, 0.3f}, {0, 0, 1, 0},        {0, 5, 0.5f, 0.1f},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

/* u on a fine grid meets every token as often as its probability says, to within
 * the two ends of the token's interval. */
static void inverts_the_distribution(void **state)
{
    (void)state;
    static float logits[MOST];
    static reference r;
    static size_t counts[MOST];
    const size_t sizes[] = {1, 2, 255, 256, 257, MOST};
#ifdef __SANITIZE_ADDRESS__ /* half a minute there; what is read and written is the same */
    const size_t grid = 100;
#else
    const size_t grid = 1500;
#endif
    const double spreads[] = {0.01, 0.5, 3};
    for (size_t c = 0; c < 6 * 3 * SETTINGS; c++) {
        size_t n = sizes[c % 6];
        const masa_sampling *s = &settings[c / 18];
        fill(logits, n, c, spreads[c / 6 % 3]);
        refer(&r, logits, n, s);
        memset(counts, 0, sizeof counts);
        for (size_t i = 0; i < grid; i++) {
            int32_t token = -1;
            float logprob = 0;
            double u = ((double)i + 0.5) / (double)grid;
            assert_true(draw(&token, &logprob, logits, n, s, u));
            assert_in_range(token, 0, n - 1);
            assert_near(logprob, log(r.full[token]), 2e-5);
            counts[token]++;
        }
        for (size_t i = 0; i < n; i++)
            assert_near((double)counts[i] / (double)grid, r.p[i], 1.5 / (double)grid + 2e-5);
    }
}

/* The draws that generation makes: chi-square of 30 cells, 5 sigma. */
static void draws_follow_the_distribution(void **state)
{
    (void)state;
    enum { N = 30, DRAWS = 30000 };
    static reference r;
    float logits[N];
    for (size_t c = 0; c < SETTINGS; c++) {
        size_t counts[N] = {0};
        fill(logits, N, 100 + c, 1);
        refer(&r, logits, N, &settings[c]);
        for (uint64_t i = 0; i < DRAWS; i++) {
            int32_t token = -1;
            float logprob = 0;
            double u = masa_uniform(masa_key(9, i / 100), MASA_STREAM_SAMPLE, i % 100);
            assert_true(draw(&token, &logprob, logits, N, &settings[c], u));
            counts[token]++;
        }
        double square = 0, cells = 0;
        for (size_t i = 0; i < N; i++) {
            double expected = r.p[i] * DRAWS;
            if (r.p[i] == 0) assert_int_equal(counts[i], 0);
            if (r.p[i] == 0) continue;
            square += (double)counts[i] * (double)counts[i] / expected;
            cells++;
        }
        double freedom = cells - 1;
        assert_near(square - DRAWS, freedom, 5 * sqrt(2 * freedom) + 1e-6);
    }
}

static void never_draws_the_impossible(void **state)
{
    (void)state;
    static float logits[MOST];
    const double us[] = {0, 1e-300, 0.3, 0.9999999, 1 - 0x1p-53};
    for (size_t c = 0; c < SETTINGS; c++) {
        for (size_t i = 0; i < MOST; i++)
            logits[i] = i % 2 ? -INFINITY : -2000;                /* both underflow */
        for (size_t i = 256; i < 768; i++) logits[i] = -INFINITY; /* whole chunks */
        logits[100] = 1, logits[1000] = 1;
        for (size_t k = 0; k < 5; k++) {
            int32_t token = -1;
            float logprob = 0;
            assert_true(draw(&token, &logprob, logits, MOST, &settings[c], us[k]));
            assert_true(token == 100 || token == 1000);
            assert_near(logprob, log(0.5), 1e-6);
        }
    }
}

static void reports_logits_that_are_no_numbers(void **state)
{
    (void)state;
    static float logits[MOST];
    const float bad[] = {NAN, INFINITY, -NAN};
    const size_t places[] = {0, 17, 255, 256, 1279, 1280, MOST - 1};
    for (size_t c = 0; c < SETTINGS * 3 * 7; c++) {
        int32_t token;
        float logprob;
        fill(logits, MOST, c, 2);
        logits[places[c % 7]] = bad[c / 7 % 3];
        assert_false(draw(&token, &logprob, logits, MOST, &settings[c / 21], 0.5));
    }
    for (size_t i = 0; i < MOST; i++) logits[i] = -INFINITY;
    int32_t token;
    float logprob;
    assert_false(draw(&token, &logprob, logits, MOST, &settings[0], 0.5));
}

static void greedy_takes_the_first_of_the_best(void **state)
{
    (void)state;
    float logits[700] = {0};
    logits[300] = 5, logits[299] = 5, logits[650] = 5;
    int32_t token = -1;
    float logprob;
    assert_true(draw(&token, &logprob, logits, 700, &settings[18], 0.99));
    assert_int_equal(token, 299);
}

/* Many draws at once, several of a row, are those of each by itself. */
static void draws_do_not_depend_on_each_other(void **state)
{
    (void)state;
    enum { ROWS = 9, VOCAB = 700, DRAWS = 60 };
    static float logits[ROWS * VOCAB];
    masa_draw draws[DRAWS];
    for (size_t r = 0; r < ROWS; r++) fill(logits + r * VOCAB, VOCAB, r, 2);
    logits[4 * VOCAB + 3] = NAN;
    for (size_t i = 0; i < DRAWS; i++)
        draws[i] = (masa_draw){.tag = 100 + i,
                               .row = i * 5 % ROWS,
                               .sampling = settings[i % SETTINGS],
                               .u = (double)i / DRAWS};
    masa_sample(draws, DRAWS, logits, VOCAB);
    for (size_t i = 0; i < DRAWS; i++) {
        int32_t token;
        float logprob;
        assert_int_equal(draws[i].tag, 100 + i);
        bool valid = draw(&token, &logprob, logits + draws[i].row * VOCAB, VOCAB,
                          &settings[i % SETTINGS], draws[i].u);
        assert_int_equal(valid, draws[i].row != 4);
        assert_int_equal(draws[i].valid, valid);
        if (!valid) continue;
        assert_int_equal(draws[i].token, token);
        assert_true(draws[i].logprob == logprob);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(inverts_the_distribution),
                                       cmocka_unit_test(draws_follow_the_distribution),
                                       cmocka_unit_test(never_draws_the_impossible),
                                       cmocka_unit_test(reports_logits_that_are_no_numbers),
                                       cmocka_unit_test(greedy_takes_the_first_of_the_best),
                                       cmocka_unit_test(draws_do_not_depend_on_each_other)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
