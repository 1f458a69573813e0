/**
 * Checking programs: Python that a model wrote runs with a problem's tests in a sandbox.
 *
 * The sandbox is bubblewrap with the machine's /usr/bin/python3: an unprivileged user, no
 * network, no /proc, a read-only /usr and nothing else of the machine, a small /tmp in
 * memory, no second process, few system calls, and limits on time, memory and output. The
 * tests run in another one and reach the program's functions over a socket, so that a
 * program sees no test and decides no verdict. docs/verification.md says what that stops
 * and what not.
 *
 * Threads: every function may run in any number of threads at once.
 */
#ifndef MASA_CODE_H
#define MASA_CODE_H

#include <masa/error.h>

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct masa_code_limits {
    double seconds;      /* of wall clock, the interpreter's start included */
    size_t memory_bytes; /* of address space, for the program and again for its tests */
    size_t output_bytes; /* of standard output and of standard error */
    const volatile sig_atomic_t *stop; /* not 0: give up; may be NULL */
} masa_code_limits;

#define MASA_CODE_LIMITS                                                                       \
    {                                                                                          \
        10.0, (size_t)1 << 30, 1 << 16, NULL                                                   \
    }

typedef enum masa_code_outcome {
    MASA_CODE_PASSED,
    MASA_CODE_FAILED, /* an exception, a failed assertion, or an early end */
    MASA_CODE_TIME,
    MASA_CODE_MEMORY,
    MASA_CODE_OUTPUT, /* wrote too much */
} masa_code_outcome;

/** "passed", "failed", "time", "memory" or "output". */
const char *masa_code_outcome_text(masa_code_outcome outcome);

typedef struct masa_code_result {
    masa_code_outcome outcome;
    char message[256]; /* why; "" when passed */
} masa_code_result;

/** MASA_ERR_UNSUPPORTED with one clear line when there is no working sandbox. Runs two
 * programs, so ask once. */
masa_status masa_code_available(masa_error *err);

/**
 * Runs the tests on the program.
 *
 * program   Python source: whatever the tests call must be in it
 * tests     Python source that raises when the program is wrong; it gets the program's
 *           names, but for those of Python itself, and values by copy
 * limits    NULL: MASA_CODE_LIMITS
 *
 * Errors: MASA_ERR_UNSUPPORTED without bubblewrap or python3, MASA_ERR_IO when a process
 * or pipe cannot be made, MASA_ERR_INTERRUPTED soon after a stop. A
 * wrong program is no error.
 */
masa_status masa_code_run(masa_code_result *out, const char *program, const char *tests,
                          const masa_code_limits *limits, masa_error *err);

typedef struct masa_code_job {
    const char *program, *tests;
} masa_code_job;

/**
 * Runs n jobs, up to at_once of them at a time (0: as many as there are processors, and
 * as the free memory has room for); results[i] is that of jobs[i], in whatever order they
 * end. After an error or a stop no other job is begun, and the results are not to be used.
 */
masa_status masa_code_run_all(masa_code_result *results, const masa_code_job *jobs, size_t n,
                              size_t at_once, const masa_code_limits *limits, masa_error *err);

/**
 * Finds the program in a model's text: the last closed block between lines of ```
 * (of Python, where languages are named); without any block, the whole text. A block that
 * is never closed is no program. Writes the bytes' place; returns whether there is one.
 */
bool masa_code_extract(const char *text, size_t size, size_t *start, size_t *length);

/**
 * Whether two Python literals have the same value, as == would say: numbers, strings,
 * bytes, None, booleans, and tuples, lists, sets and dicts of them. False if either
 * cannot be read.
 */
bool masa_code_literals_equal(const char *a, size_t a_size, const char *b, size_t b_size);

#endif
