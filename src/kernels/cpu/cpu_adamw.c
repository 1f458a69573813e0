#include "cpu_backend.h"
#include "isa/isa_adamw.h"
#include "cpu_split.h"

struct step {
    float *w;
    void *m, *v;
    const float *grad;
    const masa_adamw *options;
};

static void update(void *call, size_t b, size_t end)
{
    const struct step *c = call;
    ISA_SELECT(adamw_kernels)
        ->update(c->w + b, (float *)c->m + b, (float *)c->v + b, c->grad + b, end - b,
                 c->options);
}

static void update_bf16(void *call, size_t b, size_t end)
{
    const struct step *c = call;
    masa_adamw options = *c->options;
    options.first += b;
    ISA_SELECT(adamw_kernels)
        ->update_bf16(c->w + b, (uint16_t *)c->m + b, (uint16_t *)c->v + b, c->grad + b,
                      end - b, &options);
}

void cpu_adamw(float *w, void *m, void *v, const float *grad, size_t n,
               const masa_adamw *options)
{
    struct step c = {w, m, v, grad, options};
    parallel_ranges(n, 64, 1, options->moments == MASA_F32 ? update : update_bf16, &c);
}

struct squares {
    double *sums;
    const float *x;
    size_t n;
};

static void sum_block(void *call, size_t block)
{
    const struct squares *c = call;
    size_t at = block * MASA_SQUARES, left = c->n - at;
    c->sums[block] = ISA_SELECT(adamw_kernels)
                         ->sum_squares(c->x + at, left < MASA_SQUARES ? left : MASA_SQUARES);
}

void cpu_sums_of_squares(double *sums, const float *x, size_t n)
{
    struct squares c = {sums, x, n};
    masa_parallel((n + MASA_SQUARES - 1) / MASA_SQUARES, sum_block, &c);
}
