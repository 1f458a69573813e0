/* What the tests of commands that train have in common: a folder with a model of a few
 * thousand parameters and problems, and the program run in it. */
#ifndef RUNS_TEST_H
#define RUNS_TEST_H

#include "tiny_llama.h"

#include <jansson.h>
#include <masa/store.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/masa-cli-runs-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    tiny_llama_save("start", 1);
    FILE *train = fopen("train.jsonl", "w"), *test = fopen("test.jsonl", "w");
    assert_true(train && test);
    for (char a = 'a'; a <= 'h'; a++)
        for (char b = 'a'; b <= 'd'; b++)
            fprintf(b == 'd' ? test : train,
                    "{\"problem\":\"%c %c\",\"answer\":\"y\",\"level\":%d}\n", a, b,
                    a < 'd' ? 1 : 2);
    assert_int_equal(fclose(train) + fclose(test), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(chdir("/"), 0);
    return masa_folder_remove(folder, NULL) != MASA_OK;
}

static char output[1 << 16], errors[1 << 16];

static void read_all(char *to, size_t size, FILE *file)
{
    size_t n = fread(to, 1, size - 1, file);
    to[n] = '\0';
}

/* Runs `masa COMMAND ARGUMENTS MORE` in the folder; fills output and errors. */
static int masa(const char *command, const char *arguments, const char *more)
{
    char line[2048];
    snprintf(line, sizeof line, "OMP_NUM_THREADS=1 '%s' %s %s %s 2>errors", MASA_PROGRAM,
             command, arguments, more);
    FILE *pipe = popen(line, "r");
    read_all(output, sizeof output, pipe);
    int status = WEXITSTATUS(pclose(pipe));
    FILE *file = fopen("errors", "r");
    read_all(errors, sizeof errors, file);
    fclose(file);
    return status;
}

static void assert_says(const char *text, const char *part)
{
    if (!strstr(text, part)) fail_msg("'%s' is not in:\n%s", part, text);
}

static masa_status take_metric(void *context, long step, const char *name, double value,
                               masa_error *err)
{
    (void)step, (void)name, (void)err;
    *(double *)context = value;
    return MASA_OK;
}

/* NaN when there is none. */
static double metric_of(const char *run, long step, const char *name)
{
    double value = NAN;
    char path[256];
    masa_store *store = NULL;
    snprintf(path, sizeof path, "%s/store.sqlite", run);
    if (masa_store_open(&store, path, MASA_STORE_READ, NULL) != MASA_OK) return NAN;
    masa_store_metrics(store, step, step, name, take_metric, &value, NULL);
    masa_store_close(store);
    return value;
}

/* Starts a command and sends it a signal once `run` has a step; its exit status. */
static int send_signal(int number, const char *command, const char *arguments, const char *run)
{
    char line[4096];
    snprintf(line, sizeof line, "OMP_NUM_THREADS=1 exec '%s' %s %s >/dev/null 2>errors",
             MASA_PROGRAM, command, arguments);
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    for (int i = 0; i < 20000 && isnan(metric_of(run, 1, "reward")); i++) usleep(5000);
    kill(child, number);
    assert_int_equal(waitpid(child, &status, 0), child);
    FILE *file = fopen("errors", "r");
    read_all(errors, sizeof errors, file);
    fclose(file);
    return WEXITSTATUS(status);
}

/* By ^C. */
static int interrupt(const char *command, const char *arguments, const char *run)
{
    return send_signal(SIGINT, command, arguments, run);
}

#endif
