/* Learning curves. */
#include <masa/curve.h>

#include <masa/memory.h>
#include <masa/text.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char *masa_cost_name(masa_cost cost)
{
    static const char *const names[MASA_COSTS] = {"steps", "tokens", "seconds", "cpu_seconds",
                                                  "flops"};
    return names[cost];
}

void masa_curve_add(masa_curve *curve, const masa_curve_point *point)
{
    MASA_PUSH(curve->points, curve->n, curve->capacity, *point);
}

static const masa_stratum *find_stratum(const masa_curve *curve, const char *name)
{
    for (size_t i = 0; i < curve->n_strata; i++)
        if (strcmp(curve->strata[i].name, name) == 0) return &curve->strata[i];
    return NULL;
}

void masa_curve_add_stratum(masa_curve *curve, const char *name, double accuracy)
{
    masa_stratum *s = (masa_stratum *)find_stratum(curve, name);
    if (curve->n == 0) return;
    if (!s) {
        masa_stratum fresh = {.name = masa_strdup(name)};
        MASA_PUSH(curve->strata, curve->n_strata, curve->strata_capacity, fresh);
        s = &curve->strata[curve->n_strata - 1];
    }
    s->accuracy = masa_realloc(s->accuracy, curve->n, sizeof *s->accuracy);
    for (; s->n < curve->n; s->n++) s->accuracy[s->n] = NAN;
    s->accuracy[curve->n - 1] = accuracy;
}

masa_curve masa_curve_of_stratum(const masa_curve *curve, const char *name)
{
    const masa_stratum *s = find_stratum(curve, name);
    masa_curve out = {0};
    for (size_t i = 0; s && i < s->n; i++) {
        masa_curve_point point = curve->points[i];
        point.accuracy = s->accuracy[i];
        if (isfinite(point.accuracy)) masa_curve_add(&out, &point);
    }
    return out;
}

void masa_curve_keep_stratum(masa_curve *curve, const char *name)
{
    if (!name) return;
    masa_curve part = masa_curve_of_stratum(curve, name);
    masa_curve_deinit(curve);
    *curve = part;
}

void masa_curve_deinit(masa_curve *curve)
{
    for (size_t i = 0; i < curve->n_strata; i++) {
        free(curve->strata[i].name);
        free(curve->strata[i].accuracy);
    }
    free(curve->strata);
    free(curve->points);
    *curve = (masa_curve){0};
}

/* ---- from a store ---- */

typedef struct reader {
    masa_curve *curve;
    double spent[MASA_COSTS], trained, trained_tokens, recalled_tokens;
    bool timed; /* has processor seconds */
} reader;

/* The loop records a step's costs before its evaluation, and the evaluation of the start
 * before the warm start that follows it: so what is spent when an accuracy comes by is
 * what it took to get there. */
static masa_status see_metric(void *context, long step, const char *name, double value,
                              masa_error *err)
{
    (void)err;
    reader *r = context;
    r->spent[MASA_COST_STEPS] = (double)step;
    if (!isfinite(value)) return MASA_OK;
    if (strcmp(name, "total_tokens") == 0) r->spent[MASA_COST_TOKENS] = value;
    if (strcmp(name, "seconds_rollouts") == 0 || strcmp(name, "seconds_update") == 0)
        r->spent[MASA_COST_SECONDS] += value;
    /* A warm start that does not time itself: with the evaluation before it, rather than
     * for nothing. */
    if (step == 0 && r->spent[MASA_COST_SECONDS] == 0 && strcmp(name, "total_seconds") == 0)
        r->spent[MASA_COST_SECONDS] = value;
    if (strcmp(name, "cpu_seconds") == 0) {
        r->spent[MASA_COST_CPU] = value;
        r->timed = true;
    }
    if (strcmp(name, "flops") == 0) r->spent[MASA_COST_FLOPS] += value;
    if (strcmp(name, "rollouts_trained") == 0) r->trained += value;
    if (strcmp(name, "trained_tokens") == 0) r->trained_tokens += value;
    if (strcmp(name, "recalled_tokens") == 0) r->recalled_tokens += value;
    if (strcmp(name, "eval_accuracy") == 0) {
        masa_curve_point point = {.accuracy = value,
                                  .trained = r->trained,
                                  .trained_tokens = r->trained_tokens,
                                  .recalled_tokens = r->recalled_tokens};
        memcpy(point.spent, r->spent, sizeof point.spent);
        masa_curve_add(r->curve, &point);
    }
    if (masa_starts_with(name, MASA_STRATUM_PREFIX))
        masa_curve_add_stratum(r->curve, name + strlen(MASA_STRATUM_PREFIX), value);
    return MASA_OK;
}

