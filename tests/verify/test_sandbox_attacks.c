/* Programs that attack the machine, the judge or the verdict: each row passes only if the
 * wall that it runs against stands. All run as whoever runs the test and, if that is root,
 * once more as nobody. */
#include "masa_test.h"

#include <masa/code.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct attack {
    const char *name, *program, *tests;
    masa_code_outcome outcome;
} attack;

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

/* What every program may use: a bare system call that raises OSError when it is refused,
 * and not for the kernel's complaints of its arguments. */
static const char prelude[] =
    "import ctypes, os, sys, time\n"
    "libc = ctypes.CDLL(None, use_errno=True)\n"
    "def call(number, *arguments):\n"
    "    if libc.syscall(number, *map(ctypes.c_long, arguments)) < 0:\n"
    "        error = ctypes.get_errno()\n"
    "        refused = 1 if number != " TEXT(SYS_clone3) " else 38\n"
    "        raise (OSError if error == refused else ValueError)(error, 'refused')\n"
    "def buffer(size=4096):\n"
    "    return ctypes.addressof(ctypes.create_string_buffer(size))\n";

#define REFUSED                                                                           \
    "try:\n    attempt()\nexcept OSError:\n    pass\n"                                    \
    "else:\n    raise AssertionError('no wall')\n"
/* One statement that must raise OSError. */
#define TRY(name, statement)                                                              \
    {name, "def attempt():\n    " statement "\n", REFUSED, MASA_CODE_PASSED}
#define CALL(name, ...) TRY(#name, "call(" TEXT(SYS_##name) ", " #__VA_ARGS__ ")")
/* A program whose end is told. */
#define ENDS(name, program, outcome) {name, program, "", MASA_CODE_##outcome}
/* A function whose value is told. */
#define VALUE(name, program, value)                                                       \
    {name, program, "assert attempt() == " value "\n", MASA_CODE_PASSED}

