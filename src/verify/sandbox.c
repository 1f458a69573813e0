#include "sandbox.h"

#include "filter.h"

#include <masa/clock.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    MOST_FILES = 4,
    MOST_ARGUMENTS = 96,
    NOBODY = 65534,
    TMP_BYTES = 32 << 20, /* of /tmp, the only place that can be written */
    TMP_FILES = 16384,    /* each takes about 1 KiB of the kernel's memory */
    TICK = 50,            /* milliseconds between two looks at /tmp */
};

/* Everything open while the sandbox is set up and runs. */
typedef struct setup {
    int files[MOST_FILES], filter, input;
    int output[2], errors[2];
    int status[2];  /* where bubblewrap says how far it came */
    int started[2]; /* ends with the exec, else carries what failed before it */
} setup;

/* What of the child failed before bubblewrap ran. */
typedef struct start_failure {
    bool dropping; /* privileges; else the exec */
    int error;
} start_failure;

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
        close_fd(&s->status[i]);
        close_fd(&s->started[i]);
    }
}

/* A file in memory, at its beginning. Close-on-exec, as everything here, so that no
 * other thread's child inherits it; this one's child keeps what it needs. */
static int memory_file(const char *data)
{
    int fd = memfd_create("masa", MFD_CLOEXEC);
    for (size_t done = 0, size = strlen(data); fd >= 0 && done < size;) {
        ssize_t n = write(fd, data + done, size - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) close_fd(&fd);
        else done += (size_t)n;
    }
    if (fd >= 0) lseek(fd, 0, SEEK_SET);
    return fd;
}

static bool prepare_setup(setup *s, const sandbox_file *files, size_t n_files,
                          const char *input)
{
    bool good = true;
    for (size_t i = 0; i < n_files; i++) {
        s->files[i] = memory_file(files[i].content);
        good = good && s->files[i] >= 0;
    }
    s->filter = memory_file("");
    s->input = memory_file(input);
    good = good && s->input >= 0 && s->filter >= 0 && pipe2(s->output, O_CLOEXEC) == 0 &&
           pipe2(s->errors, O_CLOEXEC) == 0 && pipe2(s->status, O_CLOEXEC) == 0 &&
           pipe2(s->started, O_CLOEXEC) == 0;
    return good;
}

typedef struct arguments {
    const char *items[MOST_ARGUMENTS];
    size_t n;
    char numbers[MOST_FILES + 4][16];
    size_t n_numbers;
} arguments;

static void add(arguments *a, const char *first, const char *second, const char *third)
{
    const char *const words[] = {first, second, third};
    for (int i = 0; i < 3; i++)
        if (words[i] && a->n + 1 < MOST_ARGUMENTS) a->items[a->n++] = words[i];
}

static void add_number(arguments *a, const char *option, int number, const char *third)
{
    char *text = a->numbers[a->n_numbers++];
    snprintf(text, sizeof a->numbers[0], "%d", number);
    add(a, option, text, third);
}

/* No network, no processes of others, no /proc, /usr and a few devices without content,
 * nothing else of this machine, and nothing that can be written but /tmp. */
static void build_arguments(arguments *a, const setup *s, const sandbox_file *files,
                            size_t n_files)
{
    static const char *const links[] = {"/lib", "/lib64", "/bin", "/lib32"};
    static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/urandom"};
    add(a, "bwrap", "--unshare-all", "--unshare-user");
    add_number(a, "--uid", NOBODY, NULL);
    add_number(a, "--gid", NOBODY, NULL);
    add(a, "--die-with-parent", "--new-session", NULL);
    add(a, "--cap-drop", "ALL", NULL);
    add(a, "--hostname", "masa", NULL);
    add(a, "--ro-bind", "/usr", "/usr");
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        add(a, "--ro-bind-try", links[i], links[i]);
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        add(a, "--dev-bind", devices[i], devices[i]);
    add_number(a, "--size", TMP_BYTES, NULL);
    add(a, "--tmpfs", "/tmp", NULL);
    add(a, "--chdir", "/tmp", "--clearenv");
    add(a, "--setenv", "PATH", "/usr/bin");
    add(a, "--setenv", "HOME", "/tmp");
    for (size_t i = 0; i < n_files; i++)
        add_number(a, "--ro-bind-data", s->files[i], files[i].path);
    add(a, "--remount-ro", "/", NULL);
    add_number(a, "--seccomp", s->filter, NULL);
    add_number(a, "--json-status-fd", s->status[1], NULL);
    add(a, "/usr/bin/python3", "-I", "-B");
    add(a, files[0].path, NULL, NULL);
    a->items[a->n] = NULL;
}

