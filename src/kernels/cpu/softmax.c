#include "cpu_backend.h"
#include "isa/head.h"
#include "split.h"

void cpu_softmax_forward(float *logprob, float *lse, float *entropy, const float *logits,
                         const int32_t *targets, size_t rows, size_t vocab, float scale)
{
    const struct head_kernels *k = ISA_SELECT(head_kernels);
#pragma omp parallel if (rows * vocab > SPLIT_MINIMUM)
    {
        struct range p = split_mine(rows, 1);
        size_t b = p.begin;
        k->forward(logprob + b, lse + b, entropy ? entropy + b : NULL, logits + b * vocab,
                   targets + b, p.end - b, vocab, scale);
    }
}

void cpu_softmax_backward(void *dz, masa_dtype dtype, const float *logits, const int32_t *index,
                          const float *lse, const int32_t *targets, size_t rows, size_t vocab,
                          float scale)
{
    const struct head_kernels *k = ISA_SELECT(head_kernels);
#pragma omp parallel if (rows * vocab > SPLIT_MINIMUM)
    {
        struct range p = split_mine(rows, 1);
        size_t b = p.begin, first = index ? 0 : b;
        k->backward((char *)dz + b * vocab * masa_dtype_size(dtype), dtype, logits + b * vocab,
                    index ? index + b : NULL, lse + first, targets + first, p.end - b, vocab,
                    scale);
    }
}
