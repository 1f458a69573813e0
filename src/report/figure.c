#include <masa/figure.h>

#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "plot.h"
#include "plot_axis.h"

enum { POINTS = 60, GAP = 16, LEGEND = 20 };

static const struct {
    masa_cost cost;
    const char *title;
    double scale;
} panels[] = {{MASA_COST_STEPS, "steps", 1},
              {MASA_COST_TOKENS, "million tokens generated", 1e6},
              {MASA_COST_CPU, "processor minutes", 60},
              {MASA_COST_FLOPS, "PFLOP, estimated", 1e15}};
enum { PANELS = sizeof panels / sizeof *panels };

/* The arm's mean and range at POINTS costs; its runs are those of its name. storage
 * [4 * POINTS]. */
static plot_line make_line(double *storage, const masa_compared_run *runs, size_t n,
                           const char *arm, size_t look, int panel)
{
    double *x = storage, *y = x + POINTS, *low = y + POINTS, *high = low + POINTS;
    double most = INFINITY;
    masa_cost cost = panels[panel].cost;
    for (size_t i = 0; i < n; i++)
        if (strcmp(runs[i].arm, arm) == 0 && runs[i].curve->n > 1)
            most = fmin(most, masa_curve_spent(runs[i].curve, cost));
    for (int k = 0; k < POINTS; k++) {
        double at = most * k / (POINTS - 1), sum = 0, seeds = 0;
        x[k] = at / panels[panel].scale;
        low[k] = INFINITY, high[k] = -INFINITY;
        for (size_t i = 0; i < n; i++) {
            if (strcmp(runs[i].arm, arm) != 0 || runs[i].curve->n < 2) continue;
            double accuracy = 100 * masa_curve_at(runs[i].curve, cost, at);
            sum += accuracy, seeds++;
            low[k] = fmin(low[k], accuracy), high[k] = fmax(high[k], accuracy);
        }
        y[k] = seeds > 0 ? sum / seeds : NAN;
    }
    return (plot_line){x, y, POINTS, look, arm, low, high};
}

static size_t find_arms(const char **arms, const masa_compared_run *runs, size_t n)
{
    size_t n_arms = 0;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < n_arms && strcmp(arms[k], runs[i].arm) != 0) k++;
        if (k == n_arms) arms[n_arms++] = runs[i].arm;
    }
    return n_arms;
}

static void add_head(masa_text *out, const char *const *arms, size_t n_arms)
{
    int width = 2 * PLOT_WIDTH + GAP, top = LEGEND * ((int)n_arms + 1);
    int height = top + 2 * PLOT_HEIGHT + GAP;
    masa_text style = {0};
    masa_text_add(&style, "g path{fill:none;stroke-width:1.8}circle{display:none}\n");
    for (int i = 0; i < PLOT_LOOKS; i++)
        masa_text_addf(&style,
                       ".line%d{stroke:%s}g.line%d path.band{fill:%s;fill-opacity:.15;"
                       "stroke:none}\n",
                       i, plot_colours[i], i, plot_colours[i]);
    picture_open(out, width, height, masa_text_get(&style));
    masa_text_deinit(&style);
    masa_text_add(out, "<text x=\"8\" y=\"14\">accuracy on unseen problems (%): mean and range "
                       "over seeds</text>\n");
    for (size_t i = 0; i < n_arms; i++) {
        int y = LEGEND * ((int)i + 1) + 10;
        masa_text_addf(out,
                       "<g class=\"line%zu\"><path d=\"M8 %dH32\"/></g><text x=\"40\" "
                       "y=\"%d\">",
                       i % PLOT_LOOKS, y, y + 4);
        html_text(out, arms[i]);
        masa_text_add(out, "</text>\n");
    }
}

void masa_figure_svg(masa_text *out, const masa_compared_run *runs, size_t n)
{
    const char **arms = masa_alloc(n + 1, sizeof *arms);
    size_t n_arms = find_arms(arms, runs, n);
    plot_line *lines = masa_alloc(n_arms + 1, sizeof *lines);
    double *storage = masa_alloc(4 * POINTS * n_arms + 1, sizeof *storage);
    add_head(out, arms, n_arms);
    for (int p = 0; p < PANELS; p++) {
        for (size_t i = 0; i < n_arms; i++)
            lines[i] = make_line(storage + 4 * POINTS * i, runs, n, arms[i], i, p);
        plot_panel(out, p % 2 * (PLOT_WIDTH + GAP),
                   LEGEND * ((int)n_arms + 1) + p / 2 * (PLOT_HEIGHT + GAP), panels[p].title,
                   lines, n_arms);
    }
    masa_text_add(out, "</svg>\n");
    free(storage);
    free(lines);
    free(arms);
}
