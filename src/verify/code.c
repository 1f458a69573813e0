/* Programs: taken out of a model's text, and run with their tests in a sandbox. */
#include <masa/code.h>

#include "python.h"
#include "sandbox.h"

#include <masa/text.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const outcome_texts[] = {
    [MASA_CODE_PASSED] = "passed", [MASA_CODE_FAILED] = "failed", [MASA_CODE_TIME] = "time",
    [MASA_CODE_MEMORY] = "memory", [MASA_CODE_OUTPUT] = "output",
};

const char *masa_code_outcome_text(masa_code_outcome outcome)
{
    return outcome_texts[outcome];
}

/* --- extraction ---------------------------------------------------------------- */

static bool is_fence(const char *s, size_t n)
{
    while (n && (*s == ' ' || *s == '\t')) s++, n--;
    return n >= 3 && memcmp(s, "```", 3) == 0;
}

/* A fence line that names a language other than Python. */
static bool is_foreign(const char *s, size_t n)
{
    while (n && (*s == ' ' || *s == '\t' || *s == '`')) s++, n--;
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\r' || s[n - 1] == '\t')) n--;
    return n && strncasecmp(s, "py", n < 2 ? n : 2) != 0;
}

bool masa_code_extract(const char *text, size_t size, size_t *start, size_t *length)
{
    bool inside = false, foreign = false, found = false, fences = false;
    size_t begin = 0;
    for (size_t i = 0; i < size;) {
        const char *newline = memchr(text + i, '\n', size - i);
        size_t end = newline ? (size_t)(newline - text) : size;
        if (is_fence(text + i, end - i)) {
            fences = true;
            if (inside && !foreign) {
                *start = begin;
                *length = i - begin;
                found = true;
            }
            if (!inside) {
                begin = end < size ? end + 1 : size;
                foreign = is_foreign(text + i, end - i);
            }
            inside = !inside;
        }
        i = end + 1;
    }
    /* A block begun last and never closed was cut off: an older one is not the answer. */
    if (inside && !foreign) return false;
    if (found) return true;
    if (fences) return false;
    *start = 0;
    *length = size;
    return size > 0;
}

/* --- running ------------------------------------------------------------------- */

static void judge(masa_code_result *out, const sandbox_result *r)
{
    static const char *const messages[] = {
        [MASA_CODE_FAILED] = "the judge ended before its tests did",
        [MASA_CODE_TIME] = "out of time",
        [MASA_CODE_MEMORY] = "made too many files",
        [MASA_CODE_OUTPUT] = "wrote too much",
    };
    const char *said = "";
    *out = (masa_code_result){.outcome = MASA_CODE_FAILED};
    if (r->ended == SANDBOX_TIME) out->outcome = MASA_CODE_TIME;
    else if (r->ended == SANDBOX_OUTPUT) out->outcome = MASA_CODE_OUTPUT;
    else if (r->ended == SANDBOX_MEMORY) out->outcome = MASA_CODE_MEMORY;
    else said = masa_text_get(&r->output);
    if (strcmp(said, "passed") == 0) {
        out->outcome = MASA_CODE_PASSED;
        return;
    }
    if (masa_starts_with(said, "MemoryError")) out->outcome = MASA_CODE_MEMORY;
    snprintf(out->message, sizeof out->message, "%s", said[0] ? said : messages[out->outcome]);
    out->message[masa_utf8_complete(out->message, strlen(out->message))] = '\0';
}

masa_status masa_code_run(masa_code_result *out, const char *program, const char *tests,
                          const masa_code_limits *limits, masa_error *err)
{
    static const masa_code_limits defaults = MASA_CODE_LIMITS;
    const sandbox_file judged[] = {{"/code/judge.py", python_judge}, {"/code/tests.py", tests}};
    const sandbox_file worker[] = {{"/code/worker.py", python_worker},
                                   {"/code/program.py", program}};
    sandbox_result r = {0};
    masa_status st = sandbox_run(&r, judged, worker, limits ? limits : &defaults, err);
    if (st == MASA_OK) judge(out, &r);
    masa_text_deinit(&r.output);
    return st;
}

masa_status masa_code_available(masa_error *err)
{
    static const masa_code_job jobs[] = {
        {"x = 1\n", "assert x == 1\n"},
        /* The limit of files is ours to keep, by a look into the sandbox. */
        {"import os, time\nfor i in range(40000): os.mkdir(str(i))\ntime.sleep(0.5)\n", ""},
    };
    masa_code_result results[2];
    masa_status st = masa_code_run_all(results, jobs, 2, 2, NULL, err);
    if (st != MASA_OK) return st;
    if (results[0].outcome != MASA_CODE_PASSED)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "the sandbox does not work here (%s); code benchmarks need "
                         "bubblewrap with user namespaces and /usr/bin/python3",
                         results[0].message);
    if (results[1].outcome == MASA_CODE_PASSED)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "the sandbox cannot be watched here (/proc/PID/root of its "
                         "processes is closed to masa); run as an ordinary user");
    return MASA_OK;
}
