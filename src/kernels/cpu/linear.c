/*
 * Linear maps through oneDNN 2.6, the only file that knows it.
 *
 * A map's weights lie packed in the layout that oneDNN asks for; that layout
 * does not depend on the number of rows, so one packing serves every call. A
 * oneDNN primitive is compiled for one exact number of rows: primitives are
 * kept in a cache of bounded size, shared by all maps of the same shape (the
 * layers of a model). Compiling one takes about 0.2 ms.
 *
 * Without native bf16, a bf16 map holds bf16-rounded weights in float32 and
 * converts its operands; MASA_ISA=reference runs the plain loops instead.
 */
#include <dnnl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <masa/cpu.h>
#include <masa/memory.h>
#include "cpu_backend.h"
#include "isa/linear.h"
#include "isa/rows.h"
#include "linear_plain.h"
#include "split.h"

struct map {
    size_t out, in;
    masa_dtype compute; /* of the operands that callers give */
    masa_dtype packed;  /* of the packed weights: bf16 only where it is native */
    bool trainable;
    float *plain;                         /* reference mode: weights [out, in] */
    void *forward_data, *backward_data;   /* packed W^T and W */
    dnnl_memory_t forward, backward;      /* memory objects over them */
    dnnl_memory_desc_t forward_layout, backward_layout;
    bool panels; /* the forward weights lie as isa/linear.h reads them */
    size_t bytes;
};

/* Up to here our own product is the faster one (docs/performance.md). */
enum { FEW_ROWS = 192 };

enum product_kind { FORWARD, BACKWARD_INPUT, BACKWARD_WEIGHT };

/* Everything a primitive is compiled for. */
struct product_key {
    enum product_kind kind;
    size_t out, in, rows;
    masa_dtype dtype, result_dtype;
    bool bias, accumulate;
};

struct product {
    struct product_key key;
    dnnl_primitive_t primitive; /* NULL: free */
    dnnl_memory_t a, b, bias, c, scratch;
    size_t scratch_bytes;
    uint64_t used; /* clock of the last use */
};

/* oneDNN's engine and the cache, made at the first linear map and kept: like the
 * dispatch table, a property of the process. 4-way sets, least recently used out. */
enum { CACHE_SETS = 256, CACHE_WAYS = 4 };
enum scratch_slot { SCRATCH_DNNL, SCRATCH_A, SCRATCH_B, SCRATCH_C, SCRATCH_SLOTS };
static struct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct product products[CACHE_SETS][CACHE_WAYS];
    uint64_t clock;
    struct {
        void *data;
        size_t bytes;
    } scratch[SCRATCH_SLOTS];
} dnnl;

/* Calls that fail only when memory is out; masa_alloc ends the program then too. */
static void must(dnnl_status_t status)
{
    if (status == dnnl_success) return;
    masa_alloc(SIZE_MAX, 1);
}

/* Grows and never shrinks: no allocation in the steady state. */
static void *scratch(enum scratch_slot slot, size_t bytes)
{
    if (dnnl.scratch[slot].bytes < bytes) {
        free(dnnl.scratch[slot].data);
        size_t rounded = (bytes + 4095) / 4096 * 4096;
        dnnl.scratch[slot].data = aligned_alloc(4096, rounded);
        if (!dnnl.scratch[slot].data) masa_alloc(SIZE_MAX, 1);
        dnnl.scratch[slot].bytes = rounded;
    }
    return dnnl.scratch[slot].data;
}

static masa_status engine_start(masa_error *err)
{
    if (dnnl.engine) return MASA_OK;
    static const dnnl_cpu_isa_t caps[] = {dnnl_cpu_isa_sse41, dnnl_cpu_isa_avx2,
                                          dnnl_cpu_isa_avx512_core,
                                          dnnl_cpu_isa_avx512_core_bf16};
    /* Above what we know, oneDNN may choose freely (AMX). */
    if (masa_isa_get() < MASA_ISA_AVX512_BF16) dnnl_set_max_cpu_isa(caps[masa_isa_get()]);
    dnnl_set_primitive_cache_capacity(0);
    if (dnnl_engine_create(&dnnl.engine, dnnl_cpu, 0) ||
        dnnl_stream_create(&dnnl.stream, dnnl.engine, dnnl_stream_default_flags))
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED, "oneDNN does not start on this processor");
    return MASA_OK;
}

static dnnl_data_type_t type_of(masa_dtype dtype)
{
    return dtype == MASA_BF16 ? dnnl_bf16 : dnnl_f32;
}

