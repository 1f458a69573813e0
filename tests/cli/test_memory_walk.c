/* Memory that runs out, wherever it is asked for, in the program or a library: a command ends
 * with one line that says so, or does what it would have done; a run goes on to where the
 * undisturbed one ended. Some places are drawn, from one seed; all, in hours, by
 * MASA_TEST_ALL=1 build/release/tests/test_cli_memory_walk. */
#include "disturb_test.h"

enum { DRAWN = 5, MOST_PLACES = 1 << 14 };

static long places[MOST_PLACES];

/* The places of a command that memory is asked for at, each as the number of its first call. */
static size_t find_places(const char *arguments, const char *run)
{
    const fault none = {.library = MASA_INJECT_MEMORY};
    int status = finish(start_faulty(arguments, run, &none));
    if (status != 0) fail_msg("%s: %d, %s", arguments, status, errors);
    size_t n = 0;
    FILE *file = fopen("count", "r");
    while (n < MOST_PLACES && fscanf(file, "%ld", &places[n]) == 1) n++;
    fclose(file);
    assert_in_range(n, 5, MOST_PLACES - 1);
    return n;
}

/* Status 1, and last one line about memory; it may come into what was being said. */
static bool is_told(int status)
{
    const char *line = errors, *end;
    for (; (end = strchr(line, '\n')) && end[1]; line = end + 1)
        if (strncmp(line, "masa: ", 6) == 0 && strncmp(line, "masa: warning: ", 15) != 0)
            return false;
    const char *told = strstr(line, "masa: ");
    return status == 1 && end && told && strstr(told, "emory");
}

static size_t failures;

/* Of all places or some of those left, the i-th of n. */
static long place_of(size_t i, size_t n, size_t all)
{
    double drawn = n == all ? 0 : (double)rand() / RAND_MAX;
    return places[(size_t)((double)all * ((double)i + drawn) / (double)n) % all];
}

/* Lets memory run out in `masa ARGUMENTS`; `same`: a line of shell that compares with what is
 * there undisturbed. k: a kind of training, which goes on. */
static void walk(const char *arguments, const char *same, const kind *k)
{
    size_t all = find_places(arguments, run_path), n = getenv("MASA_TEST_ALL") ? all : DRAWN;
    for (size_t i = 0; i < n; i++) {
        char how[64];
        fault memory = {.library = MASA_INJECT_MEMORY, .nth = place_of(i, n, all), .on = i % 2};
        if (k) memory.on = false;
        assert_int_equal(shell("rm -rf run run-*"), 0);
        snprintf(how, sizeof how, "allocation %ld%s", memory.nth, memory.on ? " on" : "");
        int status = finish(start_faulty(arguments, run_path, &memory));
        if (status != 0 && !is_told(status)) {
            print_error("%.60s, %s: status %d, says: %s\n", arguments, how, status, errors);
            failures++;
        }
        if (k) {
            go_on(k);
            assert_same_end(k, how);
        } else if (status == 0 && shell(same) != 0) {
            print_error("%.60s, %s: status 0, and another end: %s%s\n", arguments, how, output,
                        errors);
            failures++;
        }
    }
    assert_int_equal(shell("rm -rf run run-*"), 0);
}

static void no_preload_here(void)
{
#ifdef __SANITIZE_ADDRESS__
    skip_since("the sanitizer's library must be the first to be loaded");
#endif
}

static void runs_go_on(void **state)
{
    (void)state;
    no_preload_here();
    failures = 0;
    for (size_t i = 0; i < KINDS; i++) {
        char quiet[2000];
        snprintf(quiet, sizeof quiet, "%s -q", kinds[i].arguments);
        must_finish(quiet, kinds[i].name);
        walk(quiet, NULL, &kinds[i]);
    }
    assert_int_equal(failures, 0);
}

#define EVALUATE                                                                               \
    "eval -q --problems train.jsonl --model model --chat-template chatml --compute f32 "       \
    "-n 2 -l 12 -o RUN"
#define PRINTED "cmp printed output"

/* What each writes or prints, and how it is told whether that is the same. The run `grpo` is
 * there, and the comparison `pair`. */
static const struct {
    const char *arguments, *same;
} commands[] = {
    {EVALUATE, "rm -rf a b && $masa eval whole --export a && $masa eval run --export b && "
               "cmp a/samples_* b/samples_*"},
    {"score --model model -f texts.jsonl", PRINTED},
    {"generate -q --model model --chat-template chatml -n 2 -l 12 --json abc", PRINTED},
    {"convert grpo RUN", "diff -r whole run"},
    {"init RUN --hidden 32 --layers 1 --heads 2 --intermediate 64", "diff -r whole run"},
    {"tokenize --model model abc", PRINTED},
    {"tasks -n 20", PRINTED},
    {"verify answers.jsonl", PRINTED},
    {"meta meta.jsonl", PRINTED},
    {"inspect grpo", PRINTED},
    {"inspect grpo --rollouts --json", PRINTED},
    {"inspect model", PRINTED},
    {"report -o RUN grpo", "cmp whole run"},
    {"config --preset masa-efficient", PRINTED},
    {"compare pair", PRINTED},
};

static void write_inputs(void)
{
    write_file("texts.jsonl", "{\"text\":\"a b c d\"}\n{\"text\":\"on on\"}\n");
    write_file("answers.jsonl",
               "{\"prediction\":\"\\\\boxed{\\\\frac{1}{2}+x^2}\",\"gold\":\"x^2+0.5\"}\n"
               "{\"prediction\":\"\\\\boxed{(1,\\\\sqrt{2}]}\",\"gold\":\"(1,1.5]\"}\n");
    write_file("meta.jsonl",
               "{\"problem\":\"2+2?\",\"responses\":[\"so we add: 4\",\"3\"],"
               "\"correct\":[true,false],\"lengths\":[40,20],\"meta_responses\":"
               "[\"<meta>{\\\"pass_rate\\\":0.5,\\\"solution_length\\\":40,\\\"notions\\\":"
               "[\\\"add\\\"]}</meta>\"]}\n");
}

static void commands_end_with_one_line(void **state)
{
    (void)state;
    no_preload_here();
    failures = 0;
    write_inputs();
    assert_int_equal(shell("mkdir pair && cp -r grpo pair/grpo-seed1"), 0);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        assert_int_equal(shell("rm -rf whole"), 0);
        must_finish(commands[i].arguments, "whole");
        assert_int_equal(shell("mv output printed"), 0);
        walk(commands[i].arguments, commands[i].same, NULL);
    }
    assert_int_equal(failures, 0);
}

int main(int argc, char **argv)
{
    seed_draws(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_go_on),
        cmocka_unit_test(commands_end_with_one_line),
    };
    return cmocka_run_group_tests(tests, make_disturbed, remove_kinds);
}
