/*
 * Equality with Hugging Face's tokenizers over LINES_COUNT lines: the ids of all
 * lines are hashed and compared with the hash that tools/make_tokenizer_golden.py
 * got over the same lines. `test_tokenizer_parity --write FILE` writes the lines
 * as JSON strings for it.
 */
#include "masa_test.h"
#include "lines.h"
#include "hashes.h"

#include <masa/tokenizer.h>

typedef struct result {
    uint64_t parsed, plain; /* hashes with special tokens parsed, and not */
    size_t n_ids, changed;  /* changed: lines that do not come back */
} result;

static uint64_t hash_ids(uint64_t h, const masa_tokens *tokens)
{
    for (size_t i = 0; i <= tokens->n; i++) {
        uint32_t id = i < tokens->n ? (uint32_t)tokens->ids[i] : UINT32_MAX;
        for (int shift = 0; shift < 32; shift += 8)
            h = (h ^ (id >> shift & 0xFF)) * 0x100000001b3u;
    }
    return h;
}

static result run_lines(const masa_tokenizer *t)
{
    result r = {0xcbf29ce484222325u, 0xcbf29ce484222325u, 0, 0};
    masa_text line = {0}, back = {0};
    masa_tokens ids = {0};
    for (uint64_t i = 0; i < LINES_COUNT; i++) {
        lines_make(&line, i);
        for (int special = 0; special < 2; special++) {
            ids.n = 0;
            masa_text_clear(&back);
            masa_tokenizer_encode(t, line.data, line.size, special, &ids);
            masa_tokenizer_decode(t, ids.ids, ids.n, false, &back);
            if (back.size != line.size || memcmp(back.data, line.data, line.size) != 0)
                r.changed++;
            uint64_t *h = special ? &r.parsed : &r.plain;
            *h = hash_ids(*h, &ids);
            r.n_ids += ids.n;
        }
    }
    masa_text_deinit(&line);
    masa_text_deinit(&back);
    masa_tokens_deinit(&ids);
    return r;
}

static masa_tokenizer *load(const char *path)
{
    masa_tokenizer *t = NULL;
    masa_error err = {0};
    if (masa_tokenizer_load(&t, path, &err) != MASA_OK) fail_msg("%s", err.message);
    return t;
}

static void check(const char *path, const parity_hash *expected)
{
    masa_tokenizer *t = load(path);
    result r = run_lines(t);
    masa_tokenizer_destroy(t);
    assert_int_equal(r.n_ids, expected->n_ids);
    assert_true(r.parsed == expected->parsed);
    assert_true(r.plain == expected->plain);
    if (expected->comes_back) assert_int_equal(r.changed, 0);
    else assert_true(r.changed > 0);
}

static void equals_golden(void **state)
{
    const parity_hash *expected = *state;
    char path[512];
    snprintf(path, sizeof path, MASA_TEST_DATA "/%s/tokenizer.json", expected->name);
    check(path, expected);
}

/* The default model's own tokenizer. */
static void equals_golden_of_model(void **state)
{
    (void)state;
    const char *model = getenv("MASA_TEST_MODEL");
    if (!model) skip_since("MASA_TEST_MODEL names no model");
    check(model, &parity_model);
}

static int write_lines(const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file) return perror(path), 1;
    masa_text line = {0}, json = {0};
    for (uint64_t i = 0; i < LINES_COUNT; i++) {
        lines_make(&line, i);
        masa_text_clear(&json);
        masa_text_add_json(&json, line.data, line.size);
        fprintf(file, "%s\n", json.data);
    }
    masa_text_deinit(&line);
    masa_text_deinit(&json);
    return fclose(file) != 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write") == 0) return write_lines(argv[2]);
    struct CMUnitTest tests[PARITY_COUNT + 1];
    for (size_t i = 0; i < PARITY_COUNT; i++)
        tests[i] = (struct CMUnitTest){parity_hashes[i].name, equals_golden, NULL, NULL,
                                       (void *)(uintptr_t)&parity_hashes[i]};
    tests[PARITY_COUNT] = (struct CMUnitTest)cmocka_unit_test(equals_golden_of_model);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