static dnnl_memory_desc_t matrix(size_t rows, size_t columns, masa_dtype dtype,
                                 dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t d;
    dnnl_dims_t dims = {(dnnl_dim_t)rows, (dnnl_dim_t)columns};
    must(dnnl_memory_desc_init_by_tag(&d, 2, dims, type_of(dtype), tag));
    return d;
}

/* c [m, n] = a [m, k] b [k, n]: b's layout as given, or any. */
static dnnl_status_t describe(dnnl_primitive_desc_t *out, const struct product_key *key,
                              const dnnl_memory_desc_t *weights)
{
    size_t m = key->rows, k = key->in, n = key->out;
    dnnl_format_tag_t a_tag = dnnl_ab;
    if (key->kind == BACKWARD_INPUT) k = key->out, n = key->in;
    if (key->kind == BACKWARD_WEIGHT) m = key->out, k = key->rows, n = key->in, a_tag = dnnl_ba;
    dnnl_memory_desc_t a = matrix(m, k, key->dtype, a_tag);
    dnnl_memory_desc_t c = matrix(m, n, key->result_dtype, dnnl_ab);
    dnnl_memory_desc_t bias = matrix(1, n, MASA_F32, dnnl_ab);
    dnnl_matmul_desc_t matmul;
    must(dnnl_matmul_desc_init(&matmul, &a, weights, key->bias ? &bias : NULL, &c));
    dnnl_primitive_attr_t attr;
    dnnl_post_ops_t ops;
    must(dnnl_primitive_attr_create(&attr));
    must(dnnl_post_ops_create(&ops));
    if (key->accumulate) must(dnnl_post_ops_append_sum(ops, 1.0f));
    must(dnnl_primitive_attr_set_post_ops(attr, ops));
    must(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user));
    dnnl_status_t status = dnnl_primitive_desc_create(out, &matmul, attr, dnnl.engine, NULL);
    dnnl_post_ops_destroy(ops);
    dnnl_primitive_attr_destroy(attr);
    return status;
}

static void product_clear(struct product *p)
{
    if (p->primitive) dnnl_primitive_destroy(p->primitive);
    dnnl_memory_t memories[] = {p->a, p->b, p->bias, p->c, p->scratch};
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
        if (memories[i]) dnnl_memory_destroy(memories[i]);
    *p = (struct product){0};
}

static dnnl_memory_t empty_memory(const_dnnl_primitive_desc_t pd, dnnl_query_t what)
{
    dnnl_memory_t memory = NULL;
    const dnnl_memory_desc_t *d = dnnl_primitive_desc_query_md(pd, what, 0);
    must(dnnl_memory_create(&memory, d, dnnl.engine, DNNL_MEMORY_NONE));
    return memory;
}

static void product_compile(struct product *p, const struct product_key *key,
                            const dnnl_memory_desc_t *weights)
{
    dnnl_primitive_desc_t pd;
    product_clear(p);
    p->key = *key;
    must(describe(&pd, key, weights));
    must(dnnl_primitive_create(&p->primitive, pd));
    p->a = empty_memory(pd, dnnl_query_src_md);
    p->c = empty_memory(pd, dnnl_query_dst_md);
    if (key->kind == BACKWARD_WEIGHT) p->b = empty_memory(pd, dnnl_query_weights_md);
    if (key->bias) {
        dnnl_memory_desc_t d = matrix(1, key->kind == FORWARD ? key->out : key->in, MASA_F32,
                                      dnnl_ab);
        must(dnnl_memory_create(&p->bias, &d, dnnl.engine, DNNL_MEMORY_NONE));
    }
    const dnnl_memory_desc_t *s = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    p->scratch_bytes = dnnl_memory_desc_get_size(s);
    p->scratch = empty_memory(pd, dnnl_query_scratchpad_md);
    dnnl_primitive_desc_destroy(pd);
}

static bool same_key(const struct product_key *a, const struct product_key *b)
{
    return a->kind == b->kind && a->out == b->out && a->in == b->in && a->rows == b->rows &&
           a->dtype == b->dtype && a->result_dtype == b->result_dtype && a->bias == b->bias &&
           a->accumulate == b->accumulate;
}

