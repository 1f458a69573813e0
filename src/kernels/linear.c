/* Linear maps: checks, and what is known of a map whatever computes it. */
#include <masa/linear.h>

#include <masa/memory.h>
#include <masa/random.h>
#include <masa/rows.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "linear_factors.h"

struct masa_linear {
    void *map; /* the device's */
    size_t out, in;
    masa_dtype compute;
    bool trainable;
    masa_linear_factors *factors;         /* those attached last; NULL: none */
    enum { UNTRIED, AGREE, DIFFER } rows; /* masa_linear_rows_agree */
};

masa_status masa_linear_create(masa_linear **out, size_t out_features, size_t in_features,
                               masa_dtype compute, bool trainable, masa_error *err)
{
    assert(out_features > 0 && in_features > 0);
    void *map;
    masa_status st =
        backend_get()->linear_create(&map, out_features, in_features, compute, trainable, err);
    if (st) return st;
    masa_linear *l = masa_alloc(1, sizeof *l);
    *l = (masa_linear){.map = map,
                       .out = out_features,
                       .in = in_features,
                       .compute = compute,
                       .trainable = trainable};
    *out = l;
    return MASA_OK;
}

void masa_linear_destroy(masa_linear *l)
{
    if (!l) return;
    backend_get()->linear_destroy(l->map);
    free(l);
}

void masa_linear_pack(masa_linear *l, const float DEVICE *weight)
{
    backend_get()->linear_pack(l->map, weight);
}

void masa_linear_forward(masa_linear *l, void DEVICE *y, masa_dtype y_dtype,
                         const void DEVICE *x, const float DEVICE *bias, size_t rows,
                         bool accumulate)
{
    if (rows == 0) return;
    backend_get()->linear_forward(l->map, y, y_dtype, x, bias, rows, accumulate);
    for (const masa_linear_factors *f = l->factors; f; f = f->below)
        linear_factors_forward(f, y, y_dtype, x, rows);
}

void masa_linear_backward_input(masa_linear *l, void DEVICE *dx, masa_dtype dx_dtype,
                                const void DEVICE *dy, size_t rows, bool accumulate)
{
    assert(l->trainable);
    if (rows == 0) return;
    backend_get()->linear_backward_input(l->map, dx, dx_dtype, dy, rows, accumulate);
    for (const masa_linear_factors *f = l->factors; f; f = f->below)
        linear_factors_backward_input(f, dx, dx_dtype, dy, rows);
}

void masa_linear_backward_weight(masa_linear *l, float DEVICE *dw, float DEVICE *dbias,
                                 const void DEVICE *dy, const void DEVICE *x, size_t rows)
{
    if (rows == 0) return;
    if (dw) backend_get()->linear_backward_weight(l->map, dw, dbias, dy, x, rows);
    if (l->factors) linear_factors_backward_weight(l->factors, dy, x, rows);
}

void masa_linear_attach(masa_linear *l, masa_linear_factors *factors)
{
    assert(factors->a->in == l->in && factors->b->out == l->out &&
           factors->a->out == factors->b->in && factors->a->compute == l->compute &&
           factors->b->compute == l->compute);
    factors->below = l->factors;
    l->factors = factors;
    device_outdate();
    l->rows = UNTRIED;
}

void masa_linear_detach(masa_linear *l)
{
    assert(l->factors);
    l->factors = l->factors->below;
    device_outdate();
    l->rows = UNTRIED;
}

/* The trial of masa_linear_rows_agree: rows 0, 1, 2, 0, 1, 2 ... so that a few rows alone tell
 * what every row of a batch must be, wherever it stands. The products of large weights are cut
 * into tiles of at most 256 rows (cpu/cpu_product.c): a whole one and the least part say it of
 * all. */
enum { TRIAL_KINDS = 3, TRIAL_ROWS_LARGE = 257, TRIAL_ROWS_SMALL = 1024, SMALL = 1 << 19 };

