/* Programs in the sandbox, and Python literals by value. */
#include "golds.h"

#include <masa/clock.h>
#include <masa/code.h>
#include <masa/memory.h>
#include <masa/text.h>
#include <masa/verify.h>

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool sandbox_missing(void)
{
    masa_error err = {0};
    if (masa_code_available(&err) == MASA_OK) return false;
    return true;
}

static masa_code_outcome outcome(const char *program, const char *tests)
{
    masa_code_limits limits = MASA_CODE_LIMITS;
    masa_code_result result = {.outcome = MASA_CODE_FAILED};
    limits.memory_bytes = (size_t)512 << 20;
    assert_int_equal(masa_code_run(&result, program, tests, &limits, NULL), MASA_OK);
    assert_int_equal(result.outcome == MASA_CODE_PASSED, result.message[0] == '\0');
    return result.outcome;
}

static void test_outcomes(void **state)
{
    (void)state;
    if (sandbox_missing()) skip_since("there is no sandbox here");
    const char *right = "def f(x):\n    return x + 1\n", *tests = "assert f(1) == 2\n";
    assert_int_equal(outcome(right, tests), MASA_CODE_PASSED);
    assert_int_equal(outcome("def f(x):\n    return x\n", tests), MASA_CODE_FAILED);
    assert_int_equal(outcome("def g(x): return 2\n", tests), MASA_CODE_FAILED);
    assert_int_equal(outcome("def f(x:\n", tests), MASA_CODE_FAILED);
    assert_int_equal(outcome("print('x' * 100)\ndef f(x): return 2\n", tests),
                     MASA_CODE_PASSED);
    /* A program that ends before the tests has not passed them. */
    assert_int_equal(outcome("import sys\nsys.exit(0)\n", tests), MASA_CODE_FAILED);
    assert_int_equal(outcome("import os\nos._exit(0)\n", tests), MASA_CODE_FAILED);
    assert_int_equal(outcome("def f(x):\n    import os\n    os._exit(0)\n", tests),
                     MASA_CODE_FAILED);
}

