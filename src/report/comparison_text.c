/* A comparison for people and for machines. */
#include <masa/comparison.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "table.h"

/* How people read a cost. */
static const struct {
    const char *unit;
    double scale;
    const char *format; /* of the scaled amount */
} costs[MASA_COSTS] = {
    [MASA_COST_STEPS] = {"steps", 1, "%.4g"},    [MASA_COST_TOKENS] = {"M tokens", 1e6, "%.3g"},
    [MASA_COST_SECONDS] = {"min", 60, "%.3g"},   [MASA_COST_CPU] = {"cpu min", 60, "%.3g"},
    [MASA_COST_FLOPS] = {"PFLOP", 1e15, "%.3g"},
};

/* What does not depend on a cost first. */
static int place_number(int i)
{
    return i == 0 ? MASA_AT_LAST : i == 1 ? MASA_AT_END : i - 2;
}

/* Whether any run knows what it spent. */
static bool has_cost(const masa_comparison *c, int cost)
{
    return isfinite(c->budget[cost]);
}

static bool has_place(const masa_comparison *c, int place)
{
    return place >= MASA_COSTS || has_cost(c, place);
}

static size_t count_costs(const masa_comparison *c)
{
    size_t n = 0;
    for (int cost = 0; cost < MASA_COSTS; cost++) n += has_cost(c, cost);
    return n;
}

/* ---- Markdown ---- */

static void add_places(table *t, const masa_comparison *c)
{
    table_add(t, "last %d", MASA_LAST_EVALUATIONS);
    table_add(t, "at the end");
    for (int cost = 0; cost < MASA_COSTS; cost++) {
        char amount[32];
        if (!has_cost(c, cost)) continue;
        snprintf(amount, sizeof amount, costs[cost].format,
                 c->budget[cost] / costs[cost].scale);
        table_add(t, "%s %s", amount, costs[cost].unit);
    }
}

static void add_accuracy(table *t, const masa_seed_values *v)
{
    if (v->n == 0) table_add(t, "-");
    else if (v->n == 1) table_add(t, "%.1f", 100 * v->mean);
    else
        table_add(t, "%.1f ± %.1f [%.1f, %.1f]", 100 * v->mean, 100 * v->deviation,
                  100 * v->low, 100 * v->high);
}

static void print_accuracies(const masa_comparison *c, masa_text *out)
{
    table t = {.columns = 4 + count_costs(c)};
    masa_text_addf(out,
                   "Accuracy on unseen problems (%%): mean ± standard deviation over seeds "
                   "[95 %% interval of Student's t].\nMean of the last %d evaluations of "
                   "each run, its last one, and where all have spent the same.\n\n",
                   MASA_LAST_EVALUATIONS);
    table_add(&t, "arm");
    table_add(&t, "seeds");
    add_places(&t, c);
    for (size_t i = 0; i < c->n; i++) {
        table_add(&t, "%s", c->rows[i].arm);
        table_add(&t, "%zu", c->rows[i].runs);
        for (int k = 0; k < MASA_PLACES; k++)
            if (has_place(c, place_number(k)))
                add_accuracy(&t, &c->rows[i].accuracy[place_number(k)]);
    }
    table_print(&t, out);
}

static void add_difference(table *t, const masa_seed_values *v)
{
    if (v->n == 0) table_add(t, "-");
    else if (v->n == 1) table_add(t, "%+.1f", 100 * v->mean);
    else
        table_add(t, "%+.1f [%+.1f, %+.1f] p %.3g", 100 * v->mean, 100 * v->low, 100 * v->high,
                  v->p);
}

static void print_differences(const masa_comparison *c, masa_text *out)
{
    table t = {.columns = 4 + count_costs(c)};
    masa_text_addf(out,
                   "\nDifference to `%s` with the same seed (percentage points): mean "
                   "[95 %% interval of Student's t], p of the\nsign-flip test.\n\n",
                   c->rows[0].arm);
    table_add(&t, "arm");
    table_add(&t, "pairs");
    add_places(&t, c);
    for (size_t i = 1; i < c->n; i++) {
        table_add(&t, "%s", c->rows[i].arm);
        table_add(&t, "%zu", c->rows[i].difference[MASA_AT_END].n);
        for (int k = 0; k < MASA_PLACES; k++)
            if (has_place(c, place_number(k)))
                add_difference(&t, &c->rows[i].difference[place_number(k)]);
    }
    table_print(&t, out);
}

