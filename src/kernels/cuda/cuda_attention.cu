/* Attention over a packed batch: chooses the kernels. */
#include "cuda_attention.h"
#include "cuda_device.h"

template <class T>
static attention_call<T> make_call(const void *q, const void *k, const void *v,
                                   const void *plan, const masa_attention_shape *shape)
{
    attention_call<T> c = {};
    c.plan = attention_view(plan);
    c.q = (const T *)q;
    c.k = (const T *)k;
    c.v = (const T *)v;
    c.stride = shape->stride;
    c.q_heads = (unsigned)shape->q_heads;
    c.kv_heads = (unsigned)shape->kv_heads;
    c.head_dim = (unsigned)shape->head_dim;
    c.scale = shape->scale;
    return c;
}

/* Whether tensor cores can do it: cp.async moves 16 bytes. */
static bool suits_mma(const attention_call<bf16> &c)
{
    uintptr_t all = (uintptr_t)c.q | (uintptr_t)c.k | (uintptr_t)c.v | (uintptr_t)c.out |
                    (uintptr_t)c.dout | (uintptr_t)c.dq | (uintptr_t)c.dk | (uintptr_t)c.dv;
    return (c.head_dim == 64 || c.head_dim == 128) && c.stride % 8 == 0 && all % 16 == 0;
}

static void run_forward(const attention_call<float> &c)
{
    attention_plain_forward(c);
}

static void run_forward(const attention_call<bf16> &c)
{
    if (suits_mma(c)) attention_mma_forward(c);
    else attention_plain_forward(c);
}

static void run_backward(const attention_call<float> &c)
{
    attention_plain_backward(c);
}

static void run_backward(const attention_call<bf16> &c)
{
    if (suits_mma(c)) attention_mma_backward(c);
    else attention_plain_backward(c);
}

template <class T>
static void forward(void *out, float *lse, const void *q, const void *k, const void *v,
                    const void *plan, const masa_attention_shape *shape)
{
    attention_call<T> c = make_call<T>(q, k, v, plan, shape);
    c.out = (T *)out;
    c.lse = lse;
    run_forward(c);
}

void cuda_attention_forward(void *out, float *lse, const void *q, const void *k, const void *v,
                            const void *plan, const masa_attention_shape *shape)
{
    if (shape->dtype == MASA_F32) forward<float>(out, lse, q, k, v, plan, shape);
    else forward<bf16>(out, lse, q, k, v, plan, shape);
}

size_t cuda_attention_backward_floats(size_t rows, size_t q_heads, size_t head_dim)
{
    (void)head_dim;
    return rows * q_heads; /* delta */
}

template <class T>
static void backward(void *dq, void *dk, void *dv, float *parts, const void *dout,
                     const void *out, const float *lse, const void *q, const void *k,
                     const void *v, const void *plan, size_t rows,
                     const masa_attention_shape *shape)
{
    attention_call<T> c = make_call<T>(q, k, v, plan, shape);
    c.dq = (T *)dq;
    c.dk = (T *)dk;
    c.dv = (T *)dv;
    c.dout = (const T *)dout;
    c.out = (T *)(uintptr_t)out;
    c.lse = (float *)(uintptr_t)lse;
    c.delta = parts;
    attention_delta(c, rows);
    run_backward(c);
}

void cuda_attention_backward(void *dq, void *dk, void *dv, float *parts, const void *dout,
                             const void *out, const float *lse, const void *q, const void *k,
                             const void *v, const void *plan, size_t rows,
                             const masa_attention_shape *shape)
{
    auto run = shape->dtype == MASA_F32 ? backward<float> : backward<bf16>;
    run(dq, dk, dv, parts, dout, out, lse, q, k, v, plan, rows, shape);
}
