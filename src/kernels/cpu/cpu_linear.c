/*
 * Linear maps. A map's weights lie packed in the layout that oneDNN asks for; that layout
 * does not depend on the number of rows, so one packing serves every call. With AMX bf16 maps
 * lie as our own products (cpu_amx.h) read them.
 *
 * Without native bf16, a bf16 map holds bf16-rounded weights in float32 and
 * converts its operands; MASA_ISA=reference runs the plain loops instead.
 */
#include <masa/cpu.h>
#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

#include "cpu_amx.h"
#include "cpu_backend.h"
#include "isa/isa_linear.h"
#include "isa/isa_rows.h"
#include "cpu_linear_plain.h"
#include "cpu_onednn.h"
#include "cpu_product.h"
#include "cpu_scratch.h"
#include "cpu_split.h"

struct map {
    size_t out, in;
    masa_dtype compute; /* of the operands that callers give */
    masa_dtype packed;  /* of the packed weights: bf16 only where it is native */
    bool trainable;
    float *plain;             /* reference mode: weights [out, in] */
    void *forward, *backward; /* packed W^T and W */
    dnnl_memory_desc_t forward_layout, backward_layout;
    bool panels; /* the forward weights lie as isa/isa_linear.h reads them */
    bool amx;    /* both lie as isa/isa_amx.h reads them */
    size_t bytes;
};

/* Up to here our own product is the faster one (docs/performance.md). */
enum { FEW_ROWS = 192 };

/* Memory for one direction's weights [k, n], in oneDNN's layout. */
static masa_status prepare(struct map *l, void **data, dnnl_memory_desc_t *layout, size_t k,
                           size_t n, masa_error *err)
{
    masa_status st = onednn_layout(layout, k, n, l->packed, err);
    if (st) return st;
    size_t bytes = dnnl_memory_desc_get_size(layout);
    st = masa_alloc_large(data, bytes, 1, "packed weights", err);
    if (!st) l->bytes += bytes;
    return st;
}

/* The same in AMX's. */
static masa_status prepare_amx(struct map *l, void **data, size_t k, size_t n, masa_error *err)
{
    size_t bytes = amx_weights_bytes(k, n);
    masa_status st = masa_alloc_large(data, bytes, 1, "packed weights", err);
    if (!st) l->bytes += bytes;
    return st;
}

/* Whether W^T [in, out] lies in the panels of isa/isa_linear.h. */
static bool in_panels(const struct map *l)
{
    const dnnl_memory_desc_t *d = &l->forward_layout;
    const dnnl_blocking_desc_t *b = &d->format_desc.blocking;
    dnnl_dim_t depth = ((dnnl_dim_t)l->in + LINEAR_DEPTH - 1) / LINEAR_DEPTH * LINEAR_DEPTH;
    static const dnnl_dim_t sizes[] = {LINEAR_DEPTH / 2, LINEAR_COLUMNS, 2}, dims[] = {0, 1, 0};
    return l->packed == MASA_BF16 && ISA_SELECT(linear_kernels)->few != NULL &&
           d->format_kind == dnnl_blocked && d->offset0 == 0 &&
           d->extra.flags == dnnl_memory_extra_flag_none && b->inner_nblks == 3 &&
           memcmp(b->inner_blks, sizes, sizeof sizes) == 0 &&
           memcmp(b->inner_idxs, dims, sizeof dims) == 0 &&
           b->strides[0] == LINEAR_DEPTH * LINEAR_COLUMNS &&
           b->strides[1] == depth * LINEAR_COLUMNS;
}

/* Whether to try: oneDNN's bf16 products up to AVX-512 have agreed in all shapes that were; its
 * float32 ones on AVX2 sum in an order that depends on the number of rows. */
bool cpu_rows_agree(masa_dtype compute)
{
    return masa_isa_get() == MASA_ISA_REFERENCE ||
           (compute == MASA_BF16 && masa_isa_get() >= MASA_ISA_AVX512_BF16);
}

