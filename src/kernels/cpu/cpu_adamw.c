#include <masa/memory.h>
#include <stdlib.h>
#include "cpu_backend.h"
#include "isa/isa_adamw.h"
#include "cpu_split.h"

struct step {
    float *w, *m, *v;
    const float *grad;
    const masa_adamw *options;
};

static void update(void *call, size_t b, size_t end)
{
    const struct step *c = call;
    ISA_SELECT(adamw_kernels)
        ->update(c->w + b, c->m + b, c->v + b, c->grad + b, end - b, c->options);
}

void cpu_adamw(float *w, float *m, float *v, const float *grad, size_t n,
               const masa_adamw *options)
{
    struct step c = {w, m, v, grad, options};
    parallel_ranges(n, 64, 1, update, &c);
}

enum { BLOCK = 65536 };

struct squares {
    const float *x;
    size_t n;
    double *sums; /* of a block each */
};

static void sum_block(void *call, size_t block)
{
    const struct squares *c = call;
    size_t left = c->n - block * BLOCK;
    c->sums[block] = ISA_SELECT(adamw_kernels)
                         ->sum_squares(c->x + block * BLOCK, left < BLOCK ? left : BLOCK);
}

/* Sums of blocks of a fixed size, added in order: the same for any number of threads. */
double cpu_sum_squares(const float *x, size_t n)
{
    size_t blocks = (n + BLOCK - 1) / BLOCK;
    struct squares c = {x, n, masa_alloc(blocks, sizeof *c.sums)};
    double sum = 0;
    masa_parallel(blocks, sum_block, &c);
    for (size_t b = 0; b < blocks; b++) sum += c.sums[b];
    free(c.sums);
    return sum;
}
