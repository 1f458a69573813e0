#include "isa_head.h"
#include <math.h>
#include "isa_simd_math.h"
#include "isa_tile.h"

/* A row's softmax, of z = scale * logits: sums of e^(z-shift), and of
 * e^(z-shift) (z-shift) where the entropy is asked for. */
struct softmax {
    double shift, sum, product;
};

/* The maximum, NaN ignored. Lanes of their own: what a vector register does. */
static float row_max(const float *x, size_t n)
{
    enum { LANES = 64 };
    float lane[LANES], max = -INFINITY;
    size_t i = 0;
    for (size_t j = 0; j < LANES; j++) lane[j] = max;
    for (; i + LANES <= n; i += LANES) {
#pragma omp simd
        for (size_t j = 0; j < LANES; j++) lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
    }
    for (; i < n; i++) max = x[i] > max ? x[i] : max;
    for (size_t j = 0; j < LANES; j++) max = lane[j] > max ? lane[j] : max;
    return max;
}

/*
 * Shifted by the maximum so that no term overflows. Where that is infinite, shifting
 * by 0 instead lets the sum say what is the case: 0 (log: -infinity) of a row of
 * -infinity, infinity, or NaN. Each tile sums in float32, the tiles in float64.
 */
static struct softmax sums_of(const float *x, size_t n, float scale)
{
    float max = row_max(x, n) * scale, shift = isfinite(max) ? max : 0;
    struct softmax s = {.shift = shift};
    for (size_t i = 0, m; i < n; i += m) {
        m = tile_size(i, n);
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t j = 0; j < m; j++) sum += exp_simd(x[i + j] * scale - shift);
        s.sum += sum;
    }
    return s;
}

/* The same with the entropy's product. */
static struct softmax products_of(const float *x, size_t n, float scale)
{
    float max = row_max(x, n) * scale, shift = isfinite(max) ? max : 0;
    struct softmax s = {.shift = shift};
    for (size_t i = 0, m; i < n; i += m) {
        m = tile_size(i, n);
        float sum = 0, product = 0;
#pragma omp simd reduction(+ : sum, product)
        for (size_t j = 0; j < m; j++) {
            float d = x[i + j] * scale - shift, e = exp_simd(d);
            /* An impossible token adds 0, not 0 * infinity. */
            product += e * (d < -100.0f ? -100.0f : d);
            sum += e;
        }
        s.sum += sum;
        s.product += product;
    }
    return s;
}

static void logsumexp(float *lse, const float *logits, size_t rows, size_t vocab, float scale)
{
    for (size_t r = 0; r < rows; r++) {
        struct softmax s = sums_of(logits + r * vocab, vocab, scale);
        lse[r] = (float)(s.shift + log(s.sum));
    }
}

static void forward(float *logprob, float *lse, float *entropy, const float *logits,
                    const int32_t *targets, size_t rows, size_t vocab, float scale)
{
    for (size_t r = 0; r < rows; r++) {
        const float *x = logits + r * vocab;
        struct softmax s = entropy ? products_of(x, vocab, scale) : sums_of(x, vocab, scale);
        double log_sum = log(s.sum);
        lse[r] = (float)(s.shift + log_sum);
        logprob[r] = (float)((double)scale * x[targets[r]] - s.shift - log_sum);
        if (entropy) entropy[r] = (float)(log_sum - s.product / s.sum);
    }
}

static void backward(void *dz, masa_dtype dtype, const float *logits, const int32_t *index,
                     const float *lse, const int32_t *targets, size_t rows, size_t vocab,
                     float scale)
{
    float out[TILE];
    for (size_t r = 0; r < rows; r++) {
        size_t from = index ? (size_t)index[r] : r, target = (size_t)targets[from];
        const float *x = logits + r * vocab;
        float shift = lse[from];
        for (size_t i = 0, m; i < vocab; i += m) {
            m = tile_size(i, vocab);
#pragma omp simd
            for (size_t j = 0; j < m; j++) out[j] = -scale * exp_simd(x[i + j] * scale - shift);
            if (target - i < m) out[target - i] += scale;
            tile_store(dz, dtype, r * vocab + i, out, m);
        }
    }
}

const struct head_kernels ISA_NAME(head_kernels) = {
    .logsumexp = logsumexp,
    .forward = forward,
    .backward = backward,
};
