/*
 * The output head in chunks of rows. A chunk's products stream all of the
 * vocabulary's weights (and, backward, their gradient) from memory, so a chunk
 * has rows enough to outweigh that. Of the forward pass one number a row is kept, and
 * the backward pass makes the logits again; or else each row's derivatives are.
 */
#include <masa/head.h>
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <masa/memory.h>
#include <masa/rows.h>
#include "backend.h"

struct masa_head {
    size_t vocab, hidden, chunk; /* chunk: rows of logits that exist at once */
    masa_dtype compute;
    float DEVICE *logits;  /* [chunk, vocab]; the first of one allocation */
    float DEVICE *dx;      /* [chunk, hidden] of the rows of a chunk */
    void DEVICE *x;        /* [chunk, hidden] likewise, compute dtype (room for float32) */
    int32_t DEVICE *index; /* [chunk]: the rows' numbers in the batch */
    float DEVICE *weight;  /* [chunk]: their dlogprob */
    void DEVICE *dz;       /* [chunk, vocab] bf16; float32 takes the logits' place */
    void DEVICE *kept;     /* [kept_rows, vocab] compute dtype, or NULL: d logprob / d logits */
    size_t kept_rows;
    int32_t *picked; /* [chunk]: index and weight on the host */
    float *picked_weight;
};

static size_t bytes_per_row(size_t vocab, size_t hidden)
{
    return vocab * (sizeof(float) + sizeof(uint16_t)) + 2 * hidden * sizeof(float) +
           sizeof(int32_t) + sizeof(float);
}

masa_status masa_head_create(masa_head **out, size_t vocab, size_t hidden, masa_dtype compute,
                             size_t kept_rows, masa_error *err)
{
    assert(vocab > 0 && hidden > 0);
    void DEVICE *memory = NULL, *kept = NULL;
    size_t chunk = masa_device_sizes_get().head_rows;
    masa_status st = masa_device_alloc(&memory, chunk, bytes_per_row(vocab, hidden),
                                       "a chunk of logits", err);
    if (st == MASA_OK && kept_rows)
        st = masa_device_alloc(&kept, kept_rows, vocab * masa_dtype_size(compute),
                               "the probabilities of a pass", err);
    if (st != MASA_OK) {
        masa_device_free(memory);
        return st;
    }
    masa_head *h = masa_alloc(1, sizeof *h);
    *h = (masa_head){.vocab = vocab,
                     .hidden = hidden,
                     .chunk = chunk,
                     .compute = compute,
                     .logits = memory,
                     .kept = kept,
                     .kept_rows = kept_rows};
    h->dx = h->logits + chunk * vocab;
    h->x = h->dx + chunk * hidden;
    h->index = (int32_t DEVICE *)(h->dx + 2 * chunk * hidden);
    h->weight = (float DEVICE *)(h->index + chunk);
    h->dz = h->weight + chunk;
    h->picked = masa_alloc(chunk, sizeof *h->picked);
    h->picked_weight = masa_alloc(chunk, sizeof *h->picked_weight);
    *out = h;
    return MASA_OK;
}

size_t masa_head_bytes(size_t vocab, size_t hidden, masa_dtype compute, size_t kept_rows)
{
    size_t kept, chunk = masa_device_sizes_get().head_rows * bytes_per_row(vocab, hidden);
    if (!masa_size_mul(kept_rows, vocab * masa_dtype_size(compute), &kept)) return SIZE_MAX;
    return kept > SIZE_MAX - chunk ? SIZE_MAX : kept + chunk;
}

void masa_head_destroy(masa_head *head)
{
    if (!head) return;
    masa_device_free(head->logits);
    masa_device_free(head->kept);
    free(head->picked);
    free(head->picked_weight);
    free(head);
}

/* Chunks of almost equal size: none of a few rows only. */
static size_t chunk_size(const masa_head *head, size_t rows_left)
{
    size_t chunks = (rows_left + head->chunk - 1) / head->chunk;
    return (rows_left + chunks - 1) / chunks;
}

static void check(const masa_head *head, const masa_linear *weight, size_t rows)
{
    assert(masa_linear_out_features(weight) == head->vocab);
    assert(masa_linear_in_features(weight) == head->hidden);
    assert(masa_linear_dtype(weight) == head->compute);
    assert(!head->kept || rows <= head->kept_rows);
    (void)head, (void)weight, (void)rows; /* without assertions */
}

