/** Pictures of their own: learning curves of a comparison, predictions against the truth. */
#ifndef MASA_FIGURE_H
#define MASA_FIGURE_H

#include <masa/comparison.h>
#include <masa/summary.h>

/**
 * Appends an SVG file: accuracy over steps, generated tokens, processor time and estimated
 * operations; for each arm the mean over its seeds and, behind it, their range, as far as all
 * of its seeds have got. At most ten arms have colours of their own.
 */
void masa_figure_svg(masa_text *out, const masa_compared_run *runs, size_t n);

/**
 * Appends an SVG file: for each of n results with predictions a square of problems, predicted
 * over true pass rate, with its title and correlation above; side by side, in the order given.
 */
void masa_figure_predictions_svg(masa_text *out, const masa_meta_summary *results,
                                 const char *const *titles, size_t n);

#endif
