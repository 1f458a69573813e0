/* Programs: taken out of a model's text, and run with their tests in a sandbox. */
#include <masa/code.h>

#include "sandbox.h"

#include <masa/memory.h>
#include <masa/random.h>
#include <masa/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

static const char *const outcome_texts[] = {
    [MASA_CODE_PASSED] = "passed", [MASA_CODE_FAILED] = "failed",
    [MASA_CODE_TIME] = "time",     [MASA_CODE_MEMORY] = "memory",
    [MASA_CODE_OUTPUT] = "output",
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

/* The interpreter reads a secret word, runs the program, then the tests, and only then
 * writes the word: a program that ends early, however cleanly, has not passed. */
static const char harness[] =
    "import os, resource, sys\n"
    "def run():\n"
    "    word = sys.stdin.readline()\n"
    "    resource.setrlimit(resource.RLIMIT_NPROC, (64, 64))\n"
    "    null = os.open('/dev/null', os.O_RDONLY)\n"
    "    os.dup2(null, 0)\n"
    "    scope = {'__name__': 'program', '__builtins__': __builtins__}\n"
    "    for name in 'program', 'tests':\n"
    "        with open('/code/' + name + '.py', encoding='utf-8') as file:\n"
    "            source = file.read()\n"
    "        exec(compile(source, name + '.py', 'exec'), scope)\n"
    "    sys.stdout.flush()\n"
    "    os.write(1, ('\\n' + word).encode())\n"
    "    os._exit(0)\n"
    "run()\n";

static masa_status make_word(char word[40], masa_error *err)
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return MASA_FAIL(err, MASA_ERR_IO, "no random bytes from the system");
    for (size_t i = 0; i < sizeof bytes; i++) sprintf(word + 2 * i, "%02x", bytes[i]);
    strcat(word, "\n");
    return MASA_OK;
}

/* The last line of the interpreter's complaint. */
static void last_line(char *out, size_t room, const masa_text *text)
{
    size_t end = text->size;
    while (end && (text->data[end - 1] == '\n' || text->data[end - 1] == '\r')) end--;
    size_t start = end;
    while (start && text->data[start - 1] != '\n') start--;
    snprintf(out, room, "%.*s", (int)(end - start), text->size ? text->data + start : "");
    out[masa_utf8_complete(out, strlen(out))] = '\0';
}

static void judge(masa_code_result *out, const sandbox_result *r, const char *word)
{
    size_t n = strlen(word);
    bool wrote =
        r->output.size >= n && memcmp(r->output.data + r->output.size - n, word, n) == 0;
    last_line(out->message, sizeof out->message, &r->errors);
    if (r->ended == SANDBOX_TIME) out->outcome = MASA_CODE_TIME;
    else if (r->ended == SANDBOX_OUTPUT) out->outcome = MASA_CODE_OUTPUT;
    else if (r->exit_status == 0 && wrote) out->outcome = MASA_CODE_PASSED;
    else if (r->ended == SANDBOX_MEMORY || strncmp(out->message, "MemoryError", 11) == 0)
        out->outcome = MASA_CODE_MEMORY;
    else out->outcome = MASA_CODE_FAILED;
    if (out->outcome == MASA_CODE_PASSED) out->message[0] = '\0';
    else if (out->outcome == MASA_CODE_TIME)
        snprintf(out->message, sizeof out->message, "out of time");
    else if (out->outcome == MASA_CODE_OUTPUT)
        snprintf(out->message, sizeof out->message, "wrote too much");
    else if (r->ended == SANDBOX_MEMORY)
        snprintf(out->message, sizeof out->message, "made too many files");
    else if (!out->message[0])
        snprintf(out->message, sizeof out->message, "ended before the tests did");
}

masa_status masa_code_run(masa_code_result *out, const char *program, const char *tests,
                          const masa_code_limits *limits, masa_error *err)
{
    static const masa_code_limits defaults = MASA_CODE_LIMITS;
    sandbox_result r = {0};
    char word[40] = "";
    masa_status st = make_word(word, err);
    if (st == MASA_OK) {
        const sandbox_file files[] = {{"/code/harness.py", harness},
                                      {"/code/program.py", program},
                                      {"/code/tests.py", tests}};
        st = sandbox_run(&r, files, 3, word, limits ? limits : &defaults, err);
    }
    if (st == MASA_OK) judge(out, &r, word);
    masa_text_deinit(&r.output);
    masa_text_deinit(&r.errors);
    return st;
}

masa_status masa_code_available(masa_error *err)
{
    masa_code_result result;
    masa_status st = masa_code_run(&result, "x = 1\n", "assert x == 1\n", NULL, err);
    if (st != MASA_OK) return st;
    if (result.outcome != MASA_CODE_PASSED)
        return MASA_FAIL(err, MASA_ERR_UNSUPPORTED,
                         "the sandbox does not work here (%s); code benchmarks need "
                         "bubblewrap with user namespaces and /usr/bin/python3",
                         result.message);
    return MASA_OK;
}
