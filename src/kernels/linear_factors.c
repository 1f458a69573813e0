/* Compositions of products, on any device, a piece of the rows at a time: what lies between two
 * factors is then a scratch of fixed size. */
#include "linear_factors.h"

/* Row number `row` of an array [.., width]. */
static void DEVICE *row_of(const void DEVICE *array, size_t row, size_t width, masa_dtype dtype)
{
    return (char DEVICE *)(uintptr_t)array + row * width * masa_dtype_size(dtype);
}

static size_t piece(size_t left)
{
    return left < MASA_FACTOR_ROWS ? left : MASA_FACTOR_ROWS;
}

void linear_factors_forward(const masa_linear_factors *f, void DEVICE *y, masa_dtype y_dtype,
                            const void DEVICE *x, size_t rows)
{
    masa_dtype compute = masa_linear_dtype(f->a);
    size_t in = masa_linear_in_features(f->a), out = masa_linear_out_features(f->b);
    for (size_t done = 0, n; done < rows; done += n) {
        n = piece(rows - done);
        masa_linear_forward(f->a, f->room, compute, row_of(x, done, in, compute), NULL, n,
                            false);
        masa_linear_forward(f->b, row_of(y, done, out, y_dtype), y_dtype, f->room, NULL, n,
                            true);
    }
}

void linear_factors_backward_input(const masa_linear_factors *f, void DEVICE *dx,
                                   masa_dtype dx_dtype, const void DEVICE *dy, size_t rows)
{
    masa_dtype compute = masa_linear_dtype(f->a);
    size_t in = masa_linear_in_features(f->a), out = masa_linear_out_features(f->b);
    for (size_t done = 0, n; done < rows; done += n) {
        n = piece(rows - done);
        masa_linear_backward_input(f->b, f->room, compute, row_of(dy, done, out, compute), n,
                                   false);
        masa_linear_backward_input(f->a, row_of(dx, done, in, dx_dtype), dx_dtype, f->room, n,
                                   true);
    }
}

void linear_factors_backward_weight(const masa_linear_factors *f, const void DEVICE *dy,
                                    const void DEVICE *x, size_t rows)
{
    masa_dtype compute = masa_linear_dtype(f->a);
    size_t in = masa_linear_in_features(f->a), out = masa_linear_out_features(f->b);
    for (size_t done = 0, n; done < rows; done += n) {
        n = piece(rows - done);
        const void DEVICE *x_n = row_of(x, done, in, compute);
        const void DEVICE *dy_n = row_of(dy, done, out, compute);
        masa_linear_forward(f->a, f->room, compute, x_n, NULL, n, false);
        masa_linear_backward_weight(f->b, f->db, NULL, dy_n, f->room, n);
        masa_linear_backward_input(f->b, f->room, compute, dy_n, n, false);
        masa_linear_backward_weight(f->a, f->da, NULL, f->room, x_n, n);
    }
}
