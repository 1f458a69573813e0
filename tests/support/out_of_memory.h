/* What the tests share that let single allocations fail, in a process of its own each. */
#ifndef OUT_OF_MEMORY_H
#define OUT_OF_MEMORY_H

#include "masa_test.h"

#include <masa/error.h>
#include <masa/memory.h>
#include <masa/parallel.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is to be done in little memory; it frees what it took, failed or not. */
typedef masa_status memory_work(const char *folder, masa_error *err);

enum {
    MEMORY_REPORTED = 10,
    MEMORY_OTHER = 11
}; /* statuses, beside 0 and masa_memory_out's 1 */

static _Noreturn void memory__child(memory_work *work, const char *folder, size_t n, int says)
{
    masa_error err = {0};
    if (dup2(says, STDERR_FILENO) < 0) _exit(126);
    masa_threads_set(1);
    masa_memory_fail_at(n);
    masa_status st = work(folder, &err);
    size_t left = masa_memory_fail_at(0);
    if (n == SIZE_MAX && st == MASA_OK) fprintf(stderr, "%zu", n - left);
    else if (st != MASA_OK) fprintf(stderr, "masa: %s\n", err.message);
    exit(st == MASA_OK ? 0 : st == MASA_ERR_MEMORY ? MEMORY_REPORTED : MEMORY_OTHER);
}

/* In a process of its own; `said` takes what it says on its standard error. Returns its status
 * as waitpid has it. n SIZE_MAX: none fails, and it says how many there are. */
static int memory__fail_at(size_t n, memory_work *work, const char *folder, char said[4096])
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) memory__child(work, folder, n, ends[1]);
    close(ends[1]);
    size_t size = 0;
    for (ssize_t got; (got = read(ends[0], said + size, 4095 - size)) > 0;) size += (size_t)got;
    said[size] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* Where the work failed the last line, and no other but warnings, is about memory. */
static bool memory__is_told(int status, const char *said)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    const char *line = said, *end;
    if (code == 0) return true;
    if (code != 1 && code != MEMORY_REPORTED) return false;
    for (; (end = strchr(line, '\n')) && end[1]; line = end + 1)
        if (strncmp(line, "masa: warning: ", 15) != 0) return false;
    return end && strncmp(line, "masa: ", 6) == 0 && strstr(line, "memory");
}

/* Lets `most` of the allocations of the work fail, or all with MASA_TEST_ALL=1, one at a time:
 * the same ones each time unless MASA_CRASH_SEED says otherwise. */
static void memory_walk(const char *name, memory_work *work, const char *folder, size_t most)
{
    char said[4096];
    const char *seed = getenv("MASA_CRASH_SEED");
    if (memory__fail_at(SIZE_MAX, work, folder, said) != 0) fail_msg("%s: %s", name, said);
    const char *count = strrchr(said, '\n'); /* warnings come before it */
    size_t total = strtoul(count ? count + 1 : said, NULL, 10), failed = 0, bad = 0, n = 0;
    size_t every = getenv("MASA_TEST_ALL") ? 1 : 1 + total / most;
    assert_true(total > most);
    for (size_t i = seed ? strtoul(seed, NULL, 10) % every : 0; i < total; i += every, n++) {
        int status = memory__fail_at(i + 1, work, folder, said);
        failed += status != 0;
        if (memory__is_told(status, said)) continue;
        print_error("%s, allocation %zu of %zu: status %x, says: %s\n", name, i + 1, total,
                    (unsigned)status, said);
        bad++;
    }
    print_message("%s: %zu of %zu allocations, %zu ended it\n", name, n, total, failed);
    assert_int_equal(bad, 0);
    assert_true(failed > n / 4);
}

#endif
