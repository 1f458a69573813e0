#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <masa/cpu.h>
#include <masa/log.h>
#include "isa.h"
#ifdef __x86_64__
#include <cpuid.h>
#endif
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

static const char *const names[] = {"reference", "avx2", "avx512", "avx512_bf16", "amx"};
static atomic_int chosen = -1;

#ifdef __x86_64__
/* The processor has AMX's tiles and bf16 products (leaf 7, EDX bits 24 and 22), and Linux lets
 * this process and its threads have the registers, which must be asked for. */
static bool have_amx(void)
{
#if defined __linux__ && defined SYS_arch_prctl
    enum { ASK_FOR_STATE = 0x1023, TILE_DATA = 18 };
    unsigned a, b, c, d;
    unsigned need = 1u << 24 | 1u << 22;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & need) == need &&
           syscall(SYS_arch_prctl, ASK_FOR_STATE, TILE_DATA) == 0;
#else
    return false;
#endif
}
#endif

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
    return have_amx() ? MASA_ISA_AMX : MASA_ISA_AVX512_BF16;
#else
    return MASA_ISA_REFERENCE;
#endif
}

static masa_isa choose(void)
{
    masa_isa best = isa_detect();
    const char *wish = getenv("MASA_ISA");
    if (!wish || !*wish) return best;
    for (int i = 0; i <= MASA_ISA_AMX; i++)
        if (!strcmp(wish, names[i])) return (masa_isa)i < best ? (masa_isa)i : best;
    masa_warn("MASA_ISA=%s is not one of reference, avx2, avx512, avx512_bf16, amx; using %s",
              wish, names[best]);
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
