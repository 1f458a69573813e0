#include "isa_rows.h"
#include <math.h>
#include "isa_simd_math.h"
#include "isa_tile.h"

/* One row (or one head) of RMSNorm; returns 1/sqrt(mean square + eps). */
static float norm_forward(void *y, masa_dtype y_dtype, size_t y_at, const void *x,
                          masa_dtype x_dtype, size_t x_at, const float *gain, size_t dim,
                          float eps)
{
    float xb[TILE], yb[TILE], square = 0;
    for (size_t i = 0, n; i < dim; i += n) {
        n = tile_size(i, dim);
        const float *v = tile_view(xb, x, x_dtype, x_at + i, n);
#pragma omp simd reduction(+ : square)
        for (size_t j = 0; j < n; j++) square += v[j] * v[j];
    }
    float rstd = 1.0f / sqrtf(square / (float)dim + eps);
    for (size_t i = 0, n; i < dim; i += n) {
        n = tile_size(i, dim);
        const float *v = tile_view(xb, x, x_dtype, x_at + i, n), *g = gain + i;
#pragma omp simd
        for (size_t j = 0; j < n; j++) yb[j] = v[j] * rstd * g[j];
        tile_store(y, y_dtype, y_at + i, yb, n);
    }
    return rstd;
}

/* c of the gradient: rstd^3 / dim * sum_j gain[j] dy[j] x[j]. */
static float norm_projection(const void *dy, size_t dy_at, const void *x, size_t x_at,
                             masa_dtype dtype, const float *gain, float rstd, size_t dim)
{
    float xb[TILE], db[TILE], dot = 0;
    for (size_t i = 0, n; i < dim; i += n) {
        n = tile_size(i, dim);
        const float *v = tile_view(xb, x, dtype, x_at + i, n);
        const float *d = tile_view(db, dy, dtype, dy_at + i, n), *g = gain + i;
#pragma omp simd reduction(+ : dot)
        for (size_t j = 0; j < n; j++) dot += g[j] * d[j] * v[j];
    }
    return rstd * rstd * rstd / (float)dim * dot;
}

static void rmsnorm_forward(void *y, masa_dtype y_dtype, float *rstd, const float *x,
                            const float *gain, size_t rows, size_t dim, float eps)
{
    for (size_t r = 0; r < rows; r++) {
        float s = norm_forward(y, y_dtype, r * dim, x, MASA_F32, r * dim, gain, dim, eps);
        if (rstd) rstd[r] = s;
    }
}

static void rmsnorm_backward(float *dx, const float *dy, const float *x, const float *gain,
                             const float *rstd, size_t rows, size_t dim)
{
    for (size_t r = 0; r < rows; r++, dx += dim, dy += dim, x += dim) {
        float s = rstd[r];
        float c = norm_projection(dy, 0, x, 0, MASA_F32, gain, s, dim);
#pragma omp simd
        for (size_t i = 0; i < dim; i++) dx[i] += s * gain[i] * dy[i] - c * x[i];
    }
}

static void norm_gain(float *dgain, const void *dy, size_t dy_stride, const void *x,
                      size_t x_stride, masa_dtype dtype, const float *rstd, size_t rows,
                      size_t heads, size_t dim, size_t begin, size_t end)
{
    float xb[TILE], db[TILE];
    for (size_t rh = 0; rh < rows * heads; rh++) {
        size_t r = rh / heads, at = rh % heads * dim;
        float s = rstd[rh];
        for (size_t i = begin, n; i < end; i += n) {
            n = tile_size(i, end);
            const float *v = tile_view(xb, x, dtype, r * x_stride + at + i, n);
            const float *d = tile_view(db, dy, dtype, r * dy_stride + at + i, n);
            float *dg = dgain + i;
#pragma omp simd
            for (size_t j = 0; j < n; j++) dg[j] += d[j] * v[j] * s;
        }
    }
}

static void headnorm_forward(void *y, size_t y_stride, float *rstd, const void *x,
                             size_t x_stride, masa_dtype dtype, const float *gain, size_t rows,
                             size_t heads, size_t head_dim, float eps)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t h = 0; h < heads; h++) {
            size_t y_at = r * y_stride + h * head_dim, x_at = r * x_stride + h * head_dim;
            float s = norm_forward(y, dtype, y_at, x, dtype, x_at, gain, head_dim, eps);
            if (rstd) rstd[r * heads + h] = s;
        }
}

static void headnorm_backward(void *dx, size_t dx_stride, const void *dy, size_t dy_stride,
                              const void *x, size_t x_stride, masa_dtype dtype,
                              const float *gain, const float *rstd, size_t rows, size_t heads,
                              size_t head_dim)
{
    float xb[TILE], db[TILE], out[TILE];
    for (size_t rh = 0; rh < rows * heads; rh++) {
        size_t r = rh / heads, at = rh % heads * head_dim;
        size_t x_at = r * x_stride + at, dy_at = r * dy_stride + at, dx_at = r * dx_stride + at;
        float s = rstd[rh];
        float c = norm_projection(dy, dy_at, x, x_at, dtype, gain, s, head_dim);
        for (size_t i = 0, n; i < head_dim; i += n) {
            n = tile_size(i, head_dim);
            const float *v = tile_view(xb, x, dtype, x_at + i, n), *g = gain + i;
            const float *d = tile_view(db, dy, dtype, dy_at + i, n);
#pragma omp simd
            for (size_t j = 0; j < n; j++) out[j] = s * g[j] * d[j] - c * v[j];
            tile_store(dx, dtype, dx_at + i, out, n);
        }
    }
}

