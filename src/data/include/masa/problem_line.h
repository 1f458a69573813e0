/** One line of a problem file, for readers that have more to do with it. */
#ifndef MASA_PROBLEM_LINE_H
#define MASA_PROBLEM_LINE_H

#include <masa/json_lines.h>
#include <masa/problems.h>

/**
 * Makes a problem of a line. Its id is the line's own or "name:number"; place and prompt are
 * left to the caller. Errors as in masa_problems_load, without the place: masa_json_lines_read
 * adds it. On failure nothing is left in *out.
 */
masa_status masa_problem_read(masa_problem *out, const masa_problem_reader *reader,
                              const json_t *line, const char *name, size_t number,
                              masa_error *err);

#endif
