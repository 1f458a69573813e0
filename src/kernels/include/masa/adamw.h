/** AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) and the norms around it. */
#ifndef MASA_ADAMW_H
#define MASA_ADAMW_H

#include <stddef.h>
#include <masa/device.h>

typedef struct masa_adamw {
    float lr, beta1, beta2, eps, weight_decay;
    float grad_scale; /* multiplies gradients first: clipping and averaging */
    long step;        /* 1-based, for bias correction */
} masa_adamw;

/**
 *   g = grad_scale grad;  m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2
 *   w -= lr (m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps) + weight_decay w)
 * As torch.optim.AdamW. w, m, v [n] updated in place.
 */
void masa_adamw_update(float DEVICE *w, float DEVICE *m, float DEVICE *v,
                       const float DEVICE *grad, size_t n, const masa_adamw *options);

/* Numbers whose squares are summed together. */
enum { MASA_SQUARES = 65536 };
/** sums [ceil(n / MASA_SQUARES)] on the host: of the squares of so many numbers each, in float64;
 *  bit-equal for any number of threads. Waits for the result. */
void masa_sums_of_squares(double *sums, const float DEVICE *x, size_t n);
/** All of these, added in order. */
double masa_sum_squares(const float DEVICE *x, size_t n);

#endif
