/** AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) and the norms around it. */
#ifndef MASA_ADAMW_H
#define MASA_ADAMW_H

#include <stddef.h>
#include <stdint.h>
#include <masa/device.h>

typedef struct masa_adamw {
    float lr, beta1, beta2, eps, weight_decay;
    float grad_scale;   /* multiplies gradients first: clipping and averaging */
    long step;          /* 1-based, for bias correction */
    masa_dtype moments; /* what m and v are kept in */
    size_t first; /* number of element 0 in all that is trained: see masa_adamw_rounding */
} masa_adamw;

/**
 *   g = grad_scale grad;  m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2
 *   w -= lr (m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps) + weight_decay w)
 * As torch.optim.AdamW. w, m, v [n] updated in place; m and v in options->moments.
 */
void masa_adamw_update(float DEVICE *w, void DEVICE *m, void DEVICE *v,
                       const float DEVICE *grad, size_t n, const masa_adamw *options);
/** The same by the processor, whatever the device is: all arrays are the host's. */
void masa_adamw_update_host(float *w, void *m, void *v, const float *grad, size_t n,
                            const masa_adamw *options);

/**
 * Random bits that moments in bf16 are rounded by, the low half for m, the high one for v: what
 * lies between two bf16 numbers becomes one of them with the probability that keeps the mean.
 * v moves by a thousandth a step, which rounding to the nearest would drop each time. A hash
 * (Wellons, lowbias32) of the step and the element's number alone, so that every device, thread
 * and division over processes rounds alike.
 */
#ifdef __CUDACC__
__host__ __device__
#endif
    static inline uint32_t
    masa_adamw_rounding(long step, size_t element)
{
    uint32_t x = (uint32_t)element * 0x9E3779B1u ^ (uint32_t)step * 0x85EBCA77u;
    x = (x ^ x >> 16) * 0x7FEB352Du;
    x = (x ^ x >> 15) * 0x846CA68Bu;
    return x ^ x >> 16;
}

/* Numbers whose squares are summed together. */
enum { MASA_SQUARES = 65536 };
/** sums [ceil(n / MASA_SQUARES)] on the host: of the squares of so many numbers each, in float64;
 *  bit-equal for any number of threads. Waits for the result. */
void masa_sums_of_squares(double *sums, const float DEVICE *x, size_t n);
/** All of these, added in order. */
double masa_sum_squares(const float DEVICE *x, size_t n);

#endif
