/* The device that is chosen, and its memory. */
#include "kernels_test.h"
#include <masa/cpu.h>
#include <masa/device.h>

static void moves_memory(void **state)
{
    (void)state;
    enum { N = 100000 };
    static char host[N], back[N];
    void DEVICE *a = NULL, *b = NULL;
    for (size_t i = 0; i < N; i++) host[i] = (char)(i * 7);
    assert_int_equal(masa_device_alloc(&a, N, 1, "a test", NULL), MASA_OK);
    assert_int_equal(masa_device_reserve(&b, N, 1, "a test", NULL), MASA_OK);
    assert_int_equal((uintptr_t)a % 64, 0);
    masa_device_get(back, a, N);
    for (size_t i = 0; i < N; i++) assert_int_equal(back[i], 0);
    masa_device_put(a, host, N);
    masa_device_copy(b, a, N);
    masa_device_get(back, b, N);
    assert_memory_equal(back, host, N);
    masa_device_zero((char DEVICE *)a + 10, N - 20);
    masa_device_get(back, a, N);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(back[i], i < 10 || i >= N - 10 ? host[i] : 0);
    masa_device_free(a);
    masa_device_free(b);
    masa_device_free(NULL);
}

/* Bytes 3..7 of every 10, into bytes 2..6. */
static void copies_planes(void **state)
{
    (void)state;
    char host[40], back[40];
    void DEVICE *p = NULL;
    for (int i = 0; i < 40; i++) host[i] = (char)i;
    assert_int_equal(masa_device_alloc(&p, 2, 40, "a test", NULL), MASA_OK);
    char DEVICE *from = p, *to = from + 40;
    masa_device_put(from, host, 40);
    masa_device_copy_planes(to + 2, from + 3, 10, 5, 4);
    masa_device_get(back, to, 40);
    for (int i = 0; i < 40; i++)
        assert_int_equal(back[i], i % 10 >= 2 && i % 10 < 7 ? i + 1 : 0);
    masa_device_free(p);
}

static void shows_memory_to_the_host(void **state)
{
    (void)state;
    void DEVICE *p = NULL;
    void *host = NULL;
    char back[8];
    assert_int_equal(masa_device_alloc(&p, 8, 1, "a test", NULL), MASA_OK);
    assert_int_equal(masa_device_map(&host, p, 8, true, "a test", NULL), MASA_OK);
    memcpy(host, "written", 8);
    masa_device_unmap(host, p, 8, true);
    masa_device_get(back, p, 8);
    assert_string_equal(back, "written");
    assert_int_equal(masa_device_map(&host, p, 8, false, "a test", NULL), MASA_OK);
    assert_string_equal(host, "written");
    masa_device_unmap(host, p, 8, false);
    masa_device_free(p);
}

static void says_what_did_not_fit(void **state)
{
    (void)state;
    masa_error err = {0};
    void DEVICE *p = NULL;
    assert_int_equal(masa_device_alloc(&p, SIZE_MAX / 2, 4, "the moon", &err), MASA_ERR_MEMORY);
    assert_int_equal(masa_device_alloc(&p, SIZE_MAX, 1, "the moon", &err), MASA_ERR_MEMORY);
    assert_non_null(strstr(err.message, "the moon"));
    assert_null(p);
}

static void says_what_it_is(void **state)
{
    (void)state;
    assert_non_null(strstr(masa_device_name(), masa_isa_name(masa_isa_get())));
    assert_int_equal(masa_device_compute(),
                     masa_isa_get() >= MASA_ISA_AVX512_BF16 ? MASA_BF16 : MASA_F32);
    assert_true(masa_device_available() > 0 && masa_device_peak() > 0);
    masa_device_sizes sizes = masa_device_sizes_get();
    assert_true(sizes.products > 0 || masa_isa_get() == MASA_ISA_REFERENCE);
    assert_true(sizes.block_tokens && sizes.prefill_rows && sizes.head_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_memory),
        cmocka_unit_test(copies_planes),
        cmocka_unit_test(shows_memory_to_the_host),
        cmocka_unit_test(says_what_did_not_fit),
        cmocka_unit_test(says_what_it_is),
        cmocka_unit_test(passes_on_lower_instruction_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