/* "26.1", "> 31" where a run ended before; then how many times less than the baseline. */
static void add_reach(table *t, const masa_reach *r, int cost, size_t runs, bool baseline)
{
    static const char *const bounds[] = {"", "at most ", "at least ", "about "};
    char amount[32] = "-", times[64] = "", interval[64] = "", p[32] = "";
    const masa_seed_values *v = &r->ratio;
    if (r->spent.n)
        snprintf(amount, sizeof amount, costs[cost].format, r->spent.mean / costs[cost].scale);
    if (v->n) snprintf(times, sizeof times, " (%s%.2fx", bounds[r->bound], v->mean);
    if (v->n && isfinite(v->low))
        snprintf(interval, sizeof interval, " [%.2f, %.2f]", v->low, v->high);
    if (v->n > 1 && isfinite(v->p)) snprintf(p, sizeof p, " p %.3g", v->p);
    table_add(t, "%s%s%s%s%s%s", r->n_reached < runs ? "> " : "", amount, times, interval, p,
              v->n                      ? ")"
              : baseline || !r->spent.n ? ""
                                        : " (?)");
}

static void print_reaches(const masa_comparison *c, masa_text *out)
{
    table t = {.columns = 3 + count_costs(c)};
    masa_text_addf(
        out,
        "\nCost until a share of `%s`'s gain is reached (mean over its seeds), on monotone "
        "curves: geometric mean over\nseeds (how many times less than `%s` with the same "
        "seed [95 %% interval of Student's t on logarithms], p of the\nsign-flip test). A "
        "run that ended before counts with all that it spent, as a bound: >.\n\n",
        c->rows[0].arm, c->rows[0].arm);
    table_add(&t, "arm");
    table_add(&t, "gain (accuracy)");
    table_add(&t, "reached");
    for (int cost = 0; cost < MASA_COSTS; cost++)
        if (has_cost(c, cost)) table_add(&t, "%s", costs[cost].unit);
    for (int k = 0; k < MASA_GOALS; k++)
        for (size_t i = 0; i < c->n; i++) {
            const masa_reach *r = c->rows[i].reach[k];
            table_add(&t, "%s", c->rows[i].arm);
            table_add(&t, "%.0f %% (%.1f)", 100 * masa_goal_shares[k], 100 * c->goals[k]);
            table_add(&t, "%zu of %zu", r[0].n_reached, c->rows[i].runs);
            for (int cost = 0; cost < MASA_COSTS; cost++)
                if (has_cost(c, cost)) add_reach(&t, &r[cost], cost, c->rows[i].runs, i == 0);
        }
    table_print(&t, out);
}

/* How people read the cost of a rollout. Steps say nothing of it. */
static const struct {
    masa_cost cost;
    const char *unit;
    double scale;
} rollout_costs[] = {{MASA_COST_TOKENS, "tokens", 1},
                     {MASA_COST_CPU, "cpu s", 1},
                     {MASA_COST_FLOPS, "GFLOP", 1e9}};
enum { ROLLOUT_COSTS = sizeof rollout_costs / sizeof *rollout_costs };

static void print_per_trained(const masa_comparison *c, masa_text *out)
{
    table t = {.columns = 1 + ROLLOUT_COSTS};
    masa_text_addf(
        out,
        "\nWhat a rollout that was trained on cost over the first %.0f steps, all that "
        "was made beside it included:\ngeometric mean over seeds (how many times less "
        "than `%s` with the same seed [95 %% interval], p).\n\n",
        c->budget[MASA_COST_STEPS], c->rows[0].arm);
    table_add(&t, "arm");
    for (int k = 0; k < ROLLOUT_COSTS; k++) table_add(&t, "%s", rollout_costs[k].unit);
    for (size_t i = 0; i < c->n; i++) {
        table_add(&t, "%s", c->rows[i].arm);
        for (int k = 0; k < ROLLOUT_COSTS; k++) {
            const masa_seed_values *v = &c->rows[i].per_trained[rollout_costs[k].cost];
            const masa_seed_values *r = &c->rows[i].per_trained_ratio[rollout_costs[k].cost];
            char times[32] = "", interval[64] = "";
            if (r->n) snprintf(times, sizeof times, " (%.2fx", r->mean);
            if (r->n > 1)
                snprintf(interval, sizeof interval, " [%.2f, %.2f] p %.3g", r->low, r->high,
                         r->p);
            if (v->n)
                table_add(&t, "%.3g%s%s%s", v->mean / rollout_costs[k].scale, times, interval,
                          r->n ? ")" : "");
            else table_add(&t, "-");
        }
    }
    table_print(&t, out);
}

