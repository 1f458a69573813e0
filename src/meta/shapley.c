#include <masa/measures.h>

#include <masa/memory.h>

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double dot(const double *x, const double *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

/* out [n] = column j of x [n, k] less its mean, which stands for the intercept. */
static void centre(double *out, const double *x, size_t n, size_t k, size_t j)
{
    double mean = 0;
    for (size_t i = 0; i < n; i++) mean += x[i * k + j] / (double)n;
    for (size_t i = 0; i < n; i++) out[i] = x[i * k + j] - mean;
}

/*
 * Takes the parts of x [n] out that lie along the orthonormal basis [rank, n]; appends
 * what is left as a new unit vector unless it is rounding noise: then x depends on the
 * others and adds nothing. Twice is enough (Kahan): the second pass removes what the
 * first one's rounding left. Returns the new rank.
 */
static size_t extend(double *basis, size_t rank, const double *x, size_t n, double scale)
{
    double *fresh = basis + rank * n;
    memcpy(fresh, x, n * sizeof *x);
    for (int pass = 0; pass < 2; pass++)
        for (size_t r = 0; r < rank; r++) {
            double along = dot(fresh, basis + r * n, n);
            for (size_t i = 0; i < n; i++) fresh[i] -= along * basis[r * n + i];
        }
    double size = sqrt(dot(fresh, fresh, n));
    if (!(size > 1e-9 * scale)) return rank;
    for (size_t i = 0; i < n; i++) fresh[i] /= size;
    return rank + 1;
}

/* R^2 of the regression on the features of a set: the length of the target's projection.
 */
static double r2_of_set(unsigned set, const double *columns, const double *scales,
                        const double *target, double total, double *basis, size_t n, size_t k)
{
    size_t rank = 0;
    double explained = 0;
    for (size_t j = 0; j < k; j++)
        if (set >> j & 1) rank = extend(basis, rank, columns + j * n, n, scales[j]);
    for (size_t r = 0; r < rank; r++) {
        double along = dot(target, basis + r * n, n);
        explained += along * along;
    }
    return fmin(1, explained / total);
}

/* weight [k]: |S|! (k-1-|S|)! / k! for each size of S. */
static void order_weights(double *weight, size_t k)
{
    for (size_t s = 0; s < k; s++) {
        weight[s] = 1 / (double)k;
        for (size_t i = 1; i <= s; i++) weight[s] *= (double)i / (double)(k - i);
    }
}

static void split(double *share, const double *r2, size_t k)
{
    double weight[MASA_SHAPLEY_MOST];
    order_weights(weight, k);
    for (size_t j = 0; j < k; j++) {
        share[j] = 0;
        for (unsigned set = 0; set < 1u << k; set++)
            if (!(set >> j & 1))
                share[j] += weight[__builtin_popcount(set)] * (r2[set | 1u << j] - r2[set]);
    }
}

double masa_shapley_r2(double *share, const double *features, const double *target, size_t n,
                       size_t k)
{
    assert(k <= MASA_SHAPLEY_MOST);
    double *columns = masa_alloc((k + 1) * (n + 1), sizeof *columns);
    double *basis = masa_alloc((k + 1) * (n + 1), sizeof *basis);
    double *r2 = masa_alloc((size_t)1 << k, sizeof *r2), *y = columns + k * n;
    double scales[MASA_SHAPLEY_MOST], all = NAN;
    bool varies = false;
    for (size_t i = 1; i < n; i++) varies = varies || target[i] != target[0];
    centre(y, target, n, 1, 0);
    for (size_t j = 0; j < k; j++) {
        share[j] = NAN;
        centre(columns + j * n, features, n, k, j);
        /* Against the uncentred size, so that the rounding of a constant is noise too. */
        double size = 0;
        for (size_t i = 0; i < n; i++) size += features[i * k + j] * features[i * k + j];
        scales[j] = sqrt(size);
    }
    if (varies) {
        double total = dot(y, y, n);
        for (unsigned set = 0; set < 1u << k; set++)
            r2[set] = r2_of_set(set, columns, scales, y, total, basis, n, k);
        split(share, r2, k);
        all = r2[(1u << k) - 1];
    }
    free(columns);
    free(basis);
    free(r2);
    return all;
}
