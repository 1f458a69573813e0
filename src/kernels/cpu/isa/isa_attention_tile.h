/* Small float32 products in registers, and loading tiles: what attention's forward and
 * backward files share. */
#ifndef KERNELS_ISA_ATTENTION_TILE_H
#define KERNELS_ISA_ATTENTION_TILE_H

#include <stdbool.h>

#include "isa_attention.h"
#include "isa_tile.h"

/* A vector of the machine's own size: of wider ones gcc keeps the sums in memory. TILE_M x
 * TILE_N sums are 8 vectors, so that no multiplication waits for the one before. */
enum { LANES = ISA_HAS_AVX512 ? 16 : ISA_HAS_AVX2 ? 8 : 4 };
enum { TILE_M = 4, TILE_N = 2 * LANES, MAX_WIDTH = 288 };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

/* C[M, N] = or += A B for TILE_M (or fewer) rows and TILE_N columns, in registers.
 * A's element (i, k) is a[i*row + k*step], so A may be transposed at no cost. */
#define BLOCK(M)                                                                               \
    static inline void block_##M(float *c, size_t ldc, const float *a, size_t row,             \
                                 size_t step, const float *b, size_t ldb, size_t depth,        \
                                 bool add)                                                     \
    {                                                                                          \
        lanes sum[M][2];                                                                       \
        for (int i = 0; i < M; i++)                                                            \
            for (int j = 0; j < 2; j++)                                                        \
                sum[i][j] =                                                                    \
                    add ? *(const lanes *)(c + (size_t)i * ldc + j * LANES) : (lanes){0};      \
        for (size_t k = 0; k < depth; k++) {                                                   \
            lanes b0 = *(const lanes *)(b + k * ldb);                                          \
            lanes b1 = *(const lanes *)(b + k * ldb + LANES);                                  \
            for (int i = 0; i < M; i++) {                                                      \
                float x = a[(size_t)i * row + k * step];                                       \
                sum[i][0] += x * b0;                                                           \
                sum[i][1] += x * b1;                                                           \
            }                                                                                  \
        }                                                                                      \
        for (int i = 0; i < M; i++)                                                            \
            for (int j = 0; j < 2; j++)                                                        \
                *(lanes *)(c + (size_t)i * ldc + j * LANES) = sum[i][j];                       \
    }
BLOCK(1)
BLOCK(2)
BLOCK(3)
BLOCK(4)
#undef BLOCK

/* C[m, n] = or += A[m, k] B[k, n]; n is a multiple of TILE_N. */
static inline void product(float *c, size_t ldc, const float *a, size_t row, size_t step,
                           const float *b, size_t ldb, size_t m, size_t n, size_t k, bool add)
{
    for (size_t j = 0; j < n; j += TILE_N) {
        size_t i = 0;
        for (; i + TILE_M <= m; i += TILE_M)
            block_4(c + i * ldc + j, ldc, a + i * row, row, step, b + j, ldb, k, add);
        float *to = c + i * ldc + j;
        const float *from = a + i * row;
        if (m - i == 1) block_1(to, ldc, from, row, step, b + j, ldb, k, add);
        if (m - i == 2) block_2(to, ldc, from, row, step, b + j, ldb, k, add);
        if (m - i == 3) block_3(to, ldc, from, row, step, b + j, ldb, k, add);
    }
}

/* [rows, width] from rows of a dtype array, times scale; padding 0. */
static inline void load_rows(float *to, size_t width, const void *from, size_t stride,
                             size_t rows, size_t head_dim, float scale, masa_dtype dtype)
{
    for (size_t i = 0; i < rows; i++) {
        float *row = to + i * width;
        tile_load(row, from, dtype, i * stride, head_dim);
#pragma omp simd
        for (size_t c = 0; c < head_dim; c++) row[c] *= scale;
        for (size_t c = head_dim; c < width; c++) row[c] = 0;
    }
}

/* How many of the ATTENTION_KEYS keys from j on are seen when `visible` are in all. */
static inline size_t seen_from(size_t visible, size_t j)
{
    size_t n = visible > j ? visible - j : 0;
    return n < ATTENTION_KEYS ? n : ATTENTION_KEYS;
}

#endif
