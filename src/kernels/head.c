/*
 * The output head in chunks of rows. A chunk's products stream all of the
 * vocabulary's weights (and, backward, their gradient) from memory, so a chunk
 * has rows enough to outweigh that. Of the forward pass one number a row is kept, and
 * the backward pass makes the logits again; or else each row's derivatives are.
 */
#include <masa/head.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <masa/memory.h>
#include <masa/rows.h>
#include "isa/head.h"
#include "split.h"

enum { CHUNK = 256 };

struct masa_head {
    size_t vocab, hidden;
    masa_dtype compute;
    float *logits; /* [CHUNK, vocab]; the first of one allocation */
    float *dx;     /* [CHUNK, hidden] of the rows of a chunk */
    void *x;       /* [CHUNK, hidden] likewise, compute dtype (room for float32) */
    uint16_t *dz;  /* [CHUNK, vocab] bf16; float32 takes the logits' place */
    void *kept;    /* [kept_rows, vocab] compute dtype, or NULL: d logprob / d logits */
    size_t kept_rows;
    size_t *picked; /* [CHUNK]: the rows' numbers */
};

static size_t bytes_per_row(size_t vocab, size_t hidden)
{
    return vocab * (sizeof(float) + sizeof(uint16_t)) + 2 * hidden * sizeof(float);
}

masa_status masa_head_create(masa_head **out, size_t vocab, size_t hidden,
                             masa_dtype compute, size_t kept_rows, masa_error *err)
{
    assert(vocab > 0 && hidden > 0);
    void *memory = NULL, *kept = NULL;
    masa_status st = masa_alloc_large(&memory, CHUNK, bytes_per_row(vocab, hidden),
                                      "a chunk of logits", err);
    if (st == MASA_OK && kept_rows)
        st = masa_alloc_large(&kept, kept_rows, vocab * masa_dtype_size(compute),
                              "the probabilities of a pass", err);
    if (st != MASA_OK) {
        free(memory);
        return st;
    }
    masa_head *h = masa_alloc(1, sizeof *h);
    *h = (masa_head){.vocab = vocab,
                     .hidden = hidden,
                     .compute = compute,
                     .logits = memory,
                     .kept = kept,
                     .kept_rows = kept_rows};
    h->dx = h->logits + CHUNK * vocab;
    h->x = h->dx + CHUNK * hidden;
    h->dz = (uint16_t *)(h->dx + 2 * CHUNK * hidden);
    h->picked = masa_alloc(CHUNK, sizeof *h->picked);
    *out = h;
    return MASA_OK;
}

size_t masa_head_bytes(size_t vocab, size_t hidden, masa_dtype compute, size_t kept_rows)
{
    size_t kept, chunk = CHUNK * (bytes_per_row(vocab, hidden) + sizeof(size_t));
    if (!masa_size_mul(kept_rows, vocab * masa_dtype_size(compute), &kept))
        return SIZE_MAX;
    return kept > SIZE_MAX - chunk ? SIZE_MAX : kept + chunk;
}

void masa_head_destroy(masa_head *head)
{
    if (!head) return;
    free(head->logits);
    free(head->kept);
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
    assert(masa_linear_dtype(weight) == head->compute);
    assert(!head->kept || rows <= head->kept_rows);
    for (size_t i = 0; i < rows; i++)
        assert(targets[i] >= 0 && (size_t)targets[i] < head->vocab);
    (void)head, (void)weight, (void)targets, (void)rows;
}

/* Element `index` of an array of the compute dtype. */
static void *at(const masa_head *head, const void *array, size_t index)
{
    return (char *)(uintptr_t)array + index * masa_dtype_size(head->compute);
}

/* dz [n, vocab] = d logprob / d logits of the n picked rows, whose logits are there. */
static void differentiate(masa_head *head, void *dz, const size_t *picked,
                          const float *lse, const int32_t *targets, size_t n, float scale)
{
    const struct head_kernels *k = ISA_SELECT(head_kernels);
    size_t vocab = head->vocab;
#pragma omp parallel if (n * vocab > SPLIT_MINIMUM)
    {
        struct range p = split_mine(n, 1);
        k->backward(at(head, dz, p.begin * vocab), head->compute,
                    head->logits + p.begin * vocab, picked + p.begin, lse, targets,
                    p.end - p.begin, vocab, scale);
    }
}

