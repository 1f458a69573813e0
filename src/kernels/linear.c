/* Linear maps: checks, and what is known of a map whatever computes it. */
#include <masa/linear.h>

#include <masa/memory.h>

#include <assert.h>
#include <stdlib.h>

#include "backend.h"

struct masa_linear {
    void *map; /* the device's */
    size_t out, in;
    masa_dtype compute;
    bool trainable;
};

masa_status masa_linear_create(masa_linear **out, size_t out_features, size_t in_features,
                               masa_dtype compute, bool trainable, masa_error *err)
{
    assert(out_features > 0 && in_features > 0);
    void *map;
    masa_status st = backend_get()->linear_create(&map, out_features, in_features, compute,
                                                  trainable, err);
    if (st) return st;
    masa_linear *l = masa_alloc(1, sizeof *l);
    *l = (masa_linear){map, out_features, in_features, compute, trainable};
    *out = l;
    return MASA_OK;
}

void masa_linear_destroy(masa_linear *l)
{
    if (!l) return;
    backend_get()->linear_destroy(l->map);
    free(l);
}

void masa_linear_pack(masa_linear *l, const float DEVICE *weight)
{
    backend_get()->linear_pack(l->map, weight);
}

void masa_linear_forward(masa_linear *l, void DEVICE *y, masa_dtype y_dtype,
                         const void DEVICE *x, const float DEVICE *bias, size_t rows,
                         bool accumulate)
{
    if (rows) backend_get()->linear_forward(l->map, y, y_dtype, x, bias, rows, accumulate);
}

void masa_linear_backward_input(masa_linear *l, void DEVICE *dx, masa_dtype dx_dtype,
                                const void DEVICE *dy, size_t rows, bool accumulate)
{
    assert(l->trainable);
    if (rows) backend_get()->linear_backward_input(l->map, dx, dx_dtype, dy, rows, accumulate);
}

void masa_linear_backward_weight(masa_linear *l, float DEVICE *dw, float DEVICE *dbias,
                                 const void DEVICE *dy, const void DEVICE *x, size_t rows)
{
    if (rows) backend_get()->linear_backward_weight(l->map, dw, dbias, dy, x, rows);
}

size_t masa_linear_out_features(const masa_linear *l)
{
    return l->out;
}

size_t masa_linear_in_features(const masa_linear *l)
{
    return l->in;
}

masa_dtype masa_linear_dtype(const masa_linear *l)
{
    return l->compute;
}

size_t masa_linear_bytes(const masa_linear *l)
{
    return backend_get()->linear_bytes(l->map);
}