struct trial {
    masa_linear *map;
    size_t rows;
    void DEVICE *memory, *x; /* x [rows, in] compute dtype */
    float DEVICE *y;         /* [rows, out], of either type */
    char *found, *alone;     /* [rows], [TRIAL_KINDS] rows of y */
};

static bool trial_init(struct trial *t, masa_linear *l)
{
    size_t rows = l->in * l->out <= SMALL ? TRIAL_ROWS_SMALL : TRIAL_ROWS_LARGE;
    size_t in = l->in, x = rows * in;
    void *found = NULL;
    *t = (struct trial){.map = l, .rows = rows};
    if (masa_device_alloc(&t->memory, rows, (2 * in + l->out) * sizeof(float), "a trial",
                          NULL) ||
        masa_alloc_large(&found, rows + TRIAL_KINDS, l->out * sizeof(float), "a trial", NULL))
        return false;
    t->found = found;
    t->alone = t->found + rows * l->out * sizeof(float);
    t->y = (float DEVICE *)t->memory + 2 * x;
    float DEVICE *values = (float DEVICE *)t->memory + x;
    float *kinds = masa_alloc(TRIAL_KINDS * in, sizeof *kinds);
    for (size_t r = 0; r < TRIAL_KINDS; r++) {
        masa_random random = masa_random_init(r, MASA_STREAM_TEST);
        for (size_t i = 0; i < in; i++) kinds[r * in + i] = (float)masa_random_normal(&random);
    }
    for (size_t r = 0; r < rows; r++)
        masa_device_put(values + r * in, kinds + r % TRIAL_KINDS * in, in * sizeof *kinds);
    free(kinds);
    t->x = t->memory;
    masa_convert(t->x, l->compute, values, MASA_F32, x);
    return true;
}

/* y of `rows` rows from row number `first` on, to the host. */
static void trial_run(struct trial *t, char *to, masa_dtype dtype, size_t first, size_t rows,
                      bool accumulate)
{
    size_t bytes = rows * t->map->out * masa_dtype_size(dtype);
    const char DEVICE *x = t->x;
    masa_device_zero(t->y, bytes);
    size_t at = first * t->map->in * masa_dtype_size(t->map->compute);
    masa_linear_forward(t->map, t->y, dtype, x + at, NULL, rows, accumulate);
    masa_device_get(to, t->y, bytes);
}

static bool trial_agrees(struct trial *t, masa_dtype dtype, bool accumulate)
{
    const size_t sizes[] = {2, 100, 193, t->rows};
    size_t row = t->map->out * masa_dtype_size(dtype);
    for (size_t r = 0; r < TRIAL_KINDS; r++)
        trial_run(t, t->alone + r * row, dtype, r, 1, accumulate);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        trial_run(t, t->found, dtype, 0, sizes[i], accumulate);
        for (size_t r = 0; r < sizes[i]; r++)
            if (memcmp(t->found + r * row, t->alone + r % TRIAL_KINDS * row, row) != 0)
                return false;
    }
    return true;
}

bool masa_linear_rows_agree(masa_linear *l)
{
    if (l->rows != UNTRIED) return l->rows == AGREE;
    struct trial t;
    bool agree = trial_init(&t, l) && trial_agrees(&t, MASA_F32, true) &&
                 trial_agrees(&t, l->compute, false);
    for (const masa_linear_factors *f = l->factors; f; f = f->below)
        agree = agree && masa_linear_rows_agree(f->a) && masa_linear_rows_agree(f->b);
    masa_device_free(t.memory);
    free(t.found);
    l->rows = agree ? AGREE : DIFFER;
    return agree;
}

size_t masa_linear_out_features(const masa_linear *l)
{
    return l->out;
}

size_t masa_linear_in_features(const masa_linear *l)
{
    return l->in;
}

masa_dtype masa_linear_dtype(const masa_linear *l)
{
    return l->compute;
}

size_t masa_linear_bytes(const masa_linear *l)
{
    return backend_get()->linear_bytes(l->map);
}
