/* Rewards from a program: its answers, and each way in which it can fail. */
#include "rewards_fixture.h"

#include <unistd.h>

#define EXAMPLES MASA_TESTS "/../examples/"
#define ANSWER   "sed 's/,.*/,\"reward\":0.25}/'"

static void an_example_in_python(void **state)
{
    (void)state;
    masa_reward out[MOST];
    masa_reward_options o = options_with(EXAMPLES "reward.py", NULL);
    for (o.copies = 1; o.copies <= 3; o.copies += 2) {
        masa_error err = {0};
        if (give(&o, out, MOST, &err) != MASA_OK) fail_msg("%s", err.message);
        for (int i = 0; i < MOST; i++) {
            assert_true(out[i].total == (i % 2 == 0));
            assert_true(out[i].correct == (i % 2 == 0));
            assert_true(out[i].parts[MASA_REWARD_USER] == out[i].total);
            assert_true(isnan(out[i].parts[MASA_REWARD_CORRECTNESS])); /* not judged */
        }
    }
}

static void an_example_in_shell(void **state)
{
    (void)state;
    masa_reward out[MOST];
    masa_error err = {0};
    masa_reward_options o = options_with(EXAMPLES "reward.sh", NULL);
    if (give(&o, out, 120, &err) != MASA_OK) fail_msg("%s", err.message);
    for (int i = 0; i < 120; i++) {
        double tokens = 90 + i, want = tokens <= 100 ? 1 : floor(100000 / tokens) / 1000;
        if (fabs(out[i].total - want) > 1e-9) fail_msg("%d: %g, not %g", i, out[i].total, want);
        assert_true(out[i].correct == (want >= 0.5));
    }
}

/* Answers in any order, with all that a reply may hold; a weight scales. */
static void replies_have_more(void **state)
{
    (void)state;
    masa_reward out[4];
    masa_error err = {0};
    masa_reward_options o = options_with(
        "read -r a; read -r b; echo '{\"id\":1,\"reward\":-7.5,\"correct\":true,\"text\":\"h\\u00e9\"}';"
        "echo; echo '{\"text\":\"\",\"reward\":3,\"id\":0,\"correct\":false,\"more\":[1]}'; cat >&2",
        NULL);
    o.weights[MASA_REWARD_USER] = 2;
    if (give(&o, out, 2, &err) != MASA_OK) fail_msg("%s", err.message);
    assert_true(out[0].total == 6 && !out[0].correct);
    assert_true(out[1].total == -15 && out[1].correct);
    assert_string_equal(out[1].text, "h\xc3\xa9");
    free(out[0].text);
    free(out[1].text);
}

/* Long lines both ways, more than pipes hold: nobody waits for the other for ever. */
static void pipes_may_be_full(void **state)
{
    (void)state;
    enum { N = 24, SIZE = 200000 };
    masa_reward out[N];
    masa_error err = {0};
    masa_reward_options o = options_with(
        "while read -r l; do echo \"$l\" | sed 's/,.*\"response\":\\(\"[^\"]*\"\\),.*/,\"reward\":1,\"text\":\\1}/';"
        "done",
        NULL);
    char *text = masa_alloc(SIZE + 1, 1);
    memset(text, 'x', SIZE);
    o.batch = N;
    for (int i = 0; i < N; i++) responses[i].text = text, responses[i].size = SIZE;
    if (give(&o, out, N, &err) != MASA_OK) fail_msg("%s", err.message);
    for (int i = 0; i < N; i++) {
        assert_true(out[i].total == 1 && strlen(out[i].text) == SIZE);
        free(out[i].text);
    }
    free(text);
}

/* One that answers and then dies, again and again, is started again and again. */
static void a_program_that_dies_is_started_again(void **state)
{
    (void)state;
    masa_reward out[6];
    masa_error err = {0};
    masa_reward_options o = options_with("read -r l; echo \"$l\" | " ANSWER, NULL);
    if (give(&o, out, 6, &err) != MASA_OK) fail_msg("%s", err.message);
    for (int i = 0; i < 6; i++) assert_true(out[i].total == 0.25);
}

