#include "box.h"

#include "filter.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
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
    MOST_ARGUMENTS = 128,
    NOBODY = 65534,
    TMP_BYTES = 32 << 20, /* of /tmp, the only place that can be written */
    TMP_FILES = 16384,    /* each takes about 1 KiB of the kernel's memory */
};

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

typedef struct arguments {
    const char *items[MOST_ARGUMENTS];
    size_t n;
    char numbers[BOX_FILES + 5][16];
    size_t n_numbers;
} arguments;

static void add(arguments *a, const char *first, const char *second, const char *third)
{
    const char *const words[] = {first, second, third};
    for (int i = 0; i < 3; i++)
        if (words[i]) a->items[a->n++] = words[i];
    assert(a->n + 3 < MOST_ARGUMENTS);
}

static void add_number(arguments *a, const char *option, int number, const char *third)
{
    char *text = a->numbers[a->n_numbers++];
    snprintf(text, sizeof a->numbers[0], "%d", number);
    add(a, option, text, third);
}

/* No network, no processes of others, no /proc, /usr and a few devices without content,
 * nothing else of this machine, and nothing that can be written but /tmp. */
static void build_arguments(arguments *a, const box *b, const sandbox_file files[BOX_FILES])
{
    static const char *const links[] = {"/lib", "/lib64", "/bin", "/lib32",
                                        "/etc/alternatives" /* BLAS is there */};
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
    add(a, "--setenv", "OPENBLAS_NUM_THREADS", "1");
    for (size_t i = 0; i < BOX_FILES; i++)
        add_number(a, "--ro-bind-data", b->files[i], files[i].path);
    add(a, "--remount-ro", "/", NULL);
    add_number(a, "--seccomp", b->filter, NULL);
    add_number(a, "--json-status-fd", b->inner[BOX_REPORT], NULL);
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
    fcntl(fd, F_SETFD, 0);
}

static void become_box(const box *b, const arguments *a, int input, int started,
                       const masa_code_limits *limits)
{
    static char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", NULL};
    start_failure failure = {0};
#ifdef SYS_close_range
    /* Whatever else the caller has open stays outside. */
    const unsigned close_on_exec = 4;
    syscall(SYS_close_range, 3u, ~0u, close_on_exec);
#endif
    setsid(); /* An interrupt from the terminal is masa's, and no program's failure. */
    for (int i = 0; i < BOX_FILES; i++) keep_open(b->files[i]);
    keep_open(b->filter);
    keep_open(b->inner[BOX_REPORT]);
    dup2(input, 0);
    dup2(b->inner[BOX_OUTPUT], 1);
    dup2(b->inner[BOX_ERRORS], 2);
    limit(RLIMIT_CPU, (rlim_t)limits->seconds + 2);
    limit(RLIMIT_AS, limits->memory_bytes);
    limit(RLIMIT_FSIZE, TMP_BYTES);
    limit(RLIMIT_NOFILE, 64);
    limit(RLIMIT_CORE, 0);
    failure.dropping = !drop_root() || chdir("/") != 0;
    if (!failure.dropping) execvpe("bwrap", (char *const *)a->items, environment);
    failure.error = errno;
    ssize_t ignored = write(started, &failure, sizeof failure);
    (void)ignored;
    _exit(127);
}

/* ---- in the parent ---- */

static masa_status open_all(box *b, const sandbox_file files[BOX_FILES], int *started,
                            masa_error *err)
{
    bool good = true;
    for (int i = 0; i < BOX_FILES; i++)
        good = (b->files[i] = memory_file(files[i].content)) >= 0 && good;
    for (int i = 0; good && i < BOX_STREAMS; i++) {
        int ends[2];
        good = pipe2(ends, O_CLOEXEC) == 0;
        if (!good) break;
        b->outer[i] = ends[0];
        b->inner[i] = ends[1];
    }
    int ends[2] = {-1, -1};
    good = good && (b->filter = memory_file("")) >= 0 && pipe2(ends, O_CLOEXEC) == 0;
    b->started = ends[0];
    *started = ends[1];
    if (!good)
        return MASA_FAIL(err, MASA_ERR_IO, "cannot set up the sandbox: %s", strerror(errno));
    if (!sandbox_filter_write(b->filter) || lseek(b->filter, 0, SEEK_SET) != 0)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "the sandbox has no system-call filter for this machine; code is "
                         "not run without one");
    return MASA_OK;
}

static masa_status check_exec(const box *b, masa_error *err)
{
    start_failure failure;
    ssize_t n;
    while ((n = read(b->started, &failure, sizeof failure)) < 0 && errno == EINTR) {
    }
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

masa_status box_start(box *b, const sandbox_file files[BOX_FILES], int input,
                      const masa_code_limits *limits, masa_error *err)
{
    arguments a = {0};
    int started;
    masa_status st = open_all(b, files, &started, err);
    if (st == MASA_OK) {
        build_arguments(&a, b, files);
        b->process = fork();
        if (b->process == 0) become_box(b, &a, input, started, limits);
        if (b->process < 0)
            st = MASA_FAIL(err, MASA_ERR_IO, "cannot start a process: %s", strerror(errno));
    }
    close_fd(&started);
    for (int i = 0; i < BOX_STREAMS; i++) close_fd(&b->inner[i]);
    return st == MASA_OK ? check_exec(b, err) : st;
}

bool box_is_full(const box *b)
{
    char path[64];
    struct statvfs fs;
    /* bubblewrap's number of the first process in the box. While the box is set up that
     * path is another place, which is told by its size. */
    const char *at = strstr(masa_text_get(&b->texts[BOX_REPORT]), "\"child-pid\": ");
    if (!at) return false;
    snprintf(path, sizeof path, "/proc/%ld/root/tmp", atol(at + strlen("\"child-pid\": ")));
    return statvfs(path, &fs) == 0 && fs.f_blocks * fs.f_frsize == TMP_BYTES &&
           fs.f_files - fs.f_ffree > TMP_FILES;
}

/* Appends what is left in the pipe of a box that has ended. */
static void drain(box *b, int stream)
{
    char buffer[4096];
    ssize_t n;
    while ((n = read(b->outer[stream], buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0) masa_text_append(&b->texts[stream], buffer, (size_t)n);
}

/* bubblewrap's exit status does not tell its own failures from the program's; its report
 * does: it has an exit code only if the interpreter was started. */
static masa_status check_report(box *b, masa_error *err)
{
    drain(b, BOX_REPORT);
    if (strstr(masa_text_get(&b->texts[BOX_REPORT]), "\"exit-code\"")) return MASA_OK;
    drain(b, BOX_ERRORS);
    const char *said = masa_text_get(&b->texts[BOX_ERRORS]);
    return MASA_FAIL(err, MASA_ERR_UNSUPPORTED, "the sandbox does not start: %.*s",
                     (int)strcspn(said, "\n"), said);
}

masa_status box_end(box *b, masa_error *err)
{
    int status = 0;
    masa_status st = MASA_OK;
    if (b->process > 0) {
        /* Its end is the end of everything in its process namespace. */
        kill(b->process, SIGKILL);
        while (waitpid(b->process, &status, 0) < 0 && errno == EINTR) {
        }
        if (WIFEXITED(status)) st = check_report(b, err);
    }
    for (int i = 0; i < BOX_FILES; i++) close_fd(&b->files[i]);
    for (int i = 0; i < BOX_STREAMS; i++) {
        close_fd(&b->inner[i]);
        close_fd(&b->outer[i]);
        masa_text_deinit(&b->texts[i]);
    }
    close_fd(&b->filter);
    close_fd(&b->started);
    return st;
}
