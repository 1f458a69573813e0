#include "golden.h"
#include <glob.h>
#include <masa/safetensors.h>

#define PATH "test_safetensors.tmp.safetensors"

static masa_text file_of(const char *header, size_t data)
{
    masa_text t = {0};
    uint64_t length = strlen(header);
    masa_text_append(&t, (const char *)&length, sizeof length);
    masa_text_add(&t, header);
    for (size_t i = 0; i < data; i++) masa_text_append(&t, &(char){(char)i}, 1);
    return t;
}

static masa_status open_text(masa_safetensors **out, const masa_text *t, masa_error *err)
{
    char *copy = exact_copy(t->data, t->size);
    masa_status st = masa_safetensors_open_memory(out, copy, t->size, err);
    if (st == MASA_OK) { /* touch every byte that it points to */
        for (size_t i = 0; i < masa_safetensors_count(*out); i++) {
            const masa_safetensors_tensor *x = masa_safetensors_get(*out, i);
            float *values = malloc(x->n * sizeof *values + 1);
            masa_tensor_dequantize(values, x->type, x->data, x->n);
            free(values);
        }
        masa_safetensors_close(*out);
        *out = NULL;
    }
    free(copy);
    return st;
}

static const char good[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                           "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                           "\"a\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[8,20]},"
                           "\"c\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[20,22]}}";

static void reads_names_shapes_and_data(void **state)
{
    (void)state;
    masa_text t = file_of(good, 22);
    masa_safetensors *s = NULL;
    assert_ok(masa_safetensors_open_memory(&s, t.data, t.size, err));
    assert_int_equal(masa_safetensors_count(s), 3);
    assert_string_equal(masa_safetensors_get(s, 0)->name, "b");
    const masa_safetensors_tensor *a = masa_safetensors_find(s, "a");
    assert_true(a && a->type == MASA_TENSOR_BF16 && a->n_dims == 2 && a->n == 6);
    assert_true(a->dims[0] == 2 && a->dims[1] == 3 && a->data[0] == 8);
    assert_int_equal(masa_safetensors_find(s, "c")->n, 1);
    assert_null(masa_safetensors_find(s, "d"));
    masa_safetensors_close(s);
    masa_text_deinit(&t);
}

static void survives_truncation_and_changed_bits(void **state)
{
    (void)state;
    masa_text t = file_of(good, 22);
    masa_safetensors *s = NULL;
    for (size_t n = 0; n < t.size; n++) {
        masa_error why = {0};
        masa_text cut = {.data = t.data, .size = n};
        assert_int_not_equal(open_text(&s, &cut, &why), MASA_OK);
        assert_true(strlen(why.message) > 10);
    }
    for (size_t at = 0; at < t.size; at++)
        for (int bit = 0; bit < 8; bit++) {
            masa_error why = {0};
            t.data[at] = (char)(t.data[at] ^ 1 << bit);
            if (open_text(&s, &t, &why) != MASA_OK) assert_true(strlen(why.message) > 10);
            t.data[at] = (char)(t.data[at] ^ 1 << bit);
        }
    masa_text_deinit(&t);
}

static void refuses_what_is_not_whole(void **state)
{
    (void)state;
    static const struct {
        const char *header, *says;
        size_t data;
    } cases[] = {
        {"{\"a\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[0,2]}}", "dtype I8", 2},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", "shape", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", "shape", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", "follow", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", "offsets", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "after", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905,4],"
         "\"data_offsets\":[0,16]}}",
         "shape", 16},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905],"
         "\"data_offsets\":[0,4]}}",
         "shape", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
         "follow", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
         "JSON", 4},
        {"{\"a\":1}", "dtype", 0},
        {"[1]", "JSON object", 0},
        {"{\"a\":", "JSON object", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        masa_text t = file_of(cases[i].header, cases[i].data);
        masa_safetensors *s = NULL;
        masa_error why = {0};
        assert_int_not_equal(open_text(&s, &t, &why), MASA_OK);
        if (!strstr(why.message, cases[i].says))
            fail_msg("case %zu: '%s' is not in '%s'", i, cases[i].says, why.message);
        masa_text_deinit(&t);
    }
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    float a[6] = {1, -2.5f, 3e-3f, 0, 65504, -1e-6f}, b[3] = {1, 2, 3};
    masa_named_tensor tensors[] = {
        {.name = "a\"\\", .data = a, .rows = 2, .cols = 3},
        {.name = "b", .data = b, .rows = 1, .cols = 3, .vector = true}};
    for (masa_save_dtype dtype = MASA_SAVE_F32; dtype <= MASA_SAVE_BF16; dtype++) {
        masa_text first = {0}, second = {0};
        masa_safetensors *s = NULL;
        assert_ok(masa_safetensors_write(PATH, tensors, 2, dtype, err));
        assert_ok(masa_file_read(&first, PATH, err));
        assert_ok(masa_safetensors_open(&s, PATH, err));
        const masa_safetensors_tensor *x = masa_safetensors_find(s, "a\"\\");
        const masa_safetensors_tensor *y = masa_safetensors_find(s, "b");
        assert_true(x && x->n_dims == 2 && x->dims[0] == 2 && y && y->n_dims == 1);
        assert_int_equal((uintptr_t)x->data % 8, 0);
        float read[6], read_b[3];
        masa_tensor_dequantize(read, x->type, x->data, 6);
        masa_tensor_dequantize(read_b, y->type, y->data, 3);
        for (int i = 0; i < 6; i++)
            assert_near(read[i], a[i], dtype == MASA_SAVE_F32 ? 0 : 8e-3 * fabs(a[i]) + 1e-7);
        masa_safetensors_close(s);
        /* What was rounded once is not rounded again. */
        masa_named_tensor again[] = {tensors[0], tensors[1]};
        again[0].data = read, again[1].data = read_b;
        assert_ok(masa_safetensors_write(PATH, again, 2, dtype, err));
        assert_ok(masa_file_read(&second, PATH, err));
        assert_int_equal(first.size, second.size);
        assert_memory_equal(first.data, second.data, first.size);
        masa_text_deinit(&first);
        masa_text_deinit(&second);
    }
    remove(PATH);
}

static void refuses_to_overflow_float16(void **state)
{
    (void)state;
    float a[2] = {1, 70000};
    masa_named_tensor t = {.name = "big", .data = a, .rows = 1, .cols = 2, .vector = true};
    masa_error why = {0};
    assert_int_equal(masa_safetensors_write(PATH, &t, 1, MASA_SAVE_F16, &why), MASA_ERR_DATA);
    assert_non_null(strstr(why.message, "'big'"));
    assert_false(masa_path_exists(PATH));
    glob_t left = {0}; /* nor anything beside it */
    assert_int_equal(glob(PATH "*", 0, NULL, &left), GLOB_NOMATCH);
    assert_int_equal(
        masa_safetensors_open(&(masa_safetensors *){0}, MASA_TEST_DATA "/quants.gguf", &why),
        MASA_ERR_FORMAT);
    assert_string_equal(why.path, MASA_TEST_DATA "/quants.gguf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_names_shapes_and_data),
                                       cmocka_unit_test(survives_truncation_and_changed_bits),
                                       cmocka_unit_test(refuses_what_is_not_whole),
                                       cmocka_unit_test(writes_what_it_reads),
                                       cmocka_unit_test(refuses_to_overflow_float16)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
