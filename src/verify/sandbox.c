#include "sandbox.h"

#include <masa/clock.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FILES = 4, MOST_ARGUMENTS = 96 };

#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#endif

/* Everything open while the sandbox is set up. */
typedef struct setup {
    int files[MOST_FILES], filter, input, output[2], errors[2];
} setup;

static void close_fd(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void close_all(setup *s)
{
    for (int i = 0; i < MOST_FILES; i++) close_fd(&s->files[i]);
    close_fd(&s->filter);
    close_fd(&s->input);
    for (int i = 0; i < 2; i++) {
        close_fd(&s->output[i]);
        close_fd(&s->errors[i]);
    }
}

/* A file in memory, at its beginning. Close-on-exec, as everything here, so that no
 * other thread's child inherits it; this one's child keeps what it needs. */
static int memory_file(const void *data, size_t size)
{
    int fd = memfd_create("masa", MFD_CLOEXEC);
    for (size_t done = 0; fd >= 0 && done < size;) {
        ssize_t n = write(fd, (const char *)data + done, size - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) close_fd(&fd);
        else done += (size_t)n;
    }
    if (fd >= 0) lseek(fd, 0, SEEK_SET);
    return fd;
}

/* Threads are allowed, processes are not: clone without CLONE_THREAD fails, and clone3,
 * whose flags a filter cannot see, claims not to exist. */
static int process_filter(void)
{
#ifdef FILTER_ARCH
    const uint32_t clone_thread = 0x00010000;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef SYS_fork
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fork, 6, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_vfork, 5, 0),
#else
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 0),
#endif
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, clone_thread, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    };
    return memory_file(code, sizeof code);
#else
    return -1;
#endif
}

static bool prepare_setup(setup *s, const sandbox_file *files, size_t n_files,
                          const char *input)
{
    bool good = true;
    for (size_t i = 0; i < n_files; i++) {
        s->files[i] = memory_file(files[i].content, strlen(files[i].content));
        good = good && s->files[i] >= 0;
    }
    s->filter = process_filter();
    s->input = memory_file(input, strlen(input));
    good = good && s->input >= 0 && pipe2(s->output, O_CLOEXEC) == 0 &&
           pipe2(s->errors, O_CLOEXEC) == 0;
    return good;
}

typedef struct arguments {
    const char *items[MOST_ARGUMENTS];
    size_t n;
    char numbers[MOST_FILES + 1][16];
} arguments;

static void add(arguments *a, const char *first, const char *second, const char *third)
{
    const char *const words[] = {first, second, third};
    for (int i = 0; i < 3; i++)
        if (words[i] && a->n + 1 < MOST_ARGUMENTS) a->items[a->n++] = words[i];
}

/* No network, no processes of others, /usr read-only, nothing else of this machine. */
static void build_arguments(arguments *a, const setup *s, const sandbox_file *files,
                            size_t n_files)
{
    static const char *const links[] = {"/lib", "/lib64", "/bin", "/lib32", "/sbin"};
    add(a, "bwrap", "--unshare-all", "--die-with-parent");
    add(a, "--new-session", "--cap-drop", "ALL");
    add(a, "--ro-bind", "/usr", "/usr");
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        add(a, "--ro-bind-try", links[i], links[i]);
    add(a, "--proc", "/proc", NULL);
    add(a, "--dev", "/dev", NULL);
    add(a, "--size", "67108864", NULL);
    add(a, "--tmpfs", "/tmp", NULL);
    add(a, "--chdir", "/tmp", "--clearenv");
    add(a, "--setenv", "PATH", "/usr/bin");
    add(a, "--setenv", "HOME", "/tmp");
    for (size_t i = 0; i < n_files; i++) {
        snprintf(a->numbers[i], sizeof a->numbers[i], "%d", s->files[i]);
        add(a, "--ro-bind-data", a->numbers[i], files[i].path);
    }
    if (s->filter >= 0) {
        snprintf(a->numbers[MOST_FILES], sizeof a->numbers[0], "%d", s->filter);
        add(a, "--seccomp", a->numbers[MOST_FILES], NULL);
    }
    add(a, "/usr/bin/python3", "-I", "-B");
    add(a, files[0].path, NULL, NULL);
    a->items[a->n] = NULL;
}

static void limit(int resource, rlim_t value)
{
    struct rlimit r = {value, value};
    setrlimit(resource, &r);
}

