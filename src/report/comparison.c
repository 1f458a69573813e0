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
        masa_interval i = masa_student_mean(x, v.n, 0.95);
        v.mean = masa_mean(x, v.n);
        v.low = i.low, v.high = i.high;
        v.deviation = masa_deviation(x, v.n);
    }
    free(x);
    return v;
}

static masa_seed_values sum_up_differences(double *values, size_t n_seeds)
{
    masa_seed_values v = sum_up(values, n_seeds);
    double *x = masa_alloc(n_seeds, sizeof *x);
    size_t n = present(x, values, n_seeds);
    v.p = masa_sign_flip(x, n, &MASA_BOOTSTRAP_DEFAULTS);
    free(x);
    return v;
}

/* Of amounts or ratios: the mean, the interval and the test are of their logarithms, which
 * take amounts above 0. */
static masa_seed_values sum_up_logs(double *values, size_t n_seeds)
{
    double *logs = masa_alloc(n_seeds, sizeof *logs);
    for (size_t i = 0; i < n_seeds; i++) logs[i] = values[i] > 0 ? log(values[i]) : NAN;
    masa_seed_values v = sum_up_differences(logs, n_seeds);
    free(logs);
    v.values = values;
    v.mean = exp(v.mean), v.low = exp(v.low), v.high = exp(v.high);
    return v;
}

/* ---- the runs by arm and seed ---- */

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

static size_t find_row(const masa_comparison *c, const char *arm)
{
    size_t i = 0;
    while (i < c->n && strcmp(c->rows[i].arm, arm) != 0) i++;
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
            bool is_baseline = strcmp(runs[i].arm, baseline) == 0;
            if (!usable(&runs[i]) || is_baseline != (first == 1)) continue;
            size_t row = find_row(c, runs[i].arm), seed = find_seed(c, runs[i].seed);
            if (row == c->n) c->rows[c->n++].arm = runs[i].arm;
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
            g.runs[find_row(c, runs[i].arm) * c->n_seeds + find_seed(c, runs[i].seed)] =
                &runs[i];
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
                    fmin(c->budget[cost], masa_curve_spent(g->runs[i]->curve, (masa_cost)cost));
    }
}

static void find_uneven(masa_comparison *c, const grid *g)
{
    for (size_t s = 0; s < c->n_seeds && c->uneven == 0; s++) {
        double low = INFINITY, high = -INFINITY;
        for (size_t row = 0; row < c->n; row++) {
            const masa_curve *curve = curve_of(g, row, s);
            if (!curve) continue;
            low = fmin(low, curve->points[0].accuracy);
            high = fmax(high, curve->points[0].accuracy);
        }
        if (high > low) c->uneven_seed = c->seeds[s], c->uneven = high - low;
    }
}

const double masa_goal_shares[MASA_GOALS] = {0.8, 0.9, 1};

/* monotone [rows, seeds] */
static void find_goals(masa_comparison *c, const grid *g, const masa_curve *monotone)
{
    double first = 0, last = 0, n = 0;
    for (size_t s = 0; c->baseline && s < c->n_seeds; s++) {
        if (!curve_of(g, 0, s)) continue;
        first += monotone[s].points[0].accuracy;
        last += masa_curve_final(&monotone[s]);
        n++;
    }
    /* A hair less, so that rounding puts no goal above the curve that it is made of. */
    for (int k = 0; k < MASA_GOALS; k++)
        c->goals[k] =
            last > first ? (first + masa_goal_shares[k] * (last - first)) / n - 1e-9 : NAN;
}