/* ---- in the child: only calls that are safe after fork in a program with threads ---- */

static void limit(int resource, rlim_t value)
{
    struct rlimit r = {value, value};
    setrlimit(resource, &r);
}

/* What root starts runs as nobody: its files, and what the kernel lets root do, are then
 * out of reach even where a wall has a hole. The C library's functions would signal
 * threads that the child does not have. */
static bool drop_root(void)
{
    if (geteuid() != 0) return true;
    return syscall(SYS_setgroups, 0, NULL) == 0 &&
           syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) == 0 &&
           syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY) == 0;
}

static void keep_open(int fd)
{
    if (fd >= 0) fcntl(fd, F_SETFD, 0);
}

static void become_sandbox(const setup *s, const arguments *a, const masa_code_limits *limits)
{
    static char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", NULL};
    start_failure failure = {0};
#ifdef SYS_close_range
    /* Whatever else the caller has open stays outside. */
    const unsigned close_on_exec = 4;
    syscall(SYS_close_range, 3u, ~0u, close_on_exec);
#endif
    setsid(); /* An interrupt from the terminal is masa's, and no program's failure. */
    for (int i = 0; i < MOST_FILES; i++) keep_open(s->files[i]);
    keep_open(s->filter);
    keep_open(s->status[1]);
    dup2(s->input, 0);
    dup2(s->output[1], 1);
    dup2(s->errors[1], 2);
    limit(RLIMIT_CPU, (rlim_t)limits->seconds + 2);
    limit(RLIMIT_AS, limits->memory_bytes);
    limit(RLIMIT_FSIZE, TMP_BYTES);
    limit(RLIMIT_NOFILE, 64);
    limit(RLIMIT_CORE, 0);
    failure.dropping = !drop_root() || chdir("/") != 0;
    if (!failure.dropping) execvpe("bwrap", (char *const *)a->items, environment);
    failure.error = errno;
    ssize_t ignored = write(s->started[1], &failure, sizeof failure);
    (void)ignored;
    _exit(127);
}

/* ---- in the parent ---- */

/* bubblewrap's number of the sandbox's first process, 0 until it is known. */
static long inner_process(const masa_text *status)
{
    const char *at = strstr(masa_text_get(status), "\"child-pid\": ");
    return at ? atol(at + strlen("\"child-pid\": ")) : 0;
}

/* Whether /tmp holds too many files, whose number its size does not limit. It is told by
 * its size from what is at that path while the sandbox is set up. */
static bool tmp_is_full(long process)
{
    char path[64];
    struct statvfs fs;
    snprintf(path, sizeof path, "/proc/%ld/root/tmp", process);
    if (process <= 0 || statvfs(path, &fs) != 0) return false;
    return fs.f_blocks * fs.f_frsize == TMP_BYTES && fs.f_files - fs.f_ffree > TMP_FILES;
}

