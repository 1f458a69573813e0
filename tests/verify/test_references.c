/* The reference programs of HumanEval, MBPP and CRUXEval pass their own tests in the
 * sandbox. One in sixteen, as each starts an interpreter; all with MASA_TEST_ALL=1. */
#include "masa_test.h"

#include <masa/code.h>
#include <masa/text.h>

#include <jansson.h>

/* Their set-up code uses a class that the program must define, and does not. */
static const char *const exceptions[] = {"mbpp_367", "mbpp_927", NULL};

static bool is_exception(const char *id)
{
    for (const char *const *e = exceptions; *e; e++)
        if (strcmp(*e, id) == 0) return true;
    return false;
}

static const char *member(const json_t *line, const char *name)
{
    const char *s = json_string_value(json_object_get(line, name));
    return s ? s : "";
}

/* Whether the reference of a line passes. */
static bool passes(const json_t *line, const char *set)
{
    masa_text program = {0}, tests = {0};
    masa_code_result result = {.outcome = MASA_CODE_FAILED};
    if (strcmp(set, "mbpp") != 0) masa_text_addf(&program, "%s\n", member(line, "problem"));
    if (strcmp(set, "cruxeval") != 0) masa_text_addf(&program, "%s\n", member(line, "answer"));
    masa_text_addf(&tests, "%s\n", member(line, "test_setup_code"));
    const json_t *list = json_object_get(line, "tests");
    for (size_t i = 0; i < json_array_size(list); i++)
        masa_text_addf(&tests, "%s\n", json_string_value(json_array_get(list, i)));
    masa_code_limits limits = MASA_CODE_LIMITS;
    limits.seconds = 60; /* of a machine that may be busy */
    masa_status st = masa_code_run(&result, masa_text_get(&program), masa_text_get(&tests),
                                   &limits, NULL);
    bool good = st == MASA_OK && result.outcome == MASA_CODE_PASSED;
    if (!good && !is_exception(member(line, "id")))
        print_error("%s: %s\n", member(line, "id"), result.message);
    masa_text_deinit(&program);
    masa_text_deinit(&tests);
    return good;
}

static void test_references(void **state)
{
    (void)state;
    static const char *const sets[] = {"humaneval", "mbpp", "cruxeval"};
    size_t stride = getenv("MASA_TEST_ALL") ? 1 : 16, number = 0, wrong = 0, run = 0;
    masa_error err = {0};
    if (masa_code_available(&err) != MASA_OK) {
        print_message("skipped: %s\n", err.message);
        skip();
    }
    for (size_t k = 0; k < 3; k++) {
        char path[1024], *text = NULL;
        size_t capacity = 0;
        snprintf(path, sizeof path, "%s/%s.jsonl", MASA_SHARED_DATA, sets[k]);
        FILE *file = fopen(path, "r");
        if (!file) skip();
        for (ssize_t n; (n = getline(&text, &capacity, file)) > 0; number++) {
            if (number % stride) continue;
            json_t *line = json_loadb(text, (size_t)n, 0, NULL);
            wrong += !passes(line, sets[k]) && !is_exception(member(line, "id"));
            run++;
            json_decref(line);
        }
        free(text);
        fclose(file);
    }
    print_message("%zu references run\n", run);
    assert_int_equal(wrong, 0);
    assert_true(run * stride >= 1900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_references)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
