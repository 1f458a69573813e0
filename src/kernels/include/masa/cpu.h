/**
 * What the processor can do, decided once at the first call.
 *
 * MASA_ISA=reference|avx2|avx512|avx512_bf16|amx in the environment lowers (never
 * raises) the choice; oneDNN is capped to the same. `reference` is portable C.
 */
#ifndef MASA_CPU_H
#define MASA_CPU_H

typedef enum masa_isa {
    MASA_ISA_REFERENCE,
    MASA_ISA_AVX2, /* with FMA and F16C */
    MASA_ISA_AVX512,
    MASA_ISA_AVX512_BF16,
    MASA_ISA_AMX, /* with AVX512_BF16 */
} masa_isa;

masa_isa masa_isa_get(void);
const char *masa_isa_name(masa_isa isa);

#endif
