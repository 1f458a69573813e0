#include <masa/gate_fit.h>

#include <math.h>
#include <string.h>

enum { POINTS = MASA_GATE_FIT_POINTS, KNOTS = MASA_GATE_FIT_KNOTS, ALL = KNOTS };

static const double points[POINTS] = {1. / 4096, 0.03125, 0.0625,      0.125, 0.25,
                                      0.375,     0.5,     0.625,       0.75,  0.875,
                                      0.9375,    0.96875, 4095. / 4096};
static const double knots[KNOTS] = {0,    0.015625, 0.03125, 0.0625,  0.125,    0.25, 0.5,
                                    0.75, 0.875,    0.9375,  0.96875, 0.984375, 1};

/* What is thought of prompts before any is seen: the probability of either end. */
static const double start_at_end = 0.25;

/* Observations that the prior of a knot is worth. */
static const double prior_worth = 4;

/* Probabilities of the points, for each knot and for all groups. */
typedef struct fitted {
    double at[KNOTS + 1][POINTS];
} fitted;

static double total(const double x[POINTS])
{
    double sum = 0;
    for (int i = 0; i < POINTS; i++) sum += x[i];
    return sum;
}

/* The prior's weight beside counts of that weight: in observations as heavy as theirs, so
 * that one that stands for twenty does not pass for twenty. */
static double prior_weight(const masa_gate_fit *fit, int k)
{
    double weight = total(fit->counts[k]);
    return prior_worth * (weight > 0 ? fit->squares[k] / weight : 1);
}

/* out = the average of prior (probabilities) and the counts of knot k. */
static void average(double out[POINTS], const double prior[POINTS], const masa_gate_fit *fit,
                    int k)
{
    double worth = prior_weight(fit, k), weight = worth + total(fit->counts[k]);
    for (int i = 0; i < POINTS; i++)
        out[i] = weight > 0 ? (worth * prior[i] + fit->counts[k][i]) / weight : prior[i];
}

static double mean_of(const double c[POINTS])
{
    double mean = 0;
    for (int i = 0; i < POINTS; i++) mean += c[i] * points[i];
    return mean;
}

/* Pools neighbours until E[p] rises with the forecast (pool adjacent violators). */
static void make_isotonic(fitted *out, const masa_gate_fit *fit)
{
    int start[KNOTS + 1], n = 0; /* blocks of knots; each is kept at its first one */
    double weight[KNOTS];
    for (int k = 0; k < KNOTS; k++) {
        start[n] = k;
        weight[n++] = prior_weight(fit, k) + total(fit->counts[k]);
        while (n > 1 && mean_of(out->at[start[n - 1]]) < mean_of(out->at[start[n - 2]])) {
            double *into = out->at[start[n - 2]], *from = out->at[start[n - 1]];
            double share = weight[n - 1] / (weight[n - 2] + weight[n - 1]);
            for (int i = 0; i < POINTS; i++) into[i] += share * (from[i] - into[i]);
            weight[n - 2] += weight[n - 1];
            n--;
        }
    }
    start[n] = KNOTS;
    for (int b = 0; b < n; b++)
        for (int k = start[b] + 1; k < start[b + 1]; k++)
            memcpy(out->at[k], out->at[start[b]], sizeof out->at[k]);
}

static void fit_all(fitted *out, const masa_gate_fit *fit)
{
    double below[POINTS], above[KNOTS + 1][POINTS], start[POINTS];
    for (int i = 0; i < POINTS; i++) start[i] = (1 - 2 * start_at_end) / (POINTS - 2);
    start[0] = start[POINTS - 1] = start_at_end;
    average(out->at[ALL], start, fit, ALL);
    memcpy(below, out->at[ALL], sizeof below);
    memcpy(above[KNOTS], out->at[ALL], sizeof below);
    for (int k = KNOTS; k-- > 0;) average(above[k], above[k + 1], fit, k);
    for (int k = 0; k < KNOTS; k++) {
        double both[POINTS];
        for (int i = 0; i < POINTS; i++) both[i] = (below[i] + above[k + 1][i]) / 2;
        average(out->at[k], both, fit, k);
        average(below, below, fit, k);
    }
    make_isotonic(out, fit);
}

/* The knot at or below the forecast and the share of the one above it; without a forecast
 * that can be read ALL and 0. */
static int locate(double *share, const masa_forecast *forecast)
{
    *share = 0;
    if (!forecast || !masa_forecast_readable(forecast)) return ALL;
    double f = fmax(0, fmin(1, forecast->pass_rate_mean));
    int k = 0;
    while (k + 2 < KNOTS && f >= knots[k + 1]) k++;
    *share = (f - knots[k]) / (knots[k + 1] - knots[k]);
    return k;
}

/* out = the prior after right and wrong rollouts: Bayes' rule. The likelihoods are
 * relative to the greatest, so that any number of rollouts leaves a sum above 0. */
