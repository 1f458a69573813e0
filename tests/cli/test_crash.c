/* Runs that are killed, and disks that fail: whatever happens, going on ends where the
 * undisturbed run ended, byte for byte. With the argument "all" every operation on a file fails
 * in turn, which takes hours; else some, drawn anew each time. */
#include "kinds_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { KILLS = 16, ARGUMENTS = 96 };

static bool every_fault;

static char run_path[300]; /* of the run that is disturbed */

static int set_up(void **state)
{
    make_kinds(state);
    snprintf(run_path, sizeof run_path, "%s/run", folder);
    return 0;
}

/* Starts `masa ARGUMENTS`, RUN being the run's folder; its standard error goes into `errors`.
 * nth >= 0: with a fault in this call (support/inject.c). */
static pid_t start_faulty(const char *arguments, const char *run, long nth, int code, bool on)
{
    static char text[4096];
    char *argv[ARGUMENTS] = {(char *)(uintptr_t)MASA_PROGRAM};
    size_t n = 1;
    snprintf(text, sizeof text, "%s", arguments);
    for (char *p = strtok(text, " "); p; p = strtok(NULL, " "))
        argv[n++] = strcmp(p, "RUN") == 0 ? (char *)(uintptr_t)run : p;
    assert_true(n < ARGUMENTS);
    pid_t child = fork();
    if (child != 0) return child;
    char number[24];
    int log = open("errors", O_CREAT | O_TRUNC | O_WRONLY, 0666);
    if (log < 0 || dup2(log, 2) < 0 || dup2(log, 1) < 0) _exit(126);
    setenv("OMP_NUM_THREADS", "1", 1);
    if (nth >= 0) {
        snprintf(number, sizeof number, "%ld", nth);
        setenv("INJECT_NTH", number, 1);
        snprintf(number, sizeof number, "%d", code);
        setenv("INJECT_ERRNO", number, 1);
        setenv("INJECT_UNDER", run_path, 1);
        setenv("INJECT_COUNT", "count", 1);
        if (on) setenv("INJECT_ON", "1", 1);
        setenv("LD_PRELOAD", MASA_INJECT, 1);
    }
    execv(MASA_PROGRAM, argv);
    _exit(127);
}

static pid_t start(const char *arguments, const char *run)
{
    return start_faulty(arguments, run, -1, 0, false);
}

/* The exit status; errors is filled. */
static int finish(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    FILE *file = fopen("errors", "r");
    read_all(errors, sizeof errors, file);
    fclose(file);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/* Runs the rest of what was broken off: as its message says where it was broken off early. */
static void go_on(const kind *k)
{
    char again[64];
    snprintf(again, sizeof again, "%.*s RUN --resume", (int)strcspn(k->arguments, " "),
             k->arguments);
    int status = finish(start(again, run_path));
    if (status != 0 && strstr(errors, "--restart")) {
        strcat(again, " --restart");
        status = finish(start(again, run_path));
    } else if (status != 0 && strstr(errors, "no run to resume")) {
        status = finish(start(k->arguments, run_path));
    }
    if (status != 0) fail_msg("%s: %d, %s", k->name, status, errors);
}

static void assert_same_end(const kind *k, const char *how)
{
    const char *const files[] = {k->weights, "optimizer.bin"};
    for (size_t i = 0; i < 2; i++) {
        masa_text a = read_saved(k->name, files[i]), b = read_saved(run_path, files[i]);
        if (a.size != b.size || memcmp(a.data, b.data, a.size) != 0)
            fail_msg("%s, %s: another %s", k->name, how, files[i]);
        masa_text_deinit(&a);
        masa_text_deinit(&b);
    }
}

/* Every step is on record as in the undisturbed run, all but times. */
static void assert_same_record(const kind *k, const char *how)
{
    static const char columns[] = "reward,length,loss,grad_norm,entropy,eval_accuracy,tokens";
    char line[300];
    static char whole[1 << 16];
    snprintf(line, sizeof line, "$masa inspect --json --metrics %s %s", columns, k->name);
    assert_int_equal(shell(line), 0);
    strcpy(whole, output);
    snprintf(line, sizeof line, "$masa inspect --json --metrics %s run", columns);
    assert_int_equal(shell(line), 0);
    if (strcmp(whole, output) != 0) fail_msg("%s, %s:\n%s\n%s", k->name, how, whole, output);
}

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

static void killed(const kind *k)
{
    double begun = seconds_now();
    int status = finish(start(k->arguments, k->name));
    if (status != 0) fail_msg("%s: %d, %s", k->name, status, errors);
    double whole = seconds_now() - begun;
    assert_moved(k);
    for (int i = 0; i < KILLS; i++) {
        char how[64];
        double after = whole * (double)rand() / RAND_MAX;
        snprintf(how, sizeof how, "killed after %.3f s", after);
        assert_int_equal(masa_folder_remove(run_path, NULL), MASA_OK);
        pid_t child = start(k->arguments, run_path);
        usleep((useconds_t)(1e6 * after));
        kill(child, SIGKILL);
        if (finish(child) == 0) continue; /* it was faster this time */
        go_on(k);
        assert_same_end(k, how);
        assert_same_record(k, how);
    }
}

static void kills_change_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) killed(&kinds[i]);
}

static long calls_of(const char *arguments)
{
    long n = 0;
    int status = finish(start_faulty(arguments, run_path, 0, 0, false));
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
        int code = i % 2 ? EIO : ENOSPC;
        bool on = i % 4 > 1; /* the disk stays as it is */
        snprintf(how, sizeof how, "call %ld of %ld%s%s: %s", nth, all, copy ? " of a resume" : "",
                 on ? " on" : "", strerror(code));
        prepare(copy);
        assert_told(how, finish(start_faulty(arguments, run_path, nth, code, on)));
        /* with a checkpoint before the fault there is one after it */
        if (copy) {
            int status = finish(start(arguments, run_path));
            if (status != 0) fail_msg("%s: %d, %s", how, status, errors);
        } else {
            go_on(k);
        }
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
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].faults) faulty(&kinds[i]);
    /* a resume that goes farther than the run was to go, and so changes a setting */
    char half[2000];
    assert_int_equal(masa_folder_remove("half", NULL), MASA_OK);
    snprintf(half, sizeof half, "%s -n 4", kinds[0].arguments);
    int status = finish(start(half, "half"));
    if (status != 0) fail_msg("%s", errors);
    walk(&kinds[0], "train RUN --resume -n 6", "half");
}

int main(int argc, char **argv)
{
    every_fault = argc == 2 && strcmp(argv[1], "all") == 0;
    const char *given = getenv("MASA_CRASH_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("MASA_CRASH_SEED=%u\n", seed);
    srand(seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kills_change_nothing),
        cmocka_unit_test(faults_of_the_disk_change_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, remove_kinds);
}
