/*
 * Factors beside a model whose weights stay as they are and have no gradient (a frozen one):
 * y = x W0^T + (x A^T) (s B)^T in every product, forward and backward (masa_linear_attach).
 * A product of several matrices, as that of q, k and v, has one pair of thin maps:
 *
 *     A = [A_q; A_k; A_v]    B = [B_q 0 0; 0 B_k 0; 0 0 B_v]
 */
#include "lora_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <masa/memory.h>
#include <masa/random.h>
#include <masa/rows.h>

static size_t pair_rank(const masa_lora *lora, const lora_thin *t)
{
    return t->n * lora->options.rank;
}

/* Floats of a pair's A and B. */
static size_t a_floats(const masa_lora *lora, const lora_thin *t)
{
    return pair_rank(lora, t) * masa_linear_in_features(t->map);
}

static size_t b_floats(const masa_lora *lora, const lora_thin *t)
{
    return pair_rank(lora, t) * masa_linear_out_features(t->map);
}

/* Factors follow one another as matrices do in the model: those of a product are neighbours. */
static void group_factors(masa_lora *lora)
{
    for (size_t k = 0; k < lora->n_factors; k++) {
        size_t output;
        masa_linear *map = masa_model_map(lora->model, lora->factors[k].parameter, &output);
        lora_thin *last = lora->n_thin ? &lora->thin[lora->n_thin - 1] : NULL;
        if (!last || last->map != map) {
            lora_thin t = {.map = map, .first = k};
            MASA_PUSH(lora->thin, lora->n_thin, lora->thin_capacity, t);
            last = &lora->thin[lora->n_thin - 1];
        }
        last->outputs[last->n++] = output;
    }
}

/* What the largest product, or matrix, needs of scratch. */
typedef struct extent {
    size_t rank, staged, rows;
} extent;

static void widen(size_t *most, size_t n)
{
    if (n > *most) *most = n;
}

static extent extent_of(const masa_lora *lora)
{
    extent e = {0};
    for (size_t i = 0; i < lora->n_thin; i++) {
        const lora_thin *t = &lora->thin[i];
        widen(&e.rank, pair_rank(lora, t));
        widen(&e.staged, a_floats(lora, t));
        widen(&e.staged, b_floats(lora, t));
    }
    for (size_t k = 0; k < lora->n_factors; k++)
        widen(&e.rows, lora->factors[k].parameter->rows);
    return e;
}

static masa_status allocate(masa_lora *lora, masa_error *err)
{
    static const char what[] = "LoRA's factors";
    void DEVICE *grads = NULL, *room = NULL, *staged = NULL, *index = NULL, *weight = NULL;
    extent e = extent_of(lora);
    size_t element = masa_dtype_size(masa_model_dtype(lora->model));
    for (size_t i = 0; i < lora->n_thin; i++)
        lora->thin_count += a_floats(lora, &lora->thin[i]) + b_floats(lora, &lora->thin[i]);
    masa_status st = masa_device_alloc(&grads, lora->thin_count, sizeof(float), what, err);
    if (!st) st = masa_device_alloc(&room, MASA_FACTOR_ROWS * e.rank, element, what, err);
    if (!st) st = masa_device_alloc(&staged, e.staged, sizeof(float), what, err);
    if (!st) st = masa_device_alloc(&index, e.rows, sizeof(int32_t), what, err);
    if (!st) st = masa_device_alloc(&weight, e.rows, sizeof(float), what, err);
    lora->thin_grads = grads;
    lora->room = room;
    lora->staged = staged;
    lora->index = index;
    lora->weight = weight;
    if (st) return st;
    float *scales = masa_alloc(e.rows, sizeof *scales);
    for (size_t i = 0; i < e.rows; i++) scales[i] = lora_scale(lora);
    masa_device_put(lora->weight, scales, e.rows * sizeof *scales);
    free(scales);
    lora->host_index = masa_alloc(e.rows, sizeof *lora->host_index);
    return MASA_OK;
}

static masa_status make_pairs(masa_lora *lora, masa_error *err)
{
    masa_dtype compute = masa_model_dtype(lora->model);
    masa_status st = MASA_OK;
    float DEVICE *grads = lora->thin_grads;
    for (size_t i = 0; !st && i < lora->n_thin; i++) {
        lora_thin *t = &lora->thin[i];
        size_t rank = pair_rank(lora, t);
        st = masa_linear_create(&t->pair.a, rank, masa_linear_in_features(t->map), compute,
                                true, err);
        if (!st)
            st = masa_linear_create(&t->pair.b, masa_linear_out_features(t->map), rank, compute,
                                    true, err);
        t->pair.room = lora->room;
        t->pair.da = grads;
        t->pair.db = grads + a_floats(lora, t);
        grads += a_floats(lora, t) + b_floats(lora, t);
    }
    return st;
}