static void assert_command_refused(const char *command, masa_status want, const char *says)
{
    masa_reward_options o = options_with(command, NULL);
    o.timeout = 0.3;
    assert_refused(&o, 8, want, says);
}

static void each_fault_has_its_line(void **state)
{
    (void)state;
    assert_command_refused(
        "echo out of coffee >&2; exit 3", MASA_ERR_IO,
        "reward.command ended with status 3 before it had answered, 3 times in "
        "a row; its last words: out of coffee");
    assert_command_refused("/no/such/program", MASA_ERR_IO, "not found");
    assert_command_refused("kill -9 $$", MASA_ERR_IO, "died of signal 9");
    assert_command_refused("exit 0", MASA_ERR_IO, "ended with status 0");
    assert_command_refused("exec <&-; sleep 60", MASA_ERR_IO, "no answer for 0.3 s");
    assert_command_refused("sleep 60", MASA_ERR_IO, "is its output flushed?");
    assert_command_refused("while read -r l; do echo \"$l\" | " ANSWER " >&2; done",
                           MASA_ERR_IO, "to standard error, where no reward is looked for");
    assert_command_refused("echo loading; cat", MASA_ERR_DATA,
                           "answered 'loading', which is no JSON object");
    assert_command_refused("cat", MASA_ERR_DATA, "no number \"reward\"");
    assert_command_refused("echo '{\"id\":0,\"reward\":NaN}'; cat", MASA_ERR_DATA,
                           "no JSON object");
    assert_command_refused("echo '{\"id\":0,\"reward\":\"1\"}'; cat", MASA_ERR_DATA,
                           "no number");
    assert_command_refused("echo '{\"id\":99,\"reward\":1}'; cat", MASA_ERR_DATA,
                           "none that was");
    assert_command_refused("echo '{\"reward\":1}'; cat", MASA_ERR_DATA, "whose \"id\"");
    assert_command_refused("read -r l; r=$(echo \"$l\" | " ANSWER "); echo $r; echo $r; cat",
                           MASA_ERR_DATA, "answered already");
    assert_command_refused("echo '{\"id\":0,\"reward\":1,\"correct\":1}'; cat", MASA_ERR_DATA,
                           "true or false");
    assert_int_equal(sigpipes, 0);
}

static void standard_error_is_kept(void **state)
{
    (void)state;
    masa_reward out[2];
    masa_text log = {0};
    masa_reward_options o = options_with(
        "echo hello >&2; while read -r l; do echo \"$l\" | " ANSWER "; done", NULL);
    assert_int_equal(give(&o, out, 2, NULL), MASA_OK);
    assert_int_equal(masa_file_read(&log, log_path, NULL), MASA_OK);
    assert_non_null(strstr(masa_text_get(&log), "hello\n"));
    masa_text_deinit(&log);
}

static void a_stop_is_heard(void **state)
{
    (void)state;
    volatile sig_atomic_t stop = 1;
    masa_reward_options o = options_with("sleep 60", NULL);
    o.timeout = 100;
    o.stop = &stop;
    assert_refused(&o, 1, MASA_ERR_INTERRUPTED, "stopped");
    /* also where programs are judged */
    masa_problem program = {.id = "p", .kind = MASA_PROBLEM_CODE, .tests = "assert True"};
    o = (masa_reward_options){.weights = {[MASA_REWARD_CORRECTNESS] = 1}, .stop = &stop};
    for (int i = 0; i < 2; i++) responses[i].problem = &program;
    assert_refused(&o, 2, MASA_ERR_INTERRUPTED, "stopped between programs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_example_in_python),
        cmocka_unit_test(an_example_in_shell),
        cmocka_unit_test(replies_have_more),
        cmocka_unit_test(pipes_may_be_full),
        cmocka_unit_test(a_program_that_dies_is_started_again),
        cmocka_unit_test(each_fault_has_its_line),
        cmocka_unit_test(standard_error_is_kept),
        cmocka_unit_test(a_stop_is_heard),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
