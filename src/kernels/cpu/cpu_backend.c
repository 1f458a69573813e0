/* The processor as a device: its table, and its memory, which is the host's. */
#include <masa/cpu.h>
#include <masa/memory.h>
#include <masa/parallel.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_backend.h"
#include "cpu_onednn.h"
#include "cpu_split.h"

masa_status cpu_start(size_t index, bool round, masa_error *err)
{
    (void)index, (void)round, (void)err;
    return MASA_OK;
}

const char *cpu_name(void)
{
    static char name[64];
    snprintf(name, sizeof name, "%s, %d threads", masa_isa_name(masa_isa_get()),
             masa_threads());
    return name;
}

const char *cpu_facts(void)
{
    return cpu_name();
}

masa_dtype cpu_compute(void)
{
    return masa_isa_get() >= MASA_ISA_AVX512_BF16 ? MASA_BF16 : MASA_F32;
}

masa_device_sizes cpu_sizes(void)
{
    return (masa_device_sizes){.block_tokens = 16,
                               .prefill_rows = 512,
                               .head_rows = 256,
                               .products = onednn_cache_bytes(),
                               .trainable_copies =
                                   masa_isa_get() == MASA_ISA_REFERENCE ? 1 : 2};
}

size_t cpu_available(void)
{
    return masa_memory_available();
}

size_t cpu_peak(void)
{
    return masa_memory_peak();
}

void *cpu_alloc(size_t bytes, bool zeroed)
{
    bool fails = bytes >= SIZE_MAX - 64 || masa_memory_denied();
    void *p = fails ? NULL : aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (p && zeroed) memset(p, 0, bytes);
    return p;
}

void cpu_release(void *p)
{
    free(p);
}

void cpu_put(void *to, const void *from_host, size_t bytes)
{
    memcpy(to, from_host, bytes);
}

void cpu_get(void *to_host, const void *from, size_t bytes)
{
    memcpy(to_host, from, bytes);
}

void cpu_copy(void *to, const void *from, size_t pitch, size_t bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        memcpy((char *)to + i * pitch, (const char *)from + i * pitch, bytes);
}

static void zero(void *to, size_t begin, size_t end)
{
    memset((char *)to + begin * sizeof(float), 0, (end - begin) * sizeof(float));
}

void cpu_zero(void *to, size_t bytes)
{
    size_t floats = bytes / sizeof(float), rest = bytes % sizeof(float);
    parallel_ranges(floats, 1024, 1, zero, to);
    memset((char *)to + bytes - rest, 0, rest);
}

#define CPU_ENTRY(function) .function = cpu_##function,
const struct backend backend_cpu = {.version = BACKEND_VERSION,
                                    .kind = "cpu",
                                    .host_memory = true,
                                    .samples_filtered = true,
                                    CPU_FUNCTIONS(CPU_ENTRY)};
