/*
 * The output head in chunks of rows. A chunk's products stream all of the
 * vocabulary's weights (and, backward, their gradient) from memory, so a chunk
 * has rows enough to outweigh that. What is kept of the forward pass is one
 * number a row: the backward pass makes the logits again.
 */
#include <masa/head.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <masa/memory.h>
#include "isa/head.h"
#include "split.h"

enum { CHUNK = 256 };

struct masa_head {
    size_t vocab, hidden;
    float *logits;  /* [CHUNK, vocab]; the first of one allocation */
    float *dx;      /* [CHUNK, hidden] of the rows of a chunk */
    void *x;        /* [CHUNK, hidden] likewise, compute dtype (room for float32) */
    uint16_t *dz;   /* [CHUNK, vocab] bf16; float32 takes the logits' place */
    size_t *picked; /* [CHUNK]: the rows' numbers */
};

static size_t bytes_per_row(size_t vocab, size_t hidden)
{
    return vocab * (sizeof(float) + sizeof(uint16_t)) + 2 * hidden * sizeof(float);
}

masa_status masa_head_create(masa_head **out, size_t vocab, size_t hidden,
                             masa_error *err)
{
    assert(vocab > 0 && hidden > 0);
    void *memory = NULL;
    masa_status st = masa_alloc_large(&memory, CHUNK, bytes_per_row(vocab, hidden),
                                      "a chunk of logits", err);
    if (st != MASA_OK) return st;
    masa_head *h = masa_alloc(1, sizeof *h);
    *h = (masa_head){.vocab = vocab, .hidden = hidden, .logits = memory};
    h->dx = h->logits + CHUNK * vocab;
    h->x = h->dx + CHUNK * hidden;
    h->dz = (uint16_t *)(h->dx + 2 * CHUNK * hidden);
    h->picked = masa_alloc(CHUNK, sizeof *h->picked);
    *out = h;
    return MASA_OK;
}

size_t masa_head_bytes(size_t vocab, size_t hidden)
{
    return CHUNK * (bytes_per_row(vocab, hidden) + sizeof(size_t));
}

void masa_head_destroy(masa_head *head)
{
    if (!head) return;
    free(head->logits);
    free(head->picked);
    free(head);
}

/* Chunks of almost equal size: none of a few rows only. */
static size_t chunk_size(size_t rows_left)
{
    size_t chunks = (rows_left + CHUNK - 1) / CHUNK;
    return (rows_left + chunks - 1) / chunks;
}

static void check(const masa_head *head, const masa_linear *weight,
                  const int32_t *targets, size_t rows)
{
    assert(masa_linear_out_features(weight) == head->vocab);
    assert(masa_linear_in_features(weight) == head->hidden);
    for (size_t i = 0; i < rows; i++)
        assert(targets[i] >= 0 && (size_t)targets[i] < head->vocab);
    (void)head, (void)weight, (void)targets;
}

void masa_head_forward(masa_head *head, masa_linear *weight, float *logprob, float *lse,
                       float *entropy, const void *x, const int32_t *targets, size_t rows,
                       float inv_temperature)
{
    const struct head_kernels *k = ISA_SELECT(head_kernels);
    size_t row_bytes = head->hidden * masa_dtype_size(masa_linear_dtype(weight));
    size_t vocab = head->vocab;
    check(head, weight, targets, rows);
    for (size_t done = 0, n; done < rows; done += n) {
        n = chunk_size(rows - done);
        masa_linear_forward(weight, head->logits, MASA_F32,
                            (const char *)x + done * row_bytes, NULL, n, false);
#pragma omp parallel if (n * vocab > SPLIT_MINIMUM)
        {
            struct range p = split_mine(n, 1);
            size_t b = done + p.begin;
            k->forward(logprob + b, lse + b, entropy ? entropy + b : NULL,
                       head->logits + p.begin * vocab, targets + b, p.end - p.begin,
                       vocab, inv_temperature);
        }
    }
}

/* dz of the picked rows, of which head->x holds the inputs; returns it. */
static const void *differentiate(masa_head *head, masa_linear *weight,
                                 const float *dlogprob, const float *lse,
                                 const int32_t *targets, size_t n, float scale)
{
    const struct head_kernels *k = ISA_SELECT(head_kernels);
    masa_dtype dtype = masa_linear_dtype(weight);
    size_t vocab = head->vocab;
    void *dz = dtype == MASA_F32 ? (void *)head->logits : head->dz;
    masa_linear_forward(weight, head->logits, MASA_F32, head->x, NULL, n, false);
#pragma omp parallel if (n * vocab > SPLIT_MINIMUM)
    {
        struct range p = split_mine(n, 1);
        k->backward((char *)dz + p.begin * vocab * masa_dtype_size(dtype), dtype,
                    head->logits + p.begin * vocab, head->picked + p.begin, dlogprob, lse,
                    targets, p.end - p.begin, vocab, scale);
    }
    return dz;
}

void masa_head_backward(masa_head *head, masa_linear *weight, float *dx, float *dw,
                        const float *dlogprob, const float *lse, const void *x,
                        const int32_t *targets, size_t rows, float inv_temperature)
{
    size_t hidden = head->hidden, active = 0;
    size_t row_bytes = hidden * masa_dtype_size(masa_linear_dtype(weight));
    check(head, weight, targets, rows);
    for (size_t r = 0; r < rows; r++)
        active += dlogprob[r] != 0;
    memset(dx, 0, rows * hidden * sizeof *dx);
    for (size_t r = 0, n; active > 0; active -= n) {
        n = chunk_size(active);
        for (size_t i = 0; i < n; r++) {
            if (dlogprob[r] == 0) continue;
            memcpy((char *)head->x + i * row_bytes, (const char *)x + r * row_bytes,
                   row_bytes);
            head->picked[i++] = r;
        }
        const void *dz =
            differentiate(head, weight, dlogprob, lse, targets, n, inv_temperature);
        masa_linear_backward_input(weight, head->dx, MASA_F32, dz, n, false);
        masa_linear_backward_weight(weight, dw, NULL, dz, head->x, n);
        for (size_t i = 0; i < n; i++)
            memcpy(dx + head->picked[i] * hidden, head->dx + i * hidden,
                   hidden * sizeof *dx);
    }
}

void masa_logsumexp(float *lse, const float *logits, size_t rows, size_t vocab,
                    float inv_temperature)
{
    const struct head_kernels *k = ISA_SELECT(head_kernels);
    /* The sampler calls this from its own threads. */
#pragma omp parallel if (rows > 1 && rows * vocab > SPLIT_MINIMUM && !omp_in_parallel())
    {
        struct range p = split_mine(rows, 1);
        k->logsumexp(lse + p.begin, logits + p.begin * vocab, p.end - p.begin, vocab,
                     inv_temperature);
    }
}
