/* Memory that a thread keeps between calls. */
#ifndef KERNELS_CPU_SCRATCH_H
#define KERNELS_CPU_SCRATCH_H

#include <stddef.h>

/* What may be in use at the same time. */
enum scratch {
    SCRATCH_ATTENTION,
    SCRATCH_ATTENTION_BACKWARD,
    SCRATCH_OPERAND_A,
    SCRATCH_OPERAND_B,
    SCRATCH_TILE_A,
    SCRATCH_TILE_C,
    SCRATCH_DNNL,
    SCRATCH_CHUNKS,
    SCRATCH_CANDIDATES,
    SCRATCHES
};

/* At least so many bytes, aligned to a page, of undefined contents: the calling thread's until
 * it asks for the same again. They never shrink, and go with the thread if it is one of the
 * pool's. Out of memory ends the program, as in masa_alloc. */
void *scratch_get(enum scratch which, size_t bytes);

#endif