/* Element `index` of an array of the compute dtype. */
static void DEVICE *at(const masa_head *head, const void DEVICE *array, size_t index)
{
    return (char DEVICE *)(uintptr_t)array + index * masa_dtype_size(head->compute);
}

void masa_head_forward(masa_head *head, masa_linear *weight, float DEVICE *logprob,
                       float DEVICE *lse, float DEVICE *entropy, const void DEVICE *x,
                       const int32_t DEVICE *targets, size_t rows, float inv_temperature)
{
    const struct backend *device = backend_get();
    size_t vocab = head->vocab;
    check(head, weight, rows);
    for (size_t done = 0, n; done < rows; done += n) {
        n = chunk_size(head, rows - done);
        masa_linear_forward(weight, head->logits, MASA_F32, at(head, x, done * head->hidden),
                            NULL, n, false);
        device->softmax_forward(logprob + done, lse + done, entropy ? entropy + done : NULL,
                                head->logits, targets + done, n, vocab, inv_temperature);
        if (head->kept)
            device->softmax_backward(at(head, head->kept, done * vocab), head->compute,
                                     head->logits, NULL, lse + done, targets + done, n, vocab,
                                     inv_temperature);
    }
}

/* The next n rows from number r on that have a gradient; returns the row after them. */
static size_t pick(masa_head *head, const float *dlogprob, size_t r, size_t n)
{
    for (size_t i = 0; i < n; r++) {
        if (dlogprob[r] == 0) continue;
        head->picked[i] = (int32_t)r;
        head->picked_weight[i++] = dlogprob[r];
    }
    masa_device_put(head->index, head->picked, n * sizeof *head->picked);
    masa_device_put(head->weight, head->picked_weight, n * sizeof *head->picked_weight);
    return r;
}

/* The derivatives of the picked rows: as kept, or from logits made once more. */
static const void DEVICE *derivatives(masa_head *head, masa_linear *weight,
                                      const float DEVICE *lse, const void DEVICE *x,
                                      const int32_t DEVICE *targets, size_t n, float scale)
{
    size_t vocab = head->vocab, first = (size_t)head->picked[0];
    void DEVICE *dz = head->compute == MASA_F32 ? (void DEVICE *)head->logits : head->dz;
    if (!head->kept) {
        masa_gather_rows(head->x, x, head->compute, head->index, n, head->hidden);
        masa_linear_forward(weight, head->logits, MASA_F32, head->x, NULL, n, false);
        backend_get()->softmax_backward(dz, head->compute, head->logits, head->index, lse,
                                        targets, n, vocab, scale);
        return dz;
    }
    if ((size_t)head->picked[n - 1] - first == n - 1)
        return at(head, head->kept, first * vocab);
    masa_gather_rows(dz, head->kept, head->compute, head->index, n, vocab);
    return dz;
}

void masa_head_backward(masa_head *head, masa_linear *weight, float DEVICE *dx,
                        float DEVICE *dw, const float *dlogprob, const float DEVICE *lse,
                        const void DEVICE *x, const int32_t DEVICE *targets, size_t rows,
                        float inv_temperature)
{
    size_t hidden = head->hidden, active = 0;
    check(head, weight, rows);
    for (size_t r = 0; r < rows; r++) active += dlogprob[r] != 0;
    masa_device_zero(dx, rows * hidden * sizeof(float));
    for (size_t r = 0, n; active > 0; active -= n) {
        n = chunk_size(head, active);
        r = pick(head, dlogprob, r, n);
        const void DEVICE *dz = derivatives(head, weight, lse, x, targets, n, inv_temperature);
        /* Each row of x times its dlogprob: so the derivatives need no scaling. */
        masa_scale_rows(head->x, head->compute, NULL, x, head->compute, head->index,
                        head->weight, n, hidden);
        masa_linear_backward_weight(weight, dw, NULL, dz, head->x, n);
        masa_linear_backward_input(weight, head->dx, MASA_F32, dz, n, false);
        masa_scale_rows(dx, MASA_F32, head->index, head->dx, MASA_F32, NULL, head->weight, n,
                        hidden);
    }
}
