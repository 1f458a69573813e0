/* y = x W^T of few rows on one thread, from weights that lie as oneDNN packs them for
 * bf16: cpu_linear.c finds out whether they do and divides the units. */
#ifndef KERNELS_ISA_LINEAR_H
#define KERNELS_ISA_LINEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <masa/dtype.h>
#include "isa.h"

/* A panel is LINEAR_COLUMNS outputs by all inputs: pairs of inputs [pairs][column][2],
 * filled with zeros to whole panels of a multiple of LINEAR_DEPTH inputs. */
enum { LINEAR_COLUMNS = 64, LINEAR_DEPTH = 32, LINEAR_ROWS = 6 };

/* One product; rows are cut into `blocks` of at most LINEAR_ROWS, as even as can be. */
struct linear_few {
    void *y;                 /* [rows, out] */
    const uint16_t *x;       /* [rows, in] bf16 */
    const uint16_t *weights; /* panels, panel_size elements apart */
    const float *bias;       /* [out] or NULL */
    size_t rows, out, in, blocks, panel_size;
    masa_dtype y_dtype;
    bool accumulate;
};

static inline size_t linear_blocks(size_t rows)
{
    return (rows + LINEAR_ROWS - 1) / LINEAR_ROWS;
}

static inline size_t linear_panels(size_t out)
{
    return (out + LINEAR_COLUMNS - 1) / LINEAR_COLUMNS;
}

struct linear_kernels {
    /* Units [begin, end) of blocks * panels, panel after panel; NULL where the
     * instruction set has no bf16 products. */
    void (*few)(const struct linear_few *call, size_t begin, size_t end);
};
ISA_TABLES(linear_kernels)

#endif