static void print_strata(const masa_comparison *c, masa_text *out)
{
    table t = {.columns = 1 + c->n};
    masa_text_addf(out, "\nAccuracy by stratum (%%), mean of the last %d evaluations%s.\n\n",
                   MASA_LAST_EVALUATIONS,
                   c->baseline && c->n > 1
                       ? " (difference to the baseline with the same seed [95 % interval])"
                       : "");
    table_add(&t, "stratum");
    for (size_t i = 0; i < c->n; i++) table_add(&t, "%s", c->rows[i].arm);
    for (size_t k = 0; k < c->n_strata; k++) {
        table_add(&t, "%s", c->strata[k]);
        for (size_t i = 0; i < c->n; i++) {
            const masa_seed_values *v = &c->rows[i].stratum[k];
            const masa_seed_values *d = &c->rows[i].stratum_difference[k];
            char difference[64] = "", interval[64] = "";
            if (d->n) snprintf(difference, sizeof difference, " (%+.1f", 100 * d->mean);
            if (d->n > 1)
                snprintf(interval, sizeof interval, " [%+.1f, %+.1f]", 100 * d->low,
                         100 * d->high);
            if (v->n)
                table_add(&t, "%.1f%s%s%s", 100 * v->mean, difference, interval,
                          d->n ? ")" : "");
            else table_add(&t, "-");
        }
    }
    table_print(&t, out);
}

/* What is kept depends on the memory that is free, and with it how long an update takes. */
static void note_run_again(const masa_comparison *c, masa_text *notes)
{
    const masa_comparison_row *low = NULL, *high = NULL;
    for (size_t i = 0; i < c->n; i++) {
        const masa_comparison_row *r = &c->rows[i];
        if (isnan(r->run_again)) continue;
        if (!low || r->run_again < low->run_again) low = r;
        if (!high || r->run_again > high->run_again) high = r;
    }
    if (!low || high->run_again - low->run_again < 0.05) return;
    masa_text_addf(
        notes,
        "- **Times are not alike** (FLOPs are): for want of memory `%s` ran %.0f %% of the "
        "tokens that it trained on twice, `%s` %.0f %%. With rollout.kept_memory=0 all do.\n",
        high->arm, 100 * high->run_again, low->arm, 100 * low->run_again);
}

static void print_notes(const masa_comparison *c, masa_text *out)
{
    masa_text notes = {0};
    if (c->uneven > 0)
        masa_text_addf(&notes,
                       "- **Not comparable?** Runs of seed %ld begin up to %.1f points apart: "
                       "with other models or test problems, or on other machines.\n",
                       c->uneven_seed, 100 * c->uneven);
    note_run_again(c, &notes);
    for (size_t i = 0; i < c->n; i++) {
        const masa_comparison_row *r = &c->rows[i];
        if (r->unfinished)
            masa_text_addf(&notes,
                           "- %zu of the %zu runs of `%s` %s not finished: \"at the "
                           "end\" is its last evaluation so far.\n",
                           r->unfinished, r->runs, r->arm, r->unfinished == 1 ? "is" : "are");
        if (r->runs < c->n_seeds)
            masa_text_addf(&notes, "- `%s` has %zu of %zu seeds.\n", r->arm, r->runs,
                           c->n_seeds);
    }
    if (c->left_out)
        masa_text_addf(&notes, "- %zu run%s with fewer than two evaluations left out.\n",
                       c->left_out, c->left_out == 1 ? "" : "s");
    if (c->baseline && isnan(c->goals[0]))
        masa_text_addf(&notes, "- `%s` gained nothing, so there is no goal to reach.\n",
                       c->rows[0].arm);
    size_t unknown = 0;
    for (size_t i = 1; i < c->n; i++)
        for (int k = 0; k < MASA_GOALS; k++) unknown += c->rows[i].reach[k][0].unknown;
    if (unknown)
        masa_text_addf(&notes,
                       "- %zu pair%s of runs of which neither reached the goal %s left out of "
                       "its ratios.\n",
                       unknown, unknown == 1 ? "" : "s", unknown == 1 ? "is" : "are");
    if (c->baseline && c->n > 1 && c->n_seeds < 6)
        masa_text_addf(&notes, "- With %zu seed%s no p can be below %.3g.\n", c->n_seeds,
                       c->n_seeds == 1 ? "" : "s", pow(0.5, (double)c->n_seeds - 1));
    if (notes.size) masa_text_addf(out, "\n%s", masa_text_get(&notes));
    masa_text_deinit(&notes);
}

