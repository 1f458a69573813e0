#include <masa/gate_fit.h>

#include <masa/memory.h>

#include "logistic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    POINTS = MASA_GATE_FIT_POINTS,
    KNOTS = MASA_GATE_FIT_KNOTS,
    ALL = KNOTS,
    NUMBERS = MASA_GATE_FIT_NUMBERS
};

/* Of expectation-maximisation. Five come to the same decisions on recorded runs, but for one in
 * fifty. */
enum { ROUNDS = 20 };

static const double points[POINTS] = {1. / 4096, 0.03125, 0.0625,      0.125, 0.25,
                                      0.375,     0.5,     0.625,       0.75,  0.875,
                                      0.9375,    0.96875, 4095. / 4096};
static const double knots[KNOTS] = {0,    0.015625, 0.03125, 0.0625,  0.125,    0.25, 0.5,
                                    0.75, 0.875,    0.9375,  0.96875, 0.984375, 1};

/* What is thought of prompts before any is seen: the probability of either end. */
static const double start_at_end = 0.25;

/* Observations that the prior of a knot is worth. */
static const double prior_worth = 4;

/* What the groups are taken for: counts of the points, for each knot and for all groups. */
typedef struct tally {
    double counts[KNOTS + 1][POINTS];
    double squares[KNOTS + 1]; /* sum of squared weights: how many stand behind the counts */
} tally;

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
static double prior_weight(const tally *seen, int k)
{
    double weight = total(seen->counts[k]);
    return prior_worth * (weight > 0 ? seen->squares[k] / weight : 1);
}

/* out = the average of prior (probabilities) and the counts of knot k. */
static void average(double out[POINTS], const double prior[POINTS], const tally *seen, int k)
{
    double worth = prior_weight(seen, k), weight = worth + total(seen->counts[k]);
    for (int i = 0; i < POINTS; i++)
        out[i] = weight > 0 ? (worth * prior[i] + seen->counts[k][i]) / weight : prior[i];
}

static double mean_of(const double c[POINTS])
{
    double mean = 0;
    for (int i = 0; i < POINTS; i++) mean += c[i] * points[i];
    return mean;
}