/* The tests and the program are apart, and the tests do not notice. */
static void test_values_across(void **state)
{
    (void)state;
    if (sandbox_missing()) skip_since("there is no sandbox here");
    static const char *const pairs[][2] = {
        {"def f(x): x.sort(); x.append([9])", "a = [2, 1]\nf(a)\nassert a == [1, 2, [9]]"},
        {"def f(x): return x", "a = [1]\nassert f(a) is a"},
        {"def f(d, s, b): d['k'] = s.pop(); b += b'x'",
         "d, s, b = {}, {1}, bytearray()\nf(d, s, b)\n"
         "assert (d, s, b) == ({'k': 1}, set(), b'x')"},
        {"def f(g, x):\n    x = list(x)\n    g(x)\n    return x",
         "assert f(lambda x: x.reverse(), [1, 2]) == [2, 1]\nassert f(len, (1,)) == [1]"},
        {"def f(n): return lambda x: x + n", "assert f(2)(3) == 5"},
        {"def f(n):\n    for i in range(n): yield i",
         "assert list(f(3)) == [0, 1, 2]\n"
         "assert sum(x for x in f(4)) == 6\na, b = f(2)"},
        {"def f(x): return map(str, x), {1: 2}.keys(), sorted, int",
         "a, b, c, d = f(iter([1, 2]))\nassert list(a) == ['1', '2'] and list(b) == [1]\n"
         "assert c([2, 1]) == [1, 2] and d is int"},
        {"class C:\n    n = 1\n    def __init__(self, x): self.x = x\n"
         "    def __len__(self): return 7\n    def __getitem__(self, i): return i\n"
         "    def add(self, y=0): return C(self.x + y)\n"
         "    def __eq__(self, other): return self.x == other.x\n"
         "def f(items): return sum(c.x for c in items)",
         "c = C(2)\nassert c.add(y=3).x == 5 and C.n == 1 and len(c) == 7 and c[3] == 3\n"
         "c.x = 9\nassert f([c, C(1)]) == 10 and isinstance(c, C) and c == C(9) != C(8)"},
        {"def f(x):\n    if x: raise KeyError('k')\n    return 1 // x",
         "for x, kind in (0, ZeroDivisionError), (1, LookupError):\n    try:\n        f(x)\n"
         "    except kind as error:\n        assert str(error)\n"
         "    else:\n        assert False"},
        {"from collections import *\nfrom decimal import Decimal\nimport datetime, enum\n"
         "P = namedtuple('P', 'x y')\nE = enum.IntEnum('E', 'a b')\n"
         "def f(): return (Counter('aab'), OrderedDict(a=1), defaultdict(int, {1: 2}),\n"
         "    deque([1], 5), P(1, 2), E.b, Decimal('1.5'), datetime.date(2020, 1, 2))",
         "import datetime, decimal\nfrom collections import *\n"
         "assert f() == ({'a': 2, 'b': 1}, {'a': 1}, {1: 2}, deque([1], 5), (1, 2), 2,\n"
         "    decimal.Decimal('1.5'), datetime.date(2020, 1, 2))"},
        {"def f(x): return x",
         "for x in (None, True, 1, -1.5, 10**5000, 1j, '\\ud800\\n', b'\\0', (), [[]], {1: {2}},\n"
         "          frozenset([1]), range(3), float('inf'), [1, 2, 1 << 70], [1.5, None]):\n"
         "    y = f(x)\n    assert y == x and type(y) is type(x)"},
        {"import math\nimport os.path as p\ndef f(x): return x * x",
         "assert math.sqrt(f(2)) == 2 and p.join('a', 'b') == 'a/b'"},
        {"def sum(a, b): return a * b", "assert sum(2, 5) == 10"},
        {"limit = 3", "assert limit == 3"},
        {"class A:\n    def __init__(self): self.v = [3]\n    def tolist(self): return self.v\n"
         "A.__module__ = 'numpy'\ndef f(): return A()",
         "assert f() == [3]"},
        {"try:\n    import numpy\n    v = numpy.int64(3), numpy.arange(2), numpy.bool_(True)\n"
         "except ModuleNotFoundError:\n    v = 3, [0, 1], True\n",
         "assert v == (3, [0, 1], True)"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        masa_code_result result;
        assert_int_equal(masa_code_run(&result, pairs[i][0], pairs[i][1], NULL, NULL), MASA_OK);
        if (result.outcome != MASA_CODE_PASSED) fail_msg("%s: %s", pairs[i][0], result.message);
    }
}

static void test_limits(void **state)
{
    (void)state;
    if (sandbox_missing()) skip_since("there is no sandbox here");
    masa_code_limits limits = MASA_CODE_LIMITS;
    masa_code_result result;
    limits.seconds = 2;
    assert_int_equal(masa_code_run(&result, "while True: pass\n", "", &limits, NULL), MASA_OK);
    assert_int_equal(result.outcome, MASA_CODE_TIME);
    assert_int_equal(outcome("x = bytearray(1 << 32)\n", ""), MASA_CODE_MEMORY);
    assert_int_equal(outcome("while True: print('x' * 1000)\n", ""), MASA_CODE_OUTPUT);
}

static void test_walls(void **state)
{
    (void)state;
    if (sandbox_missing()) skip_since("there is no sandbox here");
    /* Each test passes only if the wall stands. */
    const char *refused = "try:\n    attempt()\nexcept OSError:\n    pass\n"
                          "else:\n    raise AssertionError('no wall')\n";
    assert_int_equal(outcome("import socket\ndef attempt():\n"
                             "    socket.create_connection(('1.1.1.1', 53), 1)\n",
                             refused),
                     MASA_CODE_PASSED);
    assert_int_equal(outcome("def attempt():\n    open('/usr/x', 'w')\n", refused),
                     MASA_CODE_PASSED);
    assert_int_equal(outcome("import os\ndef attempt():\n    os.listdir('/home')\n", refused),
                     MASA_CODE_PASSED);
    assert_int_equal(outcome("import os\ndef attempt():\n    os.fork()\n", refused),
                     MASA_CODE_PASSED);
    assert_int_equal(outcome("import subprocess\ndef attempt():\n"
                             "    subprocess.run(['/usr/bin/true'])\n",
                             refused),
                     MASA_CODE_PASSED);
    assert_int_equal(outcome("with open('/tmp/x', 'w') as file: file.write('y')\n"
                             "def f(): return open('/tmp/x').read()\n",
                             "assert f() == 'y'\n"),
                     MASA_CODE_PASSED);
    assert_int_equal(outcome("import threading\nt = threading.Thread(target=print)\n"
                             "t.start()\nt.join()\n",
                             ""),
                     MASA_CODE_PASSED);
}

/* The results are in the jobs' order however many run at a time. */
static void test_batch(void **state)
{
    (void)state;
    if (sandbox_missing()) skip_since("there is no sandbox here");
    enum { N = 12 };
    masa_code_job jobs[N];
    masa_code_result results[N];
    for (int i = 0; i < N; i++)
        jobs[i] = (masa_code_job){i % 3 ? "import time\ntime.sleep(0.1)\nx = 1" : "x = 2",
                                  i % 4 ? "assert x == 1" : "assert x == 2"};
    for (size_t at_once = 0; at_once < 6; at_once += 2) {
        assert_int_equal(masa_code_run_all(results, jobs, N, at_once, NULL, NULL), MASA_OK);
        for (int i = 0; i < N; i++)
            assert_int_equal(results[i].outcome,
                             !(i % 3) == !(i % 4) ? MASA_CODE_PASSED : MASA_CODE_FAILED);
    }
    assert_int_equal(masa_code_run_all(NULL, NULL, 0, 0, NULL, NULL), MASA_OK);
    /* Together they wait less than one after the other. */
    for (int i = 0; i < 4; i++) jobs[i] = (masa_code_job){"import time\ntime.sleep(3)", ""};
    double start = masa_clock();
    assert_int_equal(masa_code_run_all(results, jobs, 4, 4, NULL, NULL), MASA_OK);
    assert_true(masa_clock() - start < 12);
    /* But not if each might take all the memory. */
    masa_code_limits limits = MASA_CODE_LIMITS;
    limits.memory_bytes = (size_t)1 << 45;
    for (int i = 0; i < 2; i++) jobs[i] = (masa_code_job){"import time\ntime.sleep(1)", ""};
    start = masa_clock();
    assert_int_equal(masa_code_run_all(results, jobs, 2, 0, &limits, NULL), MASA_OK);
    assert_true(masa_clock() - start >= 2);
    assert_int_equal(results[1].outcome, MASA_CODE_PASSED);
}

static volatile sig_atomic_t asked_to_stop;

static void ask_to_stop(int number)
{
    asked_to_stop = number;
}

/* What runs is broken off, and what has not begun stays so. */
static void test_stop(void **state)
{
    (void)state;
    if (sandbox_missing()) skip_since("there is no sandbox here");
    enum { N = 8 };
    masa_code_job jobs[N];
    masa_code_result results[N];
    masa_code_limits limits = MASA_CODE_LIMITS;
    limits.seconds = 60;
    limits.stop = &asked_to_stop;
    for (int i = 0; i < N; i++) jobs[i] = (masa_code_job){"while True: pass", ""};
    signal(SIGALRM, ask_to_stop);
    alarm(2);
    double start = masa_clock();
    assert_int_equal(masa_code_run_all(results, jobs, N, 2, &limits, NULL),
                     MASA_ERR_INTERRUPTED);
    assert_true(masa_clock() - start < 50);
    start = masa_clock();
    assert_int_equal(masa_code_run_all(results, jobs, N, 2, &limits, NULL),
                     MASA_ERR_INTERRUPTED);
    assert_true(masa_clock() - start < 50);
    signal(SIGALRM, SIG_DFL);
}

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0) close(fd);
    return good;
}