/* Rotates the pairs (x[j], x[j+h]) for j in one tile of the half. */
static void rope_tile(void *x, masa_dtype dtype, size_t at, size_t half, const float *cosine,
                      const float *sine, float sign, size_t n)
{
    float ab[TILE], bb[TILE], lo[TILE], hi[TILE];
    const float *a = tile_view(ab, x, dtype, at, n);
    const float *b = tile_view(bb, x, dtype, at + half, n);
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        float s = sign * sine[j];
        lo[j] = a[j] * cosine[j] - b[j] * s;
        hi[j] = b[j] * cosine[j] + a[j] * s;
    }
    tile_store(x, dtype, at, lo, n);
    tile_store(x, dtype, at + half, hi, n);
}

static void rope(void *x, masa_dtype dtype, size_t stride, const int32_t *positions,
                 const float *cos_table, const float *sin_table, size_t rows, size_t heads,
                 size_t head_dim, bool inverse)
{
    size_t half = head_dim / 2;
    for (size_t r = 0; r < rows; r++) {
        const float *cosine = cos_table + (size_t)positions[r] * half;
        const float *sine = sin_table + (size_t)positions[r] * half;
        for (size_t h = 0; h < heads; h++)
            for (size_t i = 0, n; i < half; i += n) {
                n = tile_size(i, half);
                rope_tile(x, dtype, r * stride + h * head_dim + i, half, cosine + i, sine + i,
                          inverse ? -1.0f : 1.0f, n);
            }
    }
}

static void swiglu_forward(void *y, const void *gate_up, masa_dtype dtype, size_t rows,
                           size_t dim)
{
    float gb[TILE], ub[TILE], out[TILE];
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0, n; i < dim; i += n) {
            n = tile_size(i, dim);
            const float *g = tile_view(gb, gate_up, dtype, r * 2 * dim + i, n);
            const float *u = tile_view(ub, gate_up, dtype, r * 2 * dim + dim + i, n);
#pragma omp simd
            for (size_t j = 0; j < n; j++) out[j] = g[j] * sigmoid_simd(g[j]) * u[j];
            tile_store(y, dtype, r * dim + i, out, n);
        }
}

/* d silu(g)/dg = s (1 + g (1 - s)) with s = sigmoid(g). */
static void swiglu_backward(void *d_gate_up, const void *dy, const void *gate_up,
                            masa_dtype dtype, size_t rows, size_t dim)
{
    float gb[TILE], ub[TILE], db[TILE], dg[TILE], du[TILE];
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0, n; i < dim; i += n) {
            n = tile_size(i, dim);
            size_t g_at = r * 2 * dim + i, u_at = g_at + dim;
            const float *g = tile_view(gb, gate_up, dtype, g_at, n);
            const float *u = tile_view(ub, gate_up, dtype, u_at, n);
            const float *d = tile_view(db, dy, dtype, r * dim + i, n);
#pragma omp simd
            for (size_t j = 0; j < n; j++) {
                float s = sigmoid_simd(g[j]);
                du[j] = d[j] * g[j] * s;
                dg[j] = d[j] * u[j] * (s * (1.0f + g[j] * (1.0f - s)));
            }
            tile_store(d_gate_up, dtype, g_at, dg, n);
            tile_store(d_gate_up, dtype, u_at, du, n);
        }
}

static void convert(void *to, masa_dtype to_dtype, const void *from, masa_dtype from_dtype,
                    size_t n)
{
    if (to_dtype == from_dtype) memmove(to, from, n * masa_dtype_size(to_dtype));
    else if (to_dtype == MASA_BF16) bf16_store(to, from, n);
    else bf16_load(to, from, n);
}

static void add(float *y, const float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void add_columns(float *sum, const void *x, masa_dtype dtype, size_t stride, size_t rows,
                        size_t n)
{
    float buffer[TILE];
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0, m; i < n; i += m) {
            m = tile_size(i, n);
            add(sum + i, tile_view(buffer, x, dtype, r * stride + i, m), m);
        }
}

const struct rows_kernels ISA_NAME(rows_kernels) = {
    .rmsnorm_forward = rmsnorm_forward,
    .rmsnorm_backward = rmsnorm_backward,
    .headnorm_forward = headnorm_forward,
    .headnorm_backward = headnorm_backward,
    .norm_gain = norm_gain,
    .rope = rope,
    .swiglu_forward = swiglu_forward,
    .swiglu_backward = swiglu_backward,
    .convert = convert,
    .add = add,
    .add_columns = add_columns,
};
