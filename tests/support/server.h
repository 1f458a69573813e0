/* A server in Python that prints its port. */
#ifndef TESTS_SERVER_H
#define TESTS_SERVER_H

#include "masa_test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct server {
    pid_t pid;
    int port;
} server;

static inline server server_start(const char *script)
{
    server s = {0};
    int out[2];
    char text[16] = "";
    assert_int_equal(pipe(out), 0);
    if ((s.pid = fork()) == 0) {
        dup2(out[1], STDOUT_FILENO);
        execl("/usr/bin/python3", "python3", script, "0", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    assert_true(s.pid > 0 && read(out[0], text, sizeof text - 1) > 0);
    close(out[0]);
    s.port = atoi(text);
    assert_true(s.port > 0);
    return s;
}

static inline void server_end(const server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
}

#endif
