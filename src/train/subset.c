#include <masa/subset.h>

#include <masa/memory.h>

#include <stdlib.h>

typedef struct ranked {
    double reward;
    size_t index;
} ranked;

static int compare_ranked(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->reward != y->reward) return x->reward < y->reward ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* How many of the lowest of items[n], rising, belong to the m < n of the largest
 * variance. */
static size_t best_low(const ranked *items, size_t n, size_t m)
{
    double sum = 0, square = 0, most = -1, shift = items[n / 2].reward;
    size_t best = 0, apart = 0; /* apart: |m - 2 best|, how unbalanced the best is */
    for (size_t i = n - m; i < n; i++) {
        double x = items[i].reward - shift; /* near the mean, so that little cancels */
        sum += x, square += x * x;
    }
    for (size_t low = 0;; low++) {
        /* m^2 times the variance: of rewards 0 and 1 without rounding. */
        double variance = (double)m * square - sum * sum;
        size_t off = 2 * low > m ? 2 * low - m : m - 2 * low;
        if (variance > most || (variance == most && off < apart))
            most = variance, best = low, apart = off;
        if (low == m) return best;
        double in = items[low].reward - shift, out = items[n - m + low].reward - shift;
        sum += in - out, square += in * in - out * out;
    }
}

void masa_subset_choose(bool *chosen, const float *reward, size_t n, size_t m)
{
    for (size_t i = 0; i < n; i++) chosen[i] = m >= n;
    if (m >= n || m == 0) return;
    ranked *items = masa_alloc(n, sizeof *items);
    for (size_t i = 0; i < n; i++) items[i] = (ranked){reward[i], i};
    qsort(items, n, sizeof *items, compare_ranked);
    size_t low = best_low(items, n, m);
    for (size_t i = 0; i < low; i++) chosen[items[i].index] = true;
    for (size_t i = n - (m - low); i < n; i++) chosen[items[i].index] = true;
    free(items);
}
