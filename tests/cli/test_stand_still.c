/* What a signal does while a command waits for a disk that stands still, or for another program
 * that has locked the store. */
#include "disturb_test.h"
#include "same_test.h"

#include <masa/run_folder.h>
#include <signal.h>

enum {
    PATIENCE = 60,
    GRACE = 10
}; /* seconds: until something begins, until a stop is heeded */

static void not_under_the_sanitizer(void)
{
#ifdef __SANITIZE_ADDRESS__
    skip_since("the sanitizer's library must be the first to be loaded");
#endif
}

static bool runs(pid_t child)
{
    int status;
    return waitpid(child, &status, WNOHANG) == 0;
}

static bool says(const char *file, const char *part)
{
    masa_text text = {0};
    bool is = masa_file_read(&text, file, NULL) == MASA_OK &&
              strstr(masa_text_get(&text), part) != NULL;
    masa_text_deinit(&text);
    return is;
}

static void wait_until_said(const char *file, const char *part)
{
    for (int i = 0; i < 200 * PATIENCE && !says(file, part); i++) usleep(5000);
    assert_true(says(file, part));
}

/* Signals, the second at once and the third when it is no echo of the first. */
static void assert_second_ends(pid_t child, int first, int second, const char *how)
{
    wait_until_said("count", "");
    kill(child, first);
    usleep(100000);
    kill(child, first);
    usleep(600000);
    if (!runs(child)) fail_msg("%s: an echo of the first signal has ended it", how);
    kill(child, second);
    int status = finish(child);
    if (status != 256 + second || !strstr(errors, "masa: ended at once, by a second signal"))
        fail_msg("%s: status %d, %s", how, status, errors);
}

static const int signals[][2] = {{SIGINT, SIGINT}, {SIGTERM, SIGTERM}, {SIGINT, SIGTERM}};
enum { PAIRS = sizeof signals / sizeof *signals };

/* The disk stands still while the checkpoint of step 4 is written. */
static void a_second_signal_ends_training(const char *name)
{
    const kind *k = kind_named(name);
    char under[330], how[64];
    must_finish(k->arguments, k->name);
    snprintf(under, sizeof under, "%s/checkpoints/tmp-step-000004/", run_path);
    const fault disk = {.library = MASA_INJECT, .nth = 3, .stalls = true, .under = under};
    for (int i = 0; i < PAIRS; i++) {
        snprintf(how, sizeof how, "%s, signals %d and %d", name, signals[i][0], signals[i][1]);
        assert_int_equal(shell("rm -rf run"), 0);
        pid_t child = start_faulty(k->arguments, run_path, &disk);
        assert_second_ends(child, signals[i][0], signals[i][1], how);
        long saved;
        assert_int_equal(masa_run_saved_step(run_path, &saved, NULL), MASA_OK);
        assert_in_range(saved, 2, 3); /* the best of an evaluation is saved, too */
        go_on(k);
        assert_same_end(k, how);
        assert_same_record(k->name, "run");
    }
    assert_int_equal(shell("rm -rf run"), 0);
}

static void a_second_signal_ends_a_run(void **state)
{
    (void)state;
    not_under_the_sanitizer();
    a_second_signal_ends_training("grpo");
    a_second_signal_ends_training("sft");
}

/* The disk stands still in the middle of what is written. */
static void a_second_signal_ends_an_evaluation(void **state)
{
    (void)state;
    char under[330], how[64];
    long all;
    not_under_the_sanitizer();
    must_finish(EVALUATION, "whole.sqlite");
    snprintf(under, sizeof under, "%s-wal", run_path);
    fault disk = {.library = MASA_INJECT, .under = under};
    int status = finish(start_faulty(EVALUATION, run_path, &disk));
    if (status != 0) fail_msg("%d, %s", status, errors);
    FILE *file = fopen("count", "r");
    assert_int_equal(fscanf(file, "%ld", &all), 1);
    fclose(file);
    disk.nth = all * 3 / 4;
    disk.stalls = true;
    for (int i = 0; i < PAIRS; i++) {
        snprintf(how, sizeof how, "eval, signals %d and %d", signals[i][0], signals[i][1]);
        assert_int_equal(shell("rm -rf run run-*"), 0);
        pid_t child = start_faulty(EVALUATION, run_path, &disk);
        assert_second_ends(child, signals[i][0], signals[i][1], how);
        must_finish(EVALUATION, run_path);
        assert_same_evaluation(how);
    }
    assert_int_equal(shell("rm -rf run run-*"), 0);
}

/* ---- locks ---- */

