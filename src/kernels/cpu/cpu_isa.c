#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <masa/cpu.h>
#include <masa/log.h>
#include "isa.h"
#ifdef __x86_64__
#include <cpuid.h>
#endif

static const char *const names[] = {"reference", "avx2", "avx512", "avx512_bf16"};
static atomic_int chosen = -1;

masa_isa isa_detect(void)
{
#ifdef __x86_64__
    /* These ask for the operating system's consent (xgetbv) too. */
    __builtin_cpu_init();
    unsigned a, b, c = 0, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) c = 0;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !(c & bit_F16C))
        return MASA_ISA_REFERENCE;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq"))
        return MASA_ISA_AVX2;
    /* Leaf 7, sub-leaf 1, EAX bit 5. */
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a & 1u << 5)) return MASA_ISA_AVX512;
    return MASA_ISA_AVX512_BF16;
#else
    return MASA_ISA_REFERENCE;
#endif
}

static masa_isa choose(void)
{
    masa_isa best = isa_detect();
    const char *wish = getenv("MASA_ISA");
    if (!wish || !*wish) return best;
    for (int i = 0; i <= MASA_ISA_AVX512_BF16; i++)
        if (!strcmp(wish, names[i])) return (masa_isa)i < best ? (masa_isa)i : best;
    masa_warn("MASA_ISA=%s is not one of reference, avx2, avx512, avx512_bf16; using %s", wish,
              names[best]);
    return best;
}

masa_isa masa_isa_get(void)
{
    int isa = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (isa < 0) {
        isa = (int)choose();
        atomic_store_explicit(&chosen, isa, memory_order_relaxed);
    }
    return (masa_isa)isa;
}

void isa_force(masa_isa isa)
{
    atomic_store_explicit(&chosen, (int)isa, memory_order_relaxed);
}

const char *masa_isa_name(masa_isa isa)
{
    return names[isa];
}