static struct product *product_get(const struct product_key *key,
                                   const dnnl_memory_desc_t *weights)
{
    uint64_t h = key->rows * 0x9E3779B97F4A7C15u ^ key->out * 0xC2B2AE3D27D4EB4Fu ^
                 key->in * 0x165667B19E3779F9u;
    h = (h ^ (uint64_t)key->kind << 4 ^ (uint64_t)key->bias << 2 ^
         (uint64_t)key->accumulate << 1) * 0x9E3779B97F4A7C15u;
    struct product *set = dnnl.products[h >> 32 & (CACHE_SETS - 1)], *oldest = set;
    for (int w = 0; w < CACHE_WAYS; w++) {
        if (set[w].primitive && same_key(&set[w].key, key)) {
            set[w].used = ++dnnl.clock;
            return &set[w];
        }
        if (set[w].used < oldest->used) oldest = &set[w];
    }
    product_compile(oldest, key, weights);
    oldest->used = ++dnnl.clock;
    return oldest;
}

/* c (+)= a b + bias. b: packed weights, or else b_data row-major. */
static void product_run(const struct product_key *key, void *c, const void *a,
                        dnnl_memory_t packed, const dnnl_memory_desc_t *layout,
                        const void *b_data, const float *bias)
{
    struct product *p = product_get(key, layout);
    must(dnnl_memory_set_data_handle(p->a, (void *)(uintptr_t)a));
    must(dnnl_memory_set_data_handle(p->c, c));
    must(dnnl_memory_set_data_handle(p->scratch, scratch(SCRATCH_DNNL, p->scratch_bytes)));
    if (!packed) must(dnnl_memory_set_data_handle(p->b, (void *)(uintptr_t)b_data));
    dnnl_exec_arg_t args[5] = {{DNNL_ARG_SRC, p->a},
                               {DNNL_ARG_WEIGHTS, packed ? packed : p->b},
                               {DNNL_ARG_DST, p->c},
                               {DNNL_ARG_SCRATCHPAD, p->scratch}};
    int n = 4;
    if (bias) {
        must(dnnl_memory_set_data_handle(p->bias, (void *)(uintptr_t)bias));
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, p->bias};
    }
    must(dnnl_primitive_execute(p->primitive, dnnl.stream, n, args));
    must(dnnl_stream_wait(dnnl.stream));
}

/* Asks oneDNN for its layout of one direction's weights and allocates them. */
static masa_status prepare(struct map *l, enum product_kind kind, void **data,
                           dnnl_memory_t *memory, dnnl_memory_desc_t *layout, masa_error *err)
{
    enum { REPRESENTATIVE_ROWS = 256 };
    size_t k = kind == FORWARD ? l->in : l->out, n = kind == FORWARD ? l->out : l->in;
    struct product_key key = {kind, l->out, l->in, REPRESENTATIVE_ROWS, l->packed, l->packed,
                              false, false};
    dnnl_memory_desc_t any = matrix(k, n, l->packed, dnnl_format_tag_any);
    dnnl_primitive_desc_t pd;
    if (describe(&pd, &key, &any))
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED, "oneDNN has no product for a %zu x %zu map",
                         l->out, l->in);
    *layout = *dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    dnnl_primitive_desc_destroy(pd);
    size_t bytes = dnnl_memory_desc_get_size(layout);
    masa_status st = masa_alloc_large(data, bytes, 1, "packed weights", err);
    if (st) return st;
    l->bytes += bytes;
    must(dnnl_memory_create(memory, layout, dnnl.engine, *data));
    return MASA_OK;
}

/* Whether W^T [in, out] lies in the panels of isa/linear.h; not where oneDNN has
 * instructions that we lack (AMX). */
static bool in_panels(const struct map *l)
{
    const dnnl_memory_desc_t *d = &l->forward_layout;
    const dnnl_blocking_desc_t *b = &d->format_desc.blocking;
    dnnl_dim_t depth = ((dnnl_dim_t)l->in + LINEAR_DEPTH - 1) / LINEAR_DEPTH * LINEAR_DEPTH;
    static const dnnl_dim_t sizes[] = {LINEAR_DEPTH / 2, LINEAR_COLUMNS, 2}, dims[] = {0, 1, 0};
    return l->packed == MASA_BF16 && ISA_SELECT(linear_kernels)->few != NULL &&
           dnnl_get_effective_cpu_isa() == dnnl_cpu_isa_avx512_core_bf16 &&
           d->format_kind == dnnl_blocked && d->offset0 == 0 &&
           d->extra.flags == dnnl_memory_extra_flag_none && b->inner_nblks == 3 &&
           memcmp(b->inner_blks, sizes, sizeof sizes) == 0 &&
           memcmp(b->inner_idxs, dims, sizeof dims) == 0 &&
           b->strides[0] == LINEAR_DEPTH * LINEAR_COLUMNS &&
           b->strides[1] == depth * LINEAR_COLUMNS;
}

