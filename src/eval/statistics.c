#include <masa/statistics.h>

#include <masa/memory.h>
#include <masa/random.h>

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

double masa_mean(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return n ? sum / (double)n : NAN;
}

double masa_deviation(const double *x, size_t n)
{
    if (n < 2) return NAN;
    double mean = masa_mean(x, n), sum = 0;
    for (size_t i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (double)(n - 1));
}

double masa_pass_at_k(size_t n, size_t c, size_t k)
{
    assert(c <= n && k >= 1 && k <= n);
    if (n - c < k) return 1;
    double none = 1;
    for (size_t i = n - c + 1; i <= n; i++) none *= 1 - (double)k / (double)i;
    return 1 - none;
}

/* ---- votes ---- */

/* Share of right answers among the classes with most votes of the samples items [k]. */
static double vote(const size_t *classes, const bool *right, const size_t *items, size_t k)
{
    size_t most = 0, tied = 0, tied_right = 0;
    for (size_t i = 0; i < k; i++) {
        size_t class = classes[items[i]], votes = 0;
        bool first = true;
        for (size_t j = 0; j < k; j++) {
            if (classes[items[j]] != class) continue;
            votes++;
            if (j < i) first = false;
        }
        if (class == MASA_NO_VOTE || !first || votes < most) continue;
        if (votes > most) most = votes, tied = tied_right = 0;
        tied++;
        tied_right += right[items[i]];
    }
    return tied ? (double)tied_right / (double)tied : 0;
}

double masa_majority_at_k(const size_t *classes, const bool *right, size_t n, size_t k,
                          uint64_t seed)
{
    enum { SUBSETS = 1000 };
    assert(k >= 1 && k <= n);
    size_t *items = masa_alloc(n, sizeof *items);
    for (size_t i = 0; i < n; i++) items[i] = i;
    double sum = 0;
    size_t draws = k == n ? 1 : SUBSETS;
    masa_random random = masa_random_init(seed, MASA_STREAM_BOOTSTRAP);
    for (size_t d = 0; d < draws; d++) {
        for (size_t i = 0; k < n && i < k; i++) { /* the first k of a shuffle */
            size_t j = i + (size_t)masa_random_below(&random, n - i), t = items[i];
            items[i] = items[j];
            items[j] = t;
        }
        sum += vote(classes, right, items, k);
    }
    free(items);
    return sum / (double)draws;
}

