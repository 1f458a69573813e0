#include "build_gguf.h"

/* A tiny file, built byte by byte as the format's description says. */
static void build(masa_text *t)
{
    put(t, "GGUF", 4);
    put_u32(t, 3);
    put_u64(t, 2); /* tensors */
    put_u64(t, 6); /* metadata */
    put_string(t, "general.architecture");
    put_u32(t, MASA_GGUF_STRING);
    put_string(t, "llama");
    put_string(t, "count");
    put_u32(t, MASA_GGUF_U32);
    put_u32(t, 7);
    put_string(t, "ratio");
    put_u32(t, MASA_GGUF_F32);
    put(t, &(float){0.5f}, 4);
    put_string(t, "flag");
    put_u32(t, MASA_GGUF_BOOL);
    put(t, "\1", 1);
    put_string(t, "words");
    put_u32(t, MASA_GGUF_ARRAY);
    put_u32(t, MASA_GGUF_STRING);
    put_u64(t, 2);
    put_string(t, "one");
    put_string(t, "");
    put_string(t, "numbers");
    put_u32(t, MASA_GGUF_ARRAY);
    put_u32(t, MASA_GGUF_I32);
    put_u64(t, 3);
    put(t, (int32_t[]){1, -2, 3}, 12);
    put_string(t, "vector");
    put_u32(t, 1);
    put_u64(t, 2);
    put_u32(t, MASA_TENSOR_F32);
    put_u64(t, 0);
    put_string(t, "matrix");
    put_u32(t, 2);
    put_u64(t, 32);
    put_u64(t, 1);
    put_u32(t, MASA_TENSOR_Q8_0);
    put_u64(t, 32);
    while (t->size % 32) put(t, "", 1);
    put(t, (float[]){1.5f, -2}, 8);
    while (t->size % 32) put(t, "", 1);
    put(t, "\x00\x40", 2); /* scale 2 */
    for (int i = 0; i < 32; i++) put(t, &(int8_t){(int8_t)(i - 16)}, 1);
}

static void reads_metadata_and_tensors(void **state)
{
    (void)state;
    masa_text file = {0};
    build(&file);
    masa_gguf *g = NULL;
    masa_error err = {0};
    if (masa_gguf_open_memory(&g, file.data, file.size, &err) != MASA_OK)
        fail_msg("%s", err.message);
    masa_gguf_string s;
    int64_t integer = 0;
    double real = 0;
    bool flag = false;
    masa_gguf_array a;
    assert_true(masa_gguf_get_string(g, "general.architecture", &s));
    assert_true(masa_gguf_string_is(s, "llama"));
    assert_true(masa_gguf_get_integer(g, "count", &integer) && integer == 7);
    assert_true(masa_gguf_get_float(g, "count", &real) && real == 7);
    assert_true(masa_gguf_get_float(g, "ratio", &real) && real == 0.5);
    assert_true(masa_gguf_get_bool(g, "flag", &flag) && flag);
    assert_true(masa_gguf_get_array(g, "words", MASA_GGUF_STRING, &a) && a.n == 2);
    assert_true(masa_gguf_string_is(a.strings[0], "one") && a.strings[1].size == 0);
    assert_true(masa_gguf_get_array(g, "numbers", MASA_GGUF_I32, &a) && a.n == 3);
    assert_int_equal(masa_gguf_array_integer(&a, 1), -2);
    assert_false(masa_gguf_get_integer(g, "ratio", &integer));
    assert_false(masa_gguf_get_string(g, "words", &s));
    assert_false(masa_gguf_get_array(g, "numbers", MASA_GGUF_F32, &a));
    assert_false(masa_gguf_get_integer(g, "absent", &integer));
    float values[32];
    const masa_gguf_tensor *t = masa_gguf_find_tensor(g, "vector");
    assert_true(t && t->n_dims == 1 && t->n == 2);
    masa_tensor_dequantize(values, t->type, t->data, t->n);
    assert_true(values[0] == 1.5f && values[1] == -2);
    t = masa_gguf_find_tensor(g, "matrix");
    assert_true(t && t->dims[0] == 32 && t->dims[1] == 1);
    masa_tensor_dequantize(values, t->type, t->data, t->n);
    for (int i = 0; i < 32; i++) assert_true(values[i] == (float)(2 * (i - 16)));
    assert_null(masa_gguf_find_tensor(g, "absent"));
    masa_gguf_close(g);
    masa_text_deinit(&file);
}

/* Every prefix of the file is refused; the copy is exact so that a read past the end
 * is seen by the address sanitizer. */
static void refuses_every_truncation(void **state)
{
    (void)state;
    masa_text file = {0};
    build(&file);
    for (size_t n = 0; n < file.size; n++) {
        char *cut = malloc(n ? n : 1);
        memcpy(cut, file.data, n);
        masa_gguf *g = NULL;
        masa_error err = {0};
        assert_int_not_equal(masa_gguf_open_memory(&g, cut, n, &err), MASA_OK);
        assert_null(g);
        assert_true(strlen(err.message) > 10);
        free(cut);
    }
    masa_text_deinit(&file);
}

