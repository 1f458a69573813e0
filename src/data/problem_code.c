/* What a line of a program's kind holds: the tests, and what a response may leave out. */
#include "problem_line_internal.h"

#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

static masa_status check_strings(const json_t *list, const char *names, masa_error *err)
{
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item) if (!json_is_string(item)) return MASA_FAIL(
        err, MASA_ERR_DATA, "%s must be lists of strings", names);
    return MASA_OK;
}

/* Appends a Python literal of a list of strings; JSON's strings are Python's. */
static void add_strings(masa_text *out, const json_t *list)
{
    size_t i;
    const json_t *item;
    masa_text_add(out, "[");
    json_array_foreach(list, i, item)
    {
        masa_text_add_json(out, json_string_value(item), json_string_length(item));
        masa_text_add(out, ", ");
    }
    masa_text_add(out, "]");
}

/* Asks the program (see judge.c of the part reward) for what it prints of each input, and
 * compares that line by line, without the space at the ends of lines. */
static const char stdio_tests[] =
    "def __lines(s):\n"
    "    return [line.rstrip() for line in s.rstrip().split('\\n')]\n"
    "for __input, __output in zip(__inputs, __outputs):\n"
    "    assert __lines(__run(__input)) == __lines(__output), 'wrong output'\n";

static masa_status read_stdio(masa_problem *p, const json_t *inputs, const json_t *outputs,
                              masa_error *err)
{
    static const char names[] = "\"inputs\" and \"outputs\"";
    if (json_array_size(inputs) == 0 || json_array_size(inputs) != json_array_size(outputs))
        return MASA_FAIL(err, MASA_ERR_DATA, "%s must be lists of equal length", names);
    masa_status st = check_strings(inputs, names, err);
    if (st == MASA_OK) st = check_strings(outputs, names, err);
    if (st != MASA_OK) return st;
    masa_text text = {0};
    masa_text_add(&text, "__inputs = ");
    add_strings(&text, inputs);
    masa_text_add(&text, "\n__outputs = ");
    add_strings(&text, outputs);
    masa_text_addf(&text, "\n%s", stdio_tests);
    p->tests = masa_text_take(&text);
    p->stdio = true;
    return MASA_OK;
}

/* What a model that is asked to go on with `problem` may leave out: all before the entry
 * point's own line. */
static char *preamble_of(const char *problem, const char *entry_point)
{
    masa_text head = {0};
    masa_text_addf(&head, "def %s(", entry_point);
    const char *at = NULL;
    for (const char *p = problem; (p = strstr(p, masa_text_get(&head))); p++)
        if (p == problem || p[-1] == '\n') at = p;
    masa_text_deinit(&head);
    return at ? masa_strndup(problem, (size_t)(at - problem)) : NULL;
}

static void read_tests(masa_problem *p, const json_t *tests, const char *setup)
{
    masa_text text = {0}, shown = {0};
    size_t i;
    const json_t *item;
    if (setup) masa_text_addf(&text, "%s\n", setup);
    json_array_foreach(tests, i, item)
    {
        masa_text_addf(&text, "%s\n", json_string_value(item));
        masa_text_addf(&shown, "%s%s", i ? "\n" : "", json_string_value(item));
    }
    p->tests = masa_text_take(&text);
    p->shown_tests = masa_text_take(&shown);
}

masa_status problem_read_code(masa_problem *p, const masa_problem_reader *r, const json_t *line,
                              masa_error *err)
{
    const json_t *tests = PROBLEM_MEMBER(r, line, tests),
                 *inputs = PROBLEM_MEMBER(r, line, inputs);
    p->entry_point = masa_json_text(PROBLEM_MEMBER(r, line, entry_point));
    if (inputs) return read_stdio(p, inputs, PROBLEM_MEMBER(r, line, outputs), err);
    if (json_array_size(tests) == 0)
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "the line has neither \"tests\" nor \"inputs\" and \"outputs\"");
    masa_status st = check_strings(tests, "\"tests\"", err);
    if (st != MASA_OK) return st;
    char *setup = masa_json_text(PROBLEM_MEMBER(r, line, test_setup_code));
    read_tests(p, tests, setup);
    free(setup);
    if (p->entry_point && (p->preamble = preamble_of(p->problem, p->entry_point))) {
        /* Then the problem is the beginning of the program. */
        masa_text whole = {0};
        masa_text_addf(&whole, "%s%s", p->problem, p->answer);
        free(p->answer);
        p->answer = masa_text_take(&whole);
    }
    return MASA_OK;
}
