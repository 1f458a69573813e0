/* Pairs of predicted and true values, counted in a square of cells. */
#include "plot.h"

#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>

#include "plot_axis.h"

enum { SIZE = PLOT_GRID_SIZE, LEFT = 52, RIGHT = 10, BOTTOM = 36 };

static size_t cell_of(const plot_grid *g, double value)
{
    double at = floor((value - g->low) / (g->high - g->low) * (double)g->n);
    return (size_t)fmin(fmax(at, 0), (double)(g->n - 1));
}

plot_grid plot_grid_make(size_t n, double most, bool centred, const double *x, const double *y,
                         size_t n_pairs)
{
    double beyond = centred ? most / (double)(n - 1) / 2 : 0;
    plot_grid g = {masa_alloc(n * n, sizeof *g.counts), n, -beyond, most + beyond};
    for (size_t i = 0; i < n_pairs; i++) g.counts[cell_of(&g, y[i]) * n + cell_of(&g, x[i])]++;
    return g;
}

void plot_grid_deinit(plot_grid *grid)
{
    free(grid->counts);
    *grid = (plot_grid){0};
}

/* A cell with a tenth of the most pairs must still be seen: opacity grows with the root.
 */
static void draw_cells(masa_text *out, const plot_grid *g)
{
    size_t most = 1;
    double side = (double)(SIZE - LEFT - RIGHT) / (double)g->n;
    for (size_t i = 0; i < g->n * g->n; i++)
        if (g->counts[i] > most) most = g->counts[i];
    for (size_t i = 0; i < g->n * g->n; i++) {
        if (g->counts[i] == 0) continue;
        double x = LEFT + side * (double)(i % g->n);
        double y = SIZE - BOTTOM - side * (double)(i / g->n + 1);
        double opacity = sqrt((double)g->counts[i] / (double)most);
        masa_text_addf(
            out,
            "<rect class=\"cell\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
            "fill-opacity=\"%.2f\"><title>%zu</title></rect>\n",
            x, y, side, side, fmax(opacity, 0.08), g->counts[i]);
    }
}

static axis axis_across(const plot_grid *grid)
{
    return (axis){grid->low, grid->high, LEFT, SIZE - RIGHT};
}

static axis axis_up(const plot_grid *grid)
{
    return (axis){grid->low, grid->high, SIZE - BOTTOM, LEFT + RIGHT - BOTTOM};
}

static void draw_pairs(masa_text *out, const plot_grid *grid, const axis *x, const axis *y)
{
    draw_cells(out, grid);
    masa_text_addf(out, "<path class=\"diagonal\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", x->start,
                   y->start, x->end, y->end);
}

void plot_grid_panel(masa_text *out, int left, int top, const plot_grid *grid,
                     const char *x_title, const char *y_title)
{
    axis x = axis_across(grid), y = axis_up(grid);
    masa_text_addf(out, "<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\">\n", left, top, SIZE,
                   SIZE);
    frame_axes(out, SIZE, &x, &y, x_title, y_title);
    draw_pairs(out, grid, &x, &y);
    masa_text_add(out, "</svg>\n");
}

void plot_grid_draw(masa_text *out, const plot_grid *grid, const char *title,
                    const char *x_title, const char *y_title)
{
    axis x = axis_across(grid), y = axis_up(grid);
    frame_open(out, title, SIZE, SIZE, &x, &y, x_title, y_title);
    draw_pairs(out, grid, &x, &y);
    frame_close(out);
}
