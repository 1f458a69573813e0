/* Row kernels: checks, and the device that does the work. */
#include <masa/rows.h>

#include <assert.h>
#include <stdint.h>

#include "backend.h"

void masa_rmsnorm_forward(void DEVICE *y, masa_dtype y_dtype, float DEVICE *rstd,
                          const float DEVICE *x, const float DEVICE *gain, size_t rows,
                          size_t dim, float eps)
{
    assert(dim > 0);
    backend_get()->rmsnorm_forward(y, y_dtype, rstd, x, gain, rows, dim, eps);
}

void masa_rmsnorm_backward(float DEVICE *dx, float DEVICE *dgain, const float DEVICE *dy,
                           const float DEVICE *x, const float DEVICE *gain,
                           const float DEVICE *rstd, size_t rows, size_t dim)
{
    assert(dim > 0);
    backend_get()->rmsnorm_backward(dx, dgain, dy, x, gain, rstd, rows, dim);
}

void masa_headnorm_forward(void DEVICE *y, size_t y_stride, float DEVICE *rstd,
                           const void DEVICE *x, size_t x_stride, masa_dtype dtype,
                           const float DEVICE *gain, size_t rows, size_t heads, size_t head_dim,
                           float eps)
{
    assert(x_stride >= heads * head_dim && y_stride >= heads * head_dim);
    backend_get()->headnorm_forward(y, y_stride, rstd, x, x_stride, dtype, gain, rows, heads,
                                    head_dim, eps);
}

void masa_headnorm_backward(void DEVICE *dx, size_t dx_stride, float DEVICE *dgain,
                            const void DEVICE *dy, size_t dy_stride, const void DEVICE *x,
                            size_t x_stride, masa_dtype dtype, const float DEVICE *gain,
                            const float DEVICE *rstd, size_t rows, size_t heads,
                            size_t head_dim)
{
    assert(x_stride >= heads * head_dim);
    backend_get()->headnorm_backward(dx, dx_stride, dgain, dy, dy_stride, x, x_stride, dtype,
                                     gain, rstd, rows, heads, head_dim);
}

void masa_rope_apply(void DEVICE *x, masa_dtype dtype, size_t stride,
                     const int32_t DEVICE *positions, const float DEVICE *cos_table,
                     const float DEVICE *sin_table, size_t rows, size_t heads, size_t head_dim,
                     bool inverse)
{
    assert(head_dim % 2 == 0 && stride >= heads * head_dim);
    backend_get()->rope(x, dtype, stride, positions, cos_table, sin_table, rows, heads,
                        head_dim, inverse);
}

void masa_swiglu_forward(void DEVICE *y, const void DEVICE *gate_up, masa_dtype dtype,
                         size_t rows, size_t dim)
{
    backend_get()->swiglu_forward(y, gate_up, dtype, rows, dim);
}

void masa_swiglu_backward(void DEVICE *d_gate_up, const void DEVICE *dy,
                          const void DEVICE *gate_up, masa_dtype dtype, size_t rows, size_t dim)
{
    backend_get()->swiglu_backward(d_gate_up, dy, gate_up, dtype, rows, dim);
}

void masa_gather_rows(void DEVICE *to, const void DEVICE *table, masa_dtype dtype,
                      const int32_t DEVICE *index, size_t rows, size_t dim)
{
    backend_get()->gather_rows(to, table, dtype, index, rows, dim);
}

void masa_add_rows(float DEVICE *table, const float DEVICE *from, const int32_t DEVICE *index,
                   size_t rows, size_t dim)
{
    backend_get()->add_rows(table, from, index, rows, dim);
}

void masa_scale_rows(void DEVICE *to, masa_dtype to_dtype, const int32_t DEVICE *to_index,
                     const void DEVICE *from, masa_dtype from_dtype,
                     const int32_t DEVICE *from_index, const float DEVICE *weight, size_t rows,
                     size_t dim)
{
    backend_get()->scale_rows(to, to_dtype, to_index, from, from_dtype, from_index, weight,
                              rows, dim);
}

void masa_convert(void DEVICE *to, masa_dtype to_dtype, const void DEVICE *from,
                  masa_dtype from_dtype, size_t n)
{
    backend_get()->convert(to, to_dtype, from, from_dtype, n);
}

void masa_add(float DEVICE *y, const float DEVICE *x, size_t n)
{
    backend_get()->add(y, x, n);
}

void masa_scale(float DEVICE *y, const float DEVICE *x, float factor, size_t n)
{
    backend_get()->scale(y, x, factor, n);
}

static void check_parts(const masa_record_part *parts, size_t n_parts, size_t record_bytes)
{
    assert(n_parts <= MASA_RECORD_PARTS);
    for (size_t i = 0; i < n_parts; i++)
        assert(parts[i].bytes % 4 == 0 && parts[i].at % 4 == 0 &&
               parts[i].at + parts[i].bytes <= record_bytes);
    (void)parts, (void)n_parts, (void)record_bytes; /* without assertions */
}

void masa_records_write(void DEVICE *records, size_t record_bytes, const int32_t DEVICE *index,
                        size_t rows, const masa_record_part *parts, size_t n_parts)
{
    check_parts(parts, n_parts, record_bytes);
    backend_get()->move_records(records, record_bytes, index, rows, parts, n_parts, false);
}

void masa_records_read(const void DEVICE *records, size_t record_bytes,
                       const int32_t DEVICE *index, size_t rows, const masa_record_part *parts,
                       size_t n_parts)
{
    check_parts(parts, n_parts, record_bytes);
    backend_get()->move_records((void DEVICE *)(uintptr_t)records, record_bytes, index, rows,
                                parts, n_parts, true);
}
