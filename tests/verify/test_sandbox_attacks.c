/* Programs that attack the machine, the judge or the verdict: each row passes only if the
 * wall that it runs against stands. All run as whoever runs the test and, if that is root,
 * once more as nobody. */
#include "masa_test.h"

#include <masa/code.h>
#include <masa/text.h>

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
#define TEXT(x)  TEXT_(x)

/* What every program may use: a bare system call that raises OSError when it is refused,
 * and not for the kernel's complaints of its arguments. */
static const char prelude[] =
    "import ctypes, os, sys, time\n"
    "libc = ctypes.CDLL(None, use_errno=True)\n"
    "def call(number, *arguments):\n"
    "    if libc.syscall(number, *map(ctypes.c_long, arguments)) < 0:\n"
    "        error = ctypes.get_errno()\n"
    "        refused = 1 if number != " TEXT(
        SYS_clone3) " else 38\n"
                    "        raise (OSError if error == refused else ValueError)(error, 'refused')\n"
                    "def buffer(size=4096):\n"
                    "    return ctypes.addressof(ctypes.create_string_buffer(size))\n";

#define REFUSED                                                                                \
    "try:\n    attempt()\nexcept OSError:\n    pass\n"                                         \
    "else:\n    raise AssertionError('no wall')\n"
/* One statement that must raise OSError. */
#define TRY(name, statement)                                                                   \
    {                                                                                          \
        name, "def attempt():\n    " statement "\n", REFUSED, MASA_CODE_PASSED                 \
    }
#define CALL(name, ...) TRY(#name, "call(" TEXT(SYS_##name) ", " #__VA_ARGS__ ")")
/* A program whose end is told. */
#define ENDS(name, program, outcome)                                                           \
    {                                                                                          \
        name, program, "", MASA_CODE_##outcome                                                 \
    }
/* A program that does not square numbers and has to fail. */
#define FORGES(name, program)                                                                  \
    {                                                                                          \
        name, program, "assert f(2) == 4\nassert f(3) == 9\n", MASA_CODE_FAILED                \
    }
#define FORGES_BY(name, program, tests)                                                        \
    {                                                                                          \
        name, program, tests, MASA_CODE_FAILED                                                 \
    }
/* A value that equals everything, is less than everything and swallows arithmetic. */
#define EVIL(base)                                                                             \
    "class Evil(" base "):\n    def yes(self, *a): return True\n"                              \
    "    def me(self, *a): return self\n"                                                      \
    "    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __bool__ = yes\n"         \
    "    __ne__ = lambda self, other: False\n    __hash__ = lambda self: 4\n"                  \
    "    __sub__ = __rsub__ = __add__ = __abs__ = __mod__ = __round__ = me\n"                  \
    "    __float__ = lambda self: 4.0\n    __index__ = __int__ = lambda self: 4\n"             \
    "    __class__ = int\n"
