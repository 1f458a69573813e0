#include <masa/measures.h>

#include <masa/memory.h>

#include <math.h>
#include <stdlib.h>

static double mean_of(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

/* Whether x varies: asked of the values, since rounding can make the deviation of equal
 * ones differ from 0. */
static bool varies(const double *x, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (x[i] != x[0]) return true;
    return false;
}

double masa_pearson(const double *x, const double *y, size_t n)
{
    if (!varies(x, n) || !varies(y, n)) return NAN;
    double mx = mean_of(x, n), my = mean_of(y, n), xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
        xy += (x[i] - mx) * (y[i] - my);
    }
    return fmax(-1, fmin(1, xy / (sqrt(xx) * sqrt(yy))));
}

static int compare_values(const void *a, const void *b)
{
    double x = **(const double *const *)a, y = **(const double *const *)b;
    return (x > y) - (x < y);
}

/* Ranks from 0; equal values get the mean of theirs. The caller frees. */
static double *ranks(const double *x, size_t n)
{
    double *rank = masa_alloc(n + 1, sizeof *rank);
    const double **order = masa_alloc(n + 1, sizeof *order);
    for (size_t i = 0; i < n; i++) order[i] = &x[i];
    qsort(order, n, sizeof *order, compare_values);
    for (size_t start = 0, end; start < n; start = end) {
        end = start;
        while (end < n && *order[end] == *order[start]) end++;
        for (size_t i = start; i < end; i++) rank[order[i] - x] = (double)(start + end - 1) / 2;
    }
    free(order);
    return rank;
}

double masa_spearman(const double *x, const double *y, size_t n)
{
    double *rx = ranks(x, n), *ry = ranks(y, n);
    double r = masa_pearson(rx, ry, n);
    free(rx);
    free(ry);
    return r;
}

double masa_mean_absolute_error(const double *x, const double *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += fabs(x[i] - y[i]);
    return n ? sum / (double)n : NAN;
}

double masa_calibration_bins(masa_calibration_bin *bins, size_t n_bins, const double *predicted,
                             const double *truth, size_t n)
{
    for (size_t k = 0; k < n_bins; k++) bins[k] = (masa_calibration_bin){0};
    for (size_t i = 0; i < n; i++) {
        size_t k = (size_t)(predicted[i] * (double)n_bins);
        masa_calibration_bin *bin = &bins[k < n_bins ? k : n_bins - 1];
        bin->n++;
        bin->predicted += predicted[i];
        bin->truth += truth[i];
    }
    double error = 0;
    for (size_t k = 0; k < n_bins; k++) {
        if (bins[k].n == 0) continue;
        error += fabs(bins[k].predicted - bins[k].truth) / (double)n;
        bins[k].predicted /= (double)bins[k].n;
        bins[k].truth /= (double)bins[k].n;
    }
    return n ? error : NAN;
}

void masa_gate_count(masa_gate_counts *c, bool closed, size_t n_correct, size_t n)
{
    bool flat = n_correct == 0 || n_correct == n;
    ++*(closed ? (flat ? &c->closed_rightly : &c->closed_wrongly)
               : (flat ? &c->open_wrongly : &c->open_rightly));
}

static double ratio(double part, double rest)
{
    return part + rest > 0 ? part / (part + rest) : NAN;
}

double masa_gate_precision(const masa_gate_counts *c)
{
    return ratio(c->closed_rightly, c->closed_wrongly);
}

double masa_gate_recall(const masa_gate_counts *c)
{
    return ratio(c->closed_rightly, c->open_wrongly);
}

double masa_gate_f1(const masa_gate_counts *c)
{
    return ratio(2 * c->closed_rightly, c->closed_wrongly + c->open_wrongly);
}

double masa_gate_base_rate(const masa_gate_counts *c)
{
    return ratio(c->closed_rightly + c->open_wrongly, c->closed_wrongly + c->open_rightly);
}

double masa_gate_lift(const masa_gate_counts *c)
{
    return masa_gate_precision(c) / masa_gate_base_rate(c);
}

masa_gate_counts masa_gate_audited(const masa_gate_audit *a)
{
    double weight = a->audited > 0 ? a->closed / a->audited : a->closed > 0 ? NAN : 0;
    return (masa_gate_counts){.closed_rightly = weight * a->audited_flat,
                              .closed_wrongly = weight * (a->audited - a->audited_flat),
                              .open_wrongly = a->open_flat,
                              .open_rightly = a->open - a->open_flat};
}

bool masa_length_errors_add(masa_length_errors *e, double length, double predicted_mean,
                            double predicted_deviation)
{
    if (!(predicted_deviation > 0)) return false;
    double z = (length - predicted_mean) / predicted_deviation;
    e->n++;
    e->sum += z;
    e->square += z * z;
    return true;
}

double masa_length_errors_mean(const masa_length_errors *e)
{
    return e->n ? e->sum / (double)e->n : NAN;
}

double masa_length_errors_deviation(const masa_length_errors *e)
{
    double mean = masa_length_errors_mean(e);
    return e->n ? sqrt(fmax(0, e->square / (double)e->n - mean * mean)) : NAN;
}
