#include <masa/adamw.h>

#include <assert.h>

#include "backend.h"

void masa_adamw_update(float DEVICE *w, float DEVICE *m, float DEVICE *v,
                       const float DEVICE *grad, size_t n, const masa_adamw *options)
{
    assert(options->step >= 1);
    backend_get()->adamw(w, m, v, grad, n, options);
}

double masa_sum_squares(const float DEVICE *x, size_t n)
{
    return backend_get()->sum_squares(x, n);
}
