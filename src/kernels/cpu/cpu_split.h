/* Dividing work over threads in contiguous ranges that depend on the shapes alone. */
#ifndef KERNELS_CPU_SPLIT_H
#define KERNELS_CPU_SPLIT_H

#include <masa/parallel.h>

#include <stddef.h>

/* Up to so many elements other threads cost more than they save. */
enum { SPLIT_MINIMUM = 8192 };

/* A call's work on [begin, end). */
typedef void range_work(void *call, size_t begin, size_t end);

/* Work on [0, n) in ranges whose boundaries are multiples of grain; width: how many elements'
 * work one of the n is. */
void parallel_ranges(size_t n, size_t grain, size_t width, range_work *work, void *call);

/* Work on [0, n) in ranges of `size`. */
void parallel_pieces(size_t n, size_t size, range_work *work, void *call);

/* Has `release` called when this thread ends, if it is one of the pool's: what it keeps between
 * calls goes with it. Once a thread for each function. */
void parallel_at_end(void (*release)(void));

#endif
