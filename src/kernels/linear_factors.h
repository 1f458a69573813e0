/* The thin products of factors beside a map's weights: masa_linear_attach. rows > 0. */
#ifndef KERNELS_LINEAR_FACTORS_H
#define KERNELS_LINEAR_FACTORS_H

#include <masa/linear.h>

/* y [rows, out] += (x A^T) B^T */
void linear_factors_forward(const masa_linear_factors *f, void DEVICE *y, masa_dtype y_dtype,
                            const void DEVICE *x, size_t rows);
/* dx [rows, in] += (dy B) A */
void linear_factors_backward_input(const masa_linear_factors *f, void DEVICE *dx,
                                   masa_dtype dx_dtype, const void DEVICE *dy, size_t rows);
/* dB += dy^T (x A^T); dA += (dy B)^T x */
void linear_factors_backward_weight(const masa_linear_factors *f, const void DEVICE *dy,
                                    const void DEVICE *x, size_t rows);

#endif
