/* Products of bf16 matrices where the processor has AMX: the work's division and its memory. */
#ifndef KERNELS_CPU_AMX_H
#define KERNELS_CPU_AMX_H

#include <masa/dtype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of weights b [inner, columns], packed. */
size_t amx_weights_bytes(size_t inner, size_t columns);

/* from: [inner, columns] or its transpose. */
void amx_pack_weights(uint16_t *b, const float *from, bool transposed, size_t inner,
                      size_t columns);

/* c [rows, columns] = a [rows, inner] b + bias [columns] (+ c); bias may be NULL. */
void amx_multiply(void *c, masa_dtype c_dtype, const uint16_t *a, const uint16_t *b,
                  const float *bias, size_t rows, size_t columns, size_t inner,
                  bool accumulate);

/* c [m, n] += a^T b of a [rows, m] and b [rows, n]. */
void amx_add_outer(float *c, const uint16_t *a, const uint16_t *b, size_t rows, size_t m,
                   size_t n);

#endif
