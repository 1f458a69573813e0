#include "cpu_onednn.h"

#include <masa/memory.h>
#include <masa/parallel.h>

#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "isa.h"
#include "cpu_scratch.h"
#include "cpu_split.h"

/* oneDNN's engine and the cache, made at the first linear map and kept: like the dispatch
 * table, a property of the process. 4-way sets, least recently used out: a product needs at
 * most 4, those of whole tiles and of the last ones in either direction. */
enum { CACHE_SETS = 256, CACHE_WAYS = 4 };
static struct {
    dnnl_engine_t engine;
    struct onednn_product cache[CACHE_SETS][CACHE_WAYS];
    uint64_t clock, compiled;
} dnnl;

/* Memory objects of a compiled product; making them takes longer than a small product. */
enum { OPERAND_A, OPERAND_B, OPERAND_C, OPERAND_SCRATCH, OPERAND_BIAS, N_OPERANDS };
struct operands {
    uint64_t number; /* of the product; 0: none */
    dnnl_memory_t memory[N_OPERANDS];
};
enum { REMEMBERED = 64 };

static _Thread_local struct {
    bool registered; /* its release at the thread's end */
    dnnl_stream_t stream;
    struct operands operands[REMEMBERED];
} mine;

static void out_of_memory(void)
{
    masa_memory_out(0, "a product (oneDNN)");
}

/* Calls that fail only when memory is out, which ends the program as in masa_alloc, or through
 * an error of ours or oneDNN's. */
static void must(dnnl_status_t status)
{
    if (status == dnnl_success) return;
    if (status == dnnl_out_of_memory) out_of_memory();
    fprintf(stderr, "masa: oneDNN fails with status %d\n", (int)status);
    abort();
}

/* oneDNN is C++: where its `new` fails, an exception would pass through C and abort. */
typedef void new_handler(void);
new_handler *set_new_handler(new_handler *handler) __asm__("_ZSt15set_new_handlerPFvvE");

void onednn_ask_for_room(void)
{
    enum { ROOM = 16 << 20 };
    void *room = MAP_FAILED;
    if (!masa_memory_denied())
        room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) masa_memory_out(ROOM, "a product (oneDNN)");
    munmap(room, ROOM);
}

static void release(void)
{
    for (size_t i = 0; i < REMEMBERED; i++)
        for (size_t k = 0; mine.operands[i].number && k < N_OPERANDS; k++)
            dnnl_memory_destroy(mine.operands[i].memory[k]);
    if (mine.stream) dnnl_stream_destroy(mine.stream);
    memset(&mine, 0, sizeof mine);
}

static void release_at_end(void)
{
    if (!mine.registered) parallel_at_end(release);
    mine.registered = true;
}

/* oneDNN asks OpenMP for its number of threads, when it compiles and when it runs. */
static void work_alone(void)
{
    if (omp_get_max_threads() != 1) omp_set_num_threads(1);
}

masa_status onednn_start(masa_error *err)
{
    if (dnnl.engine) return MASA_OK;
    static const dnnl_cpu_isa_t caps[] = {
        dnnl_cpu_isa_sse41, dnnl_cpu_isa_avx2, dnnl_cpu_isa_avx512_core,
        dnnl_cpu_isa_avx512_core_bf16, dnnl_cpu_isa_avx512_core_bf16};
    set_new_handler(out_of_memory);
    masa_threads(); /* OpenMP's number, as long as it has its own */
    dnnl_set_max_cpu_isa(caps[masa_isa_get()]);
    dnnl_set_primitive_cache_capacity(0);
    if (dnnl_engine_create(&dnnl.engine, dnnl_cpu, 0))
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

/* ---- compiled products ---- */

static dnnl_status_t describe(dnnl_primitive_desc_t *out, const struct onednn_key *key)
{
    dnnl_memory_desc_t a =
        matrix(key->m, key->k, key->dtype, key->transposed ? dnnl_ba : dnnl_ab);
    dnnl_memory_desc_t c = matrix(key->m, key->n, key->c_dtype, dnnl_ab);
    dnnl_memory_desc_t bias = matrix(1, key->n, MASA_F32, dnnl_ab);
    dnnl_matmul_desc_t matmul;
    must(dnnl_matmul_desc_init(&matmul, &a, &key->b, key->bias ? &bias : NULL, &c));
    dnnl_primitive_attr_t attr;
    dnnl_post_ops_t ops;
    must(dnnl_primitive_attr_create(&attr));
    must(dnnl_post_ops_create(&ops));
    if (key->accumulate) must(dnnl_post_ops_append_sum(ops, 1.0f));
    must(dnnl_primitive_attr_set_post_ops(attr, ops));
    must(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user));
    work_alone();
    dnnl_status_t status = dnnl_primitive_desc_create(out, &matmul, attr, dnnl.engine, NULL);
    dnnl_post_ops_destroy(ops);
    dnnl_primitive_attr_destroy(attr);
    return status;
}

static void compile(struct onednn_product *p, const struct onednn_key *key)
{
    dnnl_primitive_desc_t pd;
    if (p->primitive) dnnl_primitive_destroy(p->primitive);
    *p = (struct onednn_product){.key = *key, .number = ++dnnl.compiled};
    onednn_ask_for_room();
    must(describe(&pd, key));
    must(dnnl_primitive_create(&p->primitive, pd));
    p->a = *dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0);
    p->c = *dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0);
    p->bias = matrix(1, key->n, MASA_F32, dnnl_ab);
    p->scratch = *dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    dnnl_primitive_desc_destroy(pd);
}

