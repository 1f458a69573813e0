#include "fixture.h"

static void counts_holders(void **state)
{
    (void)state;
    block_pool pool;
    block_pool_init(&pool, 3);
    int32_t a = block_acquire(&pool), b = block_acquire(&pool), c = block_acquire(&pool);
    assert_true(a != b && b != c && a != c);
    assert_int_equal(pool.n_free, 0);
    block_retain(&pool, b);
    block_release(&pool, b);
    assert_int_equal(pool.n_free, 0);
    block_release(&pool, b);
    assert_int_equal(pool.n_free, 1);
    assert_int_equal(block_acquire(&pool), b);
    block_pool_deinit(&pool);
}

/* A block's copy carries the keys and values of every layer and touches no other. */
static void copies_a_block_of_every_layer(void **state)
{
    (void)state;
    masa_model *model = tiny_model(MASA_F32);
    const masa_model_config *c = masa_model_get_config(model);
    masa_kv_store store;
    assert_int_equal(masa_kv_store_init(&store, model, 4, BLOCK_TOKENS, NULL), MASA_OK);
    float *values = store.memory;
    size_t block = c->n_kv_heads * BLOCK_TOKENS * c->head_dim;
    size_t n = 2 * c->n_layers * 4 * block;
    assert_int_equal(n * sizeof *values, masa_kv_store_bytes(c, MASA_F32, 4, BLOCK_TOKENS));
    for (size_t i = 0; i < n; i++) values[i] = (float)i;
    block_copy(&store, model, 3, 1);
    for (size_t i = 0; i < n; i++) {
        size_t from = i / block % 4 == 3 ? i - 2 * block : i;
        assert_true(values[i] == (float)from);
    }
    masa_kv_store_deinit(&store);
    masa_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts_holders),
                                       cmocka_unit_test(copies_a_block_of_every_layer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
