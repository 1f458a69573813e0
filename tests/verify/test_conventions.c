/* Pairs in the conventions of models, sets and checkers, whole texts on one side: made by
 * tools/make_convention_pairs.py, every verdict certain. */
#include "masa_test.h"

#include <masa/verify.h>

#include <jansson.h>

enum { LEAST_PAIRS = 3000 };

static const char *member(const json_t *line, const char *name)
{
    const char *s = json_string_value(json_object_get(line, name));
    assert_non_null(s);
    return s;
}

static void test_conventions(void **state)
{
    (void)state;
    FILE *file = fopen(MASA_TEST_DATA "/conventions.jsonl", "r");
    assert_non_null(file);
    char *text = NULL;
    size_t capacity = 0, pairs = 0, equal = 0, wrong = 0, false_equal = 0;
    masa_verify_options options = MASA_VERIFY_DEFAULTS;
    options.rules = MASA_EXTRACT_ANY;
    for (ssize_t n; (n = getline(&text, &capacity, file)) > 0; pairs++) {
        json_t *line = json_loadb(text, (size_t)n, 0, NULL);
        masa_verify_result result;
        masa_verify(member(line, "prediction"), member(line, "gold"), &options, &result);
        bool wanted = json_is_true(json_object_get(line, "equal"));
        bool got = result.verdict == MASA_VERDICT_EQUAL;
        equal += wanted;
        wrong += got != wanted;
        false_equal += got && !wanted;
        if (got != wanted)
            print_error("%s: '%s' and '%s' are %s\n", member(line, "class"),
                        member(line, "prediction"), member(line, "gold"),
                        masa_verdict_text(result.verdict));
        json_decref(line);
    }
    free(text);
    fclose(file);
    print_message("%zu pairs, %zu of them equal, %zu wrong\n", pairs, equal, wrong);
    assert_true(pairs >= LEAST_PAIRS && equal * 2 <= pairs);
    assert_int_equal(false_equal, 0);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_conventions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