static const attack attacks[] = {
    /* the kernel's settings, and who the program is */
    TRY("sysctl", "open('/proc/sys/vm/overcommit_memory', 'r+')"),
    TRY("core_pattern", "open('/proc/sys/kernel/core_pattern', 'r+')"),
    TRY("sysrq", "open('/proc/sysrq-trigger', 'w')"),
    TRY("cgroups", "os.listdir('/sys/fs/cgroup')"),
    VALUE("who", "def attempt(): return os.getuid(), os.getgid(), 0 in os.getgroups()\n",
          "(65534, 65534, False)"),
    TRY("setuid", "os.setuid(0)"),
    TRY("setgid", "os.setgid(0)"),
    TRY("chown", "open('/tmp/f', 'w'); os.chown('/tmp/f', 0, 0)"),
    CALL(capset, buffer(), buffer()),
    CALL(setpriority, 0, 0, -5),
    {"limits",
     "import resource\ndef attempt(name):\n"
     "    resource.setrlimit(getattr(resource, 'RLIMIT_' + name), (1 << 40, 1 << 40))\n",
     "for name in 'AS', 'CPU', 'FSIZE', 'NOFILE', 'NPROC', 'CORE':\n"
     "    try:\n        attempt(name)\n    except (ValueError, OSError):\n        pass\n"
     "    else:\n        raise AssertionError(name)\n",
     MASA_CODE_PASSED},
    /* what belongs to the caller */
    TRY("environment of 1", "open('/proc/1/environ').read()"),
    TRY("environment of parent", "open(f'/proc/{os.getppid()}/environ').read()"),
    VALUE("own environment", "def attempt(): return 'MASA_TEST_TOKEN' in os.environ\n",
          "False"),
    VALUE("inherited environment",
          "environ = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, 'environ')\n"
          "def attempt():\n    i, found = 0, []\n    while environ[i]:\n"
          "        found.append(environ[i][:10])\n        i += 1\n"
          "    return b'MASA_TEST_' in found\n",
          "False"),
    VALUE("open files",
          "def is_open(fd):\n    try:\n        os.fstat(fd)\n        return True\n"
          "    except OSError:\n        return False\n"
          "def attempt(): return sum(map(is_open, range(3, 64))) <= 2\n",
          "True"),
    TRY("shadow", "open('/etc/shadow').read()"),
    TRY("passwd", "open('/etc/passwd').read()"),
    TRY("home of root", "os.listdir('/root')"),
    TRY("homes", "os.listdir('/home')"),
    TRY("var", "os.listdir('/var')"),
    TRY("sys", "os.listdir('/sys')"),
    VALUE("the machine's /tmp", "def attempt(): return os.listdir('/tmp')\n", "[]"),
    VALUE("host name", "def attempt(): return os.uname().nodename\n", "'masa'"),
    /* other processes */
    CALL(ptrace, 16, os.getppid(), 0, 0),
    CALL(process_vm_readv, os.getppid(), buffer(), 1, buffer(), 1, 0),
    CALL(pidfd_open, os.getppid(), 0),
    CALL(kcmp, 1, 1, 0, 0, 0),
    VALUE("kill parent",
          "def attempt():\n    os.kill(os.getppid(), 9)\n    time.sleep(0.1)\n"
          "    return os.getppid()\n",
          "1"),
    TRY("signal to all", "os.kill(-1, 9)"),
    TRY("signal to low numbers", "[os.kill(pid, 0) for pid in range(3, 4000)]"),
    /* more processes */
    TRY("fork", "os.fork()"),
    TRY("double fork", "os.fork() or os.setsid() or os.fork()"),
    TRY("fork bomb", "while True: os.fork()"),
    TRY("spawn", "os.posix_spawn('/usr/bin/true', ['true'], {})"),
    TRY("subprocess", "import subprocess; subprocess.run(['/usr/bin/true'])"),
    CALL(clone3, buffer(), 88),
    CALL(clone, 17, 0, 0, 0, 0),
    VALUE("thread bomb",
          "import threading\nthreading.stack_size(32768)\n"
          "def attempt():\n    n = 0\n    try:\n        while n < 10000:\n"
          "            threading.Thread(target=time.sleep, args=(3,), daemon=True).start()\n"
          "            n += 1\n    except RuntimeError:\n        pass\n    return n < 64\n",
          "True"),
    /* memory and disk */
    ENDS("memory at once", "x = bytearray(1 << 32)\n", MEMORY),
    ENDS("memory in pieces",
         "x = []\nwhile True: x.append(bytearray(b'x') * (1 << 22))\n", MEMORY),
    ENDS("memory by mmap", "import mmap\nx = []\ntry:\n"
         "    while True: x.append(mmap.mmap(-1, 1 << 24)); x[-1].write(b'x' * (1 << 24))\n"
         "except OSError: raise MemoryError\n", MEMORY),
    VALUE("filling /tmp",
          "def attempt():\n    n = 0\n    try:\n        for i in range(1000):\n"
          "            with open(f'/tmp/{i}', 'wb') as f: n += f.write(bytes(1 << 20))\n"
          "    except OSError: pass\n    return n <= 33 << 20\n",
          "True"),
    VALUE("filling /tmp with deleted files",
          "def attempt():\n    n, kept = 0, []\n    try:\n        for i in range(1000):\n"
          "            kept.append(open('/tmp/x', 'wb')); os.remove('/tmp/x')\n"
          "            n += kept[-1].write(bytes(1 << 22)); kept[-1].flush()\n"
          "    except OSError: pass\n    return n <= 36 << 20\n",
          "True"),
    ENDS("countless empty files",
         "i = 0\nwhile True:\n    os.close(os.open(f'/tmp/{i}', os.O_CREAT)); i += 1\n",
         MEMORY),
    ENDS("countless links", "i = 0\nopen('/tmp/x', 'w')\n"
         "while True:\n    os.link('/tmp/x', f'/tmp/{i}'); i += 1\n", MEMORY),
    ENDS("countless folders", "while True:\n    os.mkdir('d'); os.chdir('d')\n", MEMORY),
    TRY("memfd", "os.memfd_create('x')"),
    CALL(memfd_create, buffer(), 0),
    CALL(memfd_secret, 0),
    CALL(shmget, 0, 1 << 30, 0o1600),
    CALL(mq_open, buffer(), 66, 0o600, 0),
    CALL(msgget, 0, 0o1600),
    CALL(semget, 0, 100, 0o1600),
    CALL(vmsplice, 1, buffer(), 1, 0),
    TRY("large pipes", "import fcntl; fcntl.fcntl(os.pipe()[0], 1031, 1 << 20)"),
    TRY("record locks", "import fcntl; fcntl.lockf(open('/tmp/l', 'w'), fcntl.LOCK_EX, 1, 1)"),
    TRY("writing /", "open('/x', 'wb')"),
    TRY("writing /code", "open('/code/x', 'wb')"),
    TRY("writing the program", "open('/code/program.py', 'r+')"),
    TRY("writing /dev", "open('/dev/x', 'wb')"),
    TRY("writing /dev/shm", "os.makedirs('/dev/shm', exist_ok=True); open('/dev/shm/x', 'w')"),
    TRY("writing /usr", "open('/usr/x', 'wb')"),
    TRY("writing /run", "os.makedirs('/run/x')"),
    TRY("link to /etc", "os.symlink('/etc/shadow', '/tmp/s'); open('/tmp/s').read()"),
    TRY("link to /usr", "os.symlink('/usr/bin/x', '/tmp/u'); open('/tmp/u', 'w')"),
    TRY("hard link", "os.link('/usr/bin/env', '/tmp/env'); open('/tmp/env', 'r+')"),
    TRY("/tmp replaced", "os.chdir('/'); os.rename('/tmp', '/code/tmp')"),
    TRY("device node", "os.mknod('/tmp/d', 0o20600, os.makedev(1, 1)); open('/tmp/d')"),
    TRY("fifo", "os.mkfifo('/tmp/p')"),
    TRY("memory device", "open('/dev/mem', 'rb')"),
    TRY("kernel log", "open('/dev/kmsg')"),
    TRY("disk", "open('/dev/sda', 'rb') if os.path.exists('/dev/sda') else "
                "open('/dev/vda', 'rb')"),
    TRY("terminal", "open('/dev/tty', 'w')"),
    TRY("terminal input", "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSTI, b'x')"),
    /* the network */
    TRY("connect", "import socket; socket.create_connection(('1.1.1.1', 53), 1)"),
    TRY("connect to this machine", "import socket; socket.create_connection(('127.0.0.1', 22), 1)"),
    TRY("bind", "import socket; socket.socket().bind(('0.0.0.0', 8080))"),
    TRY("datagram", "import socket; socket.socket(2, 2).sendto(b'x', ('8.8.8.8', 53))"),
    TRY("ipv6", "import socket; socket.socket(socket.AF_INET6)"),
    TRY("netlink", "import socket; socket.socket(socket.AF_NETLINK, 3, 0)"),
    TRY("vsock", "import socket; socket.socket(socket.AF_VSOCK, 1).connect((2, 1024))"),
    TRY("packet", "import socket; socket.socket(socket.AF_PACKET, 3)"),
    TRY("raw", "import socket; socket.socket(2, 3, 1)"),
    TRY("crypto", "import socket; socket.socket(socket.AF_ALG, 5)"),
    TRY("unix", "import socket; socket.socket(socket.AF_UNIX).bind('\\0masa')"),
    TRY("inet pair", "import socket; socket.socketpair(socket.AF_INET)"),
    /* the kernel's less trodden paths */
    CALL(mount, buffer(), buffer(), buffer(), 0, 0),
    CALL(umount2, buffer(), 2),
    CALL(pivot_root, buffer(), buffer()),
    CALL(chroot, buffer()),
    CALL(unshare, 0x10000000),
    CALL(setns, 0, 0),
    CALL(fsopen, buffer(), 0),
    CALL(open_tree, -100, buffer(), 1),
    CALL(keyctl, 0, -3, 1),
    CALL(add_key, buffer(), buffer(), buffer(), 1, -2),
    CALL(request_key, buffer(), buffer(), buffer(), -2),
    CALL(bpf, 0, buffer(), 64),
    CALL(perf_event_open, buffer(), 0, -1, -1, 0),
    CALL(io_uring_setup, 8, buffer()),
    CALL(userfaultfd, 1),
    CALL(fanotify_init, 0, 0),
    CALL(inotify_init1, 0),
    CALL(open_by_handle_at, -100, buffer(), 0),
    CALL(init_module, buffer(), 4096, buffer()),
    CALL(kexec_load, 0, 0, 0, 0),
    CALL(reboot, 0, 0, 0, 0),
    CALL(settimeofday, buffer(), 0),
    CALL(sethostname, buffer(), 1),
    CALL(personality, 0x0400000),
    CALL(seccomp, 0, 0, 0),
    CALL(prctl, 1, 0, 0, 0, 0),
    CALL(syslog, 3, buffer(), 4096),
    CALL(quotactl, 0, 0, 0, 0),
    CALL(acct, 0),
    CALL(swapoff, buffer()),
    CALL(lookup_dcookie, 0, buffer(), 4096),
    CALL(move_pages, 0, 0, 0, 0, 0, 0),
    CALL(get_mempolicy, 0, 0, 0, 0, 0),
    CALL(landlock_create_ruleset, 0, 0, 1),
#ifdef __x86_64__
    CALL(modify_ldt, 0, buffer(), 16),
    CALL(iopl, 3),
    ENDS("x32", "call(0x40000000 | 39)\n", FAILED),
    {"x32 is no error but the end",
     "def attempt():\n    try:\n        call(0x40000000 | 39)\n    except OSError:\n"
     "        pass\n", "attempt()\n", MASA_CODE_FAILED},
    {"32 bits",
     "import mmap\npage = mmap.mmap(-1, 4096, prot=7)\n"
     "page.write(b'\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3')\n" /* int 0x80: getpid */
     "at = ctypes.addressof(ctypes.c_char.from_buffer(page))\n"
     "def attempt(): ctypes.CFUNCTYPE(ctypes.c_int)(at)()\n",
     "attempt()\n", MASA_CODE_FAILED},
#endif
    /* time and output */
    ENDS("endless loop", "while True: pass\n", TIME),
    ENDS("sleeping", "time.sleep(1000)\n", TIME),
    ENDS("deaf to signals",
         "import signal\nfor i in range(1, 32):\n"
         "    try: signal.signal(i, signal.SIG_IGN)\n    except OSError: pass\n"
         "while True: pass\n", TIME),
    ENDS("sleeping without output",
         "for fd in range(64):\n    try: os.close(fd)\n    except OSError: pass\n"
         "time.sleep(1000)\n", TIME),
    ENDS("a thread that stays",
         "import threading\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n"
         "raise SystemExit\n", TIME),
    ENDS("flood", "while True: print('x' * 1000)\n", OUTPUT),
    ENDS("flood of errors", "while True: os.write(2, b'x' * 1000)\n", OUTPUT),
    ENDS("waiting for input", "input()\n", FAILED),
    VALUE("input ends", "def attempt(): return sys.stdin.read()\n", "''"),
    /* what looks like a failure of the sandbox */
    ENDS("exit 127", "os._exit(127)\n", FAILED),
    ENDS("in bubblewrap's name",
         "os.write(2, b'bwrap: No permissions to create new namespace\\n'); os._exit(1)\n",
         FAILED),
    ENDS("crash", "ctypes.string_at(0)\n", FAILED),
    ENDS("abort", "os.abort()\n", FAILED),
    ENDS("killed", "os.kill(os.getpid(), 9)\n", FAILED),
    ENDS("another program", "os.execv('/usr/bin/true', ['true'])\n", FAILED),
};