/* A function whose value is told. */
#define VALUE(name, program, value)                                                            \
    {                                                                                          \
        name, program, "assert attempt() == " value "\n", MASA_CODE_PASSED                     \
    }

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
    ENDS("memory in pieces", "x = []\nwhile True: x.append(bytearray(b'x') * (1 << 22))\n",
         MEMORY),
    ENDS("memory by mmap",
         "import mmap\nx = []\ntry:\n"
         "    while True: x.append(mmap.mmap(-1, 1 << 24)); x[-1].write(b'x' * (1 << 24))\n"
         "except OSError: raise MemoryError\n",
         MEMORY),
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
    ENDS("countless links",
         "i = 0\nopen('/tmp/x', 'w')\n"
         "while True:\n    os.link('/tmp/x', f'/tmp/{i}'); i += 1\n",
         MEMORY),
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
    TRY("connect to this machine",
        "import socket; socket.create_connection(('127.0.0.1', 22), 1)"),
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
     "        pass\n",
     "attempt()\n", MASA_CODE_FAILED},
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
         "while True: pass\n",
         TIME),
    ENDS("sleeping without output",
         "for fd in range(64):\n    try: os.close(fd)\n    except OSError: pass\n"
         "time.sleep(1000)\n",
         TIME),
    ENDS("a thread that stays",
         "import threading\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n"
         "raise SystemExit\n",
         FAILED),
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
    /* verdicts: an end that looks like success */
    FORGES("exit", "sys.exit(0)\n"),
    FORGES("hard exit", "os._exit(0)\n"),
    FORGES("exit in the function", "def f(x): sys.exit(0)\n"),
    FORGES("hard exit in the function", "def f(x): os._exit(0)\n"),
    FORGES("exit handler", "import atexit\natexit.register(os._exit, 0)\n"),
    FORGES("exit later", "import threading\nthreading.Timer(0.2, os._exit, (0,)).start()\n"
                         "def f(x): time.sleep(60)\n"),
    FORGES_BY("end within a caught error", "def f(x): os._exit(0)\n",
              "try:\n    f(2)\nexcept BaseException:\n    pass\n"),
    FORGES("exception that ends", "def f(x): raise SystemExit(0)\n"),
    FORGES("interrupt", "def f(x): raise KeyboardInterrupt\n"),
    /* a verdict of its own */
    FORGES("printed verdict", "print('passed')\ndef f(x): print('passed', flush=True)\n"),
    FORGES("verdict everywhere",
           "def f(x):\n    for fd in range(64):\n"
           "        try: os.write(fd, b'passed')\n        except OSError: pass\n"),
    FORGES("verdict everywhere, and the end",
           "for fd in range(64):\n    try: os.write(fd, b'\\npassed\\n')\n"
           "    except OSError: pass\nos._exit(0)\n"),
    /* Python's own pieces, exchanged */
    FORGES("exec", "import builtins\nbuiltins.exec = lambda *a: None\n"),
    FORGES("compile", "import builtins\nbuiltins.compile = lambda *a: None\n"),
    FORGES("json", "import json\njson.dumps = lambda x: '[\"=\", true, []]'\n"),
    FORGES("failed assertions", "import builtins\nbuiltins.AssertionError = None\n"
                                "AssertionError = None\ndef f(x): return 0\n"),
    FORGES("tracing", "import builtins\nbuiltins.__build_class__ = None\n"
                      "sys.settrace(lambda *a: None)\nsys.excepthook = lambda *a: "
                      "os._exit(0)\ndef f(x): return 0\n"),
    FORGES_BY("abs", "def f(x): return 0\ndef abs(x): return 0\n",
              "assert abs(f(2) - 4) < 1e-6\n"),
    FORGES_BY("len and all",
              "def f(x): return []\ndef len(x): return 2\n"
              "all = lambda *a: True\n",
              "assert len(f(2)) == 2\nassert all([False])\n"),
    FORGES_BY("builtins.abs",
              "import builtins\nbuiltins.abs = lambda x: 0\n"
              "def f(x): return 0\n",
              "assert abs(f(2) - 4) < 1e-6\n"),
    FORGES_BY("math", "import math\nmath.fabs = lambda x: 0\ndef f(x): return 0\n",
              "assert math.fabs(f(2) - 4) < 1e-6\n"),
    FORGES_BY("imported math", "import math\nmath.fabs = lambda x: 0\ndef f(x): return 0\n",
              "import math\nassert math.fabs(f(2) - 4) < 1e-6\n"),
    FORGES_BY("module in place of math",
              "import types\nmath = types.ModuleType('math')\nmath.fabs = lambda x: 0\n"
              "sys.modules['math'] = math\ndef f(x): return 0\n",
              "assert math.fabs(f(2) - 4) < 1e-6\n"),
    FORGES_BY("unknown module in place of math",
              "import types\nmath = types.ModuleType('mine')\nmath.fabs = lambda x: 0\n"
              "def f(x): return 0\n",
              "assert math.fabs(f(2) - 4) < 1e-6\n"),
    FORGES_BY("the tests' names",
              "def f(x): return 0\ndef check(candidate): pass\n"
              "def close(a, b): return True\n",
              "def close(a, b): return abs(a - b) < 1e-6\n"
              "def check(candidate):\n    assert close(candidate(2), 4)\ncheck(f)\n"),
    /* values that agree with everything */
    FORGES("equal to all", EVIL("") "def f(x): return Evil()\n"),
    FORGES("a number equal to all", EVIL("int") "def f(x): return Evil(7)\n"),
    FORGES("a float equal to all", EVIL("float") "def f(x): return Evil(7)\n"),
    FORGES_BY("a text equal to all", EVIL("str") "def f(x): return Evil('x')\n",
              "assert f(2) == '4'\n"),
    FORGES_BY("a list equal to all", EVIL("list") "def f(x): return Evil([1])\n",
              "assert f(2) == [4]\n"),
    FORGES_BY("a dict equal to all", EVIL("dict") "def f(x): return Evil(a=1)\n",
              "assert f(2) == {'a': 4}\n"),
    FORGES_BY("a tuple equal to all", EVIL("tuple") "def f(x): return Evil((1,))\n",
              "assert f(2) == (4,)\n"),
    FORGES_BY("in a list", EVIL("") "def f(x): return [Evil()]\n", "assert f(2) == [4]\n"),
    FORGES_BY("on the right", EVIL("") "def f(x): return Evil()\n", "assert 4 == f(2)\n"),
    FORGES_BY("not unequal", EVIL("") "def f(x): return Evil()\n", "assert not f(2) != 4\n"),
    FORGES_BY("among others", EVIL("") "def f(x): return Evil()\n", "assert f(2) in [3, 4]\n"),
    FORGES_BY("a key", EVIL("") "def f(x): return Evil()\n", "assert {4: True}[f(2)]\n"),
    FORGES_BY("near to all", EVIL("") "def f(x): return Evil()\n",
              "assert abs(f(2) - 4) < 1e-6\n"),
    FORGES_BY("near from the right", EVIL("") "def f(x): return Evil()\n",
              "assert abs(4 - f(2)) < 1e-6\n"),
    FORGES_BY("a number near to all", EVIL("float") "def f(x): return Evil(7)\n",
              "assert abs(f(2) - 4) < 1e-6\n"),
    FORGES_BY("rounded", EVIL("") "def f(x): return Evil()\n", "assert round(f(2)) == 4\n"),
    FORGES_BY("as a float", EVIL("") "def f(x): return Evil()\n",
              "import math\nassert math.isclose(f(2), 4)\n"),
    FORGES_BY("of a false class", EVIL("") "def f(x): return Evil()\n",
              "assert isinstance(f(2), int)\n"),
    FORGES_BY("less than all", EVIL("") "def f(x): return Evil()\n", "assert f(2) < 5\n"),
    FORGES_BY("holds all", EVIL("") "def f(x): return Evil()\n", "assert 4 in f(2)\n"),
    FORGES("a function equal to all", EVIL("") "Evil.__call__ = Evil.me\nf = Evil()\n"),
    /* the harness, taken over: it can send values, and they are wrong */
    FORGES("harness found", "import __main__\n"
                            "__main__.Worker.perform = lambda *a: True\n"),
    FORGES("answers ahead", "import __main__\n"
                            "for i in range(99): __main__.link.send(['=', True, []])\n"
                            "def f(x): return x\n"),
    FORGES("a forged exception", "import __main__\ndef f(x):\n"
                                 "    __main__.link.send(['!', ['SystemExit'], '0'])\n"),
    FORGES("a class of the judge",
           "import __main__\ndef f(x):\n"
           "    __main__.link.send(['=', ['x', 'os', 'system', 'true'], []])\n"),
    FORGES("an object of the judge", "import __main__\ndef f(x):\n"
                                     "    __main__.link.send(['=', ['yours', -1], []])\n"),
    FORGES("a function of the judge",
           "import __main__\ndef f(x):\n"
           "    __main__.link.send(['=', ['builtin', 'os', '_exit'], []])\n"),
    FORGES("nonsense", "import __main__\ndef f(x):\n"
                       "    os.write(__main__.link.fd, b'\\xff{[\\n')\n"),
    FORGES("endless depth", "import __main__\ndef f(x):\n"
                            "    os.write(__main__.link.fd, b'[' * 100000 + b'\\n')\n"),
    FORGES("a half answer", "import __main__\ndef f(x):\n"
                            "    os.write(__main__.link.fd, b'[\"=\", 4'); os._exit(0)\n"),
    FORGES_BY("into the tests' function",
              "import __main__\ndef f(g):\n"
              "    return __main__.link.ask('getattr', g.of_judge, ('__globals__',))\n",
              "assert f(lambda x: x)\n"),
    FORGES_BY("the tests' function replaced",
              "import __main__\ndef f(g):\n"
              "    return __main__.link.ask('setattr', g.of_judge, ('__code__', 1))\n",
              "f(lambda x: x)\nassert False\n"),
    /* the expected answers */
    TRY("the tests' source", "open('/code/tests.py').read()"),
    TRY("the judge's source", "open('/code/judge.py').read()"),
    VALUE("files with the program", "def attempt(): return sorted(os.listdir('/code'))\n",
          "['program.py', 'worker.py']"),
    {"the tests in memory",
     "import gc\ndef attempt():\n    frame, seen = sys._getframe(), []\n"
     "    while frame:\n        seen += [frame.f_locals, frame.f_globals]\n"
     "        frame = frame.f_back\n"
     "    text = repr(seen) + repr([o for o in gc.get_objects() if type(o) in (dict, list, "
     "tuple)])\n    return '20' + '26' + 'x' in text\n",
     "secret = '2026x'\nassert attempt() is False\n", MASA_CODE_PASSED},
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
        found = found || (n > 0 && memmem(line, (size_t)n, "/code/worker.py", 15));
        close(fd);
    }
    if (folder) closedir(folder);
    return found;
}