/* ---- bootstrap ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of sorted values [n], n >= 1. */
static double quantile(const double *sorted, size_t n, double share)
{
    double place = share * (double)(n - 1);
    size_t below = (size_t)place;
    if (below + 1 >= n) return sorted[n - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

masa_interval masa_bootstrap(masa_statistic *statistic, void *context, size_t n,
                             const masa_bootstrap_options *options)
{
    assert(options->level > 0 && options->level < 1 && options->resamples > 0);
    masa_interval interval = {NAN, NAN};
    if (n == 0) return interval;
    size_t *items = masa_alloc(n, sizeof *items), kept = 0;
    double *values = masa_alloc(options->resamples, sizeof *values);
    masa_random random = masa_random_init(options->seed, MASA_STREAM_BOOTSTRAP);
    for (size_t r = 0; r < options->resamples; r++) {
        for (size_t i = 0; i < n; i++) items[i] = (size_t)masa_random_below(&random, n);
        double value = statistic(context, items, n);
        if (!isnan(value)) values[kept++] = value;
    }
    if (kept) {
        qsort(values, kept, sizeof *values, by_value);
        interval.low = quantile(values, kept, (1 - options->level) / 2);
        interval.high = quantile(values, kept, (1 + options->level) / 2);
    }
    free(values);
    free(items);
    return interval;
}

static double mean_of_items(void *context, const size_t *items, size_t n)
{
    const double *x = context;
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[items[i]];
    return sum / (double)n;
}

masa_interval masa_bootstrap_mean(const double *x, size_t n,
                                  const masa_bootstrap_options *options)
{
    return masa_bootstrap(mean_of_items, (void *)x, n, options);
}

/* ---- Student's t ---- */

/* P(|T| <= t): for whole degrees of freedom a finite sum in the angle atan(t / sqrt(df)).
 * Source: Abramowitz & Stegun 1964, 26.7.3 and 26.7.4. */
static double within(double t, size_t df)
{
    double angle = atan(t / sqrt((double)df)), c = cos(angle), square = c * c;
    bool odd = df % 2;
    double term = odd ? c : 1, sum = df == 1 ? 0 : term;
    for (size_t k = odd ? 3 : 2; k < df; k += 2) {
        term *= square * (double)(k - 1) / (double)k;
        sum += term;
    }
    return odd ? 2 / M_PI * (angle + sin(angle) * sum) : sin(angle) * sum;
}

double masa_student_quantile(double share, size_t df)
{
    assert(df >= 1 && share > 0 && share < 1);
    double wanted = fabs(2 * share - 1), low = 0, high = 1;
    while (within(high, df) < wanted && high < 1e15) high *= 2;
    for (int i = 0; i < 200 && high - low > 1e-10 * high; i++) {
        double middle = (low + high) / 2;
        *(within(middle, df) < wanted ? &low : &high) = middle;
    }
    return share < 0.5 ? -high : wanted > 0 ? high : 0;
}

masa_interval masa_student_mean(const double *x, size_t n, double level)
{
    if (n < 2) return (masa_interval){NAN, NAN};
    double t = masa_student_quantile((1 + level) / 2, n - 1), mean = masa_mean(x, n);
    double half = t * masa_deviation(x, n) / sqrt((double)n);
    return (masa_interval){mean - half, mean + half};
}

/* ---- Wilson's interval ---- */

/* z with P(Z <= z) = share of a standard normal Z, by halving. */
static double normal_quantile(double share)
{
    double low = -40, high = 40;
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;
        *(0.5 * erfc(-middle / sqrt(2)) < share ? &low : &high) = middle;
    }
    return low;
}

masa_interval masa_wilson(double share, size_t n, double level)
{
    if (n == 0) return (masa_interval){NAN, NAN};
    double z = normal_quantile((1 + level) / 2), w = z * z / (double)n;
    double middle = (share + w / 2) / (1 + w);
    double half = sqrt(w * (share * (1 - share) + w / 4)) / (1 + w);
    return (masa_interval){fmax(0, middle - half), fmin(1, middle + half)};
}

/* ---- paired comparison ---- */

enum { EXACT_PROBLEMS = 20 };

/* Over all sign changes, in Gray code's order: one sign a step. */
static double exact_p(const double *d, size_t m, double bound)
{
    double signs[EXACT_PROBLEMS], sum = 0;
    size_t hits = 0, all = (size_t)1 << m;
    for (size_t i = 0; i < m; i++) sum += d[i], signs[i] = 1;
    for (size_t step = 1;; step++) {
        hits += fabs(sum) >= bound;
        if (step == all) break;
        size_t i = (size_t)__builtin_ctzll(step);
        sum -= 2 * signs[i] * d[i];
        signs[i] = -signs[i];
    }
    return (double)hits / (double)all;
}

static double drawn_p(const double *d, size_t m, double bound,
                      const masa_bootstrap_options *options)
{
    /* Its own key: the interval's resamples and these draws are independent. */
    masa_random random = masa_random_init(masa_key(options->seed, 1), MASA_STREAM_BOOTSTRAP);
    size_t hits = 0;
    for (size_t r = 0; r < options->resamples; r++) {
        double sum = 0;
        uint64_t bits = 0;
        for (size_t i = 0; i < m; i++) {
            if (i % 32 == 0) bits = masa_random_below(&random, (uint64_t)1 << 32);
            sum += bits >> (i % 32) & 1 ? d[i] : -d[i];
        }
        hits += fabs(sum) >= bound;
    }
    return (double)(1 + hits) / (double)(1 + options->resamples);
}

/* The differences that are none are left out: *m of d remain. */
static double *differing(const double *d, size_t n, size_t *m)
{
    double *out = masa_alloc(n + 1, sizeof *out);
    *m = 0;
    for (size_t i = 0; i < n; i++)
        if (d[i] != 0) out[(*m)++] = d[i];
    return out;
}

double masa_sign_flip(const double *d, size_t n, const masa_bootstrap_options *options)
{
    size_t m;
    double *x = differing(d, n, &m), sum = 0, size = 0;
    for (size_t i = 0; i < m; i++) sum += x[i], size += fabs(x[i]);
    /* Sums that are equal but for rounding are equal. */
    double bound = fabs(sum) - 1e-9 * size;
    double p = n == 0                ? NAN
               : m <= EXACT_PROBLEMS ? exact_p(x, m, bound)
                                     : drawn_p(x, m, bound, options);
    free(x);
    return p;
}

masa_paired masa_paired_compare(const double *a, const double *b, size_t n,
                                const masa_bootstrap_options *options)
{
    masa_paired out = {.n = n, .mean_a = masa_mean(a, n), .mean_b = masa_mean(b, n)};
    double *d = masa_alloc(n, sizeof *d);
    for (size_t i = 0; i < n; i++) {
        d[i] = b[i] - a[i];
        out.better += d[i] > 0;
        out.worse += d[i] < 0;
    }
    out.difference = masa_mean(d, n);
    out.interval = masa_bootstrap_mean(d, n, options);
    out.exact = out.better + out.worse <= EXACT_PROBLEMS;
    out.p_value = masa_sign_flip(d, n, options);
    free(d);
    return out;
}