/* Whether a process of a sandbox is left on this machine. */
static bool anything_left(void)
{
    bool found = false;
    DIR *folder = opendir("/proc");
    for (struct dirent *e; folder && (e = readdir(folder));) {
        char path[300], line[256] = "";
        snprintf(path, sizeof path, "/proc/%s/cmdline", e->d_name);
        int fd = e->d_name[0] >= '1' && e->d_name[0] <= '9' ? open(path, O_RDONLY) : -1;
        if (fd < 0) continue;
        ssize_t n = read(fd, line, sizeof line - 1);
        found = found || (n > 0 && memmem(line, (size_t)n, "/code/harness.py", 16));
        close(fd);
    }
    if (folder) closedir(folder);
    return found;
}

/* Returns the number of rows that went wrong. */
static size_t run_attacks(const char *as)
{
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
        const attack *a = &attacks[i];
        masa_code_limits limits = MASA_CODE_LIMITS;
        masa_code_result result = {.outcome = MASA_CODE_FAILED};
        masa_error err = {0};
        char program[4096];
        limits.memory_bytes = (size_t)256 << 20;
        limits.seconds = a->outcome == MASA_CODE_TIME ? 1 : 60;
        snprintf(program, sizeof program, "%s%s", prelude, a->program);
        masa_status st = masa_code_run(&result, program, a->tests, &limits, &err);
        if (st == MASA_OK && result.outcome == a->outcome) continue;
        print_error("%s, %s: %s, not %s (%s)\n", as, a->name,
                    masa_code_outcome_text(result.outcome),
                    masa_code_outcome_text(a->outcome),
                    st == MASA_OK ? result.message : err.message);
        wrong++;
    }
    for (int tries = 0; tries < 100 && anything_left(); tries++) usleep(50000);
    if (anything_left()) {
        print_error("%s: a process is left\n", as);
        wrong++;
    }
    return wrong;
}

static bool sandbox_missing(void)
{
    masa_error err = {0};
    if (masa_code_available(&err) == MASA_OK) return false;
    print_message("skipped: %s\n", err.message);
    return true;
}

static void test_attacks(void **state)
{
    (void)state;
    if (sandbox_missing()) skip();
    print_message("%zu attacks\n", sizeof attacks / sizeof *attacks);
    assert_int_equal(run_attacks(geteuid() == 0 ? "root" : "user"), 0);
}

static void test_attacks_as_nobody(void **state)
{
    (void)state;
    if (geteuid() != 0) skip();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0) _exit(2);
        if (sandbox_missing()) _exit(3);
        _exit(run_attacks("nobody") != 0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 3) skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attacks),
        cmocka_unit_test(test_attacks_as_nobody),
    };
    setenv("MASA_TEST_TOKEN", "secret", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