static void survives_every_changed_byte(void **state)
{
    (void)state;
    masa_text file = {0};
    build(&file);
    char *copy = malloc(file.size);
    for (size_t at = 0; at < file.size; at++)
        for (int bit = 0; bit < 8; bit++) {
            memcpy(copy, file.data, file.size);
            copy[at] = (char)(copy[at] ^ 1 << bit);
            masa_gguf *g = NULL;
            masa_error err = {0};
            if (masa_gguf_open_memory(&g, copy, file.size, &err) != MASA_OK)
                assert_true(!g && strlen(err.message) > 10);
            for (size_t i = 0; g && i < masa_gguf_tensor_count(g); i++) {
                const masa_gguf_tensor *t = masa_gguf_get_tensor(g, i);
                float *values = malloc(t->n * sizeof *values);
                masa_tensor_dequantize(values, t->type, t->data, t->n);
                free(values);
            }
            masa_gguf_close(g);
        }
    free(copy);
    masa_text_deinit(&file);
}

/* One entry and one tensor of 2 floats, in which one field is wrong. */
static void build_one(masa_text *t, uint32_t version, const char *key, uint32_t type,
                      const char *tensor, uint64_t dim, uint32_t tensor_type, uint64_t offset)
{
    put(t, "GGUF", 4);
    put_u32(t, version);
    put_u64(t, 2);
    put_u64(t, 2);
    put_string(t, "first");
    put_u32(t, MASA_GGUF_U32);
    put_u32(t, 5);
    put_string(t, key);
    put_u32(t, type);
    put_u32(t, type == MASA_GGUF_ARRAY ? MASA_GGUF_ARRAY : 24);
    if (type == MASA_GGUF_ARRAY) put_u64(t, 1);
    put_tensor(t, "one", 1, 2, 1, MASA_TENSOR_F32, 0);
    put_tensor(t, tensor, 1, dim, 1, tensor_type, offset);
    while (t->size % 32) put(t, "", 1);
    put(t, (float[10]){1, 2}, 40);
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        uint32_t version;
        const char *key;
        uint32_t type;
        const char *tensor;
        uint64_t dim;
        uint32_t tensor_type;
        uint64_t offset;
        const char *says;
    } cases[] = {
        {3, "k", MASA_GGUF_U32, "two", 2, MASA_TENSOR_F32, 32, NULL},
        {1, "k", MASA_GGUF_U32, "two", 2, MASA_TENSOR_F32, 32, "version 1"},
        {3u << 24, "k", MASA_GGUF_U32, "two", 2, MASA_TENSOR_F32, 32, "big-endian"},
        {3, "first", MASA_GGUF_U32, "two", 2, MASA_TENSOR_F32, 32, "'first' appears twice"},
        {3, "", MASA_GGUF_U32, "two", 2, MASA_TENSOR_F32, 32, "key of 0 bytes"},
        {3, "k", 99, "two", 2, MASA_TENSOR_F32, 32, "unknown type 99"},
        {3, "k", MASA_GGUF_ARRAY, "two", 2, MASA_TENSOR_F32, 32, "array of type 9"},
        {3, "general.alignment", MASA_GGUF_U32, "two", 2, MASA_TENSOR_F32, 32, "power of two"},
        {3, "k", MASA_GGUF_U32, "one", 2, MASA_TENSOR_F32, 32, "'one' appears twice"},
        {3, "k", MASA_GGUF_U32, "", 2, MASA_TENSOR_F32, 32, "name of 0 bytes"},
        {3, "k", MASA_GGUF_U32, "two", 0, MASA_TENSOR_F32, 32, "impossible shape"},
        {3, "k", MASA_GGUF_U32, "two", UINT64_MAX, MASA_TENSOR_F32, 32, "impossible shape"},
        {3, "k", MASA_GGUF_U32, "two", 2, 16, 32, "GGUF type 16"},
        {3, "k", MASA_GGUF_U32, "two", 2, MASA_TENSOR_Q8_0, 32, "whole Q8_0 blocks"},
        {3, "k", MASA_GGUF_U32, "two", 2, MASA_TENSOR_F32, 33, "not aligned"},
        {3, "k", MASA_GGUF_U32, "two", 3, MASA_TENSOR_F32, 32, "beyond the end"},
        {3, "k", MASA_GGUF_U32, "two", 2, MASA_TENSOR_F32, UINT64_MAX - 31, "beyond the end"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_text file = {0};
        masa_gguf *g = NULL;
        masa_error err = {0};
        build_one(&file, cases[i].version, cases[i].key, cases[i].type, cases[i].tensor,
                  cases[i].dim, cases[i].tensor_type, cases[i].offset);
        masa_status st = masa_gguf_open_memory(&g, file.data, file.size, &err);
        if (cases[i].says ? st == MASA_OK || !strstr(err.message, cases[i].says)
                          : st != MASA_OK)
            fail_msg("case %zu: '%s' is not in '%s'", i, cases[i].says, err.message);
        masa_gguf_close(g);
        masa_text_deinit(&file);
    }
}

static void errors_name_the_file(void **state)
{
    (void)state;
    masa_gguf *g = NULL;
    masa_error err = {0};
    assert_int_equal(masa_gguf_open(&g, MASA_TEST_DATA "/../test_gguf.c", &err),
                     MASA_ERR_FORMAT);
    assert_string_equal(err.path, MASA_TEST_DATA "/../test_gguf.c");
    assert_int_equal(masa_gguf_open(&g, MASA_TEST_DATA "/absent.gguf", &err), MASA_ERR_IO);
    assert_non_null(strstr(err.message, "absent.gguf"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_metadata_and_tensors),
                                       cmocka_unit_test(refuses_every_truncation),
                                       cmocka_unit_test(survives_every_changed_byte),
                                       cmocka_unit_test(says_what_is_wrong),
                                       cmocka_unit_test(errors_name_the_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
