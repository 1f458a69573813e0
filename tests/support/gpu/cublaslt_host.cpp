#include "cublasLt.h"

struct gpu_operation {
    cublasOperation_t turn_a, turn_b;
};
struct gpu_layout {
    cudaDataType_t type;
    uint64_t rows, columns;
    int64_t ld;
};
struct gpu_wish {
    size_t workspace;
    uint32_t scheme, alignment[4];
};

static size_t size_of(cudaDataType_t type)
{
    return type == CUDA_R_32F ? 4 : 2;
}

static float element(const void *p, cudaDataType_t type, size_t i)
{
    return type == CUDA_R_32F ? ((const float *)p)[i] : to_f(((const bf16 *)p)[i]);
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle)
{
    static char it;
    *handle = (cublasLtHandle_t)&it;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *d, cublasComputeType_t compute,
                                        cudaDataType_t scale)
{
    if (compute != CUBLAS_COMPUTE_32F || scale != CUDA_R_32F)
        return CUBLAS_STATUS_INVALID_VALUE;
    *d = new gpu_operation{CUBLAS_OP_N, CUBLAS_OP_N};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t size)
{
    if (size != sizeof(cublasOperation_t)) return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(attribute == CUBLASLT_MATMUL_DESC_TRANSA ? &d->turn_a : &d->turn_b, value, size);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t d)
{
    delete d;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *l, cudaDataType_t type,
                                          uint64_t rows, uint64_t columns, int64_t ld)
{
    if (ld < (int64_t)rows || rows == 0 || columns == 0) return CUBLAS_STATUS_INVALID_VALUE;
    *l = new gpu_layout{type, rows, columns, ld};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t l)
{
    delete l;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *p)
{
    *p = new gpu_wish{0, 0xff, {256, 256, 256, 256}};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t
cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t p,
                                     cublasLtMatmulPreferenceAttributes_t attribute,
                                     const void *value, size_t size)
{
    void *to = attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES ? (void *)&p->workspace
               : attribute == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK
                   ? (void *)&p->scheme
                   : &p->alignment[attribute - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES];
    if (size != (to == &p->workspace ? sizeof(size_t) : sizeof(uint32_t)))
        return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(to, value, size);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t p)
{
    delete p;
    return CUBLAS_STATUS_SUCCESS;
}

/* Sizes of the product, or false where the matrices do not go together. */
static bool fits(const gpu_operation *d, const gpu_layout *a, const gpu_layout *b,
                 const gpu_layout *out, size_t *m, size_t *n, size_t *k)
{
    bool ta = d->turn_a == CUBLAS_OP_T, tb = d->turn_b == CUBLAS_OP_T;
    *m = ta ? a->columns : a->rows;
    *k = ta ? a->rows : a->columns;
    *n = tb ? b->rows : b->columns;
    return (tb ? b->columns : b->rows) == *k && out->rows == *m && out->columns == *n &&
           a->type == b->type;
}

static bool on_words(const gpu_layout *l)
{
    return (size_t)l->ld * size_of(l->type) % 4 == 0;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(
    cublasLtHandle_t, cublasLtMatmulDesc_t d, cublasLtMatrixLayout_t a,
    cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t out,
    cublasLtMatmulPreference_t p, int, cublasLtMatmulHeuristicResult_t *results, int *found)
{
    size_t m, n, k;
    *found = 0;
    if (p->scheme != CUBLASLT_REDUCTION_SCHEME_NONE) gpu::die("a sum over k may be split");
    if (!fits(d, a, b, out, &m, &n, &k)) return CUBLAS_STATUS_INVALID_VALUE;
    for (uint32_t alignment : p->alignment)
        if (alignment % 4) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (!on_words(a) || !on_words(b) || !on_words(out)) return CUBLAS_STATUS_NOT_SUPPORTED;
    results->algo = {m, p->alignment[0]};
    *found = 1;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t d, const void *alpha,
                              const void *a, cublasLtMatrixLayout_t a_layout, const void *b,
                              cublasLtMatrixLayout_t b_layout, const void *beta, const void *c,
                              cublasLtMatrixLayout_t, void *out,
                              cublasLtMatrixLayout_t out_layout,
                              const cublasLtMatmulAlgo_t *algo, void *, size_t,
                              cudaStream_t stream)
{
    size_t m, n, k;
    gpu_operation o = *d;
    gpu_layout la = *a_layout, lb = *b_layout, lo = *out_layout;
    float scale = *(const float *)alpha, keep = *(const float *)beta;
    if (c != out || !fits(&o, &la, &lb, &lo, &m, &n, &k)) return CUBLAS_STATUS_INVALID_VALUE;
    if (algo->rows != m) gpu::die("an algorithm of another product");
    if (((uintptr_t)a | (uintptr_t)b | (uintptr_t)out) % algo->alignment)
        gpu::die("an operand off the alignment that was promised");
    gpu::enqueue(stream, &gpu_counts::products, [=]() {
        size_t by_k = o.turn_a == CUBLAS_OP_T ? 1 : (size_t)la.ld;
        size_t by_m = o.turn_a == CUBLAS_OP_T ? (size_t)la.ld : 1;
        size_t b_k = o.turn_b == CUBLAS_OP_T ? (size_t)lb.ld : 1;
        size_t b_n = o.turn_b == CUBLAS_OP_T ? 1 : (size_t)lb.ld;
        for (size_t j = 0; j < n; j++)
            for (size_t i = 0; i < m; i++) {
                float sum = 0;
                for (size_t l = 0; l < k; l++)
                    sum += element(a, la.type, i * by_m + l * by_k) *
                           element(b, lb.type, l * b_k + j * b_n);
                size_t at = j * (size_t)lo.ld + i;
                sum *= scale;
                if (keep != 0) sum += keep * element(out, lo.type, at);
                if (lo.type == CUDA_R_32F) ((float *)out)[at] = sum;
                else ((bf16 *)out)[at] = to_b(sum);
            }
    });
    return CUBLAS_STATUS_SUCCESS;
}
