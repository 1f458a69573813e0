/* The plan of a packed batch: trees of segments and the tiles of their rows, made on the
 * host and put once for all layers. */
#include "cuda_attention.h"
#include "cuda_device.h"

#include <stdlib.h>
#include <vector>

struct attention_plan {
    int32_t *memory; /* on the GPU */
    size_t capacity; /* int32 of it */
    size_t n_segments, n_tiles;
};

static const size_t PER_SEGMENT = 5;

void *cuda_plan_create(size_t max_segments)
{
    attention_plan *p = (attention_plan *)calloc(1, sizeof *p);
    /* Segments of a tile or less; longer ones make it grow. */
    p->capacity = (PER_SEGMENT + 2) * (max_segments + 1);
    p->memory = (int32_t *)device_alloc(p->capacity * sizeof(int32_t), false);
    if (p->memory) return p;
    free(p);
    return NULL;
}

void cuda_plan_destroy(void *plan)
{
    attention_plan *p = (attention_plan *)plan;
    device_free(p->memory);
    free(p);
}

size_t cuda_plan_bytes(size_t max_segments)
{
    return (PER_SEGMENT + 2) * (max_segments + 1) * sizeof(int32_t);
}

/* child [s]: the first segment that continues s; next [s]: the next with the same parent. */
static void link_trees(int32_t *child, int32_t *next, const masa_segment *segments, size_t n)
{
    for (size_t s = 0; s < n; s++) child[s] = next[s] = -1;
    for (size_t s = n; s-- > 0;) {
        if (segments[s].parent < 0) continue;
        next[s] = child[segments[s].parent];
        child[segments[s].parent] = (int32_t)s;
    }
}

void cuda_plan_set(void *plan, const masa_segment *segments, size_t n)
{
    attention_plan *p = (attention_plan *)plan;
    std::vector<int32_t> numbers(PER_SEGMENT * n), first;
    int32_t *at = numbers.data();
    for (size_t s = 0; s < n; s++) {
        at[s] = segments[s].start;
        at[n + s] = segments[s].length;
        at[2 * n + s] = segments[s].parent;
    }
    link_trees(at + 3 * n, at + 4 * n, segments, n);
    for (size_t s = 0; s < n; s++)
        for (int32_t row = 0; row < segments[s].length; row += (int32_t)ATTENTION_TILE) {
            numbers.push_back((int32_t)s);
            first.push_back(row);
        }
    numbers.insert(numbers.end(), first.begin(), first.end());
    if (numbers.size() > p->capacity) {
        device_free(p->memory);
        p->capacity = 2 * numbers.size();
        p->memory = (int32_t *)device_alloc(p->capacity * sizeof(int32_t), false);
        if (!p->memory) device_check(cudaErrorMemoryAllocation, "a batch's segments");
    }
    p->n_segments = n;
    p->n_tiles = first.size();
    device_put(p->memory, numbers.data(), numbers.size() * sizeof(int32_t));
}

attention_plan_view attention_view(const void *plan)
{
    const attention_plan *p = (const attention_plan *)plan;
    const int32_t *m = p->memory;
    size_t n = p->n_segments, tiles = PER_SEGMENT * n;
    return {m,
            m + n,
            m + 2 * n,
            m + 3 * n,
            m + 4 * n,
            m + tiles,
            m + tiles + p->n_tiles,
            (unsigned)p->n_tiles};
}
