#include "masa_test.h"
#include <masa/dtype.h>

/* All 65536 half-precision numbers by their definition, and back. */
static void every_f16_is_exact(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        int exponent = (int)(h >> 10 & 31);
        float mantissa = (float)(h & 1023), sign = h & 0x8000 ? -1 : 1;
        float f = masa_f16_to_f32((uint16_t)h);
        if (exponent == 31 && mantissa > 0) {
            assert_true(isnan(f) && isnan(masa_f16_to_f32(masa_f32_to_f16(f))));
            continue;
        }
        float expected = exponent == 31  ? INFINITY
                         : exponent == 0 ? ldexpf(mantissa, -24)
                                         : ldexpf(1024 + mantissa, exponent - 25);
        assert_true(f == sign * expected && !signbit(f) == !signbit(sign));
        assert_int_equal(masa_f32_to_f16(f), h);
    }
}

static void f32_rounds_to_the_nearest_even_f16(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x7BFF; h++) {
        float low = masa_f16_to_f32((uint16_t)h), high = masa_f16_to_f32((uint16_t)(h + 1));
        float middle = low + (high - low) / 2;
        assert_int_equal(masa_f32_to_f16(middle), h & 1 ? h + 1 : h);
        assert_int_equal(masa_f32_to_f16(nextafterf(middle, 0)), h);
        assert_int_equal(masa_f32_to_f16(-nextafterf(middle, 1e9f)), 0x8000 | (h + 1));
    }
    assert_int_equal(masa_f32_to_f16(65519.9f), 0x7BFF);
    assert_int_equal(masa_f32_to_f16(65520), 0x7C00);
}

static void bf16_rounds_to_nearest_even(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x7F80; h++) {
        float f = masa_bf16_to_f32((uint16_t)h);
        assert_int_equal(masa_f32_to_bf16(f), h);
        uint32_t tie = h << 16 | 0x8000;
        memcpy(&f, &tie, sizeof f);
        assert_int_equal(masa_f32_to_bf16(f), h & 1 ? h + 1 : h);
    }
    assert_true(isnan(masa_bf16_to_f32(masa_f32_to_bf16(NAN))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_f16_is_exact),
                                       cmocka_unit_test(f32_rounds_to_the_nearest_even_f16),
                                       cmocka_unit_test(bf16_rounds_to_nearest_even)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