/* Runs the rows that end by time, or the others, several at once. */
static size_t run_rows(const char *as, bool by_time)
{
    enum { N = sizeof attacks / sizeof *attacks };
    const attack *rows[N];
    masa_code_job jobs[N];
    masa_code_result results[N];
    masa_code_limits limits = MASA_CODE_LIMITS;
    masa_error err = {0};
    size_t n = 0, wrong = 0;
    limits.memory_bytes = (size_t)256 << 20;
    limits.seconds = by_time ? 2 : 60;
    for (size_t i = 0; i < N; i++) {
        if ((attacks[i].outcome == MASA_CODE_TIME) != by_time) continue;
        masa_text program = {0};
        masa_text_addf(&program, "%s%s", prelude, attacks[i].program);
        jobs[n] = (masa_code_job){masa_text_take(&program), attacks[i].tests};
        rows[n++] = &attacks[i];
    }
    if (masa_code_run_all(results, jobs, n, 4, &limits, &err) != MASA_OK) {
        print_error("%s: %s\n", as, err.message);
        wrong = n;
    }
    for (size_t i = 0; i < n; i++) {
        free((char *)(uintptr_t)jobs[i].program);
        if (err.code != MASA_OK || results[i].outcome == rows[i]->outcome) continue;
        print_error("%s, %s: %s, not %s (%s)\n", as, rows[i]->name,
                    masa_code_outcome_text(results[i].outcome),
                    masa_code_outcome_text(rows[i]->outcome), results[i].message);
        wrong++;
    }
    return wrong;
}

/* Returns the number of rows that went wrong. */
static size_t run_attacks(const char *as)
{
    size_t wrong = run_rows(as, false) + run_rows(as, true);
    /* What is killed must still get a core to end on; what is left is there for ever. */
    for (int tries = 0; tries < 1200 && anything_left(); tries++) usleep(50000);
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
    return true;
}

static void test_attacks(void **state)
{
    (void)state;
    if (sandbox_missing()) skip_since("there is no sandbox here");
    print_message("%zu attacks\n", sizeof attacks / sizeof *attacks);
    assert_int_equal(run_attacks(geteuid() == 0 ? "root" : "user"), 0);
}

static void test_attacks_as_nobody(void **state)
{
    (void)state;
    if (geteuid() != 0) skip_since("changing the user takes root");
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
    if (WEXITSTATUS(status) == 3) skip_since("there is no sandbox here");
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
