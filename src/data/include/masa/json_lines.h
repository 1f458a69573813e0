/** JSON Lines: one object a line; blank lines are skipped. */
#ifndef MASA_JSON_LINES_H
#define MASA_JSON_LINES_H

#include <jansson.h>
#include <masa/error.h>
#include <stdbool.h>

/** Called for each object (borrowed); number counts lines from 1. *enough = true ends the
 *  reading early. */
typedef masa_status masa_json_line_visit(void *context, json_t *line, size_t number,
                                         bool *enough, masa_error *err);

/**
 * Visits the objects of text[0..size). What is no JSON object, or longer than MASA_LINE_MOST, is
 * MASA_ERR_DATA; that and
 * the visitor's own errors get `path` and the line. Returns MASA_ERR_DATA when there is
 * no object at all.
 */
masa_status masa_json_lines_parse(const char *text, size_t size, const char *path,
                                  masa_json_line_visit *visit, void *context, masa_error *err);
/** The same of a file; "-" is standard input. */
masa_status masa_json_lines_read(const char *path, masa_json_line_visit *visit, void *context,
                                 masa_error *err);

/** A string as it is, a number as it is written in JSON, else NULL. Caller frees. */
char *masa_json_text(const json_t *value);

#endif
