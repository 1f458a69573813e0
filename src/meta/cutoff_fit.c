#include <masa/cutoff_fit.h>

#include "solution_statistics.h"

#include <math.h>

enum { BINS = MASA_CUTOFF_FIT_BINS, PER_OCTAVE = 8 };

static size_t bin_of(double ratio)
{
    double bin = floor(PER_OCTAVE * log2(ratio)) + BINS / 2;
    return bin < 0 ? 0 : bin >= BINS ? BINS - 1 : (size_t)bin;
}

void masa_cutoff_fit_observe(masa_cutoff_fit *fit, const masa_forecast *forecast,
                             const masa_statistics *truth, double weight, double window)
{
    if (!forecast || forecast->n_lengths == 0 || !(forecast->length > 0) || !(weight > 0))
        return;
    double kept = exp(-weight / window);
    for (size_t i = 0; i < BINS; i++) fit->counts[i] *= kept;
    for (size_t i = 0; i < truth->summary.n_correct; i++)
        fit->counts[bin_of((double)truth->lengths[i] / forecast->length)] += weight;
}

double masa_cutoff_fit_margin(const masa_cutoff_fit *fit, double keep)
{
    const double least_beyond = 4;
    double all = 0, within = 0;
    for (size_t i = 0; i < BINS; i++) all += fit->counts[i];
    if (all * (1 - keep) < least_beyond) return 0;
    /* The last bin has no upper edge. */
    for (size_t i = 0; i < BINS - 1; i++) {
        within += fit->counts[i];
        if (within >= keep * all) return exp2(((double)i + 1 - BINS / 2) / PER_OCTAVE);
    }
    return 0;
}
