/* Predicted against true pass rates of files of results, as a picture. */
#include <masa/figure.h>

#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>

#include "html.h"
#include "plot.h"
#include "plot_axis.h"

enum { GAP = 16, HEAD = 36, CELLS = 9 };

/* The pairs of a result's problems, [summary->n] each; returns how many have both. */
static size_t take_rates(double *truth, double *predicted, const masa_meta_summary *summary)
{
    size_t n = 0;
    for (size_t i = 0; i < summary->n; i++) {
        const masa_meta_record *r = &summary->records[i];
        if (isnan(r->predicted_rate) || isnan(r->true_rate)) continue;
        truth[n] = r->true_rate;
        predicted[n++] = r->predicted_rate;
    }
    return n;
}

static void add_square(masa_text *out, const masa_meta_summary *summary, const char *title,
                       int left)
{
    double *truth = masa_alloc(2 * summary->n, sizeof *truth), *predicted = truth + summary->n;
    size_t n = take_rates(truth, predicted, summary);
    masa_text_addf(out, "<text class=\"mid\" x=\"%d\" y=\"14\">", left + PLOT_GRID_SIZE / 2);
    html_text(out, title);
    masa_text_addf(out, "</text><text class=\"mid\" x=\"%d\" y=\"30\">%zu problems",
                   left + PLOT_GRID_SIZE / 2, n);
    if (isfinite(summary->rate.pearson))
        masa_text_addf(out, ", correlation %.2f", summary->rate.pearson);
    masa_text_add(out, "</text>\n");
    plot_grid grid = plot_grid_make(CELLS, 1, true, truth, predicted, n);
    plot_grid_panel(out, left, HEAD, &grid, "true pass rate", "predicted");
    plot_grid_deinit(&grid);
    free(truth);
}

void masa_figure_predictions_svg(masa_text *out, const masa_meta_summary *results,
                                 const char *const *titles, size_t n)
{
    masa_text style = {0};
    masa_text_addf(&style, ".cell{fill:%s}.diagonal{stroke:#444;stroke-dasharray:4 3}\n",
                   plot_colours[0]);
    picture_open(out, (int)n * (PLOT_GRID_SIZE + GAP), HEAD + PLOT_GRID_SIZE,
                 masa_text_get(&style));
    masa_text_deinit(&style);
    for (size_t i = 0; i < n; i++)
        add_square(out, &results[i], titles[i], (int)i * (PLOT_GRID_SIZE + GAP));
    masa_text_add(out, "</svg>\n");
}