/* In a child: where nobody may make user namespaces there is one line, and nothing runs. */
static int without_namespaces(void)
{
    masa_error err = {0};
    char map[64];
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return 2;
    prctl(PR_SET_DUMPABLE, 1);
    snprintf(map, sizeof map, "%d %d 1", (int)geteuid(), (int)geteuid());
    if (unshare(CLONE_NEWUSER) != 0 || !write_text("/proc/self/uid_map", map) ||
        !write_text("/proc/sys/user/max_user_namespaces", "0"))
        return 2;
    if (masa_code_available(&err) != MASA_ERR_UNSUPPORTED) return 1;
    return masa_starts_with(err.message, "the sandbox does not start: bwrap:") ? 0 : 1;
}

/* In a child: root that may not look into others' processes cannot count their files. */
static int without_a_look(void)
{
    masa_error err = {0};
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct caps[2];
    if (geteuid() != 0 || syscall(SYS_capget, &header, caps) != 0) return 2;
    caps[0].effective &= ~(1u << CAP_SYS_PTRACE);
    if (syscall(SYS_capset, &header, caps) != 0) return 2;
    if (masa_code_available(&err) != MASA_ERR_UNSUPPORTED) return 1;
    return strstr(err.message, "cannot be watched") ? 0 : 1;
}

static void in_child(int (*function)(void))
{
    if (sandbox_missing()) skip_since("there is no sandbox here");
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) _exit(function());
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2) skip_since("there is no sandbox here");
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_no_namespaces(void **state)
{
    (void)state;
    in_child(without_namespaces);
}

static void test_no_look(void **state)
{
    (void)state;
    in_child(without_a_look);
}

