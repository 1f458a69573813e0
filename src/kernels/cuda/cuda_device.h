/*
 * The GPU of this process: memory, one stream, and scratch. Everything is queued on that
 * stream, in order; device_get, device_sum and their like wait for it. An error of CUDA ends
 * the program with one line: what was queued before is lost, there is nothing to return to.
 */
#ifndef KERNELS_CUDA_DEVICE_H
#define KERNELS_CUDA_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Takes GPU number `index`, with `round` counted round among those that there are. NULL, or why
 * not: a text that stays valid. */
const char *device_start(size_t index, bool round);
const char *device_name(void);
/* The GPU's own number, 16 bytes: no other has it. */
const char *device_place(void);
/* The name, compute capability, multiprocessors, memory, versions of CUDA. */
const char *device_facts(void);
/* Multiprocessors. */
int device_units(void);
/* Bytes that may still be taken. */
size_t device_available(void);
/* Most bytes that were taken at one time. */
size_t device_peak(void);

/* Aligned to 256 bytes; NULL: not enough memory. */
void *device_alloc(size_t bytes, bool zeroed);
void device_free(void *p);
/* from_host may be changed as soon as the call returns. */
void device_put(void *to, const void *from_host, size_t bytes);
/* Waits for everything queued. */
void device_get(void *to_host, const void *from, size_t bytes);
/* n planes of `bytes` bytes, `pitch` bytes apart in both. */
void device_copy(void *to, const void *from, size_t pitch, size_t bytes, size_t n);
void device_zero(void *to, size_t bytes);
void device_wait(void);
/* Whether there is nothing to wait for. */
bool device_idle(void);

/* From here on what is queued is noted, until device_record_end returns it: a graph, to be
 * launched as often as one likes. NULL: CUDA could not make one. */
void device_record(void);
void *device_record_end(void);
/* False: scratch has moved since. */
bool device_replay(void *recording);
void device_record_drop(void *recording);

/* Ends the program: "masa: the GPU: WHAT: WHY". */
void device_fail(const char *what, const char *why);

/* Scratch that grows and stays, one of each kind: valid until the next call for it. */
enum device_scratch { SCRATCH_PARTS, SCRATCH_PRODUCTS, SCRATCH_ATTENTION, SCRATCH_KINDS };
void *device_scratch(enum device_scratch kind, size_t bytes);

#ifdef __cplusplus
}

#include "cuda_language.h"

cudaStream_t device_stream();
/* device_fail unless all went well. */
void device_check(cudaError_t error, const char *what);

/* Kernels with much shared memory must ask for it once. */
template <class K> void device_shared(K *kernel, size_t bytes)
{
    if (bytes > 48 << 10)
        device_check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                          (int)bytes),
                     "shared memory");
}

#define GPU_LAUNCH(kernel, grid, block, shared, ...)                                           \
    do {                                                                                       \
        GPU_LAUNCH_ON(device_stream(), kernel, grid, block, shared, __VA_ARGS__);              \
        device_check(cudaGetLastError(), #kernel);                                             \
    } while (0)
#endif

#endif
