/* Lays buffers out in one block of device memory. With no block it only counts, so that a memory
 * plan comes from the same code as the allocation and cannot differ from it. */
#ifndef MODEL_PLACER_H
#define MODEL_PLACER_H

#include <stddef.h>
#include <masa/device.h>

typedef struct placer {
    char DEVICE *base; /* NULL: only count */
    size_t used;       /* bytes; SIZE_MAX once they overflowed */
} placer;

/* n*size bytes at the next cache line; NULL when only counting. */
void DEVICE *placer_take(placer *p, size_t n, size_t size);

#endif