masa_status cpu_linear_create(void **out, size_t out_features, size_t in_features,
                              masa_dtype compute, bool trainable, masa_error *err)
{
    masa_status st = MASA_OK;
    bool plain = masa_isa_get() == MASA_ISA_REFERENCE;
    struct map *l = masa_alloc(1, sizeof *l);
    *l = (struct map){
        .out = out_features, .in = in_features, .compute = compute, .trainable = trainable};
    l->packed = masa_isa_get() >= MASA_ISA_AVX512_BF16 ? compute : MASA_F32;
    if (plain) {
        l->bytes = out_features * in_features * sizeof(float);
        void *weights = NULL;
        st = masa_alloc_large(&weights, out_features * in_features, sizeof(float), "weights",
                              err);
        l->plain = weights;
    } else if (compute == MASA_BF16 && masa_isa_get() >= MASA_ISA_AMX) {
        l->amx = true;
        st = prepare_amx(l, &l->forward, in_features, out_features, err);
        if (!st && trainable) st = prepare_amx(l, &l->backward, out_features, in_features, err);
    } else {
        st = onednn_start(err);
        if (!st) st = prepare(l, &l->forward, &l->forward_layout, l->in, l->out, err);
        if (!st && trainable)
            st = prepare(l, &l->backward, &l->backward_layout, l->out, l->in, err);
        l->panels = !st && in_panels(l);
    }
    if (st) cpu_linear_destroy(l);
    else *out = l;
    return st;
}

void cpu_linear_destroy(void *map)
{
    struct map *l = map;
    free(l->forward);
    free(l->backward);
    free(l->plain);
    free(l);
}

void cpu_linear_pack(void *map, const float *weight)
{
    struct map *l = map;
    size_t n = l->out * l->in;
    const float *w = weight;
    if (l->compute == MASA_BF16 && l->packed == MASA_F32) {
        /* The same rounding that a native bf16 map has. */
        void *rounded = scratch_get(SCRATCH_OPERAND_A, n * 2);
        float *back = l->plain ? l->plain : scratch_get(SCRATCH_OPERAND_B, n * 4);
        cpu_convert(rounded, MASA_BF16, weight, MASA_F32, n);
        cpu_convert(back, MASA_F32, rounded, MASA_BF16, n);
        w = back;
    } else if (l->plain) {
        memcpy(l->plain, weight, n * sizeof *weight);
    }
    if (l->plain) return;
    if (l->amx) {
        amx_pack_weights(l->forward, weight, true, l->in, l->out);
        if (l->trainable) amx_pack_weights(l->backward, weight, false, l->out, l->in);
        return;
    }
    onednn_pack(l->forward, &l->forward_layout, w, 1, l->in);
    if (l->trainable) onednn_pack(l->backward, &l->backward_layout, w, l->in, 1);
}

/* An operand as the packed weights need it: float32 in scratch, or itself. */
static const void *operand(const struct map *l, enum scratch slot, const void *x, size_t n)
{
    if (l->compute == l->packed) return x;
    void *converted = scratch_get(slot, n * sizeof(float));
    cpu_convert(converted, MASA_F32, x, MASA_BF16, n);
    return converted;
}

struct few {
    const struct linear_kernels *kernels;
    struct linear_few call;
    size_t panels; /* of a piece */
};

static void few_piece(void *of, size_t piece)
{
    const struct few *f = of;
    size_t units = f->call.blocks * linear_panels(f->call.out);
    size_t many = f->call.blocks * f->panels, begin = piece * many;
    f->kernels->few(&f->call, begin, begin + many < units ? begin + many : units);
}

/* Few rows: oneDNN waits for the weights' memory and then computes; this asks for a
 * panel's memory while it multiplies the one before. */
static void few_rows(const struct map *l, void *y, masa_dtype y_dtype, const void *x,
                     const float *bias, size_t rows, bool accumulate)
{
    enum { PIECES = 16 };
    size_t depth = (l->in + LINEAR_DEPTH - 1) / LINEAR_DEPTH * LINEAR_DEPTH;
    size_t panels = linear_panels(l->out);
    struct few f = {.kernels = ISA_SELECT(linear_kernels),
                    .call = {.y = y,
                             .x = x,
                             .weights = l->forward,
                             .bias = bias,
                             .rows = rows,
                             .out = l->out,
                             .in = l->in,
                             .blocks = linear_blocks(rows),
                             .panel_size = depth * LINEAR_COLUMNS,
                             .y_dtype = y_dtype,
                             .accumulate = accumulate},
                    .panels = (panels + PIECES - 1) / PIECES};
    if (l->out * l->in <= SPLIT_MINIMUM) f.panels = panels;
    masa_parallel((panels + f.panels - 1) / f.panels, few_piece, &f);
}

