/* Servers for tests: `masa serve`, started, and ended as one ends it. */
#ifndef SERVING_H
#define SERVING_H

#include "kinds_test.h"

#include <signal.h>

typedef struct serving {
    pid_t pid;
    char url[64];
} serving;

/* `masa serve ARGUMENTS`, its warnings in the file `errors-serve`. */
static inline serving serving_start(const char *arguments)
{
    serving s = {0};
    char line[1024];
    int out[2];
    size_t n = 0;
    assert_int_equal(pipe(out), 0);
    snprintf(line, sizeof line,
             "OMP_NUM_THREADS=1 exec '%s' serve -q --listen 127.0.0.1:0 %s 2>>errors-serve",
             MASA_PROGRAM, arguments);
    if ((s.pid = fork()) == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    while (n < sizeof s.url - 1 && read(out[0], s.url + n, 1) == 1 && s.url[n] != '\n') n++;
    close(out[0]);
    s.url[n] = '\0';
    if (s.pid < 0 || !masa_starts_with(s.url, "http://")) fail_msg("no server: '%s'", s.url);
    return s;
}

/* By SIGTERM; its exit status. */
static inline int serving_end(const serving *s)
{
    int status = -1;
    assert_int_equal(kill(s->pid, SIGTERM), 0);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void serving_kill(const serving *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
}

#endif