/* Without bubblewrap there is one line, and nothing is run. */
static void test_missing(void **state)
{
    (void)state;
    if (sandbox_missing()) skip_since("there is no sandbox here");
    masa_code_job jobs[2] = {{"", ""}, {"", ""}};
    masa_code_result results[2];
    masa_error err = {0};
    char *path = masa_strdup(getenv("PATH"));
    setenv("PATH", "/nowhere", 1);
    masa_status alone = masa_code_available(&err);
    masa_status all = masa_code_run_all(results, jobs, 2, 2, NULL, NULL);
    setenv("PATH", path, 1);
    free(path);
    assert_int_equal(alone, MASA_ERR_UNSUPPORTED);
    assert_int_equal(all, MASA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "install the package bubblewrap"));
    assert_int_equal(masa_code_available(NULL), MASA_OK);
}

static void check_extract(const char *text, const char *wanted)
{
    size_t start = 0, length = 0;
    bool found = masa_code_extract(text, strlen(text), &start, &length);
    assert_int_equal(found, wanted != NULL);
    if (!found) return;
    assert_int_equal(length, strlen(wanted));
    assert_memory_equal(text + start, wanted, length);
}

static void test_extract(void **state)
{
    (void)state;
    check_extract("Here:\n```python\nx = 1\n```\nDone", "x = 1\n");
    check_extract("```\nx\n```\nand\n```py\ny\n```", "y\n");
    check_extract("```python\nx\n```\nRun it:\n```bash\nls\n```", "x\n");
    check_extract("```python\nx\n```\n```python\ny", NULL);
    check_extract("```bash\nls\n```", NULL);
    check_extract("x = 1\n", "x = 1\n");
    check_extract("", NULL);
}

static void literals(const char *a, const char *b, bool same)
{
    bool got = masa_code_literals_equal(a, strlen(a), b, strlen(b));
    if (got != same) print_error("%s and %s\n", a, b);
    assert_int_equal(got, same);
}

static void test_literals(void **state)
{
    (void)state;
    literals("[1, 2]", "[1,2]", true);
    literals("[1, 2]", "(1, 2)", false);
    literals("1, 2", "(1, 2)", true);
    literals("(1,)", "1", false);
    literals("(1)", "1", true);
    literals("'a'", "\"a\"", true);
    literals("'a'", "b'a'", false);
    literals("'it\\'s'", "\"it's\"", true);
    literals("'\\u00e9'", "'\xc3\xa9'", true);
    literals("'\\x41'", "'A'", true);
    literals("r'\\n'", "'\\\\n'", true);
    literals("1.0", "1", true);
    literals("True", "1", true);
    literals("True", "'True'", false);
    literals("0.1", "0.10", true);
    literals("0.1", "0.1000000001", false);
    literals("1e3", "1000", true);
    literals("10000000000000000000001", "10000000000000000000000", false);
    literals("{1, 2}", "{2, 1}", true);
    literals("{'a': 1, 'b': [2]}", "{'b': [2], 'a': 1}", true);
    literals("{'a': 1}", "{'a': 2}", false);
    literals("{}", "set()", false);
    literals("None", "none", false);
    literals("-5", "5", false);
    literals("[[], [()], {}]", "[[],[()],{}]", true);
    literals("[1, 2", "[1, 2", false);
    literals("foo", "foo", false);
    literals("", "", false);
    literals("'a' 'b'", "'ab'", false);
}

static void test_literal_answers(void **state)
{
    (void)state;
    masa_verify_options options = MASA_VERIFY_DEFAULTS;
    options.kind = MASA_ANSWER_LITERAL;
    assert_int_equal(masa_answers_equal("f(3) == [1, 2]", "[1,2]", &options),
                     MASA_VERDICT_EQUAL);
    assert_int_equal(masa_answers_equal("`'x'`", "\"x\"", &options), MASA_VERDICT_EQUAL);
    assert_int_equal(masa_answers_equal("'a == b'", "'a == b'", &options), MASA_VERDICT_EQUAL);
    assert_int_equal(masa_answers_equal("[2, 1]", "[1,2]", &options), MASA_VERDICT_DIFFERENT);
    assert_int_equal(masa_answers_equal("1", "f(", &options), MASA_VERDICT_BAD_GOLD);
    golds answers = {0};
    if (!golds_read(&answers, "cruxeval", "answer"))
        skip_since("no problem sets in ../shared/data");
    for (size_t i = 0; i < answers.n; i++)
        assert_int_equal(masa_answers_equal(answers.items[i], answers.items[i], &options),
                         MASA_VERDICT_EQUAL);
    golds_free(&answers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcomes),        cmocka_unit_test(test_values_across),
        cmocka_unit_test(test_limits),          cmocka_unit_test(test_walls),
        cmocka_unit_test(test_batch),           cmocka_unit_test(test_missing),
        cmocka_unit_test(test_no_namespaces),   cmocka_unit_test(test_no_look),
        cmocka_unit_test(test_extract),         cmocka_unit_test(test_literals),
        cmocka_unit_test(test_literal_answers), cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
