/*
 * Tokens drawn where the logits are: of a row of them only the token comes to the host. The
 * distribution is inverted over chunks of 256 tokens and then over the tokens of one, with
 * the processor's arithmetic (masa/sample.h), so that both draw the same token but where a
 * sum of exponentials, rounded otherwise, decides.
 */
#include "cuda.h"
#include "cuda_device.h"
#include "cuda_elements.h"

#include <stdlib.h>

static const unsigned THREADS = 256, CHUNK = 256;

/* A draw as the GPU sees it. */
struct draw {
    double u;
    float scale; /* 1 / temperature */
    int32_t row, greedy;
    int32_t token, valid; /* out */
    float logprob;
};

/* The log-sum-exp of each chunk, a warp each; *bad: one is no number. An impossible chunk,
 * all -infinity, is no error. */
static __device__ __forceinline__ bool sum_chunks(float *sums, const float *x, unsigned vocab,
                                                  unsigned chunks, float scale)
{
    unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    bool bad = false;
    for (unsigned c = warp; c < chunks; c += THREADS / 32) {
        float z[CHUNK / 32], most = -INFINITY, sum = 0;
        for (unsigned j = 0; j < CHUNK / 32; j++) {
            unsigned i = c * CHUNK + j * 32 + lane;
            z[j] = i < vocab ? x[i] * scale : -INFINITY;
            most = fmaxf(most, z[j]);
        }
        most = warp_max(most);
        bool finite = fabsf(most) <= 3.402823466e38f;
        float shift = finite ? most : 0;
        for (unsigned j = 0; j < CHUNK / 32; j++) sum += expf(z[j] - shift);
        sum = warp_sum(sum);
        bad = bad || !(sum <= 3.402823466e38f) || (sum == 0 && finite);
        if (lane == 0) sums[c] = (float)((double)shift + log((double)sum));
    }
    return bad;
}

/* The first index at which the running sum of weights exceeds u times their total, and how
 * far into that weight u lies, in [0, 1). */
static __device__ unsigned invert(const double *weights, unsigned n, double u, double *within)
{
    double total = 0, sum = 0;
    for (unsigned i = 0; i < n; i++) total += weights[i];
    unsigned i = 0;
    while (i + 1 < n && !(sum + weights[i] > u * total)) sum += weights[i++];
    double fraction = (u * total - sum) / weights[i];
    *within = fraction < 1 ? fmax(fraction, 0.0) : 1 - 1.0 / 9007199254740992.0;
    return i;
}

/* The lowest token with the highest score; every thread gets it. */
static __device__ __forceinline__ int32_t find_best(const float *x, unsigned vocab, float scale,
                                                    float *scores, int32_t *tokens)
{
    float best = -INFINITY;
    int32_t token = 0x7fffffff;
    for (unsigned i = threadIdx.x; i < vocab; i += THREADS)
        if (x[i] * scale > best) best = x[i] * scale, token = (int32_t)i;
#pragma unroll
    for (int m = 16; m; m /= 2) {
        float other = __shfl_xor_sync(GPU_ALL, best, m);
        int32_t its = __shfl_xor_sync(GPU_ALL, token, m);
        if (other > best || (other == best && its < token)) best = other, token = its;
    }
    if (threadIdx.x % 32 == 0)
        scores[threadIdx.x / 32] = best, tokens[threadIdx.x / 32] = token;
    __syncthreads();
    best = scores[0], token = tokens[0];
    for (unsigned w = 1; w < THREADS / 32; w++)
        if (scores[w] > best || (scores[w] == best && tokens[w] < token))
            best = scores[w], token = tokens[w];
    return token;
}

/* Shared: weights of chunks, then of one chunk's tokens (float64); sums of chunks; 64 words. */
__global__ void __launch_bounds__(THREADS)
    sample(draw *draws, const float *logits, unsigned vocab, unsigned chunks)
{
    GPU_DYNAMIC_SHARED(double, weights);
    double *tokens = weights + chunks, *figures = tokens + CHUNK;
    float *sums = (float *)(figures + 4), *part = sums + chunks;
    int32_t *chosen = (int32_t *)(part + 32);
    draw *d = &draws[blockIdx.x];
    const float *x = logits + (size_t)d->row * vocab;
    float scale = d->scale;

    bool bad = sum_chunks(sums, x, vocab, chunks, scale);
    bad = block_max(bad ? 1.0f : 0.0f, part) > 0; /* sums are there for all */
    float top = -INFINITY;
    for (unsigned c = threadIdx.x; c < chunks; c += THREADS) top = fmaxf(top, sums[c]);
    top = block_max(top, part);
    for (unsigned c = threadIdx.x; c < chunks; c += THREADS)
        weights[c] = exp((double)sums[c] - (double)top);
    __syncthreads();
    if (threadIdx.x == 0) {
        double total = 0;
        for (unsigned c = 0; c < chunks; c++) total += weights[c];
        figures[0] = (double)top + log(total);
    }
    __syncthreads();
    double lse = figures[0];
    bad = bad || !(fabs(lse) <= 1.7976931348623157e308);
    int32_t token = 0;
    if (bad) { /* of the whole block */
        if (threadIdx.x == 0) d->valid = 0;
        return;
    }
    if (d->greedy) {
        token = find_best(x, vocab, scale, part, chosen);
    } else {
        for (unsigned c = threadIdx.x; c < chunks; c += THREADS)
            weights[c] = exp((double)sums[c] - lse);
        __syncthreads();
        if (threadIdx.x == 0) chosen[0] = (int32_t)invert(weights, chunks, d->u, &figures[1]);
        __syncthreads();
        unsigned chunk = (unsigned)chosen[0], first = chunk * CHUNK;
        unsigned n = vocab - first < CHUNK ? vocab - first : CHUNK;
        if (threadIdx.x < n)
            tokens[threadIdx.x] =
                exp((double)(x[first + threadIdx.x] * scale) - (double)sums[chunk]);
        __syncthreads();
        if (threadIdx.x == 0)
            token = (int32_t)(first + invert(tokens, n, figures[1], &figures[2]));
    }
    if (threadIdx.x) return;
    d->token = token;
    d->logprob = (float)((double)(x[token] * scale) - lse);
    d->valid = 1;
}

void cuda_sample(masa_draw *draws, size_t n, const float *logits, size_t vocab)
{
    if (n == 0) return;
    unsigned chunks = divide_up(vocab, CHUNK);
    size_t shared = (chunks + CHUNK + 4) * sizeof(double) + (chunks + 64) * sizeof(float);
    draw *host = (draw *)malloc(n * sizeof *host);
    draw *device = (draw *)device_scratch(SCRATCH_PARTS, n * sizeof *device);
    for (size_t i = 0; i < n; i++) {
        float temperature = draws[i].sampling.temperature;
        host[i] = {draws[i].u,
                   temperature == 0 ? 1.0f : 1.0f / temperature,
                   (int32_t)draws[i].row,
                   temperature == 0,
                   0,
                   0,
                   0};
    }
    device_put(device, host, n * sizeof *host);
    device_shared(sample, shared);
    GPU_LAUNCH(sample, dim3((unsigned)n), dim3(THREADS), shared, device, logits,
               (unsigned)vocab, chunks);
    device_get(host, device, n * sizeof *host);
    for (size_t i = 0; i < n; i++) {
        draws[i].token = host[i].token;
        draws[i].logprob = host[i].logprob;
        draws[i].valid = host[i].valid != 0;
    }
    free(host);
}