/* Another program that writes to the file and does not let go. */
static sqlite3 *lock_file(const char *path)
{
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open_v2(path, &other, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(other, 1000 * PATIENCE);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return other;
}

static void let_go(sqlite3 *other)
{
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
}

/* The last step on record; -1: there is none, or no store yet. */
static long recorded(void)
{
    long step = -1;
    masa_store *store = NULL;
    if (masa_store_open(&store, "run/store.sqlite", MASA_STORE_READ, NULL) == MASA_OK &&
        masa_store_last_step(store, &step, NULL) != MASA_OK)
        step = -1;
    masa_store_close(store);
    return step;
}

#define WAITING "is locked by another program; waiting"

/* Starts a run and locks its store in the middle; again where it was too fast. */
static pid_t start_locked(const kind *k, sqlite3 **other)
{
    for (int tries = 0; tries < 20; tries++) {
        assert_int_equal(shell("rm -rf run"), 0);
        pid_t child = start(k->arguments, run_path);
        for (int i = 0; i < 1000 * PATIENCE && recorded() < 1; i++) usleep(1000);
        *other = lock_file("run/store.sqlite");
        if (recorded() < 5) {
            wait_until_said("errors", "store.sqlite " WAITING);
            return child;
        }
        let_go(*other);
        finish(child);
    }
    fail_msg("%s: never locked in time", k->name);
    return 0;
}

/* Asks to stop, which is heeded within seconds; the exit status. */
static int stop(pid_t child)
{
    time_t since = time(NULL);
    kill(child, SIGTERM);
    int status = finish(child);
    assert_true(time(NULL) - since < GRACE);
    return status;
}

static void a_run_goes_on_after_a_lock(const kind *k)
{
    sqlite3 *other;
    pid_t child = start_locked(k, &other);
    let_go(other);
    int status = finish(child);
    if (status != 0) fail_msg("%s: %d, %s", k->name, status, errors);
    assert_same_end(k, "after a lock");
    assert_same_record(k->name, "run");
}

/* A step that could not be recorded is saved, and that is said; a run that was about to evaluate
 * makes up for it. */
static void a_run_stops_in_a_lock(const kind *k)
{
    sqlite3 *other;
    char said[100];
    long saved;
    pid_t child = start_locked(k, &other);
    int status = stop(child);
    long last = recorded();
    assert_int_equal(masa_run_saved_step(run_path, &saved, NULL), MASA_OK);
    assert_in_range(saved, last, last + 1);
    snprintf(said, sizeof said,
             saved > last ? "step %ld of 6 is saved without its metrics and rollouts"
                          : "stopped after step %ld of 6, which is saved",
             saved);
    if (status != 130 || !strstr(errors, said))
        fail_msg("%s: status %d, not '%s' but %s", k->name, status, said, errors);
    let_go(other);
    go_on(k);
    assert_true(saved == last || strstr(errors, "what was recorded between is missing"));
    assert_same_end(k, "stopped in a lock");
}

/* The store is locked before the resume has done anything. */
static void a_resume_waits_and_stops(const kind *k)
{
    char again[64];
    assert_int_equal(shell("rm -rf run"), 0);
    snprintf(again, sizeof again, "cp -r %s run", k->name);
    assert_int_equal(shell(again), 0);
    resume_arguments(again, k);
    sqlite3 *other = lock_file("run/store.sqlite");
    pid_t child = start(again, run_path);
    wait_until_said("errors", "store.sqlite " WAITING);
    int status = stop(child);
    if (status != 130 || !strstr(errors, "stopped while "))
        fail_msg("%s: %d, %s", k->name, status, errors);
    child = start(again, run_path);
    wait_until_said("errors", "store.sqlite " WAITING);
    let_go(other);
    status = finish(child);
    if (status != 0) fail_msg("%s: %d, %s", k->name, status, errors);
    assert_same_end(k, "a resume that waited");
    assert_same_record(k->name, "run");
}

static void a_locked_store_is_waited_for(void **state)
{
    (void)state;
    static const char *const names[] = {"grpo", "sft"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const kind *k = kind_named(names[i]);
        assert_int_equal(masa_folder_remove(k->name, NULL), MASA_OK);
        must_finish(k->arguments, k->name);
        a_run_goes_on_after_a_lock(k);
        a_run_stops_in_a_lock(k);
        a_resume_waits_and_stops(k);
    }
    assert_int_equal(shell("rm -rf run"), 0);
}

/* Results that another program writes to, which may be a second evaluation. */
static void locked_results_are_waited_for(void **state)
{
    (void)state;
    assert_int_equal(shell("rm -rf run run-* whole.sqlite"), 0);
    must_finish(EVALUATION, "whole.sqlite");
    make_half_evaluation();
    assert_int_equal(shell("mv half run"), 0);
    sqlite3 *other = lock_file("run");
    pid_t child = start(EVALUATION, run_path);
    wait_until_said("errors", "run " WAITING);
    int status = stop(child);
    if (status != 130) fail_msg("%d, %s", status, errors);
    child = start(EVALUATION, run_path);
    wait_until_said("errors", "run " WAITING);
    let_go(other);
    status = finish(child);
    if (status != 0) fail_msg("%d, %s", status, errors);
    assert_same_evaluation("locked results");
    assert_int_equal(shell("rm -rf run run-*"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_signal_ends_a_run),
        cmocka_unit_test(a_second_signal_ends_an_evaluation),
        cmocka_unit_test(a_locked_store_is_waited_for),
        cmocka_unit_test(locked_results_are_waited_for),
    };
    return cmocka_run_group_tests(tests, make_disturbed, remove_kinds);
}
