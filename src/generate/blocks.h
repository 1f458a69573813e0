/* The blocks of the KV cache: which are free, and how many sequences hold each.
 * A block held by several is a full block of a prompt and is never written. */
#ifndef GENERATE_BLOCKS_H
#define GENERATE_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

typedef struct block_pool {
    int32_t *refs; /* [n] holders of each block */
    int32_t *free; /* [n_free] a stack: what was freed last is warm in the cache */
    size_t n, n_free;
} block_pool;

void block_pool_init(block_pool *pool, size_t n);
void block_pool_deinit(block_pool *pool);

/* A free block with one holder. The caller has seen that n_free > 0. */
int32_t block_acquire(block_pool *pool);
void block_retain(block_pool *pool, int32_t block);
void block_release(block_pool *pool, int32_t block);

#endif
