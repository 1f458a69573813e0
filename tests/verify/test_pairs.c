/* Written pairs of answers: data/pairs.txt says of each whether it is equal. */
#include "masa_test.h"

#include <masa/verify.h>

enum { LEAST_PAIRS = 1500 };

static void test_pairs(void **state)
{
    (void)state;
    FILE *file = fopen(MASA_TEST_DATA "/pairs.txt", "r");
    assert_non_null(file);
    char *line = NULL;
    size_t capacity = 0, wrong = 0, pairs = 0, number = 0;
    for (ssize_t n; (n = getline(&line, &capacity, file)) > 0;) {
        number++;
        if (line[n - 1] == '\n') line[--n] = '\0';
        if (n == 0 || strncmp(line, "# ", 2) == 0) continue;
        char *cut = strstr(line, " ;; ");
        if (!cut || (line[0] != '=' && line[0] != '!')) {
            print_error("pairs.txt:%zu: not a pair\n", number);
            wrong++;
            continue;
        }
        *cut = '\0';
        masa_verdict wanted = line[0] == '=' ? MASA_VERDICT_EQUAL : MASA_VERDICT_DIFFERENT;
        masa_verdict got = masa_answers_equal(line + 2, cut + 4, NULL);
        pairs++;
        if (got == wanted) continue;
        print_error("pairs.txt:%zu: '%s' and '%s' are %s\n", number, line + 2, cut + 4,
                    masa_verdict_text(got));
        wrong++;
    }
    free(line);
    fclose(file);
    assert_int_equal(wrong, 0);
    assert_true(pairs >= LEAST_PAIRS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pairs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