masa_status masa_curve_read(masa_curve *curve, masa_store *store, masa_error *err)
{
    reader r = {.curve = curve};
    size_t first = curve->n;
    masa_status st = masa_store_metrics(store, 0, -1, NULL, see_metric, &r, err);
    for (size_t i = first; !r.timed && i < curve->n; i++)
        curve->points[i].spent[MASA_COST_CPU] = NAN;
    return st;
}

masa_curve masa_curve_monotone(const masa_curve *curve)
{
    masa_curve out = {0};
    size_t *sizes = masa_alloc(curve->n + 1, sizeof *sizes), blocks = 0; /* of equal height */
    double *means = masa_alloc(curve->n + 1, sizeof *means);
    for (size_t i = 0; i < curve->n; i++) {
        means[blocks] = curve->points[i].accuracy;
        sizes[blocks++] = 1;
        for (; blocks > 1 && means[blocks - 2] >= means[blocks - 1]; blocks--) {
            double a = (double)sizes[blocks - 2], b = (double)sizes[blocks - 1];
            means[blocks - 2] = (a * means[blocks - 2] + b * means[blocks - 1]) / (a + b);
            sizes[blocks - 2] += sizes[blocks - 1];
        }
    }
    for (size_t b = 0, i = 0; b < blocks; b++)
        for (size_t k = 0; k < sizes[b]; k++, i++) {
            masa_curve_point point = curve->points[i];
            point.accuracy = means[b];
            masa_curve_add(&out, &point);
        }
    free(sizes);
    free(means);
    return out;
}

/* ---- reading it off ---- */

double masa_curve_spent(const masa_curve *curve, masa_cost cost)
{
    return curve->n ? curve->points[curve->n - 1].spent[cost] : NAN;
}

double masa_curve_final(const masa_curve *curve)
{
    return curve->n ? curve->points[curve->n - 1].accuracy : NAN;
}

double masa_curve_late(const masa_curve *curve, size_t n)
{
    double sum = 0;
    if (curve->n < 2) return NAN;
    if (n > curve->n - 1) n = curve->n - 1;
    for (size_t i = curve->n - n; i < curve->n; i++) sum += curve->points[i].accuracy;
    return sum / (double)n;
}

double masa_curve_at(const masa_curve *curve, masa_cost cost, double amount)
{
    for (size_t i = 0; i < curve->n; i++) {
        const masa_curve_point *b = &curve->points[i];
        if (amount > b->spent[cost]) continue;
        if (amount == b->spent[cost]) return b->accuracy;
        if (i == 0) return NAN;
        const masa_curve_point *a = b - 1;
        double share = (amount - a->spent[cost]) / (b->spent[cost] - a->spent[cost]);
        return a->accuracy + share * (b->accuracy - a->accuracy);
    }
    return NAN;
}

double masa_curve_reach(const masa_curve *curve, masa_cost cost, double goal)
{
    for (size_t i = 0; i < curve->n; i++) {
        const masa_curve_point *b = &curve->points[i];
        if (b->accuracy < goal) continue;
        if (i == 0) return b->spent[cost];
        const masa_curve_point *a = b - 1; /* below the goal */
        double share = (goal - a->accuracy) / (b->accuracy - a->accuracy);
        return a->spent[cost] + share * (b->spent[cost] - a->spent[cost]);
    }
    return NAN;
}

double masa_curve_per_trained(const masa_curve *curve, masa_cost cost, double steps)
{
    for (size_t i = 1; i < curve->n; i++) {
        const masa_curve_point *a = &curve->points[i - 1], *b = a + 1;
        double first = a->spent[MASA_COST_STEPS], last = b->spent[MASA_COST_STEPS];
        if (steps > last) continue;
        double share = last > first ? (steps - first) / (last - first) : 1;
        double trained = a->trained + share * (b->trained - a->trained);
        return trained > 0
                   ? (a->spent[cost] + share * (b->spent[cost] - a->spent[cost])) / trained
                   : NAN;
    }
    return NAN;
}
