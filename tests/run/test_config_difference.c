#include "masa_test.h"

#include <masa/config.h>

static masa_config load(const char *const *set, size_t n)
{
    masa_config config;
    assert_int_equal(masa_config_load(&config, NULL, NULL, set, n, NULL), MASA_OK);
    return config;
}

static void differences_are_named(void **state)
{
    (void)state;
    const char *set[] = {"train.seed=7", "data.suffix=a: b", "algorithm.advantage=group_mean"};
    masa_config a = load(NULL, 0), b = load(set, 3);
    masa_text text = {0};
    assert_int_equal(masa_config_difference(&a, &a, &text), 0);
    assert_string_equal(masa_text_get(&text), "");
    assert_int_equal(masa_config_difference(&a, &b, &text), 3);
    assert_non_null(strstr(masa_text_get(&text), "train.seed (1, 7)"));
    assert_non_null(
        strstr(masa_text_get(&text), "algorithm.advantage (group_norm, group_mean)"));
    assert_non_null(strstr(masa_text_get(&text), "data.suffix ("));
    masa_text_deinit(&text);
    masa_config_deinit(&a);
    masa_config_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(differences_are_named)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
