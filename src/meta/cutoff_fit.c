#include <masa/cutoff_fit.h>

#include "solution_statistics.h"

#include <math.h>

enum { BANDS = MASA_CUTOFF_FIT_BANDS, BINS = MASA_CUTOFF_FIT_BINS, PER_OCTAVE = 8 };

static size_t clamp(double x, size_t n)
{
    return x < 0 ? 0 : x >= (double)n ? n - 1 : (size_t)x;
}

static size_t bin_of(double ratio)
{
    return clamp(floor(PER_OCTAVE * log2(ratio)) + BINS / 2, BINS);
}

static size_t band_of(double predicted)
{
    return clamp(floor(log2(predicted)), BANDS);
}

void masa_cutoff_fit_observe(masa_cutoff_fit *fit, const masa_forecast *forecast,
                             const masa_statistics *truth, double weight, double window)
{
    if (!forecast || forecast->n_lengths == 0 || !(forecast->length > 0) || !(weight > 0))
        return;
    size_t band = band_of(forecast->length), n = truth->summary.n_correct;
    double kept = exp(-weight / window);
    for (size_t b = 0; b < BANDS; b++) {
        for (size_t i = 0; i < BINS; i++) fit->counts[b][i] *= kept;
        fit->squares[b] *= kept;
    }
    for (size_t i = 0; i < n; i++)
        fit->counts[band][bin_of((double)truth->lengths[i] / forecast->length)] += weight;
    fit->squares[band] += (double)n * weight * weight;
}

/* Of a band; 0: none. */
static double margin_of(const masa_cutoff_fit *fit, size_t band, double keep)
{
    const double least_beyond = 4, *counts = fit->counts[band];
    double all = 0, within = 0;
    for (size_t i = 0; i < BINS; i++) all += counts[i];
    if (!(all > 0) || all * all / fit->squares[band] * (1 - keep) < least_beyond) return 0;
    /* The last bin has no upper edge. */
    for (size_t i = 0; i < BINS - 1; i++) {
        within += counts[i];
        if (within >= keep * all) return exp2(((double)i + 1 - BINS / 2) / PER_OCTAVE);
    }
    return 0;
}

double masa_cutoff_fit_margin(const masa_cutoff_fit *fit, double predicted, double keep)
{
    if (!(predicted > 0)) return 0;
    size_t band = band_of(predicted);
    double margin = margin_of(fit, band, keep);
    for (size_t b = 0; margin > 0 && b < band; b++)
        margin = fmax(margin, margin_of(fit, b, keep) * exp2((double)b + 1) / predicted);
    return margin;
}
