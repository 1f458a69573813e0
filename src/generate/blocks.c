#include "blocks.h"

#include <masa/memory.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void block_pool_init(block_pool *pool, size_t n)
{
    *pool = (block_pool){.n = n, .n_free = n};
    pool->refs = masa_alloc(n, sizeof *pool->refs);
    pool->free = masa_alloc(n, sizeof *pool->free);
    for (size_t i = 0; i < n; i++)
        pool->free[i] = (int32_t)(n - 1 - i);
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

void block_copy(masa_kv_store *store, const masa_model *model, int32_t to, int32_t from)
{
    const masa_model_config *c = masa_model_get_config(model);
    size_t block =
        masa_kv_store_bytes(c, masa_model_dtype(model), 1, store->block_tokens) /
        (2 * c->n_layers); /* bytes of a block's keys in one layer */
    for (size_t plane = 0; plane < 2 * c->n_layers; plane++) {
        char *base = (char *)store->memory + plane * store->n_blocks * block;
        memcpy(base + (size_t)to * block, base + (size_t)from * block, block);
    }
}