/* Whether rows of B's product agree (masa_linear_rows_agree) must be tried while B is not 0;
 * the first layer speaks for all. */
static void try_rows(const masa_lora *lora)
{
    masa_random random = masa_random_init(lora->options.seed, MASA_STREAM_TEST);
    if (!masa_device_rows_agree(masa_model_dtype(lora->model))) return;
    for (size_t i = 0; i < lora->n_thin; i++) {
        const lora_thin *t = &lora->thin[i];
        if (lora->factors[t->first].parameter->layer != 0) return;
        size_t n = b_floats(lora, t);
        float *values = masa_alloc(n, sizeof *values);
        for (size_t k = 0; k < n; k++) values[k] = (float)masa_random_normal(&random);
        masa_device_put(lora->staged, values, n * sizeof *values);
        free(values);
        masa_linear_pack(t->pair.b, lora->staged);
        (void)masa_linear_rows_agree(t->pair.b);
    }
}

masa_status lora_thin_create(masa_lora *lora, masa_error *err)
{
    group_factors(lora);
    masa_status st = allocate(lora, err);
    if (!st) st = make_pairs(lora, err);
    if (st) return st;
    try_rows(lora);
    lora_thin_attach(lora, true);
    lora_thin_pack(lora);
    return MASA_OK;
}

void lora_thin_destroy(masa_lora *lora)
{
    lora_thin_attach(lora, false);
    for (size_t i = 0; i < lora->n_thin; i++) {
        masa_linear_destroy(lora->thin[i].pair.a);
        masa_linear_destroy(lora->thin[i].pair.b);
    }
    masa_device_free(lora->thin_grads);
    masa_device_free(lora->room);
    masa_device_free(lora->staged);
    masa_device_free(lora->index);
    masa_device_free(lora->weight);
    free(lora->host_index);
    free(lora->thin);
}

void lora_thin_attach(masa_lora *lora, bool attach)
{
    if (lora->attached == attach) return;
    for (size_t i = 0; i < lora->n_thin; i++) {
        lora_thin *t = &lora->thin[i];
        if (attach) masa_linear_attach(t->map, &t->pair);
        else masa_linear_detach(t->map);
    }
    lora->attached = attach;
}

/* Of a pair's B, seen as [out * n, r], the rows that are those of its factor number k. */
static void put_index(const masa_lora *lora, const lora_thin *t, size_t k)
{
    size_t rows = lora->factors[t->first + k].parameter->rows;
    for (size_t i = 0; i < rows; i++)
        lora->host_index[i] = (int32_t)((t->outputs[k] + i) * t->n + k);
    masa_device_put(lora->index, lora->host_index, rows * sizeof *lora->host_index);
}

void lora_thin_pack(masa_lora *lora)
{
    size_t rank = lora->options.rank;
    for (size_t i = 0; i < lora->n_thin; i++) {
        const lora_thin *t = &lora->thin[i];
        size_t block = rank * masa_linear_in_features(t->map);
        for (size_t k = 0; k < t->n; k++)
            masa_device_copy(lora->staged + k * block,
                             lora->values + lora->factors[t->first + k].a,
                             block * sizeof(float));
        masa_linear_pack(t->pair.a, lora->staged);
        masa_device_zero(lora->staged, b_floats(lora, t) * sizeof(float));
        for (size_t k = 0; k < t->n; k++) {
            const lora_factor *f = &lora->factors[t->first + k];
            put_index(lora, t, k);
            masa_scale_rows(lora->staged, MASA_F32, lora->index, lora->values + f->b, MASA_F32,
                            NULL, lora->weight, f->parameter->rows, rank);
        }
        masa_linear_pack(t->pair.b, lora->staged);
    }
}

void lora_thin_project(masa_lora *lora)
{
    size_t rank = lora->options.rank;
    for (size_t i = 0; i < lora->n_thin; i++) {
        const lora_thin *t = &lora->thin[i];
        size_t block = rank * masa_linear_in_features(t->map);
        for (size_t k = 0; k < t->n; k++) {
            const lora_factor *f = &lora->factors[t->first + k];
            masa_device_copy(lora->grads + f->a, t->pair.da + k * block, block * sizeof(float));
            put_index(lora, t, k);
            masa_scale_rows(lora->grads + f->b, MASA_F32, NULL, t->pair.db, MASA_F32,
                            lora->index, lora->weight, f->parameter->rows, rank);
        }
    }
}
