/* The reference programs of HumanEval, MBPP and CRUXEval pass their own tests in the
 * sandbox. One in sixteen, as each starts an interpreter; all with MASA_TEST_ALL=1. */
#include "masa_test.h"

#include <masa/code.h>
#include <masa/memory.h>
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

typedef struct references {
    masa_code_job *jobs;
    char **ids;
    size_t n, capacity, capacity_ids;
} references;

static void add_reference(references *r, const json_t *line, const char *set)
{
    masa_text program = {0}, tests = {0};
    if (strcmp(set, "mbpp") != 0) masa_text_addf(&program, "%s\n", member(line, "problem"));
    if (strcmp(set, "cruxeval") != 0) masa_text_addf(&program, "%s\n", member(line, "answer"));
    masa_text_addf(&tests, "%s\n", member(line, "test_setup_code"));
    const json_t *list = json_object_get(line, "tests");
    for (size_t i = 0; i < json_array_size(list); i++)
        masa_text_addf(&tests, "%s\n", json_string_value(json_array_get(list, i)));
    size_t n = r->n;
    MASA_PUSH(r->ids, n, r->capacity_ids, masa_strdup(member(line, "id")));
    MASA_PUSH(r->jobs, r->n, r->capacity,
              ((masa_code_job){masa_text_take(&program), masa_text_take(&tests)}));
}

/* Runs and frees them; returns how many do not pass and should. */
static size_t count_wrong(references *r)
{
    size_t wrong = 0;
    masa_code_result *results = masa_alloc(r->n, sizeof *results);
    masa_code_limits limits = MASA_CODE_LIMITS;
    limits.seconds = 60; /* of a machine that may be busy */
    assert_int_equal(masa_code_run_all(results, r->jobs, r->n, 0, &limits, NULL), MASA_OK);
    for (size_t i = 0; i < r->n; i++) {
        if (results[i].outcome != MASA_CODE_PASSED && !is_exception(r->ids[i])) {
            print_error("%s: %s\n", r->ids[i], results[i].message);
            wrong++;
        }
        free((char *)(uintptr_t)r->jobs[i].program);
        free((char *)(uintptr_t)r->jobs[i].tests);
        free(r->ids[i]);
    }
    free(r->jobs);
    free(r->ids);
    free(results);
    return wrong;
}

static void test_references(void **state)
{
    (void)state;
    static const char *const sets[] = {"humaneval", "mbpp", "cruxeval"};
    size_t stride = getenv("MASA_TEST_ALL") ? 1 : 16, number = 0;
    references all = {0};
    masa_error err = {0};
    if (masa_code_available(&err) != MASA_OK) skip_since(err.message);
    for (size_t k = 0; k < 3; k++) {
        char path[1024], *text = NULL;
        size_t capacity = 0;
        snprintf(path, sizeof path, "%s/%s.jsonl", MASA_SHARED_DATA, sets[k]);
        FILE *file = fopen(path, "r");
        if (!file) skip_since("no problem sets in ../shared/data");
        for (ssize_t n; (n = getline(&text, &capacity, file)) > 0; number++) {
            if (number % stride) continue;
            json_t *line = json_loadb(text, (size_t)n, 0, NULL);
            add_reference(&all, line, sets[k]);
            json_decref(line);
        }
        free(text);
        fclose(file);
    }
    print_message("%zu references run\n", all.n);
    assert_true(all.n * stride >= 1900);
    assert_int_equal(count_wrong(&all), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_references)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
