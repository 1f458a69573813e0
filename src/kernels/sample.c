/* Drawing tokens: on the device, or for filters that it does not know, on the processor. */
#include <masa/sample.h>

#include <masa/memory.h>

#include <assert.h>
#include <stdlib.h>

#include "backend.h"

static bool is_filtered(const masa_sampling *s)
{
    return s->temperature != 0 && (s->top_k > 0 || s->top_p < 1 || s->min_p > 0);
}

/* Fetches each draw's row. */
static void draw_on_host(masa_draw *draws, size_t n, const float DEVICE *logits, size_t vocab)
{
    float *row = masa_alloc(vocab, sizeof *row);
    for (size_t i = 0; i < n; i++) {
        size_t number = draws[i].row;
        masa_device_get(row, logits + number * vocab, vocab * sizeof *row);
        draws[i].row = 0;
        backend_cpu.sample(&draws[i], 1, row, vocab);
        draws[i].row = number;
    }
    free(row);
}

void masa_sample(masa_draw *draws, size_t n, const float DEVICE *logits, size_t vocab)
{
    const struct backend *b = backend_get();
    assert(vocab > 0);
    /* Draws of a request are alike, so they come in stretches of one kind. */
    for (size_t i = 0, end; i < n; i = end) {
        bool host = !b->samples_filtered && is_filtered(&draws[i].sampling);
        for (end = i + 1; end < n; end++)
            if (host != (!b->samples_filtered && is_filtered(&draws[end].sampling))) break;
        if (host) draw_on_host(draws + i, end - i, logits, vocab);
        else b->sample(draws + i, end - i, logits, vocab);
    }
}
