/* Softmax over rows of logits, without a second look at them where one is enough. */
#include "cuda.h"
#include "cuda_device.h"
#include "cuda_elements.h"

static const unsigned THREADS = 256;

/*
 * A thread's part of a softmax while it goes along a row: of terms z it has seen, the
 * maximum, and the sums of e^(z-shift) and of e^(z-shift) (z-shift). shift is the maximum, or
 * 0 where that is infinite: then the sum says what is the case, 0 (log: -infinity) of a row
 * of -infinity, infinity, or NaN.
 */
struct running {
    float most, sum, product;
};

static __device__ __forceinline__ float finite_or_zero(float x)
{
    return fabsf(x) <= 3.402823466e38f ? x : 0;
}

static __device__ __forceinline__ void see(running *s, float z)
{
    if (z > s->most) {
        /* Sums of nothing stay 0: a factor may be infinite. */
        if (s->sum != 0) {
            float d = finite_or_zero(s->most) - finite_or_zero(z), factor = expf(d);
            s->product = (s->product + s->sum * d) * factor;
            s->sum *= factor;
        }
        s->most = z;
    }
    float d = z - finite_or_zero(s->most), e = expf(d);
    /* An impossible token adds 0, not 0 * infinity. */
    s->product += e * (d < -100.0f ? -100.0f : d);
    s->sum += e;
}

/* A block a row: lse, log-probability of the target and entropy, NULL if not wanted. */
template <int N>
__global__ void __launch_bounds__(THREADS)
    softmax_forward(float *logprob, float *lse, float *entropy, const float *logits,
                    const int32_t *targets, unsigned vocab, float scale)
{
    GPU_DYNAMIC_SHARED(double, shared);
    size_t r = blockIdx.x;
    const float *x = logits + r * vocab;
    running mine = {-INFINITY, 0, 0};
    for (unsigned i = threadIdx.x * N; i < vocab; i += THREADS * N) {
        float z[N];
        load<N>(z, x + i);
        for (int j = 0; j < N; j++) see(&mine, z[j] * scale);
    }
    float shift = finite_or_zero(block_max(mine.most, (float *)shared));
    double sum = 0, product = 0;
    if (mine.sum != 0) {
        double d = (double)finite_or_zero(mine.most) - (double)shift, factor = exp(d);
        sum = (double)mine.sum * factor;
        product = ((double)mine.product + (double)mine.sum * d) * factor;
    }
    sum = block_sum(sum, shared);
    product = block_sum(product, shared);
    if (threadIdx.x) return;
    double log_sum = log(sum);
    lse[r] = (float)((double)shift + log_sum);
    logprob[r] = (float)((double)scale * (double)x[targets[r]] - (double)shift - log_sum);
    if (entropy) entropy[r] = (float)(log_sum - product / sum);
}

void cuda_softmax_forward(float *logprob, float *lse, float *entropy, const float *logits,
                          const int32_t *targets, size_t rows, size_t vocab, float scale)
{
    if (rows == 0) return;
    size_t shared = 32 * sizeof(double);
    dim3 grid((unsigned)rows), block(THREADS);
    if (packs(logits, 4, vocab))
        GPU_LAUNCH(softmax_forward<4>, grid, block, shared, logprob, lse, entropy, logits,
                   targets, (unsigned)vocab, scale);
    else
        GPU_LAUNCH(softmax_forward<1>, grid, block, shared, logprob, lse, entropy, logits,
                   targets, (unsigned)vocab, scale);
}

/* dz[r,v] = scale (1{v = targets[b]} - e^(z[r,v] - lse[b])), b the row's number in the batch.
 * dz may be logits: a thread reads its pack before it writes it. */
template <class T, int N>
__global__ void __launch_bounds__(THREADS)
    softmax_backward(T *dz, const float *logits, const int32_t *index, const float *lse,
                     const int32_t *targets, unsigned vocab, float scale)
{
    size_t r = blockIdx.y;
    unsigned i = (blockIdx.x * THREADS + threadIdx.x) * N;
    if (i >= vocab) return;
    size_t b = index ? (size_t)index[r] : r;
    unsigned target = (unsigned)targets[b];
    float shift = lse[b], z[N];
    load<N>(z, logits + r * vocab + i);
    for (int j = 0; j < N; j++) {
        z[j] = -scale * expf(z[j] * scale - shift);
        if (i + (unsigned)j == target) z[j] += scale;
    }
    store<N>(dz + r * vocab + i, z);
}

template <class T>
static void run_backward(T *dz, const float *logits, const int32_t *index, const float *lse,
                         const int32_t *targets, size_t rows, size_t vocab, float scale)
{
    if (packs(logits, 4, vocab) && packs(dz, sizeof(T), vocab))
        GPU_LAUNCH((softmax_backward<T, 4>),
                   dim3(divide_up(vocab, 4 * THREADS), (unsigned)rows), dim3(THREADS), 0, dz,
                   logits, index, lse, targets, (unsigned)vocab, scale);
    else
        GPU_LAUNCH((softmax_backward<T, 1>), dim3(divide_up(vocab, THREADS), (unsigned)rows),
                   dim3(THREADS), 0, dz, logits, index, lse, targets, (unsigned)vocab, scale);
}

void cuda_softmax_backward(void *dz, masa_dtype dtype, const float *logits,
                           const int32_t *index, const float *lse, const int32_t *targets,
                           size_t rows, size_t vocab, float scale)
{
    if (rows == 0) return;
    if (dtype == MASA_F32)
        run_backward((float *)dz, logits, index, lse, targets, rows, vocab, scale);
    else run_backward((bf16 *)dz, logits, index, lse, targets, rows, vocab, scale);
}
