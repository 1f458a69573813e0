#include "masa_test.h"
#include <masa/random.h>

/* Known-answer vectors of Random123 for Philox4x32-10. */
static void matches_random123(void **state)
{
    (void)state;
    uint32_t out[4];
    masa_philox(out, (uint32_t[4]){0}, (uint32_t[2]){0});
    assert_int_equal(out[0], 0x6627e8d5);
    assert_int_equal(out[1], 0xe169c58d);
    assert_int_equal(out[2], 0xbc57ac4c);
    assert_int_equal(out[3], 0x9b00dbd8);
    uint32_t pi[4] = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};
    masa_philox(out, pi, (uint32_t[2]){0xa4093822, 0x299f31d0});
    assert_int_equal(out[0], 0xd16cfe09);
    assert_int_equal(out[1], 0x94fdcceb);
    assert_int_equal(out[2], 0x5001e420);
    assert_int_equal(out[3], 0x24126ea1);
}

static void draws_are_uniform(void **state)
{
    (void)state;
    masa_random r = masa_random_init(7, MASA_STREAM_TEST);
    size_t n = 100000, counts[10] = {0};
    double sum = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        counts[masa_random_below(&r, 10)]++;
        double z = masa_random_normal(&r);
        sum += z, square += z * z;
    }
    for (int i = 0; i < 10; i++) assert_near((double)counts[i] / (double)n, 0.1, 0.005);
    assert_near(sum / (double)n, 0, 0.02);
    assert_near(square / (double)n, 1, 0.02);
}

static void streams_and_keys_are_apart(void **state)
{
    (void)state;
    assert_true(masa_uniform(1, MASA_STREAM_SAMPLE, 0) != masa_uniform(1, MASA_STREAM_DATA, 0));
    assert_true(masa_key(1, 2) != masa_key(2, 1));
    assert_true(masa_uniform(3, MASA_STREAM_SAMPLE, 9) ==
                masa_uniform(3, MASA_STREAM_SAMPLE, 9));
}

static void shuffle_is_a_permutation(void **state)
{
    (void)state;
    size_t items[50], seen[50] = {0};
    for (size_t i = 0; i < 50; i++) items[i] = i;
    masa_random r = masa_random_init(1, MASA_STREAM_TEST);
    masa_random_shuffle(&r, items, 50);
    for (size_t i = 0; i < 50; i++) seen[items[i]]++;
    for (size_t i = 0; i < 50; i++) assert_int_equal(seen[i], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(matches_random123),
                                       cmocka_unit_test(draws_are_uniform),
                                       cmocka_unit_test(streams_and_keys_are_apart),
                                       cmocka_unit_test(shuffle_is_a_permutation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
