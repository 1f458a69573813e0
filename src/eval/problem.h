/* From a line of data to a problem. */
#ifndef EVAL_PROBLEM_H
#define EVAL_PROBLEM_H

#include <masa/benchmark.h>
#include <masa/problem_line.h>

/* The texts that a template may name; NULL: the line has none. */
typedef struct eval_slots {
    const char *question, *problem, *context, *options, *tests, *unit, *entry_point;
    const char *example;
} eval_slots;

/*
 * Appends the template with {question}, {problem}, ... filled in; other braces stay as
 * they are. A line of the template all of whose slots are NULL is left out, and so are
 * empty lines at the beginning and the end.
 */
void eval_template_fill(masa_text *out, const char *template_text, const eval_slots *slots);

/*
 * Appends a file of worked examples with its slots [[CONTEXT]], [[QUESTION]] and
 * [[OPTIONS]] filled in. Lines of "------" part it: an instruction, examples, and the
 * slots; `most` examples are kept (0: all).
 */
void eval_examples_fill(masa_text *out, const char *file, size_t most, const eval_slots *slots);

/* The part of a description that is read once for all lines. */
typedef struct eval_reader {
    const masa_benchmark *benchmark;
    masa_problem_reader lines;
    char *example; /* the example file, or NULL */
} eval_reader;

/* Makes a problem of a line, its prompt with it. On failure nothing is left in *out. */
masa_status eval_problem_read(masa_problem *out, const eval_reader *reader, const json_t *line,
                              size_t number, masa_error *err);
/* Whether the description's `only` lets the line through. */
bool eval_line_counts(const masa_benchmark *benchmark, const json_t *line);

#endif