/* Pools neighbours until E[p] rises with the forecast (pool adjacent violators). */
static void make_isotonic(fitted *out, const tally *seen)
{
    int start[KNOTS + 1], n = 0; /* blocks of knots; each is kept at its first one */
    double weight[KNOTS];
    for (int k = 0; k < KNOTS; k++) {
        start[n] = k;
        weight[n++] = prior_weight(seen, k) + total(seen->counts[k]);
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

static void start(double out[POINTS])
{
    for (int i = 0; i < POINTS; i++) out[i] = (1 - 2 * start_at_end) / (POINTS - 2);
    out[0] = out[POINTS - 1] = start_at_end;
}

static void maximise(fitted *out, const tally *seen)
{
    double below[POINTS], above[KNOTS + 1][POINTS], first[POINTS];
    start(first);
    average(out->at[ALL], first, seen, ALL);
    memcpy(below, out->at[ALL], sizeof below);
    memcpy(above[KNOTS], out->at[ALL], sizeof below);
    for (int k = KNOTS; k-- > 0;) average(above[k], above[k + 1], seen, k);
    for (int k = 0; k < KNOTS; k++) {
        double both[POINTS];
        for (int i = 0; i < POINTS; i++) both[i] = (below[i] + above[k + 1][i]) / 2;
        average(out->at[k], both, seen, k);
        average(below, below, seen, k);
    }
    make_isotonic(out, seen);
}

static double logit(double p)
{
    const double least = 1e-5;
    p = fmax(least, fmin(1 - least, p));
    return log(p / (1 - p));
}

/* The mean at its level; -1 without a forecast that can be read. */
static double heard(const masa_forecast *forecast)
{
    if (!forecast || !masa_forecast_readable(forecast)) return -1;
    double f = fmax(0, fmin(1, forecast->pass_rate_mean));
    return forecast->level == 0 ? f : meta_logistic(logit(f) + forecast->level);
}

/* The knot at or below what was heard and the share of the one above it; of nothing ALL and 0. */
static int locate(double *share, double f)
{
    *share = 0;
    if (f < 0) return ALL;
    int k = 0;
    while (k + 2 < KNOTS && f >= knots[k + 1]) k++;
    *share = (f - knots[k]) / (knots[k + 1] - knots[k]);
    return k;
}

/* Likelihoods of rollouts, relative to the greatest among the points that are possible, so that
 * any number of rollouts leaves a sum above 0. */
static void set_likelihood(double out[POINTS], const double possible[POINTS], double right,
                           double wrong)
{
    double most = -INFINITY;
    for (int i = 0; i < POINTS; i++) {
        out[i] = right * log(points[i]) + wrong * log1p(-points[i]);
        if (possible[i] > 0) most = fmax(most, out[i]);
    }
    for (int i = 0; i < POINTS; i++) out[i] = exp(fmin(out[i] - most, 0));
}

/* out = the prior after rollouts: Bayes' rule. */
static void update(double out[POINTS], const double prior[POINTS],
                   const double likelihood[POINTS])
{
    double sum = 0;
    for (int i = 0; i < POINTS; i++) sum += out[i] = prior[i] * likelihood[i];
    for (int i = 0; i < POINTS; i++) out[i] /= sum;
}

void masa_gate_fit_observe(masa_gate_fit *fit, const masa_forecast *forecast, double right,
                           double wrong, double weight, double among_alike)
{
    if (!(right + wrong > 0) || !(weight > 0) || !(among_alike > 0)) return;
    if (fit->n == MASA_GATE_FIT_MOST)
        memmove(fit->groups, fit->groups + 1, --fit->n * sizeof *fit->groups);
    fit->groups[fit->n++] =
        (masa_gate_group){heard(forecast), right, wrong, weight, among_alike};
}

/* A group as expectation-maximisation takes it. */
typedef struct aged {
    double likelihood[POINTS];
    double share; /* of the knot above `knot` */
    double weight, among_alike, kept;
    int knot;
} aged;

static void take(tally *seen, int k, const fitted *now, const aged *g, double weight)
{
    double posterior[POINTS];
    if (weight <= 0) return;
    update(posterior, now->at[k], g->likelihood);
    for (int i = 0; i < POINTS; i++) seen->counts[k][i] += g->kept * weight * posterior[i];
    seen->squares[k] += g->kept * weight * weight;
}

void masa_gate_fit_learn(masa_gate_fit *fit, double window)
{
    if (fit->n == 0) return;
    aged *groups = masa_alloc(fit->n + 1, sizeof *groups);
    tally seen = {0};
    fitted now;
    double later = 0;
    maximise(&now, &seen);
    for (size_t i = fit->n; i-- > 0;) {
        const masa_gate_group *g = &fit->groups[i];
        groups[i].weight = g->weight;
        groups[i].among_alike = g->among_alike;
        groups[i].kept = exp(-later / window);
        groups[i].knot = locate(&groups[i].share, g->forecast);
        set_likelihood(groups[i].likelihood, now.at[ALL], g->right, g->wrong);
        later += g->weight;
    }
    for (int round = 0; round < ROUNDS; round++) {
        seen = (tally){0};
        for (size_t i = 0; i < fit->n; i++) {
            const aged *g = &groups[i];
            take(&seen, ALL, &now, g, g->weight);
            if (g->knot == ALL) continue;
            take(&seen, g->knot, &now, g, g->among_alike * (1 - g->share));
            take(&seen, g->knot + 1, &now, g, g->among_alike * g->share);
        }
        maximise(&now, &seen);
    }
    free(groups);
    memcpy(fit->at, now.at, sizeof fit->at);
    fit->learned = true;
}

/* What is known of the prompt: out [POINTS] sums to 1. */
static void know(double out[POINTS], const masa_gate_fit *fit, const masa_forecast *forecast,
                 const masa_belief *belief)
{
    double share, prior[POINTS], likelihood[POINTS];
    int k = locate(&share, heard(forecast));
    if (fit->learned) memcpy(prior, fit->at[k], sizeof prior);
    else start(prior);
    for (int i = 0; fit->learned && share > 0 && i < POINTS; i++)
        prior[i] += share * (fit->at[k + 1][i] - prior[i]);
    set_likelihood(likelihood, prior, belief ? belief->right : 0, belief ? belief->wrong : 0);
    update(out, prior, likelihood);
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

/* The mean of forecasts that are moved by `level`, and of its derivative. */
static double mean_at(double *slope, const double *logits, size_t n, double level)
{
    double sum = 0;
    *slope = 0;
    for (size_t i = 0; i < n; i++) {
        double f = meta_logistic(logits[i] + level);
        sum += f / (double)n;
        *slope += f * (1 - f) / (double)n;
    }
    return sum;
}

double masa_gate_fit_level(const masa_forecast *const *forecasts,
                           const masa_pass_rate_moments *known, size_t n)
{
    double *logits = masa_alloc(n + 1, sizeof *logits);
    double mean = 0, variance = 0, slope, low = -30, high = 30;
    size_t readable = 0;
    for (size_t i = 0; i < n; i++) {
        if (!masa_forecast_readable(forecasts[i])) continue;
        logits[readable++] = logit(forecasts[i]->pass_rate_mean);
        mean += known[i].mean;
        variance += known[i].mean * (1 - known[i].mean) - known[i].spread;
    }
    double count = (double)readable, level = 0;
    if (readable) {
        mean /= count;
        variance /= count * count; /* of the mean of their pass rates */
        while (high - low > 1e-9) {
            level = (low + high) / 2;
            *(mean_at(&slope, logits, readable, level) < mean ? &low : &high) = level;
        }
        double noise = variance / (slope * slope);
        level *= fmax(0, 1 - noise / fmax(level * level, 1e-12));
    }
    free(logits);
    return level;
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

void masa_gate_fit_export(double *numbers, const masa_gate_fit *fit)
{
    for (size_t i = 0; i < fit->n; i++) {
        const masa_gate_group *g = &fit->groups[i];
        memcpy(numbers + NUMBERS * i,
               (double[]){g->forecast, g->right, g->wrong, g->weight, g->among_alike},
               NUMBERS * sizeof *numbers);
    }
}

bool masa_gate_fit_import(masa_gate_fit *fit, const double *numbers, size_t n)
{
    if (n > MASA_GATE_FIT_MOST) return false;
    for (size_t i = 0; i < n; i++) {
        const double *g = numbers + NUMBERS * i;
        bool forecast = g[0] == -1 || (g[0] >= 0 && g[0] <= 1);
        bool rollouts = g[1] >= 0 && g[2] >= 0 && g[1] + g[2] > 0 && isfinite(g[1] + g[2]);
        bool weights = g[3] > 0 && g[4] > 0 && isfinite(g[3] + g[4]);
        if (!forecast || !rollouts || !weights) return false;
    }
    for (size_t i = 0; i < n; i++) {
        const double *g = numbers + NUMBERS * i;
        fit->groups[i] = (masa_gate_group){g[0], g[1], g[2], g[3], g[4]};
    }
    fit->n = n;
    return true;
}
