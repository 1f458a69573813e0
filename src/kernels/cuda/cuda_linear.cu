/*
 * Products through cuBLASLt. All three are one form, row by row in memory:
 *
 *     d [m, n] (+)= op(a) [m, k] op(b) [k, n]
 *
 *     forward          y  = x W^T         a = x,    b = W transposed
 *     backward, input  dx = dy W          a = dy,   b = W
 *     backward, weight dw += dy^T x       a = dy transposed, b = x
 *
 * cuBLASLt counts column by column: what is [r, c] to us is [c, r] to it, so it is asked for
 * d^T = op(b)^T op(a)^T. Algorithms are chosen once for rows up to each power of two, and
 * none that splits the sum over k: so a product is the same bits in every run.
 */
#include "cuda.h"
#include "cuda_device.h"
#include "cuda_elements.h"

#include <cublasLt.h>
#include <stdlib.h>
#include <vector>

struct cuda_linear {
    size_t out, in;
    masa_dtype compute;
    void *weights; /* [out, in] in `compute` */
};

/* What an algorithm is chosen for. rows: of x, rounded up. */
struct product_key {
    size_t m, n, k;
    int dtype, d_dtype, a_turned, b_turned, aligned;
    bool operator==(const product_key &o) const
    {
        return m == o.m && n == o.n && k == o.k && dtype == o.dtype && d_dtype == o.d_dtype &&
               a_turned == o.a_turned && b_turned == o.b_turned && aligned == o.aligned;
    }
};

struct product_choice {
    product_key key;
    bool found;
    cublasLtMatmulAlgo_t algorithm;
};

static cublasLtHandle_t handle;
static std::vector<product_choice> choices;
static const size_t WORKSPACE = (size_t)32 << 20;

/* One product. */
struct product {
    void *d;
    const void *a, *b;
    masa_dtype dtype, d_dtype; /* of a and b; of d */
    size_t m, n, k;
    bool a_turned, b_turned, accumulate;
};

/* ---- without cuBLASLt: shapes for which it has nothing ---- */

static const unsigned EDGE = 16;

/* An EDGE x EDGE tile of d a block. Strides are in elements: of a by m and k, of b by k and n. */
template <class T, class D>
__global__ void __launch_bounds__(EDGE *EDGE)
    plain_product(D *d, const T *a, const T *b, size_t m, size_t n, size_t k, size_t am,
                  size_t ak, size_t bk, size_t bn, bool accumulate)
{
    GPU_DYNAMIC_SHARED(float, ta);
    float *tb = ta + EDGE * (EDGE + 1), sum = 0;
    unsigned x = threadIdx.x % EDGE, y = threadIdx.x / EDGE;
    size_t row = (size_t)blockIdx.y * EDGE + y, column = (size_t)blockIdx.x * EDGE + x;
    for (size_t k0 = 0; k0 < k; k0 += EDGE) {
        __syncthreads();
        ta[y * (EDGE + 1) + x] = row < m && k0 + x < k ? to_f(a[row * am + (k0 + x) * ak]) : 0;
        tb[y * (EDGE + 1) + x] =
            k0 + y < k && column < n ? to_f(b[(k0 + y) * bk + column * bn]) : 0;
        __syncthreads();
        for (unsigned i = 0; i < EDGE; i++)
            sum += ta[y * (EDGE + 1) + i] * tb[i * (EDGE + 1) + x];
    }
    if (row >= m || column >= n) return;
    D *to = d + row * n + column;
    put(to, accumulate ? to_f(*to) + sum : sum);
}

template <class T, class D> static void run_plain(const product &p)
{
    size_t shared = 2 * EDGE * (EDGE + 1) * sizeof(float);
    const size_t tall = (size_t)65535 * EDGE; /* rows of a grid */
    size_t am = p.a_turned ? 1 : p.k, ak = p.a_turned ? p.m : 1;
    size_t bk = p.b_turned ? 1 : p.n, bn = p.b_turned ? p.k : 1;
    for (size_t first = 0; first < p.m; first += tall) {
        size_t m = p.m - first < tall ? p.m - first : tall;
        GPU_LAUNCH((plain_product<T, D>), dim3(divide_up(p.n, EDGE), divide_up(m, EDGE)),
                   dim3(EDGE * EDGE), shared, (D *)p.d + first * p.n,
                   (const T *)p.a + first * am, (const T *)p.b, m, p.n, p.k, am, ak, bk, bn,
                   p.accumulate);
    }
}

