/* The filter allows what a Python program computes with: memory, files, threads, clocks.
 * All else fails with EPERM, so that what a kernel learns next year is refused as well.
 *
 * Left out on purpose, though harmless to others: whatever fills memory that no limit
 * counts (memfd_create, System V shared memory, vmsplice and splice, larger pipes, record
 * locks, message queues). */
#include "filter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* Names that a processor does not have are passed over. */
/* clang-format off */
static const char *const allowed[] = {
    /* memory */
    "brk", "madvise", "membarrier", "mmap", "mprotect", "mremap", "msync", "munmap",
    /* threads, and the end; wait4 is what bubblewrap does beside the program */
    "arch_prctl", "execve", "exit", "exit_group", "futex", "get_robust_list", "rseq",
    "sched_getaffinity", "sched_yield", "set_robust_list", "set_tid_address", "wait4",
    "waitid",
    /* signals: there is nobody else in the process namespace */
    "alarm", "getitimer", "kill", "pause", "restart_syscall", "rt_sigaction",
    "rt_sigpending", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
    "setitimer", "sigaltstack", "tgkill",
    /* clocks, random numbers, who and where we are */
    "clock_getres", "clock_gettime", "clock_nanosleep", "getcpu", "getegid", "geteuid",
    "getgid", "getgroups", "getpgid", "getpgrp", "getpid", "getppid", "getrandom",
    "getresgid", "getresuid", "getrusage", "getsid", "gettid", "gettimeofday", "getuid",
    "nanosleep", "prlimit64", "getrlimit", "setrlimit", "sysinfo", "time", "times", "uname",
    /* files */
    "access", "chdir", "chmod", "close", "close_range", "dup", "dup2", "dup3", "faccessat",
    "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat", "fdatasync",
    "flock", "fstat", "fstatfs", "fsync", "ftruncate", "getcwd", "getdents64", "getxattr",
    "lgetxattr", "link", "linkat", "listxattr", "llistxattr", "lseek", "lstat", "mkdir",
    "mkdirat", "newfstatat", "open", "openat", "pread64", "preadv", "pwrite64", "pwritev",
    "read", "readlink", "readlinkat", "readv", "rename", "renameat", "renameat2", "rmdir",
    "stat", "statfs", "statx", "symlink", "symlinkat", "truncate", "umask", "unlink",
    "unlinkat", "utimensat", "write", "writev",
    /* waiting; an event loop talks to itself over a pair of sockets */
    "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "eventfd2", "getpeername",
    "getsockname", "getsockopt", "pipe", "pipe2", "poll", "ppoll", "pselect6", "recvfrom",
    "select", "sendto", "shutdown",
};
/* clang-format on */

/* Calls of which only some values of one argument are allowed. */
static const struct {
    const char *name;
    unsigned argument;
    scmp_datum_t value;
} allowed_with[] = {
    {"socketpair", 0, AF_UNIX}, {"prctl", 0, PR_SET_NAME},     {"prctl", 0, PR_GET_NAME},
    {"ioctl", 1, TCGETS},       {"ioctl", 1, TIOCGWINSZ},      {"ioctl", 1, FIONBIO},
    {"ioctl", 1, FIONREAD},     {"ioctl", 1, FIOCLEX},         {"ioctl", 1, FIONCLEX},
    {"fcntl", 1, F_DUPFD},      {"fcntl", 1, F_DUPFD_CLOEXEC}, {"fcntl", 1, F_GETFD},
    {"fcntl", 1, F_SETFD},      {"fcntl", 1, F_GETFL},         {"fcntl", 1, F_SETFL},
};

static int allow(scmp_filter_ctx filter, const char *name, unsigned n,
                 const struct scmp_arg_cmp *condition)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) return 0;
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, n, condition);
}

/* A thread, and neither a process nor a namespace; clone3, whose flags a filter cannot see,
 * claims not to exist, after which the C library takes clone. */
static int allow_threads(scmp_filter_ctx filter)
{
    const scmp_datum_t namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                    CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
    const struct scmp_arg_cmp thread =
        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | namespaces, CLONE_THREAD);
    int failed = allow(filter, "clone", 1, &thread);
    if (!failed) failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return failed;
}

bool sandbox_filter_write(int fd)
{
    /* A call by another ABI (x32, 32 bits) ends the process. */
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter) return false;
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    for (size_t i = 0; !failed && i < sizeof allowed / sizeof *allowed; i++)
        failed = allow(filter, allowed[i], 0, NULL);
    for (size_t i = 0; !failed && i < sizeof allowed_with / sizeof *allowed_with; i++) {
        const struct scmp_arg_cmp equal = SCMP_CMP(allowed_with[i].argument, SCMP_CMP_MASKED_EQ,
                                                   0xffffffff, allowed_with[i].value);
        failed = allow(filter, allowed_with[i].name, 1, &equal);
    }
    if (!failed) failed = allow_threads(filter);
    /* A search tree instead of some 170 comparisons in a row. */
    if (!failed) failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (!failed) failed = seccomp_export_bpf(filter, fd);
    seccomp_release(filter);
    return !failed;
}
