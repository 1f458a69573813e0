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
    [MASA_COST_STEPS] = {"steps", 1, "%.4g"},
    [MASA_COST_TOKENS] = {"M tokens", 1e6, "%.3g"},
    [MASA_COST_SECONDS] = {"min", 60, "%.3g"},
    [MASA_COST_CPU] = {"cpu min", 60, "%.3g"},
    [MASA_COST_FLOPS] = {"PFLOP", 1e15, "%.3g"},
};

/* At the end first. */
static int place_number(int i)
{
    return i == 0 ? MASA_AT_END : i - 1;
}

/* ---- Markdown ---- */

static void add_places(table *t, const masa_comparison *c)
{
    table_add(t, "at the end");
    for (int cost = 0; cost < MASA_COSTS; cost++) {
        char amount[32];
        snprintf(amount, sizeof amount, costs[cost].format,
                 c->budget[cost] / costs[cost].scale);
        table_add(t, "%s %s", amount, costs[cost].unit);
    }
}

static void add_accuracy(table *t, const masa_seed_values *v)
{
    if (v->n == 0)
        table_add(t, "-");
    else if (v->n == 1)
        table_add(t, "%.1f", 100 * v->mean);
    else
        table_add(t, "%.1f ± %.1f [%.1f, %.1f]", 100 * v->mean, 100 * v->deviation,
                  100 * v->low, 100 * v->high);
}

static void print_accuracies(const masa_comparison *c, masa_text *out)
{
    table t = {.columns = 2 + MASA_PLACES};
    masa_text_add(out,
                  "Accuracy on unseen problems (%): mean ± standard deviation over seeds "
                  "[95 % bootstrap interval].\nAt the end of each run, and where all "
                  "have spent the same.\n\n");
    table_add(&t, "preset");
    table_add(&t, "seeds");
    add_places(&t, c);
    for (size_t i = 0; i < c->n; i++) {
        table_add(&t, "%s", c->rows[i].preset);
        table_add(&t, "%zu", c->rows[i].runs);
        for (int k = 0; k < MASA_PLACES; k++)
            add_accuracy(&t, &c->rows[i].accuracy[place_number(k)]);
    }
    table_print(&t, out);
}

static void add_difference(table *t, const masa_seed_values *v)
{
    if (v->n == 0)
        table_add(t, "-");
    else if (v->n == 1)
        table_add(t, "%+.1f", 100 * v->mean);
    else
        table_add(t, "%+.1f [%+.1f, %+.1f] p %.3g", 100 * v->mean, 100 * v->low,
                  100 * v->high, v->p);
}

static void print_differences(const masa_comparison *c, masa_text *out)
{
    table t = {.columns = 2 + MASA_PLACES};
    masa_text_addf(out,
                   "\nDifference to `%s` with the same seed (percentage points): mean "
                   "[95 %% bootstrap interval], p of the\nsign-flip test.\n\n",
                   c->rows[0].preset);
    table_add(&t, "preset");
    table_add(&t, "pairs");
    add_places(&t, c);
    for (size_t i = 1; i < c->n; i++) {
        table_add(&t, "%s", c->rows[i].preset);
        table_add(&t, "%zu", c->rows[i].difference[MASA_AT_END].n);
        for (int k = 0; k < MASA_PLACES; k++)
            add_difference(&t, &c->rows[i].difference[place_number(k)]);
    }
    table_print(&t, out);
}

static void add_reach(table *t, const masa_seed_values *v, int cost)
{
    char mean[32];
    snprintf(mean, sizeof mean, costs[cost].format, v->mean / costs[cost].scale);
    table_add(t, "%s", v->n ? mean : "-");
}

static void add_speedup(table *t, const masa_seed_values *v)
{
    if (v->n == 0)
        table_add(t, "-");
    else if (v->n == 1)
        table_add(t, "%.2fx", v->mean);
    else
        table_add(t, "%.2fx [%.2f, %.2f]", v->mean, v->low, v->high);
}

