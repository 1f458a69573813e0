/* The arithmetic of a comparison. */
#include <masa/comparison.h>

#include <masa/memory.h>
#include <masa/statistics.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- over seeds ---- */

/* values[0..n) without NaN, into out; returns how many. */
static size_t present(double *out, const double *values, size_t n)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i])) out[m++] = values[i];
    return m;
}

/* Takes the values and sums them up. */
static masa_seed_values sum_up(double *values, size_t n_seeds)
{
    masa_seed_values v = {values, 0, NAN, NAN, NAN, NAN, NAN};
    double *x = masa_alloc(n_seeds, sizeof *x);
    v.n = present(x, values, n_seeds);
    if (v.n) {
        masa_interval i = masa_bootstrap_mean(x, v.n, &MASA_BOOTSTRAP_DEFAULTS);
        v.mean = masa_mean(x, v.n);
        v.low = i.low, v.high = i.high;
        v.deviation = masa_deviation(x, v.n);
    }
    free(x);
    return v;
}

/* Of ratios: the mean of their logarithms. */
static masa_seed_values sum_up_ratios(double *values, size_t n_seeds)
{
    double *logs = masa_alloc(n_seeds, sizeof *logs);
    for (size_t i = 0; i < n_seeds; i++) logs[i] = log(values[i]);
    masa_seed_values v = sum_up(logs, n_seeds);
    free(logs);
    v.values = values;
    v.mean = exp(v.mean), v.low = exp(v.low), v.high = exp(v.high);
    v.deviation = NAN;
    return v;
}

static masa_seed_values sum_up_differences(double *values, size_t n_seeds)
{
    masa_seed_values v = sum_up(values, n_seeds);
    double *x = masa_alloc(n_seeds, sizeof *x), *none = masa_alloc(n_seeds, sizeof *none);
    size_t n = present(x, values, n_seeds);
    v.p = masa_paired_compare(none, x, n, &MASA_BOOTSTRAP_DEFAULTS).p_value;
    free(x);
    free(none);
    return v;
}

/* ---- the runs by preset and seed ---- */

typedef struct grid {
    const masa_compared_run **runs; /* [rows, seeds]; NULL: none */
    size_t n_seeds;
} grid;

static const masa_curve *curve_of(const grid *g, size_t row, size_t seed)
{
    const masa_compared_run *run = g->runs[row * g->n_seeds + seed];
    return run ? run->curve : NULL;
}

static bool usable(const masa_compared_run *run)
{
    return run->curve->n >= 2;
}

static size_t find_row(const masa_comparison *c, const char *preset)
{
    size_t i = 0;
    while (i < c->n && strcmp(c->rows[i].preset, preset) != 0) i++;
    return i;
}

static size_t find_seed(const masa_comparison *c, long seed)
{
    size_t i = 0;
    while (i < c->n_seeds && c->seeds[i] != seed) i++;
    return i;
}

static int by_seed(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;
    return (x > y) - (x < y);
}

/* Rows and seeds that there are; the baseline's first. */
static void collect(masa_comparison *c, const masa_compared_run *runs, size_t n,
                    const char *baseline)
{
    c->rows = masa_alloc(n + 1, sizeof *c->rows);
    c->seeds = masa_alloc(n + 1, sizeof *c->seeds);
    for (int first = 1; first >= 0; first--)
        for (size_t i = 0; i < n; i++) {
            bool is_baseline = strcmp(runs[i].preset, baseline) == 0;
            if (!usable(&runs[i]) || is_baseline != (first == 1)) continue;
            size_t row = find_row(c, runs[i].preset), seed = find_seed(c, runs[i].seed);
            if (row == c->n) c->rows[c->n++].preset = runs[i].preset;
            if (seed == c->n_seeds) c->seeds[c->n_seeds++] = runs[i].seed;
            c->rows[row].runs++;
            c->rows[row].unfinished += !runs[i].finished;
            c->baseline |= is_baseline;
        }
    qsort(c->seeds, c->n_seeds, sizeof *c->seeds, by_seed);
}

static grid make_grid(const masa_comparison *c, const masa_compared_run *runs, size_t n)
{
    grid g = {masa_alloc(c->n * c->n_seeds + 1, sizeof *g.runs), c->n_seeds};
    for (size_t i = 0; i < n; i++)
        if (usable(&runs[i]))
            g.runs[find_row(c, runs[i].preset) * c->n_seeds +
                   find_seed(c, runs[i].seed)] = &runs[i];
    return g;
}

/* ---- what is compared ---- */

