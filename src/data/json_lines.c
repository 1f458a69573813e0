#include <masa/json_lines.h>

#include <masa/file.h>
#include <masa/memory.h>

#include <stdlib.h>
#include <string.h>

char *masa_json_text(const json_t *value)
{
    if (json_is_string(value))
        return masa_strndup(json_string_value(value), json_string_length(value));
    if (!json_is_number(value)) return NULL;
    char *dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    char *copy = masa_strdup(dumped);
    free(dumped);
    return copy;
}

static masa_status visit_line(const char *text, size_t n, size_t number,
                              masa_json_line_visit *visit, void *context, bool *enough,
                              masa_error *err)
{
    if (n > MASA_LINE_MOST)
        return MASA_FAIL(err, MASA_ERR_DATA, "a line of more than %d MiB",
                         MASA_LINE_MOST >> 20);
    json_error_t cause;
    json_t *line = json_loadb(text, n, JSON_REJECT_DUPLICATES, &cause);
    masa_status st = json_is_object(line)
                         ? visit(context, line, number, enough, err)
                         : MASA_FAIL(err, MASA_ERR_DATA, "not a JSON object (%s)",
                                     line ? "another kind of value" : cause.text);
    json_decref(line);
    return st;
}

masa_status masa_json_lines_parse(const char *text, size_t size, const char *path,
                                  masa_json_line_visit *visit, void *context, masa_error *err)
{
    masa_status st = MASA_OK;
    bool enough = false, any = false;
    const char *line, *end = text + size;
    size_t n;
    for (size_t number = 1; st == MASA_OK && !enough && masa_line_next(&text, end, &line, &n);
         number++) {
        size_t blank = 0;
        while (blank < n && line[blank] && strchr(" \t\r", line[blank])) blank++;
        if (blank == n) continue;
        any = true;
        st = visit_line(line, n, number, visit, context, &enough, err);
        if (st != MASA_OK) masa_error_at(err, path, number);
    }
    if (st == MASA_OK && !any)
        st = MASA_FAIL(err, MASA_ERR_DATA, "%s is empty; it needs one JSON object a line",
                       strcmp(path, "-") == 0 ? "standard input" : path);
    return st;
}

masa_status masa_json_lines_read(const char *path, masa_json_line_visit *visit, void *context,
                                 masa_error *err)
{
    masa_text text = {0};
    masa_status st = masa_file_read(&text, path, err);
    if (st == MASA_OK)
        st = masa_json_lines_parse(masa_text_get(&text), text.size, path, visit, context, err);
    masa_text_deinit(&text);
    return st;
}