static double accuracy_at(const masa_comparison *c, const masa_curve *curve, int place)
{
    if (!curve) return NAN;
    if (place == MASA_AT_END) return masa_curve_final(curve);
    if (place == MASA_AT_LAST) return masa_curve_late(curve, MASA_LAST_EVALUATIONS);
    return masa_curve_at(curve, (masa_cost)place, c->budget[place]);
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

/* ---- strata ---- */

static void find_strata(masa_comparison *c, const grid *g)
{
    for (size_t i = 0; i < c->n * c->n_seeds; i++)
        for (size_t k = 0; g->runs[i] && k < g->runs[i]->curve->n_strata; k++) {
            const char *name = g->runs[i]->curve->strata[k].name;
            size_t s = 0;
            while (s < c->n_strata && strcmp(c->strata[s], name) != 0) s++;
            if (s == c->n_strata) MASA_PUSH(c->strata, c->n_strata, c->strata_capacity, name);
        }
}

/* Needs the baseline's, as fill_accuracy does. */
static void fill_strata(masa_comparison *c, const grid *g, size_t row)
{
    masa_comparison_row *r = &c->rows[row];
    r->stratum = masa_alloc(c->n_strata + 1, sizeof *r->stratum);
    r->stratum_difference = masa_alloc(c->n_strata + 1, sizeof *r->stratum);
    for (size_t k = 0; k < c->n_strata; k++) {
        double *own = masa_alloc(c->n_seeds, sizeof *own);
        double *difference = masa_alloc(c->n_seeds, sizeof *difference);
        for (size_t s = 0; s < c->n_seeds; s++) {
            const masa_curve *all = curve_of(g, row, s);
            masa_curve part = all ? masa_curve_of_stratum(all, c->strata[k]) : (masa_curve){0};
            own[s] = masa_curve_late(&part, MASA_LAST_EVALUATIONS);
            masa_curve_deinit(&part);
        }
        r->stratum[k] = sum_up(own, c->n_seeds);
        const double *base = c->rows[0].stratum[k].values;
        for (size_t s = 0; s < c->n_seeds; s++)
            difference[s] = c->baseline && row > 0 ? own[s] - base[s] : NAN;
        r->stratum_difference[k] = sum_up_differences(difference, c->n_seeds);
    }
}

/* ---- the cost of a goal ---- */

static void fill_spent(masa_reach *r, const masa_comparison *c, const masa_curve *monotone,
                       masa_cost cost, double goal)
{
    double *spent = masa_alloc(c->n_seeds, sizeof *spent);
    r->reached = masa_alloc(c->n_seeds, sizeof *r->reached);
    for (size_t s = 0; s < c->n_seeds; s++) {
        spent[s] = NAN;
        if (monotone[s].n == 0 || isnan(goal)) continue;
        double cost_of_goal = masa_curve_reach(&monotone[s], cost, goal);
        double all = masa_curve_spent(&monotone[s], cost);
        r->reached[s] = !isnan(cost_of_goal) && !isnan(all);
        spent[s] = r->reached[s] ? cost_of_goal : all;
        r->n_reached += r->reached[s];
    }
    r->spent = sum_up_logs(spent, c->n_seeds);
    r->spent.low = r->spent.high = r->spent.deviation = r->spent.p = NAN;
}

/* A run that did not get there costs more than it spent: then the ratio is less than what is
 * reckoned with that, or more when it is the baseline's. */
static void fill_ratio(masa_reach *r, const masa_reach *base, size_t n_seeds, bool wanted)
{
    double *ratio = masa_alloc(n_seeds, sizeof *ratio);
    bool most = false, least = false;
    for (size_t s = 0; s < n_seeds; s++) {
        double own = r->spent.values[s], other = base->spent.values[s];
        ratio[s] = NAN;
        if (!wanted || isnan(own) || isnan(other)) continue;
        if (!r->reached[s] && !base->reached[s]) {
            r->unknown++;
            continue;
        }
        if (own > 0 && other > 0) ratio[s] = other / own;
        most |= !r->reached[s];
        least |= !base->reached[s];
    }
    r->ratio = sum_up_logs(ratio, n_seeds);
    r->bound = most && least ? MASA_UNKNOWN
               : most        ? MASA_AT_MOST
               : least       ? MASA_AT_LEAST
                             : MASA_EXACTLY;
    bool cheaper = r->ratio.mean > 1;
    if (r->bound != MASA_EXACTLY) r->ratio.low = r->ratio.high = r->ratio.deviation = NAN;
    if (r->bound == MASA_UNKNOWN || (r->bound == MASA_AT_MOST && cheaper) ||
        (r->bound == MASA_AT_LEAST && !cheaper))
        r->ratio.p = NAN;
}

static void fill_reaches(masa_comparison *c, const masa_curve *monotone, size_t row)
{
    masa_comparison_row *r = &c->rows[row];
    for (int k = 0; k < MASA_GOALS; k++)
        for (int cost = 0; cost < MASA_COSTS; cost++) {
            fill_spent(&r->reach[k][cost], c, monotone + row * c->n_seeds, (masa_cost)cost,
                       c->goals[k]);
            fill_ratio(&r->reach[k][cost], &c->rows[0].reach[k][cost], c->n_seeds, row > 0);
        }
}

/* ---- the cost of a rollout that teaches ---- */

static void fill_run_again(masa_comparison *c, const grid *g, size_t row)
{
    double trained = 0, recalled = 0;
    for (size_t s = 0; s < c->n_seeds; s++) {
        const masa_curve *curve = curve_of(g, row, s);
        if (!curve) continue;
        trained += curve->points[curve->n - 1].trained_tokens;
        recalled += curve->points[curve->n - 1].recalled_tokens;
    }
    c->rows[row].run_again = trained > 0 ? (trained - recalled) / trained : NAN;
}

/* Needs the baseline's, as fill_accuracy does. */
static void fill_per_trained(masa_comparison *c, const grid *g, size_t row)
{
    masa_comparison_row *r = &c->rows[row];
    for (int cost = 0; cost < MASA_COSTS; cost++) {
        double *own = masa_alloc(c->n_seeds, sizeof *own);
        double *ratio = masa_alloc(c->n_seeds, sizeof *ratio);
        for (size_t s = 0; s < c->n_seeds; s++) {
            const masa_curve *curve = curve_of(g, row, s);
            own[s] = curve ? masa_curve_per_trained(curve, (masa_cost)cost,
                                                    c->budget[MASA_COST_STEPS])
                           : NAN;
            ratio[s] =
                c->baseline && row > 0 ? c->rows[0].per_trained[cost].values[s] / own[s] : NAN;
        }
        r->per_trained[cost] = sum_up_logs(own, c->n_seeds);
        r->per_trained_ratio[cost] = sum_up_logs(ratio, c->n_seeds);
    }
}

masa_comparison *masa_comparison_create(const masa_compared_run *runs, size_t n,
                                        const char *baseline)
{
    masa_comparison *c = masa_alloc(1, sizeof *c);
    collect(c, runs, n, baseline);
    for (size_t i = 0; i < n; i++) c->left_out += !usable(&runs[i]);
    grid g = make_grid(c, runs, n);
    find_uneven(c, &g);
    find_budgets(c, &g);
    size_t cells = c->n * c->n_seeds;
    masa_curve *monotone = masa_alloc(cells + 1, sizeof *monotone);
    for (size_t i = 0; i < cells; i++)
        if (g.runs[i]) monotone[i] = masa_curve_monotone(g.runs[i]->curve);
    find_goals(c, &g, monotone);
    find_strata(c, &g);
    for (size_t row = 0; row < c->n; row++) {
        fill_accuracy(c, &g, row);
        fill_reaches(c, monotone, row);
        fill_strata(c, &g, row);
        fill_per_trained(c, &g, row);
        fill_run_again(c, &g, row);
    }
    for (size_t i = 0; i < cells; i++) masa_curve_deinit(&monotone[i]);
    free(monotone);
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
            free(r->per_trained[cost].values);
            free(r->per_trained_ratio[cost].values);
        }
        for (size_t k = 0; k < comparison->n_strata; k++) {
            free(r->stratum[k].values);
            free(r->stratum_difference[k].values);
        }
        free(r->stratum);
        free(r->stratum_difference);
        for (int k = 0; k < MASA_GOALS; k++)
            for (int cost = 0; cost < MASA_COSTS; cost++) {
                free(r->reach[k][cost].spent.values);
                free(r->reach[k][cost].ratio.values);
                free(r->reach[k][cost].reached);
            }
    }
    free(comparison->rows);
    free(comparison->strata);
    free(comparison->seeds);
    free(comparison);
}
