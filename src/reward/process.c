#include "process.h"

#include <masa/clock.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void close_one(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* In a group of its own, so that ^C reaches the run alone, which then ends it; and with the
 * signals that the run has caught as a program expects them. */
static int spawn(pid_t *pid, const char *command, int in, int out, int log)
{
    char *argv[] = {"sh", "-c", (char *)(uintptr_t)command, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, log, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    int failed = posix_spawn(pid, "/bin/sh", &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return failed;
}

masa_status process_start(process *p, const char *command, const char *log, masa_error *err)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    int file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    *p = (process){.in = -1, .out = -1};
    if (file < 0)
        return MASA_FAIL(err, MASA_ERR_IO, "cannot write %s: %s", log, strerror(errno));
    int failed = pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) ? errno : 0;
    if (!failed) failed = spawn(&p->pid, command, in[0], out[1], file);
    close(file);
    close_one(&in[0]);
    close_one(&out[1]);
    if (failed) {
        close_one(&in[1]);
        close_one(&out[0]);
        p->pid = 0;
        return MASA_FAIL(err, MASA_ERR_IO, "cannot start reward.command: %s", strerror(failed));
    }
    p->in = in[1];
    p->out = out[0];
    fcntl(p->in, F_SETFL, O_NONBLOCK);
    fcntl(p->out, F_SETFL, O_NONBLOCK);
    return MASA_OK;
}

/* SIGPIPE asks a run to stop; that this program is gone is told in another way. */
static ssize_t write_quietly(int fd, const void *data, size_t size)
{
    sigset_t pipe, before, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    ssize_t n = write(fd, data, size);
    int why = errno;
    if (n < 0 && why == EPIPE && !sigismember(&pending, SIGPIPE))
        sigtimedwait(&pipe, NULL, &(struct timespec){0, 0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = why;
    return n;
}

bool process_write(process *p)
{
    while (p->written < p->to_write.size) {
        ssize_t n =
            write_quietly(p->in, p->to_write.data + p->written, p->to_write.size - p->written);
        if (n < 0) return errno == EAGAIN || errno == EINTR;
        p->written += (size_t)n;
    }
    masa_text_clear(&p->to_write);
    p->written = 0;
    return true;
}

bool process_read(process *p)
{
    char buffer[1 << 14];
    for (;;) {
        ssize_t n = read(p->out, buffer, sizeof buffer);
        if (n <= 0) return n < 0 && (errno == EAGAIN || errno == EINTR);
        masa_text_append(&p->read, buffer, (size_t)n);
    }
}

/* Whether it has ended; it stays to be waited for, so that its group keeps its number. */
static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == pid;
}

int process_end(process *p, double patience)
{
    int status = 0;
    double until = masa_clock() + patience;
    if (p->pid == 0) return 0;
    close_one(&p->in);
    close_one(&p->out);
    while (!has_ended(p->pid) && masa_clock() < until)
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    kill(-p->pid, SIGKILL); /* what it has started, too */
    waitpid(p->pid, &status, 0);
    masa_text_deinit(&p->to_write);
    masa_text_deinit(&p->read);
    *p = (process){.in = -1, .out = -1};
    return status;
}
