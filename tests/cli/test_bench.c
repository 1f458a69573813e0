/* masa bench: its sections on a tiny model, and on a real one the memory that it says it
 * needs beside what the process took. */
#include "cli_test.h"

#include <jansson.h>

/* The objects of output, one a line; the caller owns the list. */
static json_t *rows(void)
{
    json_t *list = json_array();
    for (char *p = output, *next; *p; p = next) {
        next = strchr(p, '\n') + 1;
        json_t *row = json_loadb(p, (size_t)(next - p), 0, NULL);
        assert_non_null(row);
        json_array_append_new(list, row);
    }
    return list;
}

static double number(const json_t *row, const char *name)
{
    return json_number_value(json_object_get(row, name));
}

static size_t count(const json_t *list, const char *section)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *name = json_object_get(json_array_get(list, i), "section");
        n += strcmp(json_string_value(name), section) == 0;
    }
    return n;
}

static void every_section_gives_rows(void **state)
{
    (void)state;
    assert_int_equal(shell("$masa bench --model . --quick --json"), 0);
    json_t *list = rows();
    const json_t *peaks = json_array_get(list, 0);
    assert_true(number(peaks, "gemm_f32_gflops") > 0.01);
    assert_true(number(peaks, "gemm_bf16_gflops") > 0.01);
    assert_true(number(peaks, "memory_gb_per_second") > 0.01);
    assert_int_equal(count(list, "decode"), 2);
    assert_int_equal(count(list, "step"), 4);
    /* Longer than this model's context: left out, the optimiser's row apart. */
    assert_int_equal(count(list, "groups"), 0);
    assert_int_equal(count(list, "train"), 1);
    for (size_t i = 1; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        double rate = number(row, "tokens") / number(row, "seconds");
        assert_near(number(row, "tokens_per_second"), rate, 1e-6 * (rate + 1));
        assert_true(number(row, "peak_memory_mib") > 1);
    }
    json_decref(list);
}

static void sections_are_chosen(void **state)
{
    (void)state;
    assert_int_equal(shell("$masa bench --model . --quick --sections decode,peaks"), 0);
    assert_non_null(strstr(output, "batch 64"));
    assert_non_null(strstr(output, "of the roofline"));
    assert_null(strstr(output, "optimiser"));
    assert_int_equal(shell("$masa bench --model . --sections decode,all"), 2);
    assert_non_null(strstr(errors, "no section \"all\""));
    assert_int_equal(shell("$masa bench"), 2);
}

static double planned_pass(const char *command)
{
    assert_int_equal(shell(command), 0);
    json_t *list = rows();
    double planned = number(json_array_get(list, 0), "planned_memory_mib");
    json_decref(list);
    return planned;
}

static void recomputing_takes_less(void **state)
{
    (void)state;
    double kept = planned_pass("$masa bench --model . --json --sections train --passes 2x16");
    double less = planned_pass("$masa bench --model . --json --sections train --passes 2x16 "
                               "--recompute");
    assert_true(less > 0 && less < kept);
}

static void sizes_are_asked_for(void **state)
{
    (void)state;
    assert_int_equal(shell("$masa bench --model . --json --sections decode,train,step,curve "
                           "--batch 2,5 --new-tokens 3 --passes 2x8,1x16 --prompts 2 "
                           "--group 3 --contexts 8,24"),
                     0);
    json_t *list = rows();
    /* The first token of every sequence is the prompts'. */
    assert_near(number(json_array_get(list, 1), "tokens"), 5 * 2, 0);
    assert_near(number(json_array_get(list, 3), "tokens"), 16, 0);
    assert_near(number(json_array_get(list, 5), "tokens"), 2 * 3 * 3, 0);
    assert_int_equal(count(list, "curve"), 4);
    const json_t *last = json_array_get(list, json_array_size(list) - 1);
    assert_near(number(last, "context"), 24, 0);
    assert_near(number(last, "attention_ms") + number(last, "rest_ms"),
                number(last, "ms_per_token"), 1e-9);
    json_decref(list);
    assert_int_equal(shell("$masa bench --model . --batch 3,"), 2);
    assert_int_equal(shell("$masa bench --model . --passes 4x0"), 2);
    assert_int_equal(shell("$masa bench --model . --contexts 99999999999"), 2);
}

static void planned_memory_is_what_is_taken(void **state)
{
    (void)state;
    if (!getenv("MASA_TEST_MODEL")) skip_since("MASA_TEST_MODEL names no model");
    assert_int_equal(shell("$masa bench --model \"$MASA_TEST_MODEL\" --quick --json "
                           "--sections groups,train"),
                     0);
    json_t *list = rows();
    assert_int_equal(count(list, "groups"), 1);
    for (size_t i = 1; i < 3; i++) {
        const json_t *row = json_array_get(list, i);
        double planned = number(row, "planned_memory_mib");
        assert_true(planned > 100);
        assert_near(number(row, "peak_memory_mib"), planned, 0.15 * planned);
    }
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_section_gives_rows),
        cmocka_unit_test(sections_are_chosen),
        cmocka_unit_test(recomputing_takes_less),
        cmocka_unit_test(sizes_are_asked_for),
        cmocka_unit_test(planned_memory_is_what_is_taken),
    };
    return cmocka_run_group_tests(tests, make_model, remove_model);
}
