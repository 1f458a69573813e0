/* Runs that are killed, every other one once more in its resume: whatever happens, going on ends
 * where the undisturbed run ended, byte for byte. With the name of a kind as argument, eval or
 * compare that one is killed 100 times instead of 16, with MASA_TEST_ALL=1 each:
 *
 *     build/release/tests/test_cli_crash masa-efficient
 */
#include "disturb_test.h"
#include "same_test.h"

#include <signal.h>

enum { SOME_KILLS = 16, MANY_KILLS = 100 };

static int kills = SOME_KILLS;
static int killed_runs, killed_resumes; /* of the one under way */

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The undisturbed run has learned something: another one could be told from it. */
static void assert_moved(const kind *k)
{
    masa_text moments = read_saved(k->name, "optimizer.bin");
    size_t moved = 0;
    for (size_t i = 32; i + 4 < moments.size; i++) moved += moments.data[i] != 0;
    assert_true(moved > 1000);
    masa_text_deinit(&moments);
}

enum { KILLED = 256 + SIGKILL };

/* Kills `masa ARGUMENTS` after a random part of the seconds that it takes; its status: KILLED, or
 * another one where it was faster this time. */
static int kill_within(double seconds, const char *arguments, char how[64])
{
    double after = seconds * (double)rand() / RAND_MAX;
    snprintf(how, 64, "killed after %.3f s", after);
    pid_t child = start(arguments, run_path);
    usleep((useconds_t)(1e6 * after));
    kill(child, SIGKILL);
    return finish(child);
}

static bool is_killed(double seconds, const char *arguments, char how[64])
{
    int status = kill_within(seconds, arguments, how);
    if (status != 0 && status != KILLED)
        fail_msg("%.20s..., %s: %d, %s", arguments, how, status, errors);
    return status == KILLED;
}

static double seconds_of(const char *arguments, const char *run)
{
    double begun = seconds_now();
    must_finish(arguments, run);
    return seconds_now() - begun;
}

/* A kill of what goes on; it may be faster, or have nothing to go on from. */
static void kill_again(double seconds, const char *arguments, char how[64])
{
    char then[64];
    killed_resumes += kill_within(seconds, arguments, then) == KILLED;
    snprintf(how + strlen(how), 64 - strlen(how), ", then %s", strstr(then, "after"));
}

static void tell_kills(const char *name)
{
    print_message("%s: %d killed, %d of them once more\n", name, killed_runs, killed_resumes);
    killed_runs = killed_resumes = 0;
}

static void killed(const kind *k)
{
    char how[64], again[64];
    resume_arguments(again, k);
    double whole = seconds_of(k->arguments, k->name);
    assert_moved(k);
    for (int i = 0; i < kills; i++) {
        assert_int_equal(masa_folder_remove(run_path, NULL), MASA_OK);
        if (!is_killed(whole, k->arguments, how)) continue;
        if (i % 2) kill_again(0.5 * whole, again, how);
        go_on(k);
        assert_same_end(k, how);
        assert_same_record(k->name, "run");
        killed_runs++;
    }
    tell_kills(k->name);
}

static void kills_change_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++)
        if (is_asked(kinds[i].name)) killed(&kinds[i]);
}

/* The same command goes on with the samples that are there; an export is all of them. */
static void kills_of_an_evaluation_change_nothing(void **state)
{
    (void)state;
    char how[64];
    if (!is_asked("eval")) return;
    double whole = seconds_of(EVALUATION, "whole.sqlite");
    for (int i = 0; i < kills; i++) {
        assert_int_equal(shell("rm -rf run run-*"), 0);
        if (!is_killed(whole, EVALUATION, how)) continue;
        if (i % 2) kill_again(0.5 * whole, EVALUATION, how);
        must_finish(EVALUATION, run_path);
        assert_same_evaluation(how);
        killed_runs++;
    }
    tell_kills("eval");
    assert_int_equal(shell("rm -rf run run-*"), 0);
}

static void kills_of_a_comparison_change_nothing(void **state)
{
    (void)state;
    char how[64];
    if (!is_asked("compare")) return;
    double seconds = seconds_of(COMPARISON, "whole");
    for (int i = 0; i < kills; i++) {
        assert_int_equal(masa_folder_remove(run_path, NULL), MASA_OK);
        if (!is_killed(seconds, COMPARISON, how)) continue;
        if (i % 2) kill_again(0.5 * seconds, COMPARISON, how);
        go_on_comparing();
        assert_same_comparison(how);
        assert_same_record("whole/grpo-seed1", compared[0]);
        assert_same_record("whole/rloo-seed1", compared[1]);
        killed_runs++;
    }
    tell_kills("compare");
    assert_int_equal(masa_folder_remove(run_path, NULL), MASA_OK);
}

int main(int argc, char **argv)
{
    seed_draws(argc, argv);
    if (asked || getenv("MASA_TEST_ALL")) kills = MANY_KILLS;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kills_change_nothing),
        cmocka_unit_test(kills_of_an_evaluation_change_nothing),
        cmocka_unit_test(kills_of_a_comparison_change_nothing),
    };
    return cmocka_run_group_tests(tests, make_disturbed, remove_kinds);
}
