#include "placer.h"

#include <stdint.h>
#include <masa/memory.h>

void DEVICE *placer_take(placer *p, size_t n, size_t size)
{
    size_t bytes, end;
    if (!masa_size_mul(n, size, &bytes) || bytes > SIZE_MAX - 64 ||
        __builtin_add_overflow(p->used, (bytes + 63) / 64 * 64, &end)) {
        p->used = SIZE_MAX;
        return NULL;
    }
    void DEVICE *at = p->base ? p->base + p->used : NULL;
    p->used = end;
    return at;
}
