#include "golden.h"
#include <masa/gguf.h>

/* Every type against the values that gguf.quants gives, bit for bit. */
static void dequantizes_like_the_reference(void **state)
{
    (void)state;
    static const char *const names[] = {"F32",  "F16",  "BF16", "Q8_0", "Q4_0", "Q4_1",
                                        "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"};
    masa_gguf *g = NULL;
    assert_ok(masa_gguf_open(&g, MASA_TEST_DATA "/quants.gguf", err));
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        char name[32];
        snprintf(name, sizeof name, "expected.%s", names[k]);
        const masa_gguf_tensor *t = masa_gguf_find_tensor(g, names[k]);
        const masa_gguf_tensor *e = masa_gguf_find_tensor(g, name);
        assert_true(t && e && t->n == 256 && e->n == 256);
        assert_string_equal(masa_tensor_type_layout(t->type)->name, names[k]);
        float values[256], expected[256];
        masa_tensor_dequantize(values, t->type, t->data, t->n);
        masa_tensor_dequantize(expected, e->type, e->data, e->n);
        for (int i = 0; i < 256; i++)
            if (values[i] != expected[i])
                fail_msg("%s[%d] is %.9g, not %.9g", names[k], i, (double)values[i],
                         (double)expected[i]);
    }
    masa_gguf_close(g);
}

static void knows_only_its_types(void **state)
{
    (void)state;
    int known = 0;
    for (uint32_t type = 0; type < 300; type++) known += masa_tensor_type_layout(type) != NULL;
    assert_int_equal(known, 11);
    assert_null(masa_tensor_type_layout(UINT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(dequantizes_like_the_reference),
                                       cmocka_unit_test(knows_only_its_types)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
