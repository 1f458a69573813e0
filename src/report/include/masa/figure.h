/** Learning curves of a comparison as a picture of its own. */
#ifndef MASA_FIGURE_H
#define MASA_FIGURE_H

#include <masa/comparison.h>

/**
 * Appends an SVG file: accuracy over steps, generated tokens, processor time and estimated
 * operations; for each arm the mean over its seeds and, behind it, their range, as far as all
 * of its seeds have got. At most ten arms have colours of their own.
 */
void masa_figure_svg(masa_text *out, const masa_compared_run *runs, size_t n);

#endif