static void find_budgets(masa_comparison *c, const grid *g)
{
    for (int cost = 0; cost < MASA_COSTS; cost++) {
        c->budget[cost] = INFINITY;
        for (size_t i = 0; i < c->n * c->n_seeds; i++)
            if (g->runs[i])
                c->budget[cost] =
                    fmin(c->budget[cost],
                         masa_curve_spent(g->runs[i]->curve, (masa_cost)cost));
    }
}

static void find_goals(masa_comparison *c, const grid *g)
{
    c->goals = masa_alloc(c->n_seeds, sizeof *c->goals);
    for (size_t s = 0; s < c->n_seeds; s++) {
        const masa_curve *curve = c->baseline ? curve_of(g, 0, s) : NULL;
        double end = curve ? masa_curve_final(curve) : NAN;
        c->goals[s] = curve && end > curve->points[0].accuracy ? end : NAN;
    }
}

static double accuracy_at(const masa_comparison *c, const masa_curve *curve, int place)
{
    if (!curve) return NAN;
    return place == MASA_AT_END
               ? masa_curve_final(curve)
               : masa_curve_at(curve, (masa_cost)place, c->budget[place]);
}

/* Needs the baseline's accuracies, which row 0 gets first. */
static void fill_accuracy(masa_comparison *c, const grid *g, size_t row)
{
    masa_comparison_row *r = &c->rows[row];
    for (int place = 0; place < MASA_PLACES; place++) {
        double *own = masa_alloc(c->n_seeds, sizeof *own);
        double *difference = masa_alloc(c->n_seeds, sizeof *difference);
        for (size_t s = 0; s < c->n_seeds; s++)
            own[s] = accuracy_at(c, curve_of(g, row, s), place);
        r->accuracy[place] = sum_up(own, c->n_seeds);
        const double *base = c->rows[0].accuracy[place].values;
        for (size_t s = 0; s < c->n_seeds; s++)
            difference[s] = c->baseline && row > 0 ? own[s] - base[s] : NAN;
        r->difference[place] = sum_up_differences(difference, c->n_seeds);
    }
}

static void fill_reach(masa_comparison *c, const grid *g, size_t row)
{
    masa_comparison_row *r = &c->rows[row];
    for (size_t s = 0; s < c->n_seeds; s++)
        r->goals += curve_of(g, row, s) && !isnan(c->goals[s]);
    for (int cost = 0; cost < MASA_COSTS; cost++) {
        double *own = masa_alloc(c->n_seeds, sizeof *own);
        double *ratio = masa_alloc(c->n_seeds, sizeof *ratio);
        for (size_t s = 0; s < c->n_seeds; s++) {
            const masa_curve *curve = curve_of(g, row, s);
            bool goal = curve && !isnan(c->goals[s]);
            own[s] = goal ? masa_curve_reach(curve, (masa_cost)cost, c->goals[s]) : NAN;
        }
        r->reach[cost] = sum_up(own, c->n_seeds);
        const double *base = c->rows[0].reach[cost].values;
        for (size_t s = 0; s < c->n_seeds; s++)
            ratio[s] = row > 0 && own[s] > 0 ? base[s] / own[s] : NAN;
        r->speedup[cost] = sum_up_ratios(ratio, c->n_seeds);
    }
}

masa_comparison *masa_comparison_create(const masa_compared_run *runs, size_t n,
                                        const char *baseline)
{
    masa_comparison *c = masa_alloc(1, sizeof *c);
    collect(c, runs, n, baseline);
    for (size_t i = 0; i < n; i++) c->left_out += !usable(&runs[i]);
    grid g = make_grid(c, runs, n);
    find_budgets(c, &g);
    find_goals(c, &g);
    for (size_t row = 0; row < c->n; row++) {
        fill_accuracy(c, &g, row);
        fill_reach(c, &g, row);
    }
    free(g.runs);
    return c;
}

void masa_comparison_destroy(masa_comparison *comparison)
{
    if (!comparison) return;
    for (size_t i = 0; i < comparison->n; i++) {
        masa_comparison_row *r = &comparison->rows[i];
        for (int place = 0; place < MASA_PLACES; place++) {
            free(r->accuracy[place].values);
            free(r->difference[place].values);
        }
        for (int cost = 0; cost < MASA_COSTS; cost++) {
            free(r->reach[cost].values);
            free(r->speedup[cost].values);
        }
    }
    free(comparison->rows);
    free(comparison->seeds);
    free(comparison->goals);
    free(comparison);
}
