#include "kernels_test.h"

static void names_and_lowers(void **state)
{
    (void)state;
    masa_isa isa = masa_isa_get();
    assert_true(isa <= isa_detect());
    const char *wish = getenv("MASA_ISA");
    if (wish) assert_string_equal(masa_isa_name(isa), wish);
    else assert_int_equal(isa, isa_detect());
    assert_string_equal(masa_isa_name(MASA_ISA_REFERENCE), "reference");
    assert_string_equal(masa_isa_name(MASA_ISA_AMX), "amx");
}

static void forced_for_tests(void **state)
{
    (void)state;
    masa_isa isa = masa_isa_get();
    isa_force(MASA_ISA_REFERENCE);
    assert_int_equal(masa_isa_get(), MASA_ISA_REFERENCE);
    isa_force(isa);
    assert_int_equal(masa_isa_get(), isa);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_and_lowers),
                                       cmocka_unit_test(forced_for_tests),
                                       cmocka_unit_test(passes_on_lower_instruction_sets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
