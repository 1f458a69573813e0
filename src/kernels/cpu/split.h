/* Dividing work over OpenMP threads in contiguous, reproducible ranges. */
#ifndef KERNELS_SPLIT_H
#define KERNELS_SPLIT_H

#include <omp.h>
#include <stddef.h>

/* Below this many elements a parallel region costs more than it saves. */
enum { SPLIT_MINIMUM = 8192 };

struct range {
    size_t begin, end;
};

/* The part of [0, n) of a thread; boundaries are multiples of grain. */
static inline struct range split(size_t n, size_t grain, int thread, int threads)
{
    size_t units = (n + grain - 1) / grain, t = (size_t)thread, k = (size_t)threads;
    size_t begin = units * t / k * grain, end = units * (t + 1) / k * grain;
    return (struct range){begin < n ? begin : n, end < n ? end : n};
}

/* Inside a parallel region: this thread's part. */
static inline struct range split_mine(size_t n, size_t grain)
{
    return split(n, grain, omp_get_thread_num(), omp_get_num_threads());
}

#endif
