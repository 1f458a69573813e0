/* Random templates through Jinja2 and through masa (skipped where python3-jinja2 is
 * missing), and any other collection of cases: MASA_JINJA_CASES=FILE, made by
 * `tools/make_jinja_golden.py folder DIR`. */
#include "masa_test.h"

#include "case.h"

#define TOOL MASA_TESTS "/../tools/make_jinja_golden.py"

/* Cases as lines of JSON; counts by result. Prints the first refusal of each message. */
static void run_lines(FILE *file, size_t counts[3])
{
    char *line = NULL;
    size_t capacity = 0;
    masa_error err;
    while (getline(&line, &capacity, file) > 0) {
        json_t *c = json_loads(line, JSON_ALLOW_NUL, NULL);
        case_result r = run_case(c, json_object_get(c, "context"), &err);
        counts[r]++;
        if (r == CASE_REFUSED) {
            const char *name = json_string_value(json_object_get(c, "name"));
            fprintf(stderr, "refused: %s%s%s\n", name ? name : "", name ? ": " : "",
                    err.message);
        }
        json_decref(c);
    }
    free(line);
}

/* /usr/bin has Debian's Jinja2; another python3 in front may not. */
static const char *find_python(void)
{
    static const char *const pythons[] = {"python3", "/usr/bin/python3"};
    char command[600];
    for (size_t i = 0; i < 2; i++) {
        snprintf(command, sizeof command, "%s " TOOL " probe 2>/dev/null", pythons[i]);
        if (system(command) == 0) return pythons[i];
    }
    return NULL;
}

static void random_templates_render_as_in_jinja(void **state)
{
    (void)state;
    const char *python = find_python(), *wanted = getenv("MASA_JINJA_RANDOM");
    if (!python) skip_since("python3-jinja2 is not installed");
    char command[600];
    snprintf(command, sizeof command, "%s " TOOL " random %s", python,
             wanted ? wanted : "500 1");
    FILE *cases = popen(command, "r");
    size_t counts[3] = {0};
    run_lines(cases, counts);
    assert_int_equal(pclose(cases), 0);
    fprintf(stderr, "random templates: %zu the same, %zu refused, %zu different\n", counts[0],
            counts[1], counts[2]);
    assert_int_equal(counts[CASE_DIFFERENT], 0);
    assert_true(counts[CASE_SAME] >= 400);
    assert_true(counts[CASE_REFUSED] * 50 < counts[CASE_SAME]);
}

static void a_collection_renders_as_in_jinja(void **state)
{
    (void)state;
    const char *path = getenv("MASA_JINJA_CASES");
    if (!path) skip_since("MASA_JINJA_CASES names no collection");
    FILE *cases = fopen(path, "r");
    assert_non_null(cases);
    size_t counts[3] = {0};
    run_lines(cases, counts);
    fclose(cases);
    fprintf(stderr, "%s: %zu the same, %zu refused, %zu different\n", path, counts[0],
            counts[1], counts[2]);
    assert_int_equal(counts[CASE_DIFFERENT], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_templates_render_as_in_jinja),
                                       cmocka_unit_test(a_collection_renders_as_in_jinja)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
