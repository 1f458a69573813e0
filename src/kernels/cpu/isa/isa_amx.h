/* Products of bf16 matrices by AMX, on one thread: cpu_amx.c divides the work and packs. */
#ifndef KERNELS_ISA_AMX_H
#define KERNELS_ISA_AMX_H

#include <masa/dtype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "isa.h"

/*
 * A tile register holds 16 rows of 64 bytes. c = a b is summed in steps of 32 of the inner
 * dimension; both operands are filled with zeros to whole tiles:
 *     a   bands of 16 rows     [band][step][row][32]
 *     b   panels of 64 columns [panel][step][pair of inner][column][2]
 */
enum { AMX_BAND = 16, AMX_STEP = 32, AMX_PANEL = 64 };

/* Work at a time: panels, and steps of them. */
enum { AMX_GROUP = 4, AMX_MOST_STEPS = 20 };

static inline size_t amx_bands(size_t rows)
{
    return (rows + AMX_BAND - 1) / AMX_BAND;
}

static inline size_t amx_steps(size_t inner)
{
    return (inner + AMX_STEP - 1) / AMX_STEP;
}

static inline size_t amx_panels(size_t columns)
{
    return (columns + AMX_PANEL - 1) / AMX_PANEL;
}

/* Numbers that `multiply` has to have room for. */
static inline size_t amx_sums(size_t rows)
{
    return (amx_bands(rows) + 1) / 2 * 2 * AMX_BAND * AMX_GROUP * AMX_PANEL;
}

/* c [rows, columns] = a b + bias [columns] (+ c). */
struct amx_product {
    void *c;
    masa_dtype c_dtype;
    const uint16_t *a, *b;
    const float *bias; /* or NULL */
    size_t rows, columns, steps;
    size_t panel_steps; /* from one panel of b to the next: more than steps if b is a part */
    bool accumulate;
};

struct amx_kernels {
    /* Columns of panels [begin, end). What a number of c comes to depends on its row of a and
     * its column of b alone. */
    void (*multiply)(const struct amx_product *p, float *sums, size_t begin, size_t end);

    /* a's bands [begin, end) from rows of `inner` elements, or from its transpose
     * [inner, rows]; rows lie `stride` elements apart. */
    void (*pack_a)(uint16_t *a, const uint16_t *from, size_t stride, size_t rows, size_t inner,
                   size_t begin, size_t end);
    void (*pack_a_transposed)(uint16_t *a, const uint16_t *from, size_t stride, size_t rows,
                              size_t inner, size_t begin, size_t end);

    /* b's panels [begin, end) from [inner, columns] in bf16, or in float32, whose transpose
     * [columns, inner] it may be. */
    void (*pack_b)(uint16_t *b, const uint16_t *from, size_t inner, size_t columns,
                   size_t begin, size_t end);
    void (*pack_weights)(uint16_t *b, const float *from, bool transposed, size_t inner,
                         size_t columns, size_t begin, size_t end);
};
ISA_TABLES(amx_kernels) /* of NULL where there is no AMX */

#endif
