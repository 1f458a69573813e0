/* Plots as inline SVG. Colours and fonts come from the page's style sheet. */
#ifndef REPORT_PLOT_H
#define REPORT_PLOT_H

#include <stdbool.h>
#include <masa/text.h>

/* Distinct looks of lines: class "line0" to "line9". */
enum { PLOT_LOOKS = 10 };
/* Their colours, as "#1f77b4". */
extern const char *const plot_colours[PLOT_LOOKS];

/* Size of a plot of lines, in pixels. */
enum { PLOT_WIDTH = 400, PLOT_HEIGHT = 230 };

typedef struct plot_line {
    const double *x, *y; /* [n] x ascending; points with a NaN are left out */
    size_t n;
    size_t look; /* taken modulo PLOT_LOOKS */
    const char *label;
    const double *low, *high; /* [n] a band behind the line; NULL: none */
} plot_line;

/* Lines over one x axis; points are marked when they are few, averaged when they are
 * many. Nothing is appended when no line has a point. Titles are escaped here. */
void plot_lines(masa_text *out, const char *title, const char *x_title, const plot_line *lines,
                size_t n);

/* The same without a title, as a part of a picture of its own (an <svg> that is there). */
void plot_panel(masa_text *out, int left, int top, const char *x_title, const plot_line *lines,
                size_t n);

/* Counts of pairs (x, y) in a square of n x n cells. */
typedef struct plot_grid {
    size_t *counts; /* [n, n] row y, column x; owned */
    size_t n;
    double low, high; /* ends of both axes */
} plot_grid;
/* Values from 0 to most (above 0), what is beyond goes into the outermost cells. centred:
 * 0 and most are the centres of these, as of a scale of n values; else their outer ends.
 * n >= 2. */
plot_grid plot_grid_make(size_t n, double most, bool centred, const double *x, const double *y,
                         size_t n_pairs);
void plot_grid_deinit(plot_grid *grid);
/* The darker a cell, the more pairs; the diagonal is where y = x. */
void plot_grid_draw(masa_text *out, const plot_grid *grid, const char *title,
                    const char *x_title, const char *y_title);

/* Size of it, in pixels, each way. */
enum { PLOT_GRID_SIZE = 290 };
/* The same without a title, as a part of a picture of its own. */
void plot_grid_panel(masa_text *out, int left, int top, const plot_grid *grid,
                     const char *x_title, const char *y_title);

#endif
