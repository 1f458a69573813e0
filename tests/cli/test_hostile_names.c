/* A model file whose tensors have the names of an attacker: whatever is said of one is a single
 * line of bounded length that a terminal does not obey. */
#include "cli_test.h"

#include <masa/text.h>

/* Clears the screen, paints it (by C1 too), turns the direction of text, forges a line. */
#define ORDERS      "\x1b[2J\xc2\x9b\x33\x31m\xe2\x80\xae\nmasa: all is well\r"
#define ORDERS_JSON "\\u001b[2J\\u009b31m\\u202e\\nmasa: all is well\\r"
#define SHOWN       "\\x1B[2J\\x9B31m\\u202E\\nmasa: all is well\\x0D"

enum { NAME = 5000, LINE = 700 /* bytes that one may have */ };

/* The orders, then many letters. */
static const char *name_with(const char *orders)
{
    static char name[NAME + 1];
    memset(name, 'x', NAME);
    memcpy(name, orders, strlen(orders));
    return name;
}

static void assert_harmless(const char *what)
{
    const unsigned char *p = (const unsigned char *)errors;
    size_t n = strlen(errors);
    bool line = n > 0 && n < LINE && strchr(errors, '\n') == errors + n - 1;
    for (size_t i = 0; line && i < n - 1; i++)
        line = p[i] >= 0x20 && p[i] != 0x7f && !(p[i] == 0xc2 && p[i + 1] < 0xa0) &&
               !(p[i] == 0xe2 && p[i + 1] == 0x80 && p[i + 2] == 0xae);
    if (!line || !strstr(errors, SHOWN)) fail_msg("%s: %zu bytes: %s", what, n, errors);
}

/* By every command that opens a model. */
static void refused(const char *path, const char *what)
{
    static const char *const commands[] = {"inspect %s", "inspect --tensors %s",
                                           "generate --model %s a", "convert %s out"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char line[200], how[160];
        snprintf(how, sizeof how, commands[i], path);
        snprintf(line, sizeof line, "$masa %s", how);
        if (shell(line) != 1) fail_msg("%s: %s: status", what, how);
        assert_harmless(what);
    }
}

static void write_bytes(const char *name, const masa_text *bytes)
{
    char *path = masa_path_join(folder, name);
    assert_int_equal(masa_file_write(path, bytes->data, bytes->size, NULL), MASA_OK);
    free(path);
}

/* ---- safetensors ---- */

static void put_u64(masa_text *t, uint64_t v)
{
    masa_text_append(t, (const char *)&v, sizeof v);
}

static void save_safetensors(const masa_text *header, const char *data, size_t size)
{
    masa_text file = {0};
    put_u64(&file, header->size);
    masa_text_append(&file, header->data, header->size);
    masa_text_append(&file, data, size);
    write_bytes("hostile/model.safetensors", &file);
    masa_text_deinit(&file);
}

static void names_in_safetensors_are_harmless(void **state)
{
    (void)state;
    static const char *const entries[] = {
        "{}",
        "{\"dtype\":\"I7\"}",
        "{\"dtype\":\"F32\",\"shape\":[-1]}",
        "{\"dtype\":\"F32\",\"shape\":[1]}",
        "{\"dtype\":\"F32\",\"shape\":[100],\"data_offsets\":[0,400]}",
        "{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}",
        "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}",
    };
    assert_int_equal(shell("mkdir hostile && cp config.json tokenizer* hostile"), 0);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        masa_text header = {0};
        masa_text_addf(&header, "{\"%s\":%s}", name_with(ORDERS_JSON), entries[i]);
        save_safetensors(&header, "\0\0\0\0\0\0\0", 8);
        refused("hostile", entries[i]);
        masa_text_deinit(&header);
    }
}

/* A whole model with one tensor more, of no bytes. */
static void a_name_without_a_place_is_harmless(void **state)
{
    (void)state;
    masa_text file = {0}, header = {0};
    char *path = masa_path_join(folder, "model.safetensors");
    uint64_t size;
    assert_int_equal(masa_file_read(&file, path, NULL), MASA_OK);
    free(path);
    memcpy(&size, file.data, sizeof size);
    size_t data = file.size - 8 - size, end = size;
    while (file.data[8 + end - 1] != '}') end--;
    masa_text_append(&header, file.data + 8, end - 1);
    masa_text_addf(&header,
                   ",\"%s\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[%zu,%zu]}}",
                   name_with(ORDERS_JSON), data, data);
    save_safetensors(&header, file.data + 8 + size, data);
    assert_int_equal(shell("$masa generate --model hostile a"), 1);
    assert_non_null(strstr(errors, "has no place"));
    assert_harmless("no place");
    masa_text_deinit(&file);
    masa_text_deinit(&header);
}

static void names_in_an_index_are_harmless(void **state)
{
    (void)state;
    masa_text index = {0};
    masa_text_addf(&index, "{\"weight_map\":{\"%s\":5}}", name_with(ORDERS_JSON));
    assert_int_equal(shell("rm hostile/model.safetensors"), 0);
    write_bytes("hostile/model.safetensors.index.json", &index);
    refused("hostile", "index");
    masa_text_deinit(&index);
}

/* ---- GGUF ---- */

static void put_u32(masa_text *t, uint32_t v)
{
    masa_text_append(t, (const char *)&v, sizeof v);
}

static void put_name(masa_text *t)
{
    put_u64(t, NAME);
    masa_text_append(t, name_with(ORDERS), NAME);
}

static void put_header(masa_text *t, uint64_t tensors, uint64_t entries)
{
    masa_text_clear(t);
    masa_text_add(t, "GGUF");
    put_u32(t, 3);
    put_u64(t, tensors);
    put_u64(t, entries);
}

static void put_tensor(masa_text *t, uint32_t n_dims, uint64_t dim, uint32_t type,
                       uint64_t offset)
{
    put_name(t);
    put_u32(t, n_dims);
    put_u64(t, dim);
    put_u32(t, type);
    put_u64(t, offset);
}

static void names_in_gguf_are_harmless(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint32_t n_dims;
        uint64_t dim;
        uint32_t type;
        uint64_t offset;
    } cases[] = {
        {"dimensions", 9, 1, 0, 0}, {"shape", 1, 0, 0, 0},     {"type", 1, 1, 999, 0},
        {"blocks", 1, 3, 8, 0},     {"alignment", 1, 1, 0, 1}, {"end", 1, 1000, 0, 0},
    };
    masa_text file = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_header(&file, 1, 0);
        put_tensor(&file, cases[i].n_dims, cases[i].dim, cases[i].type, cases[i].offset);
        write_bytes("hostile.gguf", &file);
        refused("hostile.gguf", cases[i].what);
    }
    put_header(&file, 2, 0);
    for (int i = 0; i < 2; i++) put_tensor(&file, 1, 1, 0, 0);
    write_bytes("hostile.gguf", &file);
    refused("hostile.gguf", "twice");
    put_header(&file, 0, 1);
    put_name(&file);
    put_u32(&file, 99);
    write_bytes("hostile.gguf", &file);
    refused("hostile.gguf", "a key of metadata");
    masa_text_deinit(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_in_safetensors_are_harmless),
        cmocka_unit_test(a_name_without_a_place_is_harmless),
        cmocka_unit_test(names_in_an_index_are_harmless),
        cmocka_unit_test(names_in_gguf_are_harmless),
    };
    return cmocka_run_group_tests(tests, make_model, remove_model);
}