void masa_head_forward(masa_head *head, masa_linear *weight, float *logprob, float *lse,
                       float *entropy, const void *x, const int32_t *targets, size_t rows,
                       float inv_temperature)
{
    const struct head_kernels *k = ISA_SELECT(head_kernels);
    size_t vocab = head->vocab;
    check(head, weight, targets, rows);
    for (size_t i = 0; i < CHUNK; i++) head->picked[i] = i;
    for (size_t done = 0, n; done < rows; done += n) {
        n = chunk_size(rows - done);
        masa_linear_forward(weight, head->logits, MASA_F32,
                            at(head, x, done * head->hidden), NULL, n, false);
#pragma omp parallel if (n * vocab > SPLIT_MINIMUM)
        {
            struct range p = split_mine(n, 1);
            size_t b = done + p.begin;
            k->forward(logprob + b, lse + b, entropy ? entropy + b : NULL,
                       head->logits + p.begin * vocab, targets + b, p.end - p.begin,
                       vocab, inv_temperature);
        }
        if (head->kept)
            differentiate(head, at(head, head->kept, done * vocab), head->picked,
                          lse + done, targets + done, n, inv_temperature);
    }
}

/* The next n rows from number r on that have a gradient; returns the row after them. */
static size_t pick(masa_head *head, const float *dlogprob, size_t r, size_t n)
{
    for (size_t i = 0; i < n; r++)
        if (dlogprob[r] != 0) head->picked[i++] = r;
    return r;
}

/* head->x = the picked rows of x, each times its dlogprob: so the derivatives of
 * logprob need no scaling. */
static void scale_rows(masa_head *head, const void *x, const float *dlogprob, size_t n)
{
    size_t hidden = head->hidden;
    for (size_t i = 0; i < n; i++) {
        float *row = head->dx, weight = dlogprob[head->picked[i]];
        masa_convert(row, MASA_F32, at(head, x, head->picked[i] * hidden), head->compute,
                     hidden);
        for (size_t c = 0; c < hidden; c++) row[c] *= weight;
        masa_convert(at(head, head->x, i * hidden), head->compute, row, MASA_F32, hidden);
    }
}

/* The derivatives of the picked rows: as kept, or from logits made once more. */
static const void *derivatives(masa_head *head, masa_linear *weight, const float *lse,
                               const void *x, const int32_t *targets, size_t n,
                               float scale)
{
    size_t vocab = head->vocab, hidden = head->hidden, *picked = head->picked;
    void *dz = head->compute == MASA_F32 ? (void *)head->logits : head->dz;
    if (!head->kept) {
        for (size_t i = 0; i < n; i++)
            memcpy(at(head, head->x, i * hidden), at(head, x, picked[i] * hidden),
                   hidden * masa_dtype_size(head->compute));
        masa_linear_forward(weight, head->logits, MASA_F32, head->x, NULL, n, false);
        differentiate(head, dz, picked, lse, targets, n, scale);
        return dz;
    }
    if (picked[n - 1] - picked[0] == n - 1)
        return at(head, head->kept, picked[0] * vocab);
    for (size_t i = 0; i < n; i++)
        memcpy(at(head, dz, i * vocab), at(head, head->kept, picked[i] * vocab),
               vocab * masa_dtype_size(head->compute));
    return dz;
}

void masa_head_backward(masa_head *head, masa_linear *weight, float *dx, float *dw,
                        const float *dlogprob, const float *lse, const void *x,
                        const int32_t *targets, size_t rows, float inv_temperature)
{
    size_t hidden = head->hidden, active = 0;
    check(head, weight, targets, rows);
    for (size_t r = 0; r < rows; r++) active += dlogprob[r] != 0;
    memset(dx, 0, rows * hidden * sizeof *dx);
    for (size_t r = 0, n; active > 0; active -= n) {
        n = chunk_size(active);
        r = pick(head, dlogprob, r, n);
        const void *dz = derivatives(head, weight, lse, x, targets, n, inv_temperature);
        scale_rows(head, x, dlogprob, n);
        masa_linear_backward_weight(weight, dw, NULL, dz, head->x, n);
        masa_linear_backward_input(weight, head->dx, MASA_F32, dz, n, false);
        for (size_t i = 0; i < n; i++) {
            float *to = dx + head->picked[i] * hidden, *from = head->dx + i * hidden;
            for (size_t c = 0; c < hidden; c++)
                to[c] = dlogprob[head->picked[i]] * from[c];
        }
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
