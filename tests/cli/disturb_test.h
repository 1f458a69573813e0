/* What the tests share that let a fault come over the program: it is started with one, and
 * afterwards goes on to where it would have come without. */
#ifndef DISTURB_TEST_H
#define DISTURB_TEST_H

#include "same_test.h"

#include <fcntl.h>
#include <jansson.h>
#include <time.h>
#include <unistd.h>

enum { ARGUMENTS = 96 };

static char run_path[300]; /* of the run that is disturbed */

static int make_disturbed(void **state)
{
    make_kinds(state);
    snprintf(run_path, sizeof run_path, "%s/run", folder);
    return 0;
}

static const char *asked; /* the one that is disturbed, more often; NULL: each is */

static inline bool is_asked(const char *name)
{
    return !asked || strcmp(asked, name) == 0;
}

/* Takes the argument, a name. The same draws each time, so that a check says the same everywhere;
 * MASA_CRASH_SEED gives others. */
static inline void seed_draws(int argc, char **argv)
{
    asked = argc == 2 ? argv[1] : NULL;
    const char *given = getenv("MASA_CRASH_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : 1;
    print_message("MASA_CRASH_SEED=%u\n", seed);
    srand(seed);
}

/* A call that fails, by a library that is loaded before the others (support/inject*.c). */
typedef struct fault {
    const char *library;
    long nth;          /* 0: none fails; all are counted */
    int code;          /* its errno, where the library asks */
    bool on;           /* all from there on fail */
    bool stalls;       /* it takes for ever instead */
    const char *under; /* what the disk fails to give; NULL: anything in the test's folder */
} fault;

static void set_fault(const fault *f)
{
    char number[24];
    snprintf(number, sizeof number, "%ld", f->nth);
    setenv("INJECT_NTH", number, 1);
    snprintf(number, sizeof number, "%d", f->code);
    setenv("INJECT_ERRNO", number, 1);
    setenv("INJECT_UNDER", f->under ? f->under : folder, 1);
    setenv("INJECT_COUNT", "count", 1);
    if (f->on) setenv("INJECT_ON", "1", 1);
    if (f->stalls) setenv("INJECT_STALLS", "1", 1);
    setenv("LD_PRELOAD", f->library, 1);
}

/* Starts `masa ARGUMENTS`, which are words without quotes, RUN being the run's folder; what it
 * says goes into `errors`. f NULL: without a fault. */
static pid_t start_faulty(const char *arguments, const char *run, const fault *f)
{
    static char text[4096];
    char *argv[ARGUMENTS] = {(char *)(uintptr_t)MASA_PROGRAM};
    size_t n = 1;
    snprintf(text, sizeof text, "%s", arguments);
    for (char *p = strtok(text, " "); p; p = strtok(NULL, " "))
        argv[n++] = strcmp(p, "RUN") == 0 ? (char *)(uintptr_t)run : p;
    assert_true(n < ARGUMENTS);
    unlink("count");
    pid_t child = fork();
    if (child != 0) return child;
    int log = open("errors", O_CREAT | O_TRUNC | O_WRONLY, 0666);
    int out = open("output", O_CREAT | O_TRUNC | O_WRONLY, 0666);
    if (log < 0 || out < 0 || dup2(log, 2) < 0 || dup2(out, 1) < 0) _exit(126);
    setenv("OMP_NUM_THREADS", "1", 1);
    if (f) set_fault(f);
    execv(MASA_PROGRAM, argv);
    _exit(127);
}

static pid_t start(const char *arguments, const char *run)
{
    return start_faulty(arguments, run, NULL);
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

static void must_finish(const char *arguments, const char *run)
{
    int status = finish(start(arguments, run));
    if (status != 0) fail_msg("%.20s...: %d, %s", arguments, status, errors);
}

static void resume_arguments(char out[64], const kind *k)
{
    snprintf(out, 64, "%.*s RUN --resume", (int)strcspn(k->arguments, " "), k->arguments);
}

/* Runs the rest of what was broken off: as its message says where it was broken off early. */
static void go_on(const kind *k)
{
    char again[64];
    resume_arguments(again, k);
    int status = finish(start(again, run_path));
    if (status != 0 && strstr(errors, "--restart")) {
        strcat(again, " --restart");
        status = finish(start(again, run_path));
    } else if (status != 0 && strstr(errors, "no run to resume")) {
        status = finish(start(k->arguments, run_path));
    }
    if (status != 0) fail_msg("%s: %d, %s", k->name, status, errors);
}

static void assert_same_saved(const char *whole, const char *run, const char *file,
                              const char *how)
{
    masa_text a = read_saved(whole, file), b = read_saved(run, file);
    if (a.size != b.size || memcmp(a.data, b.data, a.size) != 0)
        fail_msg("%s, %s: another %s", whole, how, file);
    masa_text_deinit(&a);
    masa_text_deinit(&b);
}

/* state.json without its times: where the run stands, what the method remembers, and size and
 * checksum of every other file of the checkpoint. */
static json_t *read_state(const char *run)
{
    masa_text text = read_saved(run, "state.json");
    json_t *state = json_loads(masa_text_get(&text), 0, NULL);
    assert_true(json_object_size(json_object_get(state, "files")) > 3);
    assert_int_equal(json_object_del(state, "seconds") + json_object_del(state, "cpu_seconds") +
                         json_object_del(state, "checksum"),
                     0);
    masa_text_deinit(&text);
    return state;
}

static void assert_same_checkpoint(const char *whole, const char *run, const char *how)
{
    json_t *a = read_state(whole), *b = read_state(run);
    if (!json_equal(a, b)) {
        json_dumpf(a, stderr, JSON_SORT_KEYS | JSON_INDENT(1));
        json_dumpf(b, stderr, JSON_SORT_KEYS | JSON_INDENT(1));
        fail_msg("%s, %s: another state.json", whole, how);
    }
    json_decref(a);
    json_decref(b);
}

static void assert_same_end(const kind *k, const char *how)
{
    assert_same_saved(k->name, run_path, k->weights, how);
    assert_same_saved(k->name, run_path, "optimizer.bin", how);
    assert_same_checkpoint(k->name, run_path, how);
}

/* ---- what is no training of one run ---- */

/* The same command goes on with the samples that are there; an export is all of them. */
#define EVALUATION                                                                             \
    "eval -q --problems train.jsonl --model model --chat-template chatml --compute f32 "       \
    "-n 16 -l 60 --batch 8 -o RUN"

/* The undisturbed one is whole.sqlite. */
static inline void assert_same_evaluation(const char *how)
{
    static const char same[] =
        "rm -rf b; { [ -d a ] || $masa eval whole.sqlite --export a; } && "
        "$masa eval run --export b && cmp a/samples_* b/samples_*";
    if (shell(same) != 0) fail_msg("%s: %s%s", how, output, errors);
}

/* The results of a whole evaluation without some of its samples, in `half`. */
static inline void make_half_evaluation(void)
{
    sqlite3 *results = NULL;
    assert_int_equal(shell("rm -rf half && cp whole.sqlite half"), 0);
    assert_int_equal(sqlite3_open("half", &results), SQLITE_OK);
    assert_int_equal(sqlite3_exec(results,
                                  "DELETE FROM samples WHERE (problem + sample) % 3 = 0", NULL,
                                  NULL, NULL),
                     SQLITE_OK);
    assert_true(sqlite3_changes(results) > 16);
    sqlite3_close(results);
}

#define COMPARISON                                                                             \
    "compare RUN -q --preset grpo,rloo --seeds 1 --model model --train train.jsonl "           \
    "--test train.jsonl --steps 4 " RL_SETTINGS

static const char *const compared[] = {"run/grpo-seed1", "run/rloo-seed1"};

/* The same command goes on with the run that was broken off and leaves alone what is finished;
 * one that had not come to its first checkpoint is begun again, as the message says. */
static inline void go_on_comparing(void)
{
    int status = finish(start(COMPARISON, run_path));
    for (int i = 0; i < 2 && status != 0 && strstr(errors, "--restart"); i++) {
        must_finish("train RUN --resume --restart",
                    compared[strstr(errors, compared[1]) != NULL]);
        status = finish(start(COMPARISON, run_path));
    }
    if (status != 0) fail_msg("compare: %d, %s", status, errors);
}

/* The undisturbed one is in `whole`. */
static inline void assert_same_comparison(const char *how)
{
    char whole[64];
    for (size_t k = 0; k < 2; k++) {
        snprintf(whole, sizeof whole, "whole%s", strchr(compared[k], '/'));
        assert_same_saved(whole, compared[k], "model.safetensors", how);
        assert_same_checkpoint(whole, compared[k], how);
    }
}

#endif
