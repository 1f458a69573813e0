/* The frame of a plot: where values lie on the picture, ticks, titles. What is written is both
 * HTML and XML. */
#ifndef REPORT_PLOT_AXIS_H
#define REPORT_PLOT_AXIS_H

#include <masa/text.h>

typedef struct axis {
    double low, high;  /* values at the ends */
    double start, end; /* places of the ends, in pixels */
} axis;

/* From the least to the greatest value, widened so that it is never empty. */
axis axis_make(double low, double high, double start, double end);
double axis_place(const axis *a, double value);
/* Distance between ticks: 1, 2 or 5 times a power of ten, at most `most` of them. */
double axis_step(const axis *a, int most);

/* Opens the figure with its title and draws ticks, grid and the titles of axes. */
void frame_open(masa_text *out, const char *title, int width, int height, const axis *x,
                const axis *y, const char *x_title, const char *y_title);
void frame_close(masa_text *out);
/* The ticks, grid and titles alone, inside of an <svg> that is there. */
void frame_axes(masa_text *out, int height, const axis *x, const axis *y, const char *x_title,
                const char *y_title);

/* Begins a picture of its own, an SVG file that </svg> ends: white, with the looks of what is drawn
 * here and `style`, CSS of the caller's. */
void picture_open(masa_text *out, int width, int height, const char *style);

#endif
