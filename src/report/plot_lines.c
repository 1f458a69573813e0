/* Lines over steps, tokens or time. */
#include "plot.h"

#include <math.h>

#include "html.h"
#include "plot_axis.h"

enum { WIDTH = PLOT_WIDTH, HEIGHT = PLOT_HEIGHT, LEFT = 52, RIGHT = 10, TOP = 8, BOTTOM = 36 };

/* Distinct on white and on black. */
const char *const plot_colours[PLOT_LOOKS] = {"#1f77b4", "#d62728", "#2ca02c", "#ff7f0e",
                                              "#9467bd", "#8c564b", "#e377c2", "#7f7f7f",
                                              "#bcbd22", "#17becf"};

/* More points than this and neighbours are averaged; up to this many are marked. */
enum { MOST_POINTS = 400, MOST_MARKS = 60 };

static bool shown(const plot_line *l, size_t i)
{
    return isfinite(l->x[i]) && isfinite(l->y[i]);
}

static size_t count_shown(const plot_line *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) n += shown(l, i);
    return n;
}

static size_t find_bounds(const plot_line *lines, size_t n, double x[2], double y[2])
{
    size_t points = 0;
    x[0] = y[0] = INFINITY;
    x[1] = y[1] = -INFINITY;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < lines[k].n; i++) {
            if (!shown(&lines[k], i)) continue;
            points++;
            x[0] = fmin(x[0], lines[k].x[i]), x[1] = fmax(x[1], lines[k].x[i]);
            double low = lines[k].low ? lines[k].low[i] : lines[k].y[i];
            double high = lines[k].high ? lines[k].high[i] : lines[k].y[i];
            y[0] = fmin(y[0], low), y[1] = fmax(y[1], high);
        }
    return points;
}

typedef struct pen {
    masa_text *out;
    const axis *x, *y;
    masa_text marks;
    bool down;
} pen;

static void draw_to(pen *p, double x, double y, bool mark)
{
    double px = axis_place(p->x, x), py = axis_place(p->y, y);
    masa_text_addf(p->out, "%c%.1f %.1f", p->down ? 'L' : 'M', px, py);
    p->down = true;
    if (mark)
        masa_text_addf(
            &p->marks,
            "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2\"><title>%.6g: %.4g</title></circle>", px,
            py, x, y);
}

static void draw_line(masa_text *out, const plot_line *l, const axis *x, const axis *y)
{
    size_t n = count_shown(l), every = (n + MOST_POINTS - 1) / MOST_POINTS, held = 0;
    double sum_x = 0, sum_y = 0;
    if (n == 0) return;
    pen p = {out, x, y, {0}, false};
    masa_text_addf(out, "<g class=\"line%zu\"><title>", l->look % PLOT_LOOKS);
    html_text(out, l->label);
    masa_text_add(out, "</title><path d=\"");
    for (size_t i = 0; i < l->n; i++) {
        if (shown(l, i)) sum_x += l->x[i], sum_y += l->y[i], held++;
        if (held == every || (held && i + 1 == l->n)) {
            draw_to(&p, sum_x / (double)held, sum_y / (double)held, n <= MOST_MARKS);
            sum_x = sum_y = 0, held = 0;
        }
    }
    masa_text_addf(out, "\"/>%s</g>\n", masa_text_get(&p.marks));
    masa_text_deinit(&p.marks);
}

/* From low to high, there and back. */
static void draw_band(masa_text *out, const plot_line *l, const axis *x, const axis *y)
{
    if (!l->low || !l->high || count_shown(l) == 0) return;
    char command = 'M';
    masa_text_addf(out, "<g class=\"line%zu\"><path class=\"band\" d=\"", l->look % PLOT_LOOKS);
    for (int back = 0; back < 2; back++)
        for (size_t k = 0; k < l->n; k++) {
            size_t i = back ? l->n - 1 - k : k;
            if (!shown(l, i)) continue;
            masa_text_addf(out, "%c%.1f %.1f", command, axis_place(x, l->x[i]),
                           axis_place(y, back ? l->low[i] : l->high[i]));
            command = 'L';
        }
    masa_text_add(out, "Z\"/></g>\n");
}

static void draw_all(masa_text *out, const plot_line *lines, size_t n, const axis *x,
                     const axis *y)
{
    for (size_t i = 0; i < n; i++) draw_band(out, &lines[i], x, y);
    for (size_t i = 0; i < n; i++) draw_line(out, &lines[i], x, y);
}

/* Whether there is anything to draw. */
static bool make_axes(axis *across, axis *up, const plot_line *lines, size_t n)
{
    double x[2], y[2];
    if (find_bounds(lines, n, x, y) == 0) return false;
    double room = 0.04 * (y[1] - y[0]);
    *across = axis_make(x[0], x[1], LEFT, WIDTH - RIGHT);
    *up = axis_make(y[0] - room, y[1] + room, HEIGHT - BOTTOM, TOP);
    return true;
}

void plot_panel(masa_text *out, int left, int top, const char *x_title, const plot_line *lines,
                size_t n)
{
    axis across, up;
    if (!make_axes(&across, &up, lines, n)) return;
    masa_text_addf(out, "<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\">\n", left, top,
                   WIDTH, HEIGHT);
    frame_axes(out, HEIGHT, &across, &up, x_title, "");
    draw_all(out, lines, n, &across, &up);
    masa_text_add(out, "</svg>\n");
}

void plot_lines(masa_text *out, const char *title, const char *x_title, const plot_line *lines,
                size_t n)
{
    axis across, up;
    if (!make_axes(&across, &up, lines, n)) return;
    frame_open(out, title, WIDTH, HEIGHT, &across, &up, x_title, "");
    draw_all(out, lines, n, &across, &up);
    frame_close(out);
}