static void multiply_plainly(const product &p)
{
    if (p.dtype == MASA_F32)
        (p.d_dtype == MASA_F32 ? run_plain<float, float> : run_plain<float, bf16>)(p);
    else (p.d_dtype == MASA_F32 ? run_plain<bf16, float> : run_plain<bf16, bf16>)(p);
}

/* ---- through cuBLASLt ---- */

static void must(cublasStatus_t status)
{
    if (status != CUBLAS_STATUS_SUCCESS) device_fail("cuBLASLt", "a call that cannot fail did");
}

static cudaDataType_t type_of(masa_dtype dtype)
{
    return dtype == MASA_F32 ? CUDA_R_32F : CUDA_R_16BF;
}

/* cuBLASLt's view of a product whose rows may be rounded up. */
struct description {
    cublasLtMatmulDesc_t operation;
    cublasLtMatrixLayout_t a, b, d;
};

static description describe(const product &p, size_t m, size_t k)
{
    description s;
    cublasOperation_t turned = CUBLAS_OP_T, straight = CUBLAS_OP_N;
    must(cublasLtMatmulDescCreate(&s.operation, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    /* Its first operand is our b. */
    must(cublasLtMatmulDescSetAttribute(s.operation, CUBLASLT_MATMUL_DESC_TRANSA,
                                        p.b_turned ? &turned : &straight, sizeof turned));
    must(cublasLtMatmulDescSetAttribute(s.operation, CUBLASLT_MATMUL_DESC_TRANSB,
                                        p.a_turned ? &turned : &straight, sizeof turned));
    size_t b_wide = p.b_turned ? k : p.n, b_tall = p.b_turned ? p.n : k;
    size_t a_wide = p.a_turned ? m : k, a_tall = p.a_turned ? k : m;
    must(cublasLtMatrixLayoutCreate(&s.b, type_of(p.dtype), b_wide, b_tall, (int64_t)b_wide));
    must(cublasLtMatrixLayoutCreate(&s.a, type_of(p.dtype), a_wide, a_tall, (int64_t)a_wide));
    must(cublasLtMatrixLayoutCreate(&s.d, type_of(p.d_dtype), p.n, m, (int64_t)p.n));
    return s;
}

static void drop(const description &s)
{
    cublasLtMatmulDescDestroy(s.operation);
    cublasLtMatrixLayoutDestroy(s.a);
    cublasLtMatrixLayoutDestroy(s.b);
    cublasLtMatrixLayoutDestroy(s.d);
}

/* The power of two, at least 16, that rows are rounded up to. */
static size_t bucket(size_t rows)
{
    size_t n = 16;
    while (n < rows) n *= 2;
    return n;
}

static uint32_t alignment(const product &p)
{
    uintptr_t all = (uintptr_t)p.a | (uintptr_t)p.b | (uintptr_t)p.d;
    return all % 256 == 0 ? 256 : all % 16 == 0 ? 16 : all % 4 == 0 ? 4 : 2;
}

static product_choice choose(const product &p, size_t m, size_t k)
{
    product_choice c = {
        {m, p.n, k, p.dtype, p.d_dtype, p.a_turned, p.b_turned, (int)alignment(p)}, false, {}};
    for (const product_choice &known : choices)
        if (known.key == c.key) return known;
    uint32_t scheme = CUBLASLT_REDUCTION_SCHEME_NONE, aligned = alignment(p);
    size_t workspace = WORKSPACE;
    cublasLtMatmulPreference_t wish;
    must(cublasLtMatmulPreferenceCreate(&wish));
    must(cublasLtMatmulPreferenceSetAttribute(wish, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                              &workspace, sizeof workspace));
    must(cublasLtMatmulPreferenceSetAttribute(wish, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                                              &scheme, sizeof scheme));
    const cublasLtMatmulPreferenceAttributes_t operands[] = {
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
    for (auto operand : operands)
        must(cublasLtMatmulPreferenceSetAttribute(wish, operand, &aligned, sizeof aligned));
    description s = describe(p, m, k);
    cublasLtMatmulHeuristicResult_t result;
    int n = 0;
    cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(handle, s.operation, s.b, s.a, s.d,
                                                           s.d, wish, 1, &result, &n);
    c.found = status == CUBLAS_STATUS_SUCCESS && n > 0;
    if (c.found) c.algorithm = result.algo;
    drop(s);
    cublasLtMatmulPreferenceDestroy(wish);
    choices.push_back(c);
    return c;
}

/* false: the algorithm does not do this product. */
static bool multiply_by(const product &p, const product_choice &c)
{
    const float one = 1, beta = p.accumulate ? 1 : 0;
    if (!c.found) return false;
    description s = describe(p, p.m, p.k);
    void *workspace = device_scratch(SCRATCH_PRODUCTS, WORKSPACE);
    cublasStatus_t status =
        cublasLtMatmul(handle, s.operation, &one, p.b, s.b, p.a, s.a, &beta, p.d, s.d, p.d, s.d,
                       &c.algorithm, workspace, WORKSPACE, device_stream());
    drop(s);
    return status == CUBLAS_STATUS_SUCCESS;
}

static void multiply(const product &p)
{
    /* Of the weights' gradient it is the sum that goes over rows. */
    size_t m = p.a_turned ? p.m : bucket(p.m), k = p.a_turned ? bucket(p.k) : p.k;
    if (multiply_by(p, choose(p, m, k))) return;
    if (multiply_by(p, choose(p, p.m, p.k))) return;
    multiply_plainly(p);
}

/* ---- maps ---- */

void *cuda_linear_create(size_t out, size_t in, masa_dtype compute, const char **why)
{
    if (!handle && cublasLtCreate(&handle) != CUBLAS_STATUS_SUCCESS) {
        *why = "cuBLASLt does not start";
        handle = NULL;
        return NULL;
    }
    cuda_linear *l = (cuda_linear *)malloc(sizeof *l);
    *l = {out, in, compute, device_alloc(out * in * masa_dtype_size(compute), false)};
    *why = NULL;
    if (l->weights) return l;
    free(l);
    return NULL;
}

void cuda_linear_destroy(void *map)
{
    device_free(((cuda_linear *)map)->weights);
    free(map);
}

size_t cuda_linear_bytes(const void *map)
{
    const cuda_linear *l = (const cuda_linear *)map;
    return l->out * l->in * masa_dtype_size(l->compute);
}

void cuda_linear_pack(void *map, const float *weight)
{
    cuda_linear *l = (cuda_linear *)map;
    cuda_convert(l->weights, l->compute, weight, MASA_F32, l->out * l->in);
}

void cuda_linear_forward(void *map, void *y, masa_dtype y_dtype, const void *x,
                         const float *bias, size_t rows, bool accumulate)
{
    const cuda_linear *l = (const cuda_linear *)map;
    const size_t at_once = bias ? 4096 : rows, size = masa_dtype_size(l->compute);
    for (size_t done = 0; done < rows; done += at_once) {
        size_t n = rows - done < at_once ? rows - done : at_once;
        const char *from = (const char *)x + done * l->in * size;
        char *to = (char *)y + done * l->out * masa_dtype_size(y_dtype);
        product p = {to,     from,  l->weights, l->compute, y_dtype,   n,
                     l->out, l->in, false,      true,       accumulate};
        if (bias) { /* added to the float32 sums: rounded once */
            p.d = device_scratch(SCRATCH_PARTS, n * l->out * sizeof(float));
            p.d_dtype = MASA_F32;
            p.accumulate = false;
        }
        multiply(p);
        if (bias) cuda_add_bias(to, y_dtype, (const float *)p.d, bias, n, l->out, accumulate);
    }
}

void cuda_linear_backward_input(void *map, void *dx, masa_dtype dx_dtype, const void *dy,
                                size_t rows, bool accumulate)
{
    const cuda_linear *l = (const cuda_linear *)map;
    multiply({dx, dy, l->weights, l->compute, dx_dtype, rows, l->in, l->out, false, false,
              accumulate});
}

void cuda_linear_backward_weight(void *map, float *dw, float *dbias, const void *dy,
                                 const void *x, size_t rows)
{
    const cuda_linear *l = (const cuda_linear *)map;
    if (dbias) cuda_add_columns(dbias, dy, l->compute, rows, l->out);
    multiply({dw, dy, x, l->compute, MASA_F32, l->out, l->in, rows, true, false, true});
}