void masa_comparison_markdown(const masa_comparison *c, masa_text *out)
{
    if (c->n) print_accuracies(c, out);
    if (c->baseline && c->n > 1) print_differences(c, out);
    if (c->baseline && !isnan(c->goals[0])) print_reaches(c, out);
    if (c->n && c->rows[0].per_trained[MASA_COST_TOKENS].n) print_per_trained(c, out);
    if (c->n_strata) print_strata(c, out);
    print_notes(c, out);
}

/* ---- JSON Lines ---- */

static void add_number(masa_text *out, const char *key, double value)
{
    masa_text_addf(out, ",\"%s\":", key);
    if (isfinite(value)) masa_text_addf(out, "%.9g", value);
    else masa_text_add(out, "null");
}

static const char *place_name(int place)
{
    return place == MASA_AT_LAST  ? "last"
           : place == MASA_AT_END ? "end"
                                  : masa_cost_name((masa_cost)place);
}

/* Left open: what is more, and the end. */
static void begin_line(const masa_comparison *c, const char *what, const char *arm, int place,
                       const masa_seed_values *v, masa_text *out)
{
    masa_text_addf(out, "{\"what\":\"%s\",\"arm\":", what);
    masa_text_add_json(out, arm, strlen(arm));
    masa_text_addf(out, ",\"at\":\"%s\",\"n\":%zu", place_name(place), v->n);
    add_number(out, "mean", v->mean);
    add_number(out, "deviation", v->deviation);
    add_number(out, "low", v->low);
    add_number(out, "high", v->high);
    add_number(out, "p", v->p);
    masa_text_add(out, ",\"seeds\":{");
    for (size_t s = 0; s < c->n_seeds; s++) {
        masa_text_addf(out, "%s\"%ld\":", s ? "," : "", c->seeds[s]);
        if (isfinite(v->values[s])) masa_text_addf(out, "%.9g", v->values[s]);
        else masa_text_add(out, "null");
    }
    masa_text_add(out, "}");
}

static void print_reach(const masa_comparison *c, const masa_comparison_row *row, int goal,
                        int cost, bool ratio, masa_text *out)
{
    static const char *const bounds[] = {"exactly", "at most", "at least", "unknown"};
    const masa_reach *r = &row->reach[goal][cost];
    begin_line(c, ratio ? "ratio" : "reach", row->arm, cost, ratio ? &r->ratio : &r->spent,
               out);
    add_number(out, "share", masa_goal_shares[goal]);
    add_number(out, "goal", c->goals[goal]);
    if (ratio) masa_text_addf(out, ",\"bound\":\"%s\"", bounds[r->bound]);
    else masa_text_addf(out, ",\"reached\":%zu", r->n_reached);
    masa_text_add(out, "}\n");
}

void masa_comparison_json(const masa_comparison *c, masa_text *out)
{
    for (size_t i = 0; i < c->n; i++) {
        const masa_comparison_row *r = &c->rows[i];
        for (int k = 0; k < MASA_PLACES; k++) {
            int place = place_number(k);
            for (int paired = 0; paired <= (c->baseline && i > 0); paired++) {
                begin_line(c, paired ? "difference" : "accuracy", r->arm, place,
                           paired ? &r->difference[place] : &r->accuracy[place], out);
                if (place < MASA_COSTS) add_number(out, "amount", c->budget[place]);
                masa_text_add(out, "}\n");
            }
        }
        for (size_t k = 0; k < c->n_strata; k++)
            for (int paired = 0; paired <= (c->baseline && i > 0); paired++) {
                begin_line(c, paired ? "difference" : "accuracy", r->arm, MASA_AT_LAST,
                           paired ? &r->stratum_difference[k] : &r->stratum[k], out);
                masa_text_add(out, ",\"stratum\":");
                masa_text_add_json(out, c->strata[k], strlen(c->strata[k]));
                masa_text_add(out, "}\n");
            }
        for (int cost = 0; cost < MASA_COSTS; cost++)
            for (int ratio = 0; ratio <= (c->baseline && i > 0); ratio++) {
                begin_line(c, ratio ? "per_trained_ratio" : "per_trained", r->arm, cost,
                           ratio ? &r->per_trained_ratio[cost] : &r->per_trained[cost], out);
                masa_text_add(out, "}\n");
            }
        for (int goal = 0; c->baseline && goal < MASA_GOALS; goal++)
            for (int cost = 0; cost < MASA_COSTS; cost++)
                for (int ratio = 0; ratio <= (i > 0); ratio++)
                    print_reach(c, r, goal, cost, ratio, out);
    }
}
