/* The processor's functions, each with the type that the table in backend.h gives it. */
#ifndef KERNELS_CPU_BACKEND_H
#define KERNELS_CPU_BACKEND_H

#include "backend.h"

/* clang-format off */
#define CPU_FUNCTIONS(X)                                                                    \
    X(start) X(name) X(facts) X(compute) X(rows_agree) X(sizes) X(available) X(peak)        \
    X(alloc) X(release) X(put) X(get) X(copy) X(zero)                                       \
    X(linear_create) X(linear_destroy) X(linear_bytes) X(linear_pack) X(linear_forward)     \
    X(linear_backward_input) X(linear_backward_weight)                                      \
    X(rmsnorm_forward) X(rmsnorm_backward) X(headnorm_forward) X(headnorm_backward)         \
    X(rope) X(swiglu_forward) X(swiglu_backward) X(gather_rows) X(add_rows) X(scale_rows)   \
    X(move_records) X(convert) X(add) X(scale)                                              \
    X(plan_create) X(plan_destroy) X(plan_bytes) X(plan_set) X(attention_forward)           \
    X(attention_backward_floats) X(attention_backward) X(kv_write) X(attention_cached)      \
    X(softmax_forward) X(softmax_backward) X(sample) X(adamw) X(sums_of_squares)
/* clang-format on */

#define CPU_DECLARE(function) __typeof__(*((struct backend *)0)->function) cpu_##function;
CPU_FUNCTIONS(CPU_DECLARE)
#undef CPU_DECLARE

#endif
