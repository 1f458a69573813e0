/* What the files that read a line share. */
#ifndef DATA_PROBLEM_LINE_INTERNAL_H
#define DATA_PROBLEM_LINE_INTERNAL_H

#include <masa/problem_line.h>

/* The member of a line that the reader's fields name, at `offset` in them; NULL: none. */
const json_t *problem_member(const masa_problem_reader *reader, const json_t *line,
                             size_t offset, const char *name);
#define PROBLEM_MEMBER(r, line, name)                                                          \
    problem_member(r, line, offsetof(masa_problem_fields, name), #name)

/* The members of a program's kind. */
masa_status problem_read_code(masa_problem *problem, const masa_problem_reader *reader,
                              const json_t *line, masa_error *err);

#endif