static bool same_key(const struct onednn_key *a, const struct onednn_key *b)
{
    return a->m == b->m && a->n == b->n && a->k == b->k && a->dtype == b->dtype &&
           a->c_dtype == b->c_dtype && a->transposed == b->transposed && a->bias == b->bias &&
           a->accumulate == b->accumulate && dnnl_memory_desc_equal(&a->b, &b->b);
}

const struct onednn_product *onednn_get(const struct onednn_key *key)
{
    uint64_t h = key->m * 0x9E3779B97F4A7C15u ^ key->n * 0xC2B2AE3D27D4EB4Fu ^
                 key->k * 0x165667B19E3779F9u;
    h = (h ^ (uint64_t)key->transposed << 3 ^ (uint64_t)key->bias << 2 ^
         (uint64_t)key->accumulate << 1) *
        0x9E3779B97F4A7C15u;
    struct onednn_product *set = dnnl.cache[h >> 32 & (CACHE_SETS - 1)], *oldest = set;
    for (int w = 0; w < CACHE_WAYS; w++) {
        if (set[w].primitive && same_key(&set[w].key, key)) {
            set[w].used = ++dnnl.clock;
            return &set[w];
        }
        if (set[w].used < oldest->used) oldest = &set[w];
    }
    compile(oldest, key);
    oldest->used = ++dnnl.clock;
    return oldest;
}

static dnnl_memory_t memory(const dnnl_memory_desc_t *layout, const void *data)
{
    dnnl_memory_t m;
    must(dnnl_memory_create(&m, layout, dnnl.engine, (void *)(uintptr_t)data));
    return m;
}

static void execute(dnnl_primitive_t primitive, int n, const dnnl_exec_arg_t *args)
{
    if (!mine.stream) {
        release_at_end();
        must(dnnl_stream_create(&mine.stream, dnnl.engine, dnnl_stream_default_flags));
    }
    work_alone();
    must(dnnl_primitive_execute(primitive, mine.stream, n, args));
    must(dnnl_stream_wait(mine.stream));
}

/* This thread's objects for the product. */
static struct operands *operands_of(const struct onednn_product *p)
{
    struct operands *o = &mine.operands[(size_t)p->number % REMEMBERED];
    if (o->number == p->number) return o;
    const dnnl_memory_desc_t *layouts[] = {&p->a, &p->key.b, &p->c, &p->scratch, &p->bias};
    for (int i = 0; i < N_OPERANDS; i++) {
        if (o->number) dnnl_memory_destroy(o->memory[i]);
        o->memory[i] = memory(layouts[i], DNNL_MEMORY_NONE);
    }
    o->number = p->number;
    return o;
}

void onednn_multiply(const struct onednn_product *p, void *c, const void *a, const void *b,
                     const float *bias)
{
    static const int names[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST,
                                DNNL_ARG_SCRATCHPAD, DNNL_ARG_BIAS};
    void *scratch = scratch_get(SCRATCH_DNNL, dnnl_memory_desc_get_size(&p->scratch));
    const void *data[] = {a, b, c, scratch, bias};
    struct operands *o = operands_of(p);
    dnnl_exec_arg_t args[N_OPERANDS];
    int n = bias ? N_OPERANDS : OPERAND_BIAS;
    for (int i = 0; i < n; i++) {
        must(dnnl_memory_set_data_handle(o->memory[i], (void *)(uintptr_t)data[i]));
        args[i] = (dnnl_exec_arg_t){names[i], o->memory[i]};
    }
    execute(p->primitive, n, args);
}

size_t onednn_cache_bytes(void)
{
    enum { COMPILED = 80 << 10 }; /* as measured */
    return masa_isa_get() == MASA_ISA_REFERENCE ? 0
                                                : (size_t)CACHE_SETS * CACHE_WAYS * COMPILED;
}

/* ---- layouts ---- */

masa_status onednn_layout(dnnl_memory_desc_t *out, size_t k, size_t n, masa_dtype dtype,
                          masa_error *err)
{
    enum { REPRESENTATIVE_ROWS = 256 };
    struct onednn_key key = {.m = REPRESENTATIVE_ROWS,
                             .n = n,
                             .k = k,
                             .dtype = dtype,
                             .c_dtype = dtype,
                             .b = matrix(k, n, dtype, dnnl_format_tag_any)};
    dnnl_primitive_desc_t pd;
    if (describe(&pd, &key))
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "oneDNN has no product with a %zu x %zu map", n, k);
    *out = *dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    dnnl_primitive_desc_destroy(pd);
    return MASA_OK;
}

dnnl_memory_desc_t onednn_plain(size_t rows, size_t columns, masa_dtype dtype)
{
    return matrix(rows, columns, dtype, dnnl_ab);
}

void onednn_pack(void *to, const dnnl_memory_desc_t *layout, const float *b, size_t row_stride,
                 size_t column_stride)
{
    dnnl_memory_desc_t from;
    dnnl_dims_t strides = {(dnnl_dim_t)row_stride, (dnnl_dim_t)column_stride};
    must(dnnl_memory_desc_init_by_strides(&from, 2, layout->dims, dnnl_f32, strides));
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t primitive;
    onednn_ask_for_room();
    work_alone();
    must(
        dnnl_reorder_primitive_desc_create(&pd, &from, dnnl.engine, layout, dnnl.engine, NULL));
    must(dnnl_primitive_create(&primitive, pd));
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, memory(&from, b)},
                              {DNNL_ARG_TO, memory(layout, to)}};
    execute(primitive, 2, args);
    for (int i = 0; i < 2; i++) dnnl_memory_destroy(args[i].memory);
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(pd);
}