static void print_reaches(const masa_comparison *c, masa_text *out)
{
    table t = {.columns = 2 + 2 * MASA_COSTS};
    masa_text_addf(out,
                   "\nCost until `%s`'s final accuracy with the same seed is first "
                   "reached: mean over the seeds that\nreach it, and how much less that "
                   "is (geometric mean).\n\n",
                   c->rows[0].preset);
    table_add(&t, "preset");
    table_add(&t, "reached");
    for (int cost = 0; cost < MASA_COSTS; cost++) {
        table_add(&t, "%s", costs[cost].unit);
        table_add(&t, "less");
    }
    for (size_t i = 0; i < c->n; i++) {
        const masa_comparison_row *r = &c->rows[i];
        table_add(&t, "%s", r->preset);
        table_add(&t, "%zu of %zu", r->reach[0].n, r->goals);
        for (int cost = 0; cost < MASA_COSTS; cost++) {
            add_reach(&t, &r->reach[cost], cost);
            add_speedup(&t, &r->speedup[cost]);
        }
    }
    table_print(&t, out);
}

static void print_notes(const masa_comparison *c, masa_text *out)
{
    masa_text notes = {0};
    for (size_t i = 0; i < c->n; i++) {
        const masa_comparison_row *r = &c->rows[i];
        if (r->unfinished)
            masa_text_addf(&notes,
                           "- %zu of the %zu runs of `%s` %s not finished: \"at the "
                           "end\" is its last evaluation so far.\n",
                           r->unfinished, r->runs, r->preset,
                           r->unfinished == 1 ? "is" : "are");
        if (r->runs < c->n_seeds)
            masa_text_addf(&notes, "- `%s` has %zu of %zu seeds.\n", r->preset, r->runs,
                           c->n_seeds);
    }
    if (c->left_out)
        masa_text_addf(&notes, "- %zu run%s with fewer than two evaluations left out.\n",
                       c->left_out, c->left_out == 1 ? "" : "s");
    size_t no_goal = 0;
    for (size_t s = 0; s < c->n_seeds; s++) no_goal += isnan(c->goals[s]);
    if (c->baseline && no_goal)
        masa_text_addf(&notes,
                       "- `%s` has no accuracy to reach with %zu of %zu seeds: no run, "
                       "or none that ended better than it began.\n",
                       c->rows[0].preset, no_goal, c->n_seeds);
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
    if (c->baseline && c->rows[0].goals > 0) print_reaches(c, out);
    print_notes(c, out);
}

/* ---- JSON Lines ---- */

static void add_number(masa_text *out, const char *key, double value)
{
    masa_text_addf(out, ",\"%s\":", key);
    if (isfinite(value))
        masa_text_addf(out, "%.9g", value);
    else
        masa_text_add(out, "null");
}

static void print_line(const masa_comparison *c, const char *what, const char *preset,
                       int place, double amount, const masa_seed_values *v,
                       masa_text *out)
{
    masa_text_addf(out, "{\"what\":\"%s\",\"preset\":", what);
    masa_text_add_json(out, preset, strlen(preset));
    masa_text_addf(out, ",\"at\":\"%s\"",
                   place == MASA_AT_END ? "end" : masa_cost_name((masa_cost)place));
    add_number(out, "amount", amount);
    masa_text_addf(out, ",\"n\":%zu", v->n);
    add_number(out, "mean", v->mean);
    add_number(out, "deviation", v->deviation);
    add_number(out, "low", v->low);
    add_number(out, "high", v->high);
    add_number(out, "p", v->p);
    masa_text_add(out, ",\"seeds\":{");
    for (size_t s = 0; s < c->n_seeds; s++) {
        masa_text_addf(out, "%s\"%ld\":", s ? "," : "", c->seeds[s]);
        if (isfinite(v->values[s]))
            masa_text_addf(out, "%.9g", v->values[s]);
        else
            masa_text_add(out, "null");
    }
    masa_text_add(out, "}}\n");
}

void masa_comparison_json(const masa_comparison *c, masa_text *out)
{
    for (size_t i = 0; i < c->n; i++) {
        const masa_comparison_row *r = &c->rows[i];
        for (int k = 0; k < MASA_PLACES; k++) {
            int place = place_number(k);
            double amount = place == MASA_AT_END ? NAN : c->budget[place];
            print_line(c, "accuracy", r->preset, place, amount, &r->accuracy[place], out);
            if (c->baseline && i > 0)
                print_line(c, "difference", r->preset, place, amount,
                           &r->difference[place], out);
        }
        for (int cost = 0; c->baseline && cost < MASA_COSTS; cost++) {
            print_line(c, "reach", r->preset, cost, NAN, &r->reach[cost], out);
            if (i > 0)
                print_line(c, "speedup", r->preset, cost, NAN, &r->speedup[cost], out);
        }
    }
}
