/**
 * y = x W^T (+ bias): matrix products with weights in the device's own packed layout,
 * refreshed from float32 master weights once per optimiser step.
 */
#ifndef MASA_LINEAR_H
#define MASA_LINEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <masa/device.h>
#include <masa/dtype.h>
#include <masa/error.h>

typedef struct masa_linear masa_linear;

/**
 * A linear map of in_features to out_features computing in `compute`
 * (MASA_BF16: bf16 operands, float32 accumulation). trainable also prepares
 * masa_linear_backward_input. Destroy with masa_linear_destroy (NULL is fine).
 */
masa_status masa_linear_create(masa_linear **out, size_t out_features, size_t in_features,
                               masa_dtype compute, bool trainable, masa_error *err);
void masa_linear_destroy(masa_linear *linear);

/** Packs weight [out_features, in_features] float32, row-major; copied. */
void masa_linear_pack(masa_linear *linear, const float DEVICE *weight);

/**
 * y [rows, out] = x [rows, in] W^T + bias (+ y when accumulate).
 * x: compute dtype. y: y_dtype. bias [out] float32 or NULL. rows may be 0 and
 * may differ in every call; the result of a row does not depend on the number
 * or the content of the other rows, up to the order of float32 additions.
 */
void masa_linear_forward(masa_linear *linear, void DEVICE *y, masa_dtype y_dtype,
                         const void DEVICE *x, const float DEVICE *bias, size_t rows,
                         bool accumulate);

/**
 * Whether that result is also the same to the last bit for this map's shape. The first call tries
 * it, with the weights the map then has: products of 1 to some hundred rows, in both kinds of y
 * that a layer has, compared with each row alone. The map keeps the answer; false where the
 * trial's arrays do not fit.
 */
bool masa_linear_rows_agree(masa_linear *linear);

/** dx [rows, in] (dx_dtype) = dy [rows, out] (compute dtype) W  (+ dx when accumulate). */
void masa_linear_backward_input(masa_linear *linear, void DEVICE *dx, masa_dtype dx_dtype,
                                const void DEVICE *dy, size_t rows, bool accumulate);

/**
 * dw [out, in] float32, ACCUMULATED += dy^T x.
 * dy [rows, out] and x [rows, in] in compute dtype.
 * dbias [out] float32 ACCUMULATED += sum of dy over rows, or NULL.
 * dw NULL: of weights that stay as they are; then only factors (below) have a gradient.
 */
void masa_linear_backward_weight(masa_linear *linear, float DEVICE *dw, float DEVICE *dbias,
                                 const void DEVICE *dy, const void DEVICE *x, size_t rows);

/* Rows that factors are multiplied for at once. */
enum { MASA_FACTOR_ROWS = 1024 };

/* Factors of a map's weights: two thin maps of its compute dtype, both trainable. */
typedef struct masa_linear_factors {
    masa_linear *a, *b;                /* A [rank, in], B [out, rank] */
    float DEVICE *da, *db;             /* their gradients, ACCUMULATED */
    void DEVICE *room;                 /* [MASA_FACTOR_ROWS, rank] compute dtype, scratch */
    struct masa_linear_factors *below; /* what was attached before */
} masa_linear_factors;

/**
 * From here on y = x (W + B A)^T: forward adds (x A^T) B^T, backward_input (dy B) A, each for
 * all factors that are attached; backward_weight adds dA += (dy B)^T x, dB += dy^T (x A^T) for
 * those that were attached last. Where y is bf16 it is rounded once more. The factors are
 * borrowed until masa_linear_detach, which takes away the last.
 */
void masa_linear_attach(masa_linear *linear, masa_linear_factors *factors);
void masa_linear_detach(masa_linear *linear);

size_t masa_linear_out_features(const masa_linear *linear);
size_t masa_linear_in_features(const masa_linear *linear);
masa_dtype masa_linear_dtype(const masa_linear *linear);

/** Bytes of packed weights held, for the memory plan. */
size_t masa_linear_bytes(const masa_linear *linear);

#endif