/* Known (tests/kernels/test_linear.c) of oneDNN's bf16 products up to AVX-512; its float32
 * ones on AVX2 sum in an order that depends on the number of rows. */
bool cpu_rows_agree(masa_dtype compute)
{
    return masa_isa_get() == MASA_ISA_REFERENCE ||
           (compute == MASA_BF16 && masa_isa_get() == MASA_ISA_AVX512_BF16 &&
            dnnl_get_effective_cpu_isa() == dnnl_cpu_isa_avx512_core_bf16);
}

masa_status cpu_linear_create(void **out, size_t out_features, size_t in_features,
                              masa_dtype compute, bool trainable, masa_error *err)
{
    masa_status st = MASA_OK;
    bool plain = masa_isa_get() == MASA_ISA_REFERENCE;
    struct map *l = masa_alloc(1, sizeof *l);
    *l = (struct map){.out = out_features, .in = in_features, .compute = compute,
                      .trainable = trainable};
    l->packed = masa_isa_get() >= MASA_ISA_AVX512_BF16 ? compute : MASA_F32;
    if (plain) {
        l->bytes = out_features * in_features * sizeof(float);
        void *weights = NULL;
        st = masa_alloc_large(&weights, out_features * in_features, sizeof(float), "weights", err);
        l->plain = weights;
    } else {
        st = engine_start(err);
        if (!st)
            st = prepare(l, FORWARD, &l->forward_data, &l->forward, &l->forward_layout, err);
        if (!st && trainable)
            st = prepare(l, BACKWARD_INPUT, &l->backward_data, &l->backward,
                         &l->backward_layout, err);
        l->panels = !st && in_panels(l);
    }
    if (st) cpu_linear_destroy(l);
    else *out = l;
    return st;
}

void cpu_linear_destroy(void *map)
{
    struct map *l = map;
    if (l->forward) dnnl_memory_destroy(l->forward);
    if (l->backward) dnnl_memory_destroy(l->backward);
    free(l->forward_data);
    free(l->backward_data);
    free(l->plain);
    free(l);
}

static void reorder(dnnl_memory_t to, const dnnl_memory_desc_t *to_layout,
                    const dnnl_memory_desc_t *from_layout, const void *from)
{
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t primitive;
    dnnl_memory_t source;
    must(dnnl_memory_create(&source, from_layout, dnnl.engine, (void *)(uintptr_t)from));
    must(dnnl_reorder_primitive_desc_create(&pd, from_layout, dnnl.engine, to_layout,
                                            dnnl.engine, NULL));
    must(dnnl_primitive_create(&primitive, pd));
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, to}};
    must(dnnl_primitive_execute(primitive, dnnl.stream, 2, args));
    must(dnnl_stream_wait(dnnl.stream));
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(pd);
    dnnl_memory_destroy(source);
}

void cpu_linear_pack(void *map, const float *weight)
{
    struct map *l = map;
    size_t n = l->out * l->in;
    const float *w = weight;
    if (l->compute == MASA_BF16 && l->packed == MASA_F32) {
        /* The same rounding that a native bf16 map has. */
        void *rounded = scratch(SCRATCH_A, n * 2);
        float *back = l->plain ? l->plain : scratch(SCRATCH_B, n * 4);
        cpu_convert(rounded, MASA_BF16, weight, MASA_F32, n);
        cpu_convert(back, MASA_F32, rounded, MASA_BF16, n);
        w = back;
    } else if (l->plain) {
        memcpy(l->plain, weight, n * sizeof *weight);
    }
    if (l->plain) return;
    dnnl_memory_desc_t transposed = matrix(l->in, l->out, MASA_F32, dnnl_ba);
    dnnl_memory_desc_t straight = matrix(l->out, l->in, MASA_F32, dnnl_ab);
    reorder(l->forward, &l->forward_layout, &transposed, w);
    if (l->trainable) reorder(l->backward, &l->backward_layout, &straight, w);
}

/* An operand as the packed weights need it: float32 in scratch, or itself. */
static const void *operand(const struct map *l, enum scratch_slot slot, const void *x, size_t n)
{
    if (l->compute == l->packed) return x;
    void *converted = scratch(slot, n * sizeof(float));
    cpu_convert(converted, MASA_F32, x, MASA_BF16, n);
    return converted;
}

