#include "blocks.h"

#include <masa/memory.h>

#include <assert.h>
#include <stdlib.h>

void block_pool_init(block_pool *pool, size_t n)
{
    *pool = (block_pool){.n = n, .n_free = n};
    pool->refs = masa_alloc(n, sizeof *pool->refs);
    pool->free = masa_alloc(n, sizeof *pool->free);
    for (size_t i = 0; i < n; i++) pool->free[i] = (int32_t)(n - 1 - i);
}

void block_pool_deinit(block_pool *pool)
{
    free(pool->refs);
    free(pool->free);
    *pool = (block_pool){0};
}

int32_t block_acquire(block_pool *pool)
{
    assert(pool->n_free > 0);
    int32_t block = pool->free[--pool->n_free];
    assert(pool->refs[block] == 0);
    pool->refs[block] = 1;
    return block;
}

void block_retain(block_pool *pool, int32_t block)
{
    assert(pool->refs[block] > 0);
    pool->refs[block]++;
}

void block_release(block_pool *pool, int32_t block)
{
    assert(pool->refs[block] > 0);
    if (--pool->refs[block] == 0) pool->free[pool->n_free++] = block;
}
