/* Attention: checks, and the device that does the work. */
#include <masa/attention.h>

#include <masa/memory.h>

#include <assert.h>
#include <stdlib.h>

#include "backend.h"

struct masa_attention_plan {
    void *plan; /* the device's */
    size_t max_segments, rows;
};

masa_status masa_attention_plan_create(masa_attention_plan **out, size_t max_segments,
                                       masa_error *err)
{
    void *made;
    masa_status st = backend_get()->plan_create(&made, max_segments, err);
    if (st) return st;
    masa_attention_plan *plan = masa_alloc(1, sizeof *plan);
    *plan = (masa_attention_plan){.plan = made, .max_segments = max_segments};
    *out = plan;
    return MASA_OK;
}

void masa_attention_plan_destroy(masa_attention_plan *plan)
{
    if (!plan) return;
    backend_get()->plan_destroy(plan->plan);
    free(plan);
}

size_t masa_attention_plan_bytes(size_t max_segments)
{
    return backend_get()->plan_bytes(max_segments);
}

void masa_attention_plan_set(masa_attention_plan *plan, const masa_segment *segments, size_t n)
{
    assert(n <= plan->max_segments);
    plan->rows = 0;
    for (size_t i = 0; i < n; i++) {
        assert(segments[i].start == (int32_t)plan->rows && segments[i].length > 0);
        assert(segments[i].parent < (int32_t)i);
        plan->rows += (size_t)segments[i].length;
    }
    backend_get()->plan_set(plan->plan, segments, n);
}

static void check_shape(const masa_attention_shape *shape)
{
    (void)shape; /* without assertions */
    assert(shape->kv_heads > 0 && shape->q_heads % shape->kv_heads == 0);
    assert(shape->q_heads / shape->kv_heads <= MASA_ATTENTION_MOST_GROUP);
    assert(shape->head_dim > 0 && shape->head_dim <= MASA_ATTENTION_MOST_DIM);
    assert(shape->head_dim % 2 == 0);
}

void masa_attention_forward(void DEVICE *out, float DEVICE *lse, const void DEVICE *q,
                            const void DEVICE *k, const void DEVICE *v,
                            const masa_attention_plan *plan, const masa_attention_shape *shape)
{
    check_shape(shape);
    backend_get()->attention_forward(out, lse, q, k, v, plan->plan, shape);
}

void masa_attention_backward(void DEVICE *dq, void DEVICE *dk, void DEVICE *dv,
                             float DEVICE *parts, const void DEVICE *dout,
                             const void DEVICE *out, const float DEVICE *lse,
                             const void DEVICE *q, const void DEVICE *k, const void DEVICE *v,
                             const masa_attention_plan *plan, const masa_attention_shape *shape)
{
    check_shape(shape);
    backend_get()->attention_backward(dq, dk, dv, parts, dout, out, lse, q, k, v, plan->plan,
                                      plan->rows, shape);
}

size_t masa_attention_backward_floats(size_t rows, size_t q_heads, size_t head_dim)
{
    return backend_get()->attention_backward_floats(rows, q_heads, head_dim);
}

void masa_kv_write(const masa_kv_layer *kv, const void DEVICE *k, const void DEVICE *v,
                   size_t stride, const int32_t DEVICE *slots, size_t rows)
{
    assert(stride >= kv->kv_heads * kv->head_dim);
    backend_get()->kv_write(kv, k, v, stride, slots, rows);
}

/* Head number `head` of the first row. */
static void DEVICE *head_at(void DEVICE *qkv, const masa_attention_shape *shape, size_t head)
{
    return (char DEVICE *)qkv + head * shape->head_dim * masa_dtype_size(shape->dtype);
}

void masa_heads_rotate(const masa_heads *heads, const masa_attention_shape *shape,
                       const masa_kv_layer *kv, const int32_t DEVICE *slots, size_t rows)
{
    const struct backend *b = backend_get();
    size_t q_heads = shape->q_heads, kv_heads = shape->kv_heads, dim = shape->head_dim;
    void DEVICE *k = head_at(heads->rotated, shape, q_heads);
    check_shape(shape);
    assert(shape->stride >= (q_heads + 2 * kv_heads) * dim && !(kv && heads->rstd));
    assert(heads->q_gain || heads->rotated == heads->qkv);
    if (kv && b->heads_to_cache) {
        b->heads_to_cache(heads, shape, kv, slots, rows);
        return;
    }
    if (heads->q_gain) {
        float DEVICE *k_rstd = heads->rstd ? heads->rstd + rows * q_heads : NULL;
        masa_headnorm_forward(heads->rotated, shape->stride, heads->rstd, heads->qkv,
                              shape->stride, shape->dtype, heads->q_gain, rows, q_heads, dim,
                              heads->eps);
        masa_headnorm_forward(k, shape->stride, k_rstd, head_at(heads->qkv, shape, q_heads),
                              shape->stride, shape->dtype, heads->k_gain, rows, kv_heads, dim,
                              heads->eps);
    }
    /* q and k are neighbours and turn alike: one call. */
    masa_rope_apply(heads->rotated, shape->dtype, shape->stride, heads->positions,
                    heads->cos_table, heads->sin_table, rows, q_heads + kv_heads, dim, false);
    if (kv)
        masa_kv_write(kv, k, head_at(heads->qkv, shape, q_heads + kv_heads), shape->stride,
                      slots, rows);
}

void masa_attention_cached(void DEVICE *out, float DEVICE *lse, const void DEVICE *q,
                           const masa_kv_layer *kv, const masa_cached_rows *rows,
                           const masa_attention_shape *shape)
{
    check_shape(shape);
    assert(kv->kv_heads == shape->kv_heads && kv->head_dim == shape->head_dim &&
           kv->dtype == shape->dtype && rows->n_runs <= rows->rows);
    backend_get()->attention_cached(out, lse, q, kv, rows, shape);
}
