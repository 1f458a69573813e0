#include "cpu_scratch.h"

#include <masa/memory.h>

#include <stdbool.h>
#include <stdlib.h>

#include "cpu_split.h"

static _Thread_local struct {
    struct {
        void *data;
        size_t bytes;
    } of[SCRATCHES];
    bool registered; /* release, at the thread's end */
} mine;

static void release(void)
{
    for (int i = 0; i < SCRATCHES; i++) {
        free(mine.of[i].data);
        mine.of[i].data = NULL;
        mine.of[i].bytes = 0;
    }
}

void *scratch_get(enum scratch which, size_t bytes)
{
    enum { PAGE = 4096 };
    if (mine.of[which].bytes >= bytes) return mine.of[which].data;
    if (!mine.registered) parallel_at_end(release);
    mine.registered = true;
    free(mine.of[which].data);
    size_t rounded = (bytes + PAGE - 1) / PAGE * PAGE;
    mine.of[which].data = masa_memory_denied() ? NULL : aligned_alloc(PAGE, rounded);
    if (!mine.of[which].data) masa_memory_out((double)rounded, "a kernel's scratch");
    mine.of[which].bytes = rounded;
    return mine.of[which].data;
}
