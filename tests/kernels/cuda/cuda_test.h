/*
 * A kernel's arrays on the GPU, and its runs. Without a GPU (MASA_SHIM) the threads take
 * turns in four orders, which must not change a bit; on a GPU it runs twice for the same.
 */
#ifndef CUDA_TEST_H
#define CUDA_TEST_H

#include "kernels_test.h"
#include <cuda.h>
#include <cuda_device.h>
#include "backend.h"

#ifdef MASA_SHIM
void gpu_set_order(unsigned order);
enum { ORDERS = 4 };
#else
static inline void gpu_set_order(unsigned order)
{
    (void)order;
}
enum { ORDERS = 2 };
#endif

/* An array: what it holds before every run, and after the last one. */
struct gpu_array {
    void *gpu, *before, *after;
    size_t bytes;
};

struct gpu_arrays {
    struct gpu_array list[24];
    size_t n;
};

/* A copy of `bytes` of the host on the GPU, freed by gpu_drop. */
static inline void *gpu_give(struct gpu_arrays *a, const void *host, size_t bytes)
{
    assert_true(a->n < sizeof a->list / sizeof *a->list);
    struct gpu_array *x = &a->list[a->n++];
    *x = (struct gpu_array){device_alloc(bytes, false), malloc(bytes + 1), malloc(bytes + 1),
                            bytes};
    assert_non_null(x->gpu);
    memcpy(x->before, host, bytes);
    return x->gpu;
}

static inline void *gpu_give_tensor(struct gpu_arrays *a, const struct tensor *t)
{
    return gpu_give(a, t->data, t->n * masa_dtype_size(t->dtype));
}

/* An output: NaN before. */
static inline void *gpu_room(struct gpu_arrays *a, size_t bytes)
{
    void *nan = malloc(bytes + 1);
    memset(nan, 0xff, bytes);
    void *gpu = gpu_give(a, nan, bytes);
    free(nan);
    return gpu;
}

/* Runs it in every order from the same contents; all arrays must end up the same. */
static inline void gpu_run(struct gpu_arrays *a, void (*work)(const void *),
                           const void *context)
{
    void *first[24] = {0};
    for (unsigned order = 0; order < ORDERS; order++) {
        gpu_set_order(order);
        for (size_t i = 0; i < a->n; i++)
            device_put(a->list[i].gpu, a->list[i].before, a->list[i].bytes);
        work(context);
        for (size_t i = 0; i < a->n; i++) {
            struct gpu_array *x = &a->list[i];
            device_get(x->after, x->gpu, x->bytes);
            if (order == 0) {
                first[i] = malloc(x->bytes + 1);
                memcpy(first[i], x->after, x->bytes);
            }
            if (memcmp(first[i], x->after, x->bytes))
                print_error("array %zu differs in order %u\n", i, order);
            assert_memory_equal(first[i], x->after, x->bytes);
        }
    }
    gpu_set_order(0);
    for (size_t i = 0; i < a->n; i++) free(first[i]);
}

/* What an array on the GPU held after the last run. */
static inline void *gpu_result(const struct gpu_arrays *a, const void *gpu)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->list[i].gpu == gpu) return a->list[i].after;
    fail_msg("no such array");
    return NULL;
}

static inline void gpu_drop(struct gpu_arrays *a)
{
    for (size_t i = 0; i < a->n; i++) {
        device_free(a->list[i].gpu);
        free(a->list[i].before), free(a->list[i].after);
    }
    a->n = 0;
}

/* The result is near `want` [n of dtype], relative to max(1, |want|). */
static inline void gpu_near(const struct gpu_arrays *a, const void *gpu, const void *want,
                            masa_dtype dtype, size_t n, double tolerance)
{
    struct tensor got = {gpu_result(a, gpu), NULL, dtype, n};
    struct tensor expected = {(void *)(uintptr_t)want, NULL, dtype, n};
    for (size_t i = 0; i < n; i++) {
        double w = tensor_at(&expected, i);
        if (!(fabs(tensor_at(&got, i) - w) <= tolerance * fmax(1, fabs(w))))
            print_error("element %zu of %zu\n", i, n);
        assert_near(tensor_at(&got, i), w, tolerance * fmax(1, fabs(w)));
    }
}

static inline void gpu_equal(const struct gpu_arrays *a, const void *gpu, const void *want,
                             size_t bytes)
{
    assert_memory_equal(gpu_result(a, gpu), want, bytes);
}

static inline int gpu_start(void **state)
{
    (void)state;
    const char *why = device_start(0, false);
    if (why) print_error("%s\n", why);
    return why != NULL || backend_cpu.start(0, false, NULL) != MASA_OK;
}

#endif
