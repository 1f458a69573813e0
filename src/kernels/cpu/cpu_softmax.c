#include <stdint.h>

#include "cpu_backend.h"
#include "isa/isa_head.h"
#include "cpu_split.h"

struct softmax {
    float *logprob, *lse, *entropy;
    void *dz;
    masa_dtype dtype;
    const float *logits;
    const int32_t *index, *targets;
    size_t vocab;
    float scale;
};

static void forward(void *call, size_t b, size_t end)
{
    const struct softmax *c = call;
    ISA_SELECT(head_kernels)
        ->forward(c->logprob + b, c->lse + b, c->entropy ? c->entropy + b : NULL,
                  c->logits + b * c->vocab, c->targets + b, end - b, c->vocab, c->scale);
}

void cpu_softmax_forward(float *logprob, float *lse, float *entropy, const float *logits,
                         const int32_t *targets, size_t rows, size_t vocab, float scale)
{
    struct softmax c = {.logprob = logprob,
                        .lse = lse,
                        .entropy = entropy,
                        .logits = logits,
                        .targets = targets,
                        .vocab = vocab,
                        .scale = scale};
    parallel_ranges(rows, 1, vocab, forward, &c);
}

static void backward(void *call, size_t b, size_t end)
{
    const struct softmax *c = call;
    size_t first = c->index ? 0 : b;
    ISA_SELECT(head_kernels)
        ->backward((char *)c->dz + b * c->vocab * masa_dtype_size(c->dtype), c->dtype,
                   c->logits + b * c->vocab, c->index ? c->index + b : NULL, c->lse + first,
                   c->targets + first, end - b, c->vocab, c->scale);
}

void cpu_softmax_backward(void *dz, masa_dtype dtype, const float *logits, const int32_t *index,
                          const float *lse, const int32_t *targets, size_t rows, size_t vocab,
                          float scale)
{
    struct softmax c = {.dz = dz,
                        .dtype = dtype,
                        .logits = logits,
                        .index = index,
                        .lse = (float *)(uintptr_t)lse,
                        .targets = targets,
                        .vocab = vocab,
                        .scale = scale};
    parallel_ranges(rows, 1, vocab, backward, &c);
}
