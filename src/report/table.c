#include "table.h"

#include <masa/memory.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void table_add(table *t, const char *format, ...)
{
    char cell[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(cell, sizeof cell, format, arguments);
    va_end(arguments);
    MASA_PUSH(t->cells, t->n, t->capacity, masa_strdup(cell));
}

/* Characters, not bytes: cells hold signs such as a plus-minus. */
static size_t width_of(const char *s)
{
    size_t n = 0;
    for (; *s; s++) n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

static void add_times(masa_text *out, const char *s, size_t times)
{
    for (size_t i = 0; i < times; i++) masa_text_add(out, s);
}

static void print_row(const table *t, size_t row, const size_t *widths, masa_text *out)
{
    for (size_t c = 0; c < t->columns; c++) {
        const char *cell = t->cells[row * t->columns + c];
        size_t room = widths[c] - width_of(cell);
        masa_text_add(out, "| ");
        if (c > 0) add_times(out, " ", room);
        masa_text_add(out, cell);
        if (c == 0) add_times(out, " ", room);
        masa_text_add(out, " ");
    }
    masa_text_add(out, "|\n");
}

void table_print(table *t, masa_text *out)
{
    size_t *widths = masa_alloc(t->columns, sizeof *widths);
    for (size_t i = 0; i < t->n; i++) {
        size_t width = width_of(t->cells[i]), *widest = &widths[i % t->columns];
        if (width > *widest) *widest = width;
    }
    for (size_t row = 0; row * t->columns < t->n; row++) {
        print_row(t, row, widths, out);
        for (size_t c = 0; row == 0 && c < t->columns; c++) {
            masa_text_add(out, "|");
            add_times(out, "-", widths[c] + 2 - (c > 0));
            if (c > 0) masa_text_add(out, ":");
        }
        if (row == 0) masa_text_add(out, "|\n");
    }
    for (size_t i = 0; i < t->n; i++) free(t->cells[i]);
    free(t->cells);
    free(widths);
    *t = (table){.columns = t->columns};
}
