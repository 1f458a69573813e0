/* AdamW's two moments of the numbers that a process steps: in float32 or bf16, in the device's
 * memory or in the host's, where the processor does the step. */
#ifndef TRAIN_OPTIMIZER_MOMENTS_H
#define TRAIN_OPTIMIZER_MOMENTS_H

#include <stdbool.h>
#include <masa/adamw.h>
#include <masa/error.h>

typedef struct moments {
    masa_dtype dtype;
    size_t n;            /* numbers that have a first and a second moment */
    void DEVICE *device; /* [2 n], the first ones before; NULL: */
    void *host;          /* they are here, */
    float *staged; /* and a piece of weights and of its gradient come here to be stepped */
} moments;

/* Zeros. MASA_ERR_MEMORY. */
masa_status moments_init(moments *out, size_t n, masa_dtype dtype, bool on_host,
                         masa_error *err);
void moments_deinit(moments *moments);
size_t moments_bytes(size_t n, masa_dtype dtype, bool on_host);

/* w [n], with the moments from number `at` on, by grad [n]; options->moments is ours to set. */
void moments_step(const moments *moments, float DEVICE *w, const float DEVICE *grad, size_t at,
                  size_t n, const masa_adamw *options);

/* n first (or second) moments from number `at` on, as float32 on the host: out, and back in. */
void moments_get(const moments *moments, float *to, bool second, size_t at, size_t n);
void moments_put(const moments *moments, const float *from, bool second, size_t at, size_t n);

#endif
