/* Runs that are killed: whatever happens, going on ends where the undisturbed run ended, byte for
 * byte. With MASA_TEST_ALL=1 each kind is killed 100 times instead of 16, which is some 15
 * minutes. */
#include "disturb_test.h"
#include "same_test.h"

#include <signal.h>

enum { SOME_KILLS = 16, MANY_KILLS = 100 };

static int kills = SOME_KILLS;

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

/* Kills `masa ARGUMENTS` after a random part of the seconds that it takes. False: it was faster
 * this time. */
static bool kill_within(double seconds, const char *arguments, char how[64])
{
    double after = seconds * (double)rand() / RAND_MAX;
    snprintf(how, 64, "killed after %.3f s", after);
    pid_t child = start(arguments, run_path);
    usleep((useconds_t)(1e6 * after));
    kill(child, SIGKILL);
    return finish(child) != 0;
}

static double seconds_of(const char *arguments, const char *run)
{
    double begun = seconds_now();
    must_finish(arguments, run);
    return seconds_now() - begun;
}

static void killed(const kind *k)
{
    char how[64];
    double whole = seconds_of(k->arguments, k->name);
    assert_moved(k);
    for (int i = 0; i < kills; i++) {
        assert_int_equal(masa_folder_remove(run_path, NULL), MASA_OK);
        if (!kill_within(whole, k->arguments, how)) continue;
        go_on(k);
        assert_same_end(k, how);
        assert_same_record(k->name, "run");
    }
}

static void kills_change_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) killed(&kinds[i]);
}

/* The same command goes on with the samples that are there; an export is all of them. */
static void kills_of_an_evaluation_change_nothing(void **state)
{
    (void)state;
    char how[64];
    double whole = seconds_of(EVALUATION, "whole.sqlite");
    for (int i = 0; i < kills; i++) {
        assert_int_equal(shell("rm -rf run run-*"), 0);
        if (!kill_within(whole, EVALUATION, how)) continue;
        must_finish(EVALUATION, run_path);
        assert_same_evaluation(how);
    }
    assert_int_equal(shell("rm -rf run run-*"), 0);
}

static void kills_of_a_comparison_change_nothing(void **state)
{
    (void)state;
    char how[64];
    double seconds = seconds_of(COMPARISON, "whole");
    for (int i = 0; i < kills; i++) {
        assert_int_equal(masa_folder_remove(run_path, NULL), MASA_OK);
        if (!kill_within(seconds, COMPARISON, how)) continue;
        go_on_comparing();
        assert_same_comparison(how);
        assert_same_record("whole/grpo-seed1", compared[0]);
        assert_same_record("whole/rloo-seed1", compared[1]);
    }
    assert_int_equal(masa_folder_remove(run_path, NULL), MASA_OK);
}

int main(void)
{
    if (getenv("MASA_TEST_ALL")) kills = MANY_KILLS;
    seed_draws();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kills_change_nothing),
        cmocka_unit_test(kills_of_an_evaluation_change_nothing),
        cmocka_unit_test(kills_of_a_comparison_change_nothing),
    };
    return cmocka_run_group_tests(tests, make_disturbed, remove_kinds);
}
