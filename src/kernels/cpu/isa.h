/**
 * One source, several instruction sets.
 *
 * Every file in isa/ is compiled once per instruction set (CMakeLists.txt) with
 * ISA_VARIANT (_reference, _avx2, _avx512, _avx512_bf16, _amx) and ISA_LEVEL (the
 * masa_isa value) defined. It exports exactly one thing, a table of functions:
 *
 *     isa/foo.h    struct foo_kernels { void (*bar)(float *x, size_t n); };
 *                  ISA_TABLES(foo_kernels)
 *     isa/foo.c    static void bar(float *x, size_t n) {...}
 *                  const struct foo_kernels ISA_NAME(foo_kernels) = {.bar = bar};
 *     foo.c        ISA_SELECT(foo_kernels)->bar(x, n);
 *
 * foo.c is compiled once, for any x86-64: checks, threads and scratch memory
 * belong there. isa/foo.c has plain loops under `#pragma omp simd`; what needs
 * intrinsics tests ISA_LEVEL >= MASA_ISA_AVX512 and so on through the macros
 * ISA_HAS_*. Everything there is static but the table: an external inline
 * function compiled for AVX-512 could be linked into the portable code.
 */
#ifndef KERNELS_ISA_H
#define KERNELS_ISA_H

#include <masa/cpu.h>

#define ISA_JOIN_(a, b) a##b
#define ISA_JOIN(a, b)  ISA_JOIN_(a, b)

#ifdef ISA_VARIANT
#define ISA_NAME(name) ISA_JOIN(name, ISA_VARIANT)
#define ISA_HAS_AVX2   (ISA_LEVEL >= 1)
#define ISA_HAS_AVX512 (ISA_LEVEL >= 2)
#define ISA_HAS_BF16   (ISA_LEVEL >= 3)
#define ISA_HAS_AMX    (ISA_LEVEL >= 4)
#endif

#ifdef __x86_64__
#define ISA_TABLES(table)                                                                      \
    extern const struct table table##_reference, table##_avx2, table##_avx512,                 \
        table##_avx512_bf16, table##_amx;
/* The table of a given instruction set; tests go through all that the machine has. */
#define ISA_OF(table, isa)                                                                     \
    ((isa) == MASA_ISA_AMX           ? &table##_amx                                            \
     : (isa) == MASA_ISA_AVX512_BF16 ? &table##_avx512_bf16                                    \
     : (isa) == MASA_ISA_AVX512      ? &table##_avx512                                         \
     : (isa) == MASA_ISA_AVX2        ? &table##_avx2                                           \
                                     : &table##_reference)
#else
#define ISA_TABLES(table)  extern const struct table table##_reference;
#define ISA_OF(table, isa) (&table##_reference)
#endif

#define ISA_SELECT(table) ISA_OF(table, masa_isa_get())

/* What the processor has, whatever MASA_ISA says. */
masa_isa isa_detect(void);
/* For tests: masa_isa_get() answers this from now on. Not above isa_detect(). */
void isa_force(masa_isa isa);

#endif
