/**
 * Where tensors live and what computes on them: one device a process, the processor or a
 * GPU, chosen once.
 *
 * What masa/linear.h, rows.h, attention.h, head.h, sample.h and adamw.h call an array is
 * memory of the device, marked DEVICE: only kernels may read or write it. Host arrays are
 * named so. Calls return when their work is queued, in the order of the calls;
 * masa_device_get waits. Call from one thread at a time.
 */
#ifndef MASA_DEVICE_H
#define MASA_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <masa/dtype.h>
#include <masa/error.h>

/* A pointer's target is device memory: clang refuses to dereference it, or to pass it for a
 * host pointer (-Werror=noderef; the preset `fuzz` compiles everything so). The code of the
 * processor's own kernels, whose memory is the host's, is compiled without. */
#if defined(__clang__) && !defined(MASA_DEVICE_IS_HOST)
#define DEVICE __attribute__((noderef))
#else
#define DEVICE
#endif

/**
 * Chooses the device: "cpu", "cuda", "cuda:N", or "auto": a GPU if there is one, else the
 * processor. NULL: what MASA_DEVICE in the environment says, else "auto". Where no number is said
 * it is GPU number `turn`, counted round: which of several processes of a machine this one is.
 * GPUs are behind a plugin, libmasa_cuda.so, which is opened at run time.
 *
 * Before all else that concerns the device: a call that comes before it chooses by NULL, and
 * ends the program where that fails. MASA_ERR_USAGE for another name or when a device was
 * chosen already, MASA_ERR_UNSUPPORTED where the one asked for cannot be used, with the cause.
 */
masa_status masa_device_start(const char *name, size_t turn, masa_error *err);

/** "cpu" or "cuda". */
const char *masa_device_kind(void);
/** For people: "avx512, 2 threads"; "NVIDIA H100 80GB HBM3". Valid until the next call. */
const char *masa_device_name(void);
/** The name and what else tells how a run was computed: a GPU's compute capability,
 *  multiprocessors, memory and versions of CUDA. Likewise. */
const char *masa_device_facts(void);
/** What products are best computed in: bf16 where the device multiplies it natively. */
masa_dtype masa_device_compute(void);
/** Whether a product's row may be the same to the last bit whatever the other rows, as far as
 *  the device's way of computing goes; masa_linear_rows_agree tries it for a map's shape. */
bool masa_device_rows_agree(masa_dtype compute);
/** Bytes of device memory that may still be taken, and the most that were; 0: unknown. */
size_t masa_device_available(void);
size_t masa_device_peak(void);

/* Sizes of work that suit the device. */
typedef struct masa_device_sizes {
    size_t block_tokens; /* of a block of the KV cache */
    size_t prefill_rows; /* of prompts in one decoding step, beside one of each sequence */
    size_t head_rows;    /* of logits that exist at once in training */
    /* For the memory plan: bytes that compiled products may come to, and how many times over a
     * trainable map's weights are packed. */
    size_t products, trainable_copies;
} masa_device_sizes;
masa_device_sizes masa_device_sizes_get(void);

/**
 * Zeroed memory of count*size bytes, aligned to 64 bytes at least. `what` names it in the
 * error, MASA_ERR_MEMORY: "not enough memory for WHAT (N MiB)". Overflow of count*size is the
 * same error. Free with masa_device_free (NULL is fine).
 */
masa_status masa_device_alloc(void DEVICE **out, size_t count, size_t size, const char *what,
                              masa_error *err);
/** The same with undefined contents: on the processor, what is never written takes no memory. */
masa_status masa_device_reserve(void DEVICE **out, size_t count, size_t size, const char *what,
                                masa_error *err);
void masa_device_free(void DEVICE *p);

/** Host to device; from_host may be changed as soon as it returns. */
void masa_device_put(void DEVICE *to, const void *from_host, size_t bytes);
/** Device to host; waits for all that was queued. */
void masa_device_get(void *to_host, const void DEVICE *from, size_t bytes);
void masa_device_copy(void DEVICE *to, const void DEVICE *from, size_t bytes);
/** n copies of `bytes` bytes, each `pitch` bytes after the one before; to and from overlap
 *  nowhere. */
void masa_device_copy_planes(void DEVICE *to, const void DEVICE *from, size_t pitch,
                             size_t bytes, size_t n);
void masa_device_zero(void DEVICE *to, size_t bytes);

/**
 * Work that is the same in every step, noted once and then done again by one call each time,
 * where the device has that (a GPU: CUDA graphs). Between record and record_end calls are noted
 * and not done, with the arguments that they then have; nothing may be put, got, allocated or
 * freed there, and what a recording reads and writes must stay where it is. The calls must have
 * been made once before, for their scratch to be there.
 */
typedef struct masa_recording masa_recording;
bool masa_device_records(void);
void masa_device_record(void);
masa_recording *masa_device_record_end(void);
/** Queues the work. False, and nothing is done, where scratch has moved or factors came to maps or
 *  left them since it was recorded. */
bool masa_device_replay(masa_recording *recording);
void masa_recording_destroy(masa_recording *recording); /* NULL is fine */

/**
 * The host's view of `bytes` bytes from p on, for files: the memory itself where the device's is
 * the host's, else host memory, into which they are copied, or with `write` whose contents are
 * undefined until they were written and go to the device at masa_device_unmap. `what` as in
 * masa_device_alloc.
 */
masa_status masa_device_map(void **host, void DEVICE *p, size_t bytes, bool write,
                            const char *what, masa_error *err);
/** host NULL is fine. The arguments are those of the map. */
void masa_device_unmap(void *host, void DEVICE *p, size_t bytes, bool write);

#endif
