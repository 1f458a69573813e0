#include "generate_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts_holders)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