/* In the child; only calls that are safe after fork in a program with threads. */
static void become_sandbox(const setup *s, const arguments *a, const masa_code_limits *limits)
{
#ifdef SYS_close_range
    /* Whatever else the caller has open stays outside. */
    const unsigned close_on_exec = 4;
    syscall(SYS_close_range, 3u, ~0u, close_on_exec);
#endif
    for (int i = 0; i < MOST_FILES; i++)
        if (s->files[i] >= 0) fcntl(s->files[i], F_SETFD, 0);
    if (s->filter >= 0) fcntl(s->filter, F_SETFD, 0);
    dup2(s->input, 0);
    dup2(s->output[1], 1);
    dup2(s->errors[1], 2);
    limit(RLIMIT_CPU, (rlim_t)limits->seconds + 2);
    limit(RLIMIT_AS, limits->memory_bytes);
    limit(RLIMIT_FSIZE, (rlim_t)64 << 20);
    limit(RLIMIT_NOFILE, 64);
    limit(RLIMIT_CORE, 0);
    execvp("bwrap", (char *const *)a->items);
    _exit(127);
}

/* Reads both pipes until they end, the time is over or too much came. */
static sandbox_end collect(sandbox_result *r, const setup *s, const masa_code_limits *limits)
{
    double deadline = masa_clock() + limits->seconds;
    struct pollfd fds[2] = {{s->output[0], POLLIN, 0}, {s->errors[0], POLLIN, 0}};
    masa_text *texts[2] = {&r->output, &r->errors};
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        double left = deadline - masa_clock();
        if (left <= 0) return SANDBOX_TIME;
        if (poll(fds, 2, (int)(left * 1000) + 1) < 0 && errno != EINTR) break;
        for (int i = 0; i < 2; i++) {
            char buffer[4096];
            if (fds[i].fd < 0 || !(fds[i].revents & (POLLIN | POLLHUP | POLLERR))) continue;
            ssize_t n = read(fds[i].fd, buffer, sizeof buffer);
            if (n > 0) masa_text_append(texts[i], buffer, (size_t)n);
            else if (n == 0 || errno != EINTR) fds[i].fd = -1;
            if (texts[i]->size > limits->output_bytes) return SANDBOX_OUTPUT;
        }
    }
    return SANDBOX_EXITED;
}

/* The process ended its output; it gets what is left of a second to end itself. */
static int reap(pid_t child, bool kill_it)
{
    int status = 0;
    if (kill_it) kill(child, SIGKILL);
    for (int tries = 0; waitpid(child, &status, kill_it ? 0 : WNOHANG) == 0; tries++) {
        struct timespec pause = {0, 5000000};
        if (tries == 200) kill(child, SIGKILL);
        nanosleep(&pause, NULL);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static masa_status check_start(const sandbox_result *r, masa_error *err)
{
    bool bwrap_said = r->errors.size > 6 && memcmp(r->errors.data, "bwrap:", 6) == 0;
    if (r->ended != SANDBOX_EXITED) return MASA_OK;
    if (r->exit_status == 127 && r->errors.size == 0)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "running code needs bubblewrap (the program bwrap); install the "
                         "package bubblewrap");
    if (bwrap_said)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED, "the sandbox does not start: %.*s",
                         (int)strcspn(r->errors.data, "\n"), r->errors.data);
    return MASA_OK;
}

masa_status sandbox_run(sandbox_result *out, const sandbox_file *files, size_t n_files,
                        const char *input, const masa_code_limits *limits, masa_error *err)
{
    setup s = {{-1, -1, -1, -1}, -1, -1, {-1, -1}, {-1, -1}};
    arguments a = {0};
    masa_status st = MASA_OK;
    if (!prepare_setup(&s, files, n_files, input)) {
        st = MASA_FAIL(err, MASA_ERR_IO, "cannot set up the sandbox: %s", strerror(errno));
        goto out;
    }
    build_arguments(&a, &s, files, n_files);
    pid_t child = fork();
    if (child < 0) {
        st = MASA_FAIL(err, MASA_ERR_IO, "cannot start a process: %s", strerror(errno));
        goto out;
    }
    if (child == 0) become_sandbox(&s, &a, limits);
    close_fd(&s.output[1]);
    close_fd(&s.errors[1]);
    out->ended = collect(out, &s, limits);
    out->exit_status = reap(child, out->ended != SANDBOX_EXITED);
    st = check_start(out, err);
out:
    close_all(&s);
    return st;
}