static void update(double out[POINTS], const double prior[POINTS], double right, double wrong)
{
    double log_likelihood[POINTS], most = -INFINITY, sum = 0;
    for (int i = 0; i < POINTS; i++) {
        log_likelihood[i] = right * log(points[i]) + wrong * log1p(-points[i]);
        if (prior[i] > 0) most = fmax(most, log_likelihood[i]);
    }
    for (int i = 0; i < POINTS; i++)
        sum += out[i] = prior[i] > 0 ? prior[i] * exp(log_likelihood[i] - most) : 0;
    for (int i = 0; i < POINTS; i++) out[i] /= sum;
}

static void add(masa_gate_fit *fit, int k, const fitted *now, double right, double wrong,
                double weight)
{
    double posterior[POINTS];
    update(posterior, now->at[k], right, wrong);
    for (int i = 0; i < POINTS; i++) fit->counts[k][i] += weight * posterior[i];
    fit->squares[k] += weight * weight;
}

void masa_gate_fit_observe(masa_gate_fit *fit, const masa_forecast *forecast, double right,
                           double wrong, double weight, double window)
{
    if (!(right + wrong > 0) || !(weight > 0)) return;
    fitted now;
    double share, kept = exp(-weight / window);
    int k = locate(&share, forecast);
    fit_all(&now, fit);
    for (int j = 0; j <= KNOTS; j++) {
        for (int i = 0; i < POINTS; i++) fit->counts[j][i] *= kept;
        fit->squares[j] *= kept;
    }
    add(fit, ALL, &now, right, wrong, weight);
    if (k == ALL) return;
    if (share < 1) add(fit, k, &now, right, wrong, weight * (1 - share));
    if (share > 0) add(fit, k + 1, &now, right, wrong, weight * share);
}

/* What is known of the prompt: out [POINTS] sums to 1. */
static void know(double out[POINTS], const masa_gate_fit *fit, const masa_forecast *forecast,
                 const masa_belief *belief)
{
    fitted now;
    double share, prior[POINTS];
    int k = locate(&share, forecast);
    fit_all(&now, fit);
    memcpy(prior, now.at[k], sizeof prior);
    for (int i = 0; share > 0 && i < POINTS; i++)
        prior[i] += share * (now.at[k + 1][i] - prior[i]);
    update(out, prior, belief ? belief->right : 0, belief ? belief->wrong : 0);
}

double masa_gate_fit_zero_variance(const masa_gate_fit *fit, const masa_forecast *forecast,
                                   const masa_belief *belief, size_t group_size)
{
    double c[POINTS], sum = 0, G = (double)group_size;
    know(c, fit, forecast, belief);
    for (int i = 0; i < POINTS; i++) sum += c[i] * (pow(points[i], G) + pow(1 - points[i], G));
    return fmin(1, sum);
}

double masa_gate_fit_agreement(const masa_gate_fit *fit, const masa_forecast *forecast,
                               const masa_belief *belief, size_t right, size_t wrong,
                               size_t group_size)
{
    masa_belief all = belief ? *belief : (masa_belief){0};
    double c[POINTS], sum = 0, missing = (double)(group_size - right - wrong);
    if (right && wrong) return 0;
    if (!right && !wrong) return masa_gate_fit_zero_variance(fit, forecast, belief, group_size);
    all.right += (double)right;
    all.wrong += (double)wrong;
    know(c, fit, forecast, &all);
    for (int i = 0; i < POINTS; i++)
        sum += c[i] * pow(right ? points[i] : 1 - points[i], missing);
    return fmin(1, sum);
}

masa_pass_rate_moments masa_gate_fit_moments(const masa_gate_fit *fit,
                                             const masa_forecast *forecast,
                                             const masa_belief *belief)
{
    double c[POINTS];
    masa_pass_rate_moments m = {0, 0};
    know(c, fit, forecast, belief);
    m.mean = mean_of(c);
    for (int i = 0; i < POINTS; i++) m.spread += c[i] * points[i] * (1 - points[i]);
    return m;
}

double masa_gate_fit_threshold(const masa_gate_fit *fit, double threshold, size_t group_size)
{
    double z = masa_gate_fit_zero_variance(fit, NULL, NULL, group_size);
    return fmax(threshold, 2 * z / (1 + z));
}

double masa_gate_fit_threshold_after(double threshold, size_t seen, size_t group_size)
{
    return 1 - (1 - threshold) * (double)(group_size - seen) / (double)group_size;
}

void masa_gate_fit_export(double numbers[MASA_GATE_FIT_NUMBERS], const masa_gate_fit *fit)
{
    for (int k = 0; k <= KNOTS; k++) {
        memcpy(numbers, fit->counts[k], sizeof fit->counts[k]);
        numbers[POINTS] = fit->squares[k];
        numbers += POINTS + 1;
    }
}

bool masa_gate_fit_import(masa_gate_fit *fit, const double numbers[MASA_GATE_FIT_NUMBERS])
{
    for (int i = 0; i < MASA_GATE_FIT_NUMBERS; i++)
        if (!(numbers[i] >= 0) || !isfinite(numbers[i])) return false;
    for (int k = 0; k <= KNOTS; k++) {
        memcpy(fit->counts[k], numbers, sizeof fit->counts[k]);
        fit->squares[k] = numbers[POINTS];
        numbers += POINTS + 1;
    }
    return true;
}
