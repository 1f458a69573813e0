/* A Markdown table whose columns line up, so that it reads well as plain text too. */
#ifndef REPORT_TABLE_H
#define REPORT_TABLE_H

#include <masa/text.h>

typedef struct table {
    size_t columns;
    char **cells; /* [n] row by row, the heading first */
    size_t n, capacity;
} table;

/* The next cell, in UTF-8. */
void table_add(table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends the table, first column to the left, others to the right, and empties it. */
void table_print(table *t, masa_text *out);

#endif