/* One product with packed weights, with conversions where bf16 is not native. */
static void packed_product(struct map *l, enum product_kind kind, void *c, masa_dtype c_dtype,
                           const void *a, const float *bias, size_t rows, bool accumulate)
{
    bool forward = kind == FORWARD;
    size_t k = forward ? l->in : l->out, n = forward ? l->out : l->in;
    masa_dtype direct = l->packed == MASA_BF16 ? c_dtype : MASA_F32;
    void *result = direct == c_dtype ? c : scratch(SCRATCH_C, rows * n * sizeof(float));
    if (result != c && accumulate) cpu_convert(result, direct, c, c_dtype, rows * n);
    struct product_key key = {kind, l->out, l->in, rows, l->packed, direct, bias != NULL,
                              accumulate};
    product_run(&key, result, operand(l, SCRATCH_A, a, rows * k),
                forward ? l->forward : l->backward,
                forward ? &l->forward_layout : &l->backward_layout, NULL, bias);
    if (result != c) cpu_convert(c, c_dtype, result, direct, rows * n);
}

/* Few rows: oneDNN waits for the weights' memory and then computes; this asks for a
 * panel's memory while it multiplies the one before. */
static void few_rows(const struct map *l, void *y, masa_dtype y_dtype, const void *x,
                     const float *bias, size_t rows, bool accumulate)
{
    const struct linear_kernels *k = ISA_SELECT(linear_kernels);
    size_t depth = (l->in + LINEAR_DEPTH - 1) / LINEAR_DEPTH * LINEAR_DEPTH;
    struct linear_few call = {.y = y, .x = x, .weights = l->forward_data, .bias = bias,
                              .rows = rows, .out = l->out, .in = l->in,
                              .blocks = linear_blocks(rows),
                              .panel_size = depth * LINEAR_COLUMNS, .y_dtype = y_dtype,
                              .accumulate = accumulate};
#pragma omp parallel if (l->out * l->in > SPLIT_MINIMUM)
    {
        struct range p = split_mine(call.blocks * linear_panels(l->out), 1);
        k->few(&call, p.begin, p.end);
    }
}

void cpu_linear_forward(void *map, void *y, masa_dtype y_dtype, const void *x,
                        const float *bias, size_t rows, bool accumulate)
{
    struct map *l = map;
    if (l->panels && rows <= FEW_ROWS) {
        few_rows(l, y, y_dtype, x, bias, rows, accumulate);
        return;
    }
    if (l->plain)
        plain_forward(y, y_dtype, x, l->compute, l->plain, bias, rows, l->out, l->in, accumulate);
    else packed_product(l, FORWARD, y, y_dtype, x, bias, rows, accumulate);
}

void cpu_linear_backward_input(void *map, void *dx, masa_dtype dx_dtype, const void *dy,
                               size_t rows, bool accumulate)
{
    struct map *l = map;
    if (l->plain)
        plain_backward_input(dx, dx_dtype, dy, l->compute, l->plain, rows, l->out, l->in,
                             accumulate);
    else packed_product(l, BACKWARD_INPUT, dx, dx_dtype, dy, NULL, rows, accumulate);
}

/* Threads own columns: rows are added in order whatever the number of threads. */
static void add_columns(float *sum, const void *x, masa_dtype dtype, size_t rows, size_t n)
{
    const struct rows_kernels *k = ISA_SELECT(rows_kernels);
#pragma omp parallel if (rows * n > SPLIT_MINIMUM)
    {
        struct range p = split_mine(n, 64);
        k->add_columns(sum + p.begin, (const char *)x + p.begin * masa_dtype_size(dtype), dtype,
                       n, rows, p.end - p.begin);
    }
}

/* dw += dy^T x through oneDNN. */
static void add_weight_gradient(struct map *l, float *dw, const void *dy, const void *x,
                                size_t rows)
{
    struct product_key key = {BACKWARD_WEIGHT, l->out, l->in, rows, l->packed, MASA_F32, false,
                              true};
    dnnl_memory_desc_t layout = matrix(rows, l->in, l->packed, dnnl_ab);
    product_run(&key, dw, operand(l, SCRATCH_A, dy, rows * l->out), NULL, &layout,
                operand(l, SCRATCH_B, x, rows * l->in), NULL);
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
    /* In chunks of rows: measured some 5 % faster than one long sum, and few sizes to
     * compile. The last chunk has 1 to 767 rows. */
    enum { CHUNK = 512 };
    size_t size = masa_dtype_size(l->compute);
    for (size_t done = 0, n; done < rows; done += n) {
        n = rows - done < CHUNK + CHUNK / 2 ? rows - done : CHUNK;
        add_weight_gradient(l, dw, (const char *)dy + done * l->out * size,
                            (const char *)x + done * l->in * size, n);
    }
}

size_t cpu_linear_bytes(const void *map)
{
    return ((const struct map *)map)->bytes;
}