/* Reads what the sandbox writes until bubblewrap ends, the time is over or too much came. */
static sandbox_end collect(sandbox_result *r, masa_text *status, const setup *s,
                           const masa_code_limits *limits)
{
    double deadline = masa_clock() + limits->seconds;
    struct pollfd fds[] = {{s->status[0], POLLIN, 0},
                           {s->output[0], POLLIN, 0},
                           {s->errors[0], POLLIN, 0}};
    masa_text *texts[] = {status, &r->output, &r->errors};
    while (fds[0].fd >= 0 || fds[1].fd >= 0 || fds[2].fd >= 0) {
        double left = (deadline - masa_clock()) * 1000;
        if (left <= 0) return SANDBOX_TIME;
        if (tmp_is_full(inner_process(status))) return SANDBOX_MEMORY;
        if (poll(fds, 3, left < TICK ? (int)left + 1 : TICK) < 0) continue;
        for (int i = 0; i < 3; i++) {
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

/* bubblewrap's own exit status tells its failures not from the program's; its report does:
 * it names an exit code only of a program that was started. */
static masa_status check_start(int wait_status, const masa_text *status,
                               const sandbox_result *r, masa_error *err)
{
    if (r->ended != SANDBOX_EXITED || WIFSIGNALED(wait_status)) return MASA_OK;
    if (strstr(masa_text_get(status), "\"exit-code\"")) return MASA_OK;
    const char *said = masa_text_get(&r->errors);
    return MASA_FAIL(err, MASA_ERR_UNSUPPORTED, "the sandbox does not start: %.*s",
                     (int)strcspn(said, "\n"), said);
}

static masa_status check_exec(const setup *s, masa_error *err)
{
    start_failure failure;
    ssize_t n;
    while ((n = read(s->started[0], &failure, sizeof failure)) < 0 && errno == EINTR) {}
    if (n == 0) return MASA_OK;
    if (n == (ssize_t)sizeof failure && failure.dropping)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "running code as root needs the right to become 'nobody' (%s); "
                         "run as an ordinary user",
                         strerror(failure.error));
    return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                     "running code needs bubblewrap (the program bwrap: %s); install the "
                     "package bubblewrap",
                     strerror(failure.error));
}

static masa_status run(sandbox_result *out, setup *s, const arguments *a,
                       const masa_code_limits *limits, masa_error *err)
{
    masa_text status = {0};
    pid_t child = fork();
    if (child < 0)
        return MASA_FAIL(err, MASA_ERR_IO, "cannot start a process: %s", strerror(errno));
    if (child == 0) become_sandbox(s, a, limits);
    close_fd(&s->output[1]);
    close_fd(&s->errors[1]);
    close_fd(&s->status[1]);
    close_fd(&s->started[1]);
    int wait_status = 0;
    masa_status st = check_exec(s, err);
    if (st == MASA_OK) {
        out->ended = collect(out, &status, s, limits);
        /* Its end is the end of everything in its process namespace. */
        if (out->ended != SANDBOX_EXITED) kill(child, SIGKILL);
    }
    while (waitpid(child, &wait_status, 0) < 0 && errno == EINTR) {}
    out->exit_status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status)
                                              : 128 + WTERMSIG(wait_status);
    if (st == MASA_OK) st = check_start(wait_status, &status, out, err);
    masa_text_deinit(&status);
    return st;
}

masa_status sandbox_run(sandbox_result *out, const sandbox_file *files, size_t n_files,
                        const char *input, const masa_code_limits *limits, masa_error *err)
{
    setup s = {.files = {-1, -1, -1, -1}, .filter = -1, .input = -1, .output = {-1, -1},
               .errors = {-1, -1}, .status = {-1, -1}, .started = {-1, -1}};
    arguments a = {0};
    masa_status st;
    if (!prepare_setup(&s, files, n_files, input)) {
        st = MASA_FAIL(err, MASA_ERR_IO, "cannot set up the sandbox: %s", strerror(errno));
    } else if (!sandbox_filter_write(s.filter) || lseek(s.filter, 0, SEEK_SET) != 0) {
        st = MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                       "the sandbox has no system-call filter for this machine; code is not "
                       "run without one");
    } else {
        build_arguments(&a, &s, files, n_files);
        st = run(out, &s, &a, limits, err);
    }
    close_all(&s);
    return st;
}
