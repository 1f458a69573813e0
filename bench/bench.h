/* Timing for benchmarks: the best of several repetitions, since on a shared machine
 * noise only ever adds. */
#ifndef MASA_BENCH_H
#define MASA_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <masa/clock.h>
#include <masa/dtype.h>
#include <masa/random.h>

#define BENCH_SECONDS(best, statement)                                                         \
    do {                                                                                       \
        (best) = 1e30;                                                                         \
        double bench_begin = masa_clock();                                                     \
        for (int bench_i = 0;                                                                  \
             bench_i < 3 || (bench_i < 1000 && masa_clock() - bench_begin < bench_budget);     \
             bench_i++) {                                                                      \
            double bench_start = masa_clock();                                                 \
            statement;                                                                         \
            double bench_taken = masa_clock() - bench_start;                                   \
            if (bench_taken < (best)) (best) = bench_taken;                                    \
        }                                                                                      \
    } while (0)

__attribute__((unused)) static double bench_budget = 0.1; /* seconds per measurement */

/* n normal values in dtype; the caller frees. */
static inline void *bench_values(masa_dtype dtype, size_t n)
{
    masa_random random = masa_random_init(1, MASA_STREAM_TEST);
    float pattern[1009];
    for (int i = 0; i < 1009; i++) pattern[i] = (float)masa_random_normal(&random);
    char *out = aligned_alloc(64, (n * masa_dtype_size(dtype) + 63) / 64 * 64);
    for (size_t i = 0; i < n; i++)
        if (dtype == MASA_F32) ((float *)out)[i] = pattern[i % 1009];
        else ((uint16_t *)out)[i] = masa_f32_to_bf16(pattern[i % 1009]);
    return out;
}

#endif
