#include <masa/head.h>

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

#include "isa/head.h"
#include "split.h"

/* Rows whose logits exist at a time: enough for full-speed products. */
enum { CHUNK = 128 };

struct masa_head {
    size_t vocab, hidden;
    float *logits;    /* [CHUNK, vocab] */
    void *dlogits;    /* [CHUNK, vocab] compute dtype (room for float32) */
    void *x;          /* [CHUNK, hidden] rows that have a gradient */
    float *dx;        /* [CHUNK, hidden] */
};

masa_status masa_head_create(masa_head **out, size_t vocab, size_t hidden, masa_error *err)
{
    masa_head *h = masa_alloc(1, sizeof *h);
    *h = (masa_head){.vocab = vocab, .hidden = hidden};
    void *memory = NULL;
    masa_status st = masa_alloc_large(&memory, CHUNK * 2 * (vocab + hidden), sizeof(float),
                                      "a chunk of logits", err);
    if (st != MASA_OK) {
        free(h);
        return st;
    }
    h->logits = memory;
    h->dlogits = h->logits + CHUNK * vocab;
    h->dx = h->logits + CHUNK * 2 * vocab;
    h->x = h->dx + CHUNK * hidden;
    *out = h;
    return MASA_OK;
}

void masa_head_destroy(masa_head *head)
{
    if (!head) return;
    free(head->logits);
    free(head);
}

static const void *row_of(const void *x, masa_dtype dtype, size_t row, size_t width)
{
    return (const char *)x + row * width * masa_dtype_size(dtype);
}

void masa_head_forward(masa_head *h, masa_linear *weight, float *logprob, float *lse,
                       float *entropy, const void *x, const int32_t *targets, size_t rows,
                       float inv_temperature)
{
    const struct head_kernels *k = ISA_SELECT(head_kernels);
    masa_dtype dtype = masa_linear_dtype(weight);
    for (size_t first = 0; first < rows; first += CHUNK) {
        size_t n = rows - first < CHUNK ? rows - first : CHUNK;
        masa_linear_forward(weight, h->logits, MASA_F32, row_of(x, dtype, first, h->hidden),
                            NULL, n, false);
#pragma omp parallel for
        for (size_t i = 0; i < n; i++) {
            const float *z = h->logits + i * h->vocab;
            size_t r = first + i;
            lse[r] = k->logsumexp(z, h->vocab, inv_temperature, entropy ? entropy + r : NULL);
            logprob[r] = z[targets[r]] * inv_temperature - lse[r];
        }
    }
}

/* Backward of n rows whose numbers are in `chosen`. */
static void backward_chunk(masa_head *h, masa_linear *weight, float *dx, float *dw,
                           const float *dlogprob, const float *lse, const void *x,
                           const int32_t *targets, const size_t *chosen, size_t n,
                           float inv_temperature)
{
    const struct head_kernels *k = ISA_SELECT(head_kernels);
    masa_dtype dtype = masa_linear_dtype(weight);
    size_t row_bytes = h->hidden * masa_dtype_size(dtype);
    for (size_t i = 0; i < n; i++)
        memcpy((char *)h->x + i * row_bytes, row_of(x, dtype, chosen[i], h->hidden), row_bytes);
    masa_linear_forward(weight, h->logits, MASA_F32, h->x, NULL, n, false);
#pragma omp parallel for
    for (size_t i = 0; i < n; i++) {
        size_t r = chosen[i];
        k->gradient(h->dlogits, dtype, i * h->vocab, h->logits + i * h->vocab, h->vocab,
                    inv_temperature, lse[r], dlogprob[r] * inv_temperature, targets[r]);
    }
    masa_linear_backward_input(weight, h->dx, MASA_F32, h->dlogits, n, false);
    masa_linear_backward_weight(weight, dw, NULL, h->dlogits, h->x, n);
    for (size_t i = 0; i < n; i++)
        memcpy(dx + chosen[i] * h->hidden, h->dx + i * h->hidden, h->hidden * sizeof *dx);
}

void masa_head_backward(masa_head *h, masa_linear *weight, float *dx, float *dw,
                        const float *dlogprob, const float *lse, const void *x,
                        const int32_t *targets, size_t rows, float inv_temperature)
{
    size_t chosen[CHUNK], n = 0;
    memset(dx, 0, rows * h->hidden * sizeof *dx);
    for (size_t r = 0; r < rows; r++) {
        if (dlogprob[r] != 0) chosen[n++] = r;
        if (n == CHUNK || (n > 0 && r + 1 == rows)) {
            backward_chunk(h, weight, dx, dw, dlogprob, lse, x, targets, chosen, n,
                           inv_temperature);
            n = 0;
        }
    }
}

void masa_logsumexp(float *lse, const float *logits, size_t rows, size_t vocab,
                    float inv_temperature)
{
    const struct head_kernels *k = ISA_SELECT(head_kernels);
    for (size_t r = 0; r < rows; r++)
        lse[r] = k->logsumexp(logits + r * vocab, vocab, inv_temperature, NULL);
}