void cpu_linear_forward(void *map, void *y, masa_dtype y_dtype, const void *x,
                        const float *bias, size_t rows, bool accumulate)
{
    struct map *l = map;
    if (l->amx) {
        amx_multiply(y, y_dtype, x, l->forward, bias, rows, l->out, l->in, accumulate);
        return;
    }
    if (l->panels && rows <= FEW_ROWS) {
        few_rows(l, y, y_dtype, x, bias, rows, accumulate);
        return;
    }
    if (l->plain) {
        plain_forward(y, y_dtype, x, l->compute, l->plain, bias, rows, l->out, l->in,
                      accumulate);
        return;
    }
    struct product p = {.c = y,
                        .c_dtype = y_dtype,
                        .b = l->forward,
                        .layout = &l->forward_layout,
                        .a = operand(l, SCRATCH_OPERAND_A, x, rows * l->in),
                        .bias = bias,
                        .m = rows,
                        .n = l->out,
                        .k = l->in,
                        .dtype = l->packed,
                        .accumulate = accumulate};
    product_run(&p);
}

void cpu_linear_backward_input(void *map, void *dx, masa_dtype dx_dtype, const void *dy,
                               size_t rows, bool accumulate)
{
    struct map *l = map;
    if (l->amx) {
        amx_multiply(dx, dx_dtype, dy, l->backward, NULL, rows, l->in, l->out, accumulate);
        return;
    }
    if (l->plain) {
        plain_backward_input(dx, dx_dtype, dy, l->compute, l->plain, rows, l->out, l->in,
                             accumulate);
        return;
    }
    struct product p = {.c = dx,
                        .c_dtype = dx_dtype,
                        .b = l->backward,
                        .layout = &l->backward_layout,
                        .a = operand(l, SCRATCH_OPERAND_A, dy, rows * l->out),
                        .m = rows,
                        .n = l->in,
                        .k = l->out,
                        .dtype = l->packed,
                        .accumulate = accumulate};
    product_run(&p);
}

struct columns {
    float *sum;
    const char *x;
    masa_dtype dtype;
    size_t rows, n;
};

static void add_some_columns(void *call, size_t begin, size_t end)
{
    const struct columns *c = call;
    ISA_SELECT(rows_kernels)
        ->add_columns(c->sum + begin, c->x + begin * masa_dtype_size(c->dtype), c->dtype, c->n,
                      c->rows, end - begin);
}

/* Threads own columns: rows are added in order whatever the number of threads. */
static void add_columns(float *sum, const void *x, masa_dtype dtype, size_t rows, size_t n)
{
    struct columns c = {sum, x, dtype, rows, n};
    parallel_ranges(n, 64, rows, add_some_columns, &c);
}

/* dw += dy^T x through oneDNN. */
static void add_weight_gradient(struct map *l, float *dw, const void *dy, const void *x,
                                size_t rows)
{
    dnnl_memory_desc_t layout = onednn_plain(rows, l->in, l->packed);
    struct product p = {.c = dw,
                        .c_dtype = MASA_F32,
                        .a = operand(l, SCRATCH_OPERAND_A, dy, rows * l->out),
                        .b = operand(l, SCRATCH_OPERAND_B, x, rows * l->in),
                        .layout = &layout,
                        .m = l->out,
                        .n = l->in,
                        .k = rows,
                        .dtype = l->packed,
                        .transposed = true,
                        .accumulate = true};
    product_run(&p);
}

void cpu_linear_backward_weight(void *map, float *dw, float *dbias, const void *dy,
                                const void *x, size_t rows)
{
    struct map *l = map;
    if (dbias) add_columns(dbias, dy, l->compute, rows, l->out);
    if (l->plain) {
        plain_backward_weight(dw, dy, x, l->compute, rows, l->out, l->in);
        return;
    }
    /* In chunks of rows: for oneDNN measured some 5 % faster than one long sum, and few sizes
     * to compile; with AMX the gradient's memory passes once a chunk. The last chunk has 1 to
     * one and a half times as many. */
    size_t chunk = l->amx ? 2048 : 512;
    size_t size = masa_dtype_size(l->compute);
    for (size_t done = 0, n; done < rows; done += n) {
        n = rows - done < chunk + chunk / 2 ? rows - done : chunk;
        const char *some_dy = (const char *)dy + done * l->out * size;
        const char *some_x = (const char *)x + done * l->in * size;
        if (l->amx)
            amx_add_outer(dw, (const void *)some_dy, (const void *)some_x, n, l->out, l->in);
        else add_weight_gradient(l, dw, some_dy, some_x, n);
    }
}

size_t cpu_linear_bytes(const void *map)
{
    return ((const struct map *)map)->bytes;
}
