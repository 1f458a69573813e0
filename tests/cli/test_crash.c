/* Runs that are killed, and disks that fail: whatever happens, going on ends where the
 * undisturbed run ended, byte for byte. With the argument "all" every operation on a file fails
 * in turn, which takes hours; else some, the same ones each time unless MASA_CRASH_SEED says
 * otherwise. With MASA_TEST_ALL=1 each kind is killed 100 times instead of 16, which is some 15
 * minutes. */
#include "disturb_test.h"
#include "same_test.h"

#include <errno.h>
#include <signal.h>

enum { SOME_KILLS = 16, MANY_KILLS = 100 };

static bool every_fault;
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
    static const char evaluate[] =
        "eval -q --problems train.jsonl --model model --chat-template chatml --compute f32 "
        "-n 16 -l 60 --batch 8 -o RUN";
    static const char same[] =
        "rm -rf a b && $masa eval whole.sqlite --export a && $masa eval run --export b && "
        "cmp a/samples_* b/samples_*";
    char how[64];
    double whole = seconds_of(evaluate, "whole.sqlite");
    for (int i = 0; i < kills; i++) {
        assert_int_equal(shell("rm -rf run run-*"), 0);
        if (!kill_within(whole, evaluate, how)) continue;
        must_finish(evaluate, run_path);
        if (shell(same) != 0) fail_msg("%s: %s%s", how, output, errors);
    }
    assert_int_equal(shell("rm -rf run run-*"), 0);
}

static const char *const compared[] = {"run/grpo-seed1", "run/rloo-seed1"};

/* The same command goes on with the run that was killed and leaves alone what is finished. A run
 * that may still be saving, for only the command was killed, is waited for; one that had not come
 * to its first checkpoint is begun again, as the message says. */
static void go_on_comparing(const char *arguments)
{
    int status = finish(start(arguments, run_path));
    for (int i = 0; i < 600 && status != 0; i++) {
        if (strstr(errors, "is being trained in by process") ||
            strstr(errors, "holds a run already"))
            usleep(100000);
        else if (strstr(errors, "--restart"))
            must_finish("train RUN --resume --restart",
                        compared[strstr(errors, compared[1]) != NULL]);
        else break;
        status = finish(start(arguments, run_path));
    }
    if (status != 0) fail_msg("%s: %d, %s", arguments, status, errors);
}

static void kills_of_a_comparison_change_nothing(void **state)
{
    (void)state;
    static const char compare[] =
        "compare RUN -q --preset grpo,rloo --seeds 1 --model model --train train.jsonl "
        "--test train.jsonl --steps 4 " RL_SETTINGS;
    char how[64], whole[64];
    double seconds = seconds_of(compare, "whole");
    for (int i = 0; i < kills; i++) {
        assert_int_equal(masa_folder_remove(run_path, NULL), MASA_OK);
        if (!kill_within(seconds, compare, how)) continue;
        go_on_comparing(compare);
        for (size_t k = 0; k < 2; k++) {
            snprintf(whole, sizeof whole, "whole%s", strchr(compared[k], '/'));
            assert_same_saved(whole, compared[k], "model.safetensors", how);
            assert_same_checkpoint(whole, compared[k], how);
            assert_same_record(whole, compared[k]);
        }
    }
    assert_int_equal(masa_folder_remove(run_path, NULL), MASA_OK);
}

static long calls_of(const char *arguments)
{
    long n = 0;
    const fault none = {.library = MASA_INJECT};
    int status = finish(start_faulty(arguments, run_path, &none));
    if (status != 0) fail_msg("%s: %d, %s", arguments, status, errors);
    FILE *file = fopen("count", "r");
    assert_int_equal(fscanf(file, "%ld", &n), 1);
    fclose(file);
    return n;
}

/* One line says what happened; nothing crashes. */
static void assert_told(const char *how, int status)
{
    if (status > 1 || (status == 1 && !strstr(errors, "masa: ")))
        fail_msg("%s: status %d, %s", how, status, errors);
}

static void prepare(const char *copy)
{
    char line[200];
    assert_int_equal(masa_folder_remove(run_path, NULL), MASA_OK);
    if (!copy) return;
    snprintf(line, sizeof line, "cp -r %s run", copy);
    assert_int_equal(shell(line), 0);
}

/* Lets calls of `arguments` fail, one at a time, over its whole length; `copy`: what the run's
 * folder holds before, NULL: nothing. */
static void walk(const kind *k, const char *arguments, const char *copy)
{
    prepare(copy);
    long all = calls_of(arguments), n = every_fault ? all : k->faults;
    assert_same_end(k, "undisturbed");
    assert_true(all > k->faults);
    for (long i = 0; i < n; i++) {
        char how[96];
        double drawn = every_fault ? 0 : (double)rand() / RAND_MAX;
        long nth = 1 + (long)((double)all * ((double)i + drawn) / (double)n);
        const fault disk = {MASA_INJECT, nth, i % 2 ? EIO : ENOSPC,
                            i % 4 > 1}; /* the disk stays as it is */
        snprintf(how, sizeof how, "call %ld of %ld%s%s: %s", nth, all,
                 copy ? " of a resume" : "", disk.on ? " on" : "", strerror(disk.code));
        prepare(copy);
        assert_told(how, finish(start_faulty(arguments, run_path, &disk)));
        /* with a checkpoint before the fault there is one after it */
        if (copy) must_finish(arguments, run_path);
        else go_on(k);
        assert_same_end(k, how);
    }
}

/* Over a run; and over a resume that takes the record back to the checkpoint before the last
 * and does the rest again. */
static void faulty(const kind *k)
{
    char line[200];
    walk(k, k->arguments, NULL);
    assert_int_equal(masa_folder_remove("half", NULL), MASA_OK);
    snprintf(line, sizeof line, "cp -r %s half && rm -r half/checkpoints/step-000006", k->name);
    assert_int_equal(shell(line), 0);
    snprintf(line, sizeof line, "%.*s RUN --resume", (int)strcspn(k->arguments, " "),
             k->arguments);
    walk(k, line, "half");
}

static void faults_of_the_disk_change_nothing(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip_since("the sanitizer's library must be the first to be loaded");
#endif
    for (size_t i = 0; i < KINDS; i++) faulty(&kinds[i]);
    /* a resume that goes farther than the run was to go, and so changes a setting */
    char half[2000];
    assert_int_equal(masa_folder_remove("half", NULL), MASA_OK);
    snprintf(half, sizeof half, "%s -n 4", kinds[0].arguments);
    must_finish(half, "half");
    walk(&kinds[0], "train RUN --resume -n 6", "half");
}

int main(int argc, char **argv)
{
    every_fault = argc == 2 && strcmp(argv[1], "all") == 0;
    if (getenv("MASA_TEST_ALL")) kills = MANY_KILLS;
    seed_draws();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kills_change_nothing),
        cmocka_unit_test(kills_of_an_evaluation_change_nothing),
        cmocka_unit_test(kills_of_a_comparison_change_nothing),
        cmocka_unit_test(faults_of_the_disk_change_nothing),
    };
    return cmocka_run_group_tests(tests, make_disturbed, remove_kinds);
}
