#include <masa/adamw.h>

#include <masa/memory.h>

#include <assert.h>
#include <stdlib.h>

#include "backend.h"

void masa_adamw_update(float DEVICE *w, void DEVICE *m, void DEVICE *v,
                       const float DEVICE *grad, size_t n, const masa_adamw *options)
{
    assert(options->step >= 1);
    backend_get()->adamw(w, m, v, grad, n, options);
}

void masa_adamw_update_host(float *w, void *m, void *v, const float *grad, size_t n,
                            const masa_adamw *options)
{
    assert(options->step >= 1);
    backend_cpu.adamw(w, m, v, grad, n, options);
}

void masa_sums_of_squares(double *sums, const float DEVICE *x, size_t n)
{
    if (n > 0) backend_get()->sums_of_squares(sums, x, n);
}

double masa_sum_squares(const float DEVICE *x, size_t n)
{
    size_t blocks = (n + MASA_SQUARES - 1) / MASA_SQUARES;
    double *sums = masa_alloc(blocks, sizeof *sums), sum = 0;
    masa_sums_of_squares(sums, x, n);
    for (size_t b = 0; b < blocks; b++) sum += sums[b];
    free(sums);
    return sum;
}
