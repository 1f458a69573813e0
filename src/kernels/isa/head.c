#include "head.h"

#include <math.h>

#include "simd_math.h"
#include "tile.h"

static float logsumexp(const float *z, size_t n, float scale, float *entropy)
{
    float max = -INFINITY;
#pragma omp simd reduction(max : max)
    for (size_t v = 0; v < n; v++) max = z[v] > max ? z[v] : max;
    /* All -infinity, or +infinity somewhere: exp(z - max) would be NaN. A NaN that the
     * maximum skipped shows up in the sum. */
    if (isinf(max) && max > 0) return INFINITY;
    if (isinf(max)) {
        for (size_t v = 0; v < n; v++)
            if (isnan(z[v])) return NAN;
        return -INFINITY;
    }
    float sum = 0, weighted = 0, top = max * scale;
#pragma omp simd reduction(+ : sum, weighted)
    for (size_t v = 0; v < n; v++) {
        float d = z[v] * scale - top;
        float e = exp_simd(d);
        sum += e;
        weighted += d < -87.0f ? 0 : e * d;
    }
    float log_sum = logf(sum);
    if (entropy) *entropy = log_sum - weighted / sum;
    return top + log_sum;
}

static void gradient(void *dz, masa_dtype dtype, size_t offset, const float *z, size_t n,
                     float scale, float lse, float weight, int32_t target)
{
    float tile[TILE];
    for (size_t b = 0; b < n; b += TILE) {
        size_t m = tile_size(b, n);
#pragma omp simd
        for (size_t v = 0; v < m; v++) tile[v] = -weight * exp_simd(z[b + v] * scale - lse);
        if ((size_t)target >= b && (size_t)target < b + m) tile[(size_t)target - b] += weight;
        tile_store(dz, dtype, offset + b, tile, m);
    }
}

const struct head_kernels ISA_NAME(head_kernels) = {
    .logsumexp = logsumexp,
    .gradient = gradient,
};
