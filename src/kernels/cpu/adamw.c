#include <masa/memory.h>
#include <stdlib.h>
#include "cpu_backend.h"
#include "isa/adamw.h"
#include "split.h"

void cpu_adamw(float *w, float *m, float *v, const float *grad, size_t n,
               const masa_adamw *options)
{
    const struct adamw_kernels *k = ISA_SELECT(adamw_kernels);
#pragma omp parallel if (n > SPLIT_MINIMUM)
    {
        struct range p = split_mine(n, 64);
        size_t b = p.begin;
        k->update(w + b, m + b, v + b, grad + b, p.end - b, options);
    }
}

/* Sums of blocks of a fixed size, added in order: the same for any number of threads. */
double cpu_sum_squares(const float *x, size_t n)
{
    enum { BLOCK = 65536 };
    const struct adamw_kernels *k = ISA_SELECT(adamw_kernels);
    size_t blocks = (n + BLOCK - 1) / BLOCK;
    if (blocks <= 1) return k->sum_squares(x, n);
    double *partial = masa_alloc(blocks, sizeof *partial), sum = 0;
#pragma omp parallel for schedule(static)
    for (size_t b = 0; b < blocks; b++) {
        size_t left = n - b * BLOCK;
        partial[b] = k->sum_squares(x + b * BLOCK, left < BLOCK ? left : BLOCK);
    }
    for (size_t b = 0; b < blocks; b++) sum += partial[b];
    free(partial);
    return sum;
}
